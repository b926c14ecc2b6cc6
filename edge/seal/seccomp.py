"""The system-call filter: no socket but a private pair, no way to borrow one, on every thread, for good.

Refused calls fail with EPERM and are logged by the kernel; foreign instruction sets kill the process. The filter is a
list of refusals, because the inference runtimes and C libraries use several hundred calls that differ by version; calls
younger than the list do not exist for the process. docs/adr/0030-seal-by-kernel.md.
"""

from __future__ import annotations

import ctypes
import errno
import os

from edge.seal import bpf, syscalls
from edge.seal.syscalls import Machine

ALLOW = 0x7FFF0000
KILL = 0x80000000
ERRNO = 0x00050000
X32_BIT = 0x40000000

_AF_UNIX, _SOCK_STREAM, _SOCK_TYPE_MASK = 1, 1, 0xF
_PR_SET_DUMPABLE, _PR_SET_PTRACER = 4, 0x59616D61
# linux/sched.h: new mount, cgroup, uts, ipc, user, pid and network namespaces.
_CLONE_NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000

# Requests that type into a terminal, change what a terminal is, or make a network device. The kernel reads 32 bits.
REFUSED_IOCTLS = {
    "TIOCSTI": 0x5412,
    "TIOCLINUX": 0x541C,
    "TIOCCONS": 0x541D,
    "TIOCSETD": 0x5423,
    "TUNSETIFF": 0x400454CA,
}
# Console keyboard maps (KDSKBENT and its family), and every SIOC*: those work on a private pair too.
REFUSED_IOCTL_RANGES = {"KD*": (0x4B00, 0x4BFF), "SIOC*": (0x8900, 0x89FF)}

_SET_MODE_FILTER = 1
_FLAG_TSYNC, _FLAG_LOG = 1, 2
_SYS_SECCOMP = (317, 277)


def machine() -> Machine | None:
    """Return this machine's architecture, or None if the filter does not know it (a 32-bit process included)."""
    found = syscalls.MACHINES.get(platform_machine())
    return found if found is not None and ctypes.sizeof(ctypes.c_void_p) == 8 else None


def platform_machine() -> str:
    """Return the kernel's name of the architecture (uname -m)."""
    return os.uname().machine


def build(target: Machine) -> tuple[bpf.Instruction, ...]:
    """Return the filter for a machine."""
    prog = bpf.Program()
    prog.load(bpf.ARCH)
    prog.jump(bpf.JEQ, target.audit_arch, other="kill")
    prog.load(bpf.NR)
    if target.has_x32:
        prog.jump(bpf.JGE, X32_BIT, then="kill")
    prog.jump(bpf.JGT, syscalls.NEWEST, then="absent")
    for name in syscalls.CONDITIONAL:
        nr = syscalls.number(syscalls.CONDITIONAL, name, target)
        if nr is not None:
            prog.jump(bpf.JEQ, nr, then=name)
    for name in syscalls.NOT_IMPLEMENTED:
        nr = syscalls.number(syscalls.NOT_IMPLEMENTED, name, target)
        if nr is not None:
            prog.jump(bpf.JEQ, nr, then="absent")
    for name in syscalls.REFUSED:
        nr = syscalls.number(syscalls.REFUSED, name, target)
        if nr is not None:
            prog.jump(bpf.JEQ, nr, then="refuse")
    prog.ret(ALLOW)
    _conditions(prog)
    for label, action in (("refuse", ERRNO | errno.EPERM), ("absent", ERRNO | errno.ENOSYS), ("kill", KILL)):
        prog.label(label)
        prog.ret(action)
    return prog.assemble()


def _conditions(prog: bpf.Program) -> None:
    # A datagram pair could be addressed to another local socket (/dev/log, say): only connected streams.
    prog.label("socketpair")
    prog.load(bpf.low(0))
    prog.jump(bpf.JEQ, _AF_UNIX, other="refuse")
    prog.load(bpf.low(1))
    prog.mask(_SOCK_TYPE_MASK)
    prog.jump(bpf.JEQ, _SOCK_STREAM, then="allow", other="refuse")

    # send() is sendto() without an address.
    prog.label("sendto")
    prog.load(bpf.low(4))
    prog.jump(bpf.JEQ, 0, other="refuse")
    prog.load(bpf.high(4))
    prog.jump(bpf.JEQ, 0, then="allow", other="refuse")

    prog.label("clone")
    prog.load(bpf.low(0))
    prog.jump(bpf.JSET, _CLONE_NAMESPACES, then="refuse", other="allow")

    # Once undumpable, always; and no other process is let in as a tracer.
    prog.label("prctl")
    prog.load(bpf.low(0))
    prog.jump(bpf.JEQ, _PR_SET_DUMPABLE, then="refuse")
    prog.jump(bpf.JEQ, _PR_SET_PTRACER, then="refuse", other="allow")

    prog.label("ioctl")
    prog.load(bpf.low(1))
    for request in REFUSED_IOCTLS.values():
        prog.jump(bpf.JEQ, request, then="refuse")
    for name, (first, last) in REFUSED_IOCTL_RANGES.items():
        prog.jump(bpf.JGE, first, other=f"after {name}")
        prog.jump(bpf.JGT, last, other="refuse")
        prog.label(f"after {name}")
    prog.label("allow")
    prog.ret(ALLOW)


class _SockFprog(ctypes.Structure):
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def install(libc: ctypes.CDLL, target: Machine) -> int:
    """Load the filter on all threads of this process; return its length in instructions, 0 if the kernel cannot.

    The caller has set no_new_privs. Kernels without TSYNC (before 3.17) count as unable; without LOG (before 4.14) the
    filter is loaded and refusals are not logged.
    """
    code = build(target)
    blob = ctypes.create_string_buffer(b"".join(i.packed() for i in code))
    prog = _SockFprog(len(code), ctypes.cast(blob, ctypes.c_void_p))
    for flags in (_FLAG_TSYNC | _FLAG_LOG, _FLAG_TSYNC):
        if libc.syscall(_SYS_SECCOMP[target.column], _SET_MODE_FILTER, flags, ctypes.byref(prog)) == 0:
            return len(code)
    return 0
