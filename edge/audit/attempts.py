"""Attempts to get out, made on purpose: each tries to deliver its own name to a listener on this machine.

The same list runs twice: without the seal, where it shows that the attempt is a real one, and with it. An attempt that
raises OSError was refused; one that returns went through, and the listener says whether its name arrived.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from edge.audit import kernel_calls
from edge.audit.listener import LOOPBACK, Target
from edge.seal.seccomp import machine

# refused: by the seal (EPERM, EACCES, a closed descriptor, a kill). reached: went through. absent: this system has no
# such thing. failed: stopped by something other than the seal.
AttemptOutcome = Literal["refused", "reached", "absent", "failed"]
_SEAL_ERRORS = frozenset({errno.EPERM, errno.EACCES})
# Seconds that an attempt may take, sealed or not: they end at once but on a machine that has no time for them.
_WAIT, _PROGRAM_WAIT = 30, 120


class AbsentError(Exception):
    """The system lacks what the attempt needs (a program, a kernel feature)."""


@dataclass(frozen=True)
class Result:
    """What became of one attempt."""

    name: str
    says: str
    outcome: AttemptOutcome
    detail: str


@dataclass(frozen=True)
class Attempt:
    """One way out. delivers: success is seen by the listener too, not only by the attempt."""

    name: str
    says: str
    run: Callable[[Target], None]
    delivers: bool = True


def _tcp(target: Target) -> None:
    with socket.create_connection((LOOPBACK, target.tcp), timeout=_WAIT) as made:
        made.sendall(b"tcp")


def _udp(target: Target) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.sendto(b"udp", (LOOPBACK, target.udp))


def _local_path(target: Target) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        made.connect(target.path)
        made.sendall(b"local-path")


def _local_abstract(target: Target) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        made.connect("\0" + target.abstract)
        made.sendall(b"local-abstract")


def _pair_addressed(target: Target) -> None:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        one.sendto(b"pair-addressed", target.datagram_path)


def _stream_pair_addressed(target: Target) -> None:
    # Streams of a pair cannot be addressed in any case; the seal refuses the address before the kernel looks at it.
    one, other = socket.socketpair()
    with one, other:
        one.sendto(b"stream-pair", target.datagram_path)


def _name_lookup(target: Target) -> None:
    try:
        socket.getaddrinfo("name-lookup.edgescribe-audit.example", 443)
    except socket.gaierror as fault:
        if fault.errno != socket.EAI_NONAME:  # "no such name" is an answer; anything else means nobody was asked
            raise PermissionError(errno.EPERM, f"no name server was asked ({fault.strerror})") from fault


def _netlink(target: Target) -> None:
    with socket.socket(16, socket.SOCK_RAW, 0) as made:  # AF_NETLINK, NETLINK_ROUTE
        made.bind((0, 0))


def _packet(target: Target) -> None:
    with socket.socket(17, socket.SOCK_RAW, 0) as made:  # AF_PACKET
        made.bind(("lo", 0))


def _vsock(target: Target) -> None:
    socket.socket(40, socket.SOCK_STREAM, 0).close()  # AF_VSOCK


def _ipv6(target: Target) -> None:
    socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()


def _program(*command: str) -> None:
    if shutil.which(command[0]) is None:
        raise AbsentError(f"{command[0]} is not installed")
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROGRAM_WAIT, check=False)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise PermissionError(errno.EPERM, f"{command[0]} ended with {done.returncode}: {said[-1] if said else ''}")


def _curl(target: Target) -> None:
    _program("curl", "-sS", "-m", str(_WAIT), f"http://{LOOPBACK}:{target.tcp}/curl")


def _bash(target: Target) -> None:
    _program("bash", "-c", f"printf bash-dev-tcp > /dev/tcp/{LOOPBACK}/{target.tcp}")


def _child_python(target: Target) -> None:
    code = f"import socket; socket.create_connection(('{LOOPBACK}', {target.tcp})).sendall(b'child-python')"
    _program(sys.executable, "-I", "-c", code)


def _tty_injection(target: Target) -> None:
    import fcntl

    fcntl.ioctl(0, 0x5412, b"x")  # TIOCSTI; the stage gives every attempt a terminal as standard input


def _write_elsewhere(target: Target) -> None:
    folder = Path(target.path).parent / "elsewhere"
    folder.mkdir(exist_ok=True)
    (folder / "file").write_text("x", encoding="ascii")


def _core_file(target: Target) -> None:
    import resource

    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        raise PermissionError(errno.EPERM, "core files are limited to zero bytes, hard")


ATTEMPTS: tuple[Attempt, ...] = (
    Attempt("tcp", "TCP connection from Python", _tcp),
    Attempt("tcp-libc", "TCP connection by the C library, past Python", kernel_calls.tcp_by_libc),
    Attempt("tcp-syscall", "TCP connection by raw system calls, past the C library", kernel_calls.tcp_by_syscall),
    Attempt("udp", "UDP datagram", _udp),
    Attempt("ipv6", "IPv6 socket", _ipv6, delivers=False),
    Attempt("name-lookup", "question to a name server (getaddrinfo)", _name_lookup),
    Attempt("local-path", "local socket by path (a helper on this machine)", _local_path),
    Attempt("local-abstract", "local socket by abstract name", _local_abstract),
    Attempt("pair-addressed", "datagram of a socket pair, addressed to a helper", _pair_addressed),
    Attempt(
        "stream-pair-addressed", "stream of a socket pair, with an address", _stream_pair_addressed, delivers=False
    ),
    Attempt("netlink", "netlink socket (routes, interfaces)", _netlink, delivers=False),
    Attempt("packet", "packet socket (raw frames)", _packet, delivers=False),
    Attempt("vsock", "socket to the virtual machine's host", _vsock, delivers=False),
    Attempt("io-uring", "TCP connection through io_uring, without a socket system call", kernel_calls.tcp_by_io_uring),
    Attempt("curl", "child program: curl", _curl),
    Attempt("bash-dev-tcp", "child program: bash and /dev/tcp", _bash),
    Attempt("child-python", "child program: another Python", _child_python),
    Attempt("pidfd-getfd", "connected socket taken out of another process", kernel_calls.steal_descriptor),
    Attempt("ptrace", "control of another process (ptrace)", kernel_calls.ptrace_child, delivers=False),
    Attempt(
        "process-vm", "memory of another process (process_vm_readv)", kernel_calls.read_other_memory, delivers=False
    ),
    Attempt("unshare", "new user and network namespace", kernel_calls.unshare_network, delivers=False),
    Attempt("clone-namespace", "child in a new network namespace (clone)", kernel_calls.clone_network, delivers=False),
    Attempt("setns", "join another process's network namespace", kernel_calls.join_network, delivers=False),
    Attempt("bpf", "program loaded into the kernel (bpf)", kernel_calls.bpf, delivers=False),
    Attempt("request-key", "name lookup by the kernel's key service", kernel_calls.request_key, delivers=False),
    Attempt("message-queue", "message queue to a helper (POSIX)", kernel_calls.message_queue, delivers=False),
    Attempt("shared-memory", "shared memory with a helper (System V)", kernel_calls.shared_memory, delivers=False),
    Attempt("tty-injection", "typing into the terminal (TIOCSTI)", _tty_injection, delivers=False),
    Attempt("x32", "system calls by the x32 numbers", kernel_calls.x32, delivers=False),
    Attempt("i386", "system calls by the 32-bit gate (int 0x80)", kernel_calls.i386, delivers=False),
    Attempt("write-elsewhere", "file outside the program's folders", _write_elsewhere, delivers=False),
    Attempt("core-file", "core file with the process's memory", _core_file, delivers=False),
)


def _in_process(attempt: Attempt, target: Target) -> Result:
    """Run an attempt in a forked child, so that a kill is a result and leftovers end with it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        outcome, detail = _judge(lambda: attempt.run(target))
        os.write(writing, json.dumps([outcome, detail]).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answers:
        answer = answers.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        killed: AttemptOutcome = "refused" if number == signal.SIGSYS else "failed"
        return Result(attempt.name, attempt.says, killed, f"killed by {signal.Signals(number).name}")
    outcome, detail = json.loads(answer)
    return Result(attempt.name, attempt.says, outcome, detail)


def _judge(action: Callable[[], None]) -> tuple[AttemptOutcome, str]:
    try:
        action()
    except AbsentError as why:
        return "absent", str(why)
    except kernel_calls.MissingError as why:
        return "absent", str(why)
    except OSError as fault:
        name = errno.errorcode.get(fault.errno or 0, "?")
        return ("refused" if fault.errno in _SEAL_ERRORS else "failed"), f"{name}: {fault.strerror}"
    except subprocess.TimeoutExpired:
        return "failed", f"no end within {_PROGRAM_WAIT} s"
    return "reached", "went through"


class EarlyThread:
    """A thread that exists before the seal and tries after it."""

    attempt = Attempt("early-thread", "thread that was started before the seal", _tcp)

    def __init__(self, target: Target) -> None:
        self._go = threading.Event()
        self._answer: tuple[AttemptOutcome, str] = ("failed", "did not run")
        self._thread = threading.Thread(target=self._run, args=(target,), daemon=True)
        self._thread.start()

    def _run(self, target: Target) -> None:
        self._go.wait()

        def send() -> None:
            with socket.create_connection((LOOPBACK, target.tcp), timeout=_WAIT) as made:
                made.sendall(b"early-thread")

        self._answer = _judge(send)

    def result(self) -> Result:
        """Let the thread try, and return what became of it."""
        self._go.set()
        self._thread.join(2 * _WAIT)
        return Result(self.attempt.name, self.attempt.says, *self._answer)


def inherited(fd: int) -> Result:
    """Write to a connected socket that the parent left open at this number."""
    says = "connected socket left open by the parent process"
    try:
        with contextlib.closing(socket.socket(fileno=os.dup(fd))) as made:
            made.sendall(b"inherited-descriptor")
    except OSError as fault:
        closed = fault.errno == errno.EBADF
        detail = "EBADF: the descriptor was closed" if closed else str(fault.strerror)
        return Result("inherited-descriptor", says, "refused" if closed else "failed", detail)
    return Result("inherited-descriptor", says, "reached", "went through")


FAMILIES = range(46)  # 0 (unspecified) to 45 (AF_MCTP), linux/socket.h


def families() -> Iterator[Result]:
    """Yield a result for a socket of every family by number, with every type that has one."""
    for family in FAMILIES:
        answers = [kernel_calls.open_socket(family, kind) for kind in (1, 2, 3, 5)]
        worst: AttemptOutcome = "refused" if set(answers) == {errno.EPERM} else "reached" if 0 in answers else "failed"
        detail = ", ".join("opened" if a == 0 else errno.errorcode.get(a, str(a)) for a in answers)
        yield Result(f"family-{family}", f"socket of family {family}, types 1 2 3 5", worst, detail)


def run_all(target: Target, fd: int) -> Iterator[Result]:
    """Yield every attempt's result, the early thread's excepted."""
    yield inherited(fd)
    for attempt in ATTEMPTS:
        if attempt.name in ("x32", "i386") and (found := machine()) is not None and not found.has_x32:
            yield Result(attempt.name, attempt.says, "absent", "not on this processor")
        else:
            yield _in_process(attempt, target)
    yield from families()


DELIVERING = frozenset({a.name for a in ATTEMPTS if a.delivers} | {EarlyThread.attempt.name, "inherited-descriptor"})


def main() -> None:
    """Child process: seal or not, run the attempts, write one JSON object a line to standard output.

    The early thread has a process to itself: it makes the file rules incomplete, and the status says so.
    """
    request = json.loads(sys.argv[1])
    target = Target(**request["target"])
    early = EarlyThread(target) if request["early"] else None
    if request["sealed"]:
        from edge.seal import SealPolicy, enforce

        # The report says what is missing.
        status = enforce(SealPolicy(write_dirs=(Path(request["folder"]),), accept="partial"))
        print(json.dumps({"status": status.as_dict()}), flush=True)
    for result in [early.result()] if early else run_all(target, request["fd"]):
        print(json.dumps(asdict(result)), flush=True)
