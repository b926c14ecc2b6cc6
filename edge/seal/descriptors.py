"""What the process was born with: standard streams, other open descriptors, the right to leave a core file.

A descriptor that the parent left open can be a connected socket; the system-call filter does not see a write to it.
So everything above 2 is closed, and the three streams may only be what a person or a shell gives them.
"""

from __future__ import annotations

import contextlib
import os
import stat

from edge.errors import SealError

NAMES = ("standard input", "standard output", "standard error")
_MEM_MAJOR = 1  # /dev/null, /dev/zero, /dev/full (Linux admin-guide/devices.txt)


def refused_streams() -> list[str]:
    """Return a sentence for each standard stream that is not a file, a pipe, a terminal or null."""
    found = []
    for fd, name in enumerate(NAMES):
        try:
            info = os.fstat(fd)
        except OSError:
            continue
        if stat.S_ISSOCK(info.st_mode):
            found.append(f"The {name} is a socket.")
        elif stat.S_ISCHR(info.st_mode):
            if not os.isatty(fd) and not _is_null_like(info):
                found.append(f"The {name} is a device that is not a terminal.")
        elif not (stat.S_ISREG(info.st_mode) or stat.S_ISFIFO(info.st_mode)):
            found.append(f"The {name} is neither a file, a pipe nor a terminal.")
    return found


def _is_null_like(info: os.stat_result) -> bool:
    if info.st_rdev == os.stat(os.devnull).st_rdev:
        return True
    return hasattr(os, "major") and os.major(info.st_rdev) == _MEM_MAJOR


def refuse_socket_stdio() -> None:
    """Raise SealError if text could leave through a standard stream that is a socket or a strange device."""
    if found := refused_streams():
        raise SealError(
            "A standard stream of this process could carry text to a network.",
            " ".join(found),
            "Start it from a terminal, or with pipes and files (for example: edgescribe … < in.txt | cat).",
        )


def fill_missing_streams() -> None:
    """Open the null device in place of closed standard streams, so that no later file takes their number."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != fd:  # pragma: no cover - the lowest free number is fd by construction
                os.dup2(opened, fd)
                os.close(opened)


def close_inherited() -> None:
    """Close every descriptor above 2."""
    # os.closerange uses close_range(2) where the kernel has it: one call, whatever the limit is.
    os.closerange(3, _highest_descriptor() + 1)


def _highest_descriptor() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        with contextlib.suppress(OSError):
            return max((int(n) for n in os.listdir(folder) if n.isdigit()), default=2)
    return 65535


def forbid_core_files() -> None:
    """Set the core file limit to zero, hard (POSIX). A system that pipes cores ignores it: see linux.forbid_dumps."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
