"""The seal on macOS: the system's sandbox (Seatbelt), applied to this process and inherited by children.

Enforced by the kernel. `sandbox_init` is marked deprecated by Apple and has been in every release since 10.5; browsers
use it. Tested on Linux with a fake library, and by the `mac` test group on a Mac.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from edge.errors import SealError
from edge.seal import descriptors
from edge.seal.policy import SealPolicy, SealStatus
from edge.seal.selftest import fail

_PT_DENY_ATTACH = 31
_LIBRARY = "/usr/lib/libSystem.B.dylib"
_DEVICES = ("/dev/null", "/dev/tty", "/dev/dtracehelper")

NOT_AVAILABLE = "The macOS sandbox did not accept the profile."


def quoted(path: str) -> str:
    """Return a path as a string of the profile language. Raises SealError for a path it cannot express."""
    if any(ord(c) < 32 for c in path):
        raise SealError("A folder's name contains a control character.", "The macOS sandbox cannot express it.")
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


def profile(write_dirs: Iterable[Path], devices: Iterable[str]) -> str:
    """Return the sandbox profile: no network, no new programs, writes below write_dirs and to devices only."""
    folders = " ".join(f"(subpath {quoted(os.path.realpath(d))})" for d in write_dirs)
    literals = " ".join(f"(literal {quoted(d)})" for d in devices)
    return "\n".join(
        (
            "(version 1)",
            "(allow default)",
            "(deny network*)",
            "(deny process-exec*)",
            "(deny file-write*)",
            f"(allow file-write* {folders} {literals})",
            # Services that would send on our behalf: pasteboard and URL opening, Apple events, name lookup.
            "(deny appleevent-send)",
            "(deny lsopen)",
            '(deny mach-lookup (global-name "com.apple.dnssd.service") (global-name "com.apple.nsurlsessiond"))',
        )
    )


def seal(
    policy: SealPolicy, load: Callable[[str], Any] = ctypes.CDLL, terminals: Iterable[str] | None = None
) -> SealStatus:
    """Apply the macOS seal and test it. Raises SealError as edge.seal.enforce says."""
    descriptors.forbid_core_files()
    library = load(_LIBRARY)
    library.ptrace(_PT_DENY_ATTACH, 0, None, 0)
    names = terminals if terminals is not None else [os.ttyname(fd) for fd in range(3) if os.isatty(fd)]
    text = profile(policy.write_dirs, dict.fromkeys((*_DEVICES, *names)))
    fault = ctypes.c_char_p()
    if library.sandbox_init(text.encode(), ctypes.c_uint64(0), ctypes.byref(fault)) != 0:
        return SealStatus("none", (), (NOT_AVAILABLE,))
    check()
    return SealStatus("kernel", ("macOS sandbox",), ())


def check(make: Callable[..., Any] = socket.socket) -> None:
    """Raise SealError unless a datagram and a connection to this machine are both refused by the sandbox."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with contextlib.closing(make(socket.AF_INET, kind)) as attempt:
            try:
                attempt.connect(("127.0.0.1", 9))
            except OSError as refused:
                if refused.errno != errno.EPERM:
                    fail("A connection was answered by the network, not by the sandbox.")
            else:
                fail("A connection was not refused.")
