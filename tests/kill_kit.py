"""A forked child that stops before every system call that changes a file, so that a test kills it at one it chooses.

Nothing on disk changes but by such a call, so "before the n-th" is every moment at which a kill can leave something
different behind. It means the same on every machine and under every load. Tests that use it run `alone`.
"""

from __future__ import annotations

import ctypes
import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from alone import assert_one_thread

from edge.seal import bpf
from edge.seal.seccomp import ALLOW, machine

# x86-64, arm64 (as in edge/seal/syscalls.py); 0: does not exist there.
CHANGING = {
    "write": (1, 64), "pwrite64": (18, 68), "writev": (20, 66), "pwritev": (296, 70), "pwritev2": (328, 287),
    "ftruncate": (77, 46), "truncate": (76, 45), "fallocate": (285, 47), "fsync": (74, 82), "fdatasync": (75, 83),
    "rename": (82, 0), "renameat": (264, 38), "renameat2": (316, 276), "unlink": (87, 0), "unlinkat": (263, 35),
    "link": (86, 0), "linkat": (265, 37), "symlink": (88, 0), "symlinkat": (266, 36), "mkdir": (83, 0),
    "mkdirat": (258, 34), "rmdir": (84, 0), "chmod": (90, 0), "fchmod": (91, 52), "fchmodat": (268, 53),
    "copy_file_range": (326, 285), "sendfile": (40, 71), "splice": (275, 76), "flock": (73, 32), "creat": (85, 0),
}  # fmt: skip
OPENING = {"open": (2, 0, 1), "openat": (257, 56, 2)}  # and the place of the flags among its arguments
O_CREAT, O_TRUNC = 0o100, 0o1000

_TRACEME, _CONT, _SETOPTIONS = 0, 7, 0x4200
_TRACE_SECCOMP, _KILL_WITH_PARENT = 0x80, 0x100000
_RET_TRACE = 0x7FF00000
_AT_A_CALL = signal.SIGTRAP | 7 << 8  # PTRACE_EVENT_SECCOMP
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2

Report = Callable[[str], None]
Work = Callable[[Report], None]


@dataclass(frozen=True)
class Outcome:
    """said: what the child reported, in order; lengths: calls after each of these reports; killed: not by itself at
    its end. A report is a stage: it reaches to the next one."""

    said: tuple[str, ...]
    lengths: tuple[int, ...]
    killed: bool

    @property
    def stops(self) -> int:
        """Calls after the first report."""
        return sum(self.lengths)


def run(work: Work, after: str = "begin", stops: int | None = None) -> Outcome:
    """Run work(report) in a child; kill -9 it before the stops-th call after it reported `after`; None: let it end.

    The kit itself reports "begin". Raises AssertionError if the child fails for a reason of its own.
    """
    assert_one_thread()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(work, read, write)
    os.close(write)
    os.set_blocking(read, False)
    try:
        return _follow(pid, read, after, stops)
    finally:
        os.close(read)


def moments(whole: Outcome, times: int, randomly: random.Random) -> list[tuple[str, int]]:
    """(after, stops) of so many random moments in a run like that one, all stages that change a file in turn."""
    stages = [(stage, length) for stage, length in zip(whole.said, whole.lengths, strict=True) if length > 1]
    chosen = (stages[i % len(stages)] for i in range(times))
    return [(stage, randomly.randrange(length)) for stage, length in chosen]


def _child(work: Work, read: int, write: int) -> NoReturn:
    status = 1
    try:
        os.close(read)
        libc = _libc()
        assert libc.ptrace(_TRACEME, 0, 0, 0) == 0
        os.kill(os.getpid(), signal.SIGSTOP)
        _stop_at_changes(libc)

        def report(line: str) -> None:
            os.write(write, f"{line}\n".encode())

        report("begin")
        work(report)
        status = 0
    finally:
        os._exit(status)


def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    return libc


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))


def _stop_at_changes(libc: ctypes.CDLL) -> None:
    target = machine()
    assert target is not None
    prog = bpf.Program()
    prog.load(bpf.NR)
    for numbers in CHANGING.values():
        if number := numbers[target.column]:
            prog.jump(bpf.JEQ, number, then="stop")
    for name, numbers in OPENING.items():
        if number := numbers[target.column]:
            prog.jump(bpf.JEQ, number, then=name)
    prog.ret(ALLOW)
    for name, (_, _, flags) in OPENING.items():
        prog.label(name)
        prog.load(bpf.low(flags))
        prog.jump(bpf.JSET, O_CREAT | O_TRUNC, then="stop")
        prog.ret(ALLOW)
    prog.label("stop")
    prog.ret(_RET_TRACE)
    code = prog.assemble()
    blob = ctypes.create_string_buffer(b"".join(one.packed() for one in code))
    program = _Program(len(code), ctypes.cast(blob, ctypes.c_void_p))
    assert libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0) == 0


def _follow(pid: int, read: int, after: str, stops: int | None) -> Outcome:
    ptrace = _libc().ptrace
    _, status = os.waitpid(pid, 0)
    assert os.WIFSTOPPED(status), "a child can't be traced by its own parent here"
    ptrace(_SETOPTIONS, pid, 0, _TRACE_SECCOMP | _KILL_WITH_PARENT)
    said: list[str] = []
    lengths: list[int] = []
    left: int | None = None
    while True:
        signalled = 0 if status >> 8 in (_AT_A_CALL, signal.SIGSTOP) else os.WSTOPSIG(status)
        ptrace(_CONT, pid, 0, signalled)
        _, status = os.waitpid(pid, 0)
        for line in _lines(read):
            said.append(line)
            lengths.append(0)
            if line == after and left is None:
                left = stops
        if not os.WIFSTOPPED(status):
            assert status == 0, f"the child ended by itself with status {status}, after {said}"
            return Outcome(tuple(said), tuple(lengths), False)
        if status >> 8 == _AT_A_CALL and said:
            if left == 0:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return Outcome(tuple(said), tuple(lengths), True)
            left = left - 1 if left else left
            lengths[-1] += 1


def _lines(read: int) -> list[str]:
    """Reports not yet read. A report is one short write, so lines come whole."""
    try:
        return os.read(read, 65536).decode().splitlines()
    except BlockingIOError:
        return []
