"""The seal on Linux: no dumps, Landlock, then the system-call filter. Each step is irrevocable."""

from __future__ import annotations

import contextlib
import ctypes
import os

from edge import mounts
from edge.contract.sealing import Level
from edge.errors import SealError
from edge.seal import descriptors, landlock, seccomp, selftest
from edge.seal.policy import SealPolicy, SealStatus

_PR_SET_DUMPABLE, _PR_GET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 3, 38

NO_SECCOMP = "This kernel has no system-call filter for this machine: UDP and local sockets are not refused."
NO_LANDLOCK = "This kernel has no Landlock: file writes are not limited to the program's folders."
OLD_LANDLOCK = "This kernel's Landlock is older than its network rules: TCP is refused by the system-call filter alone."
NOTHING = "This kernel can refuse neither sockets nor TCP connections to a process."
THREADS = "Another thread was already running: its file writes are not limited."


def load_libc() -> ctypes.CDLL:
    """Return the C library of this process, with errno kept per call."""
    return ctypes.CDLL(None, use_errno=True)


def forbid_dumps(libc: ctypes.CDLL) -> None:
    """Leave no core file, also where cores are piped to a program, and let no process of the same user look inside."""
    descriptors.forbid_core_files()
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 or libc.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise SealError("The process could not be protected from memory dumps.", os.strerror(ctypes.get_errno()))


def refuse_network_folders(policy: SealPolicy) -> None:
    """Raise SealError if a folder that will be written to lies on a network file system."""
    try:
        table = mounts.MOUNTINFO.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return
    for folder in policy.write_dirs:
        if kind := mounts.network_type(folder, table):
            raise SealError(
                "A folder that records would be written to lies on a network file system.",
                f"It is of type {kind}: the system sends everything written there to another machine.",
                "Set EDGESCRIBE_HOME (or the export folder) to a folder on this machine's own disk.",
            )


def writable_devices() -> tuple[str, ...]:
    """Return the devices that a terminal program writes to: its terminal, under both names, and null."""
    names = ["/dev/null", "/dev/tty"]
    for fd in range(3):
        if os.isatty(fd):
            with contextlib.suppress(OSError):  # a terminal of another mount namespace has no name here
                names.append(os.ttyname(fd))
    return tuple(dict.fromkeys(names))


def thread_count() -> int:
    """Return how many threads this process has, 0 if the system does not say."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 0


def seal(policy: SealPolicy) -> SealStatus:
    """Apply the Linux seal and test it. Raises SealError as edge.seal.enforce says."""
    libc = load_libc()
    forbid_dumps(libc)
    if not policy.allow_unsealed:
        refuse_network_folders(policy)
    could_write = selftest.can_write_elsewhere()
    alone = thread_count() == 1
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return _unable(os.strerror(ctypes.get_errno()))
    version = landlock.restrict(libc, policy.write_dirs, policy.read_dirs, writable_devices())
    target = seccomp.machine()
    length = seccomp.install(libc, target) if target is not None else 0
    if length == 0 and version < 4:
        return _unable(NOTHING)
    status = _status(version, length, alone)
    selftest.check_linux(libc, seccomp_on=length > 0, tcp_rules=version >= 4, write_rules=version > 0 and could_write)
    return status


def _status(version: int, length: int, alone: bool) -> SealStatus:
    mechanisms = [f"seccomp filter of {length} instructions"] * (length > 0) + [f"Landlock {version}"] * (version > 0)
    gaps = [
        text
        for missing, text in (
            (length == 0, NO_SECCOMP),
            (version == 0, NO_LANDLOCK),
            (0 < version < 4, OLD_LANDLOCK),
            (version > 0 and not alone, THREADS),
        )
        if missing
    ]
    # The filter refuses TCP as well, so an old Landlock alone is no gap in what is promised.
    level: Level = "kernel" if [g for g in gaps if g is not OLD_LANDLOCK] == [] else "partial"
    return SealStatus(level, tuple(mechanisms), tuple(gaps))


def _unable(why: str) -> SealStatus:
    return SealStatus("none", (), (why,))
