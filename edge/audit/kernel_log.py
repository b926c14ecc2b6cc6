"""What the kernel itself wrote down about refused calls: lines of type 1326 (AUDIT_SECCOMP) in its log.

The filter asks for them (SECCOMP_FILTER_FLAG_LOG). Without an audit daemon the kernel prints at most
kernel.printk_ratelimit_burst lines in kernel.printk_ratelimit seconds, whoever causes them, and drops the rest: so one
line is waited for from each kind of call, and a line is not expected of each attempt.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edge.audit.stage import python_command
from edge.seal import seccomp, syscalls

KERNEL, DAEMON = Path("/dev/kmsg"), Path("/var/log/audit/audit.log")
_ACTIONS = Path("/proc/sys/kernel/seccomp/actions_logged")
_LINE = re.compile(r'type=(?:1326|SECCOMP)\b.* comm="(\w+)".* syscall=(\d+)\b.* code=0x([0-9a-f]+)')
_PR_SET_NAME = 15
_ROUNDS, _PAUSE = 900, 0.1  # a minute and a half at least; a machine that stands still loses no round
# Each refused in the sealed process and looked for in the log: the number of the call, not its arguments, is there.
CALLS: dict[str, tuple[int, ...]] = {
    "socket": (2, 1, 0),
    "connect": (-1, 0, 0),
    "bind": (-1, 0, 0),
    "sendto": (-1, 0, 0, 0, 1, 0),  # with an address
    "socketpair": (1, 2, 0, 0),  # AF_UNIX datagrams
    "io_uring_setup": (1, 0),
    "ptrace": (0, 0, 0, 0),
    "pidfd_getfd": (-1, 0, 0),
    "bpf": (0, 0, 0),
    "unshare": (0x40000000,),  # CLONE_NEWNET
}


@dataclass(frozen=True)
class Refusals:
    """What the kernel's log said of one sealed process. why_not: why it can't be read here; empty if it can.

    made: the calls that were refused with EPERM. lines: how many of its lines were seen, by call.
    """

    why_not: str
    made: tuple[str, ...] = ()
    lines: dict[str, int] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[str, ...]:
        """Refused calls of which no line was seen."""
        return tuple(name for name in self.made if not self.lines.get(name))


def why_unreadable() -> str:
    """Why refusals can't be looked up in this machine's log, as one sentence; empty if they can."""
    if seccomp.machine() is None:
        return "The filter does not know this processor, so it refuses nothing here."
    try:
        actions = _ACTIONS.read_text(encoding="ascii").split()
    except OSError:
        return "This kernel does not say what its filter logs (before Linux 4.14)."
    if "errno" not in actions:
        return "This machine's kernel is told not to log refusals (sysctl kernel.seccomp.actions_logged)."
    with contextlib.suppress(OSError):
        if "audit=0" in Path("/proc/cmdline").read_text(encoding="ascii", errors="replace").split():
            return "The kernel was started without auditing (audit=0)."
    try:
        os.close(os.open(KERNEL, os.O_RDONLY | os.O_NONBLOCK))
    except OSError as fault:
        return f"The kernel's log cannot be read by this user ({fault.strerror}): it needs root, or dmesg_restrict=0."
    if _daemon_runs() and not os.access(DAEMON, os.R_OK):
        return f"An audit daemon takes the kernel's lines, and not to {DAEMON}: `ausearch -m SECCOMP` has them."
    return ""


def _daemon_runs() -> bool:
    for name in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if name.read_text(encoding="utf-8", errors="replace") == "auditd\n":
                return True
    return False


class Log:
    """The kernel's log from now on, and an audit daemon's where there is one. Raises OSError without the first."""

    def __init__(self) -> None:
        self._kernel = os.open(KERNEL, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        os.lseek(self._kernel, 0, os.SEEK_END)
        self._daemon = -1
        with contextlib.suppress(OSError):
            self._daemon = os.open(DAEMON, os.O_RDONLY | os.O_CLOEXEC)
            os.lseek(self._daemon, 0, os.SEEK_END)

    def close(self) -> None:
        """Give the descriptors back."""
        for fd in (self._kernel, self._daemon):
            if fd >= 0:
                os.close(fd)

    def new_lines(self) -> Iterator[str]:
        """Yield what was written since the last call."""
        while True:
            try:
                yield os.read(self._kernel, 8192).decode("utf-8", "replace")
            except BlockingIOError:
                break
            except BrokenPipeError:  # lines were overwritten before they were read; the next read goes on behind them
                continue
        if self._daemon >= 0:
            while text := os.read(self._daemon, 1 << 16):
                yield from text.decode("utf-8", "replace").splitlines()

    def refusals(self, comm: str) -> Counter[str]:
        """Count the new lines about refused calls of the process of this name, by call."""
        numbers = {number(name): name for name in CALLS}
        found: Counter[str] = Counter()
        for line in self.new_lines():
            match = _LINE.search(line)
            if match and match[1] == comm and int(match[3], 16) & 0x7FFF0000 == seccomp.ERRNO:
                found[numbers.get(int(match[2]), f"call {match[2]}")] += 1
        return found


def new_name() -> str:
    """Return a name for a process that no other has; the kernel keeps 15 characters."""
    return f"es{secrets.token_hex(6)}"


def number(name: str) -> int:
    """Return the number of one of CALLS on this machine. Raises KeyError on a machine the filter does not know."""
    machine = seccomp.machine()
    found = syscalls.number(syscalls.REFUSED | syscalls.CONDITIONAL, name, machine) if machine else None
    if found is None:
        raise KeyError(name)
    return found


def watch(folder: Path, rounds: int = _ROUNDS) -> Refusals:
    """Let a sealed process (main) make each of CALLS until its line is seen, in so many rounds at most.

    folder: the sealed process may write there; it does not.
    """
    if why := why_unreadable():
        return Refusals(why)
    log, comm = Log(), new_name()
    command = python_command("edge.audit.kernel_log:main", {"comm": comm, "folder": str(folder)})
    lines: Counter[str] = Counter()
    made: list[str] = []
    try:
        # A process that ends by itself (it could not be sealed) has made no call: nothing is missing but all of it.
        pipe = subprocess.PIPE
        with contextlib.suppress(BrokenPipeError), subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
            assert process.stdin
            assert process.stdout
            for _ in range(rounds):
                if not (left := [name for name in CALLS if not lines[name]]):
                    break
                for name in left:
                    process.stdin.write(name.encode() + b"\n")
                    process.stdin.flush()
                    if process.stdout.readline() == b"EPERM\n" and name not in made:
                        made.append(name)
                time.sleep(_PAUSE)
                lines += log.refusals(comm)
            process.stdin.close()
    finally:
        log.close()
    return Refusals("", tuple(made), dict(lines))


def main() -> None:
    """Child process: take a name, seal, then make each call that is named on standard input and answer the error."""
    from edge.seal import SealPolicy, enforce

    request = json.loads(sys.argv[1])
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NAME, request["comm"].encode(), 0, 0, 0)
    enforce(SealPolicy(write_dirs=(Path(request["folder"]),), accept="partial"))
    for line in sys.stdin:
        name = line.strip()
        ctypes.set_errno(0)
        libc.syscall(ctypes.c_long(number(name)), *(ctypes.c_long(word) for word in CALLS[name]))
        print(errno.errorcode.get(ctypes.get_errno(), "?"), flush=True)
