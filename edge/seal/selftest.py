"""The self-test: after sealing, the process tries to get out. One success is the end of the process's work.

No attempt can send anything: the sockets are closed at once, and none is connected to anywhere but this machine.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os

from edge.errors import SealError

# Any user may write here on any Linux, so a refusal can only come from the rules.
_ELSEWHERE = "/dev/zero"
_SYS_IO_URING_SETUP = 425
_PR_GET_SECCOMP, _PR_GET_NO_NEW_PRIVS = 21, 39
# family, type: IPv4 TCP and UDP, IPv6 TCP and UDP, local, netlink, packet, VM sockets (sys/socket.h, Linux)
_SOCKETS = ((2, 1), (2, 2), (10, 1), (10, 2), (1, 1), (16, 3), (17, 3), (40, 1))


def can_write_elsewhere() -> bool:
    """Return True if a file outside the allowed folders opens for writing now."""
    try:
        os.close(os.open(_ELSEWHERE, os.O_WRONLY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def fail(what: str) -> None:
    """Raise the one error of the self-test."""
    raise SealError(
        "The self-test of the seal found a way out; nothing was opened.", what, "Report `edgescribe doctor`."
    )


def check_linux(libc: ctypes.CDLL, seccomp_on: bool, tcp_rules: bool, write_rules: bool) -> None:
    """Raise SealError unless everything that should be refused is refused, and what must work works."""
    if seccomp_on:
        _check_status(libc)
        for family, kind in _SOCKETS:
            ctypes.set_errno(0)
            fd = libc.socket(family, kind, 0)
            if fd >= 0:
                os.close(fd)
            if fd >= 0 or ctypes.get_errno() != errno.EPERM:
                fail(f"A socket of family {family} was not refused.")
        ring = libc.syscall(_SYS_IO_URING_SETUP, 1, None)
        if ring != -1 or ctypes.get_errno() != errno.EPERM:
            fail("io_uring was not refused.")
        _check_pair(libc)
    elif tcp_rules:
        _check_tcp(libc)
    if write_rules and can_write_elsewhere():
        fail("A file outside the program's folders could be opened for writing.")


def _check_status(libc: ctypes.CDLL) -> None:
    if libc.prctl(_PR_GET_SECCOMP, 0, 0, 0, 0) != 2 or libc.prctl(_PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1:
        fail("The kernel does not report a filter on this process.")


def _check_pair(libc: ctypes.CDLL) -> None:
    """A private pair of streams must work (event loops need it); a pair that can be addressed must not."""
    pair = (ctypes.c_int * 2)()
    if libc.socketpair(1, 1, 0, pair) != 0:
        raise SealError("The seal refuses what the program itself needs.", os.strerror(ctypes.get_errno()))
    for fd in pair:
        os.close(fd)
    if libc.socketpair(1, 2, 0, pair) == 0:
        fail("A datagram socket pair was not refused.")


def _check_tcp(libc: ctypes.CDLL) -> None:
    fd = libc.socket(2, 1, 0)
    if fd < 0:
        return
    try:
        # 127.0.0.1, port 1; sockaddr_in in network order. Landlock answers EACCES before any packet exists.
        address = ctypes.create_string_buffer(b"\x02\x00\x00\x01\x7f\x00\x00\x01" + bytes(8), 16)
        result = libc.connect(fd, address, 16)
        if result == 0 or ctypes.get_errno() != errno.EACCES:
            fail("A TCP connection was not refused.")
    finally:
        with contextlib.suppress(OSError):
            os.close(fd)
