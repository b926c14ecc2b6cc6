"""Landlock: TCP denied a second time, and writes only below named folders (linux/landlock.h, ABI 1 to 7).

Reading stays free unless the policy says otherwise: the clinician names files anywhere, and nothing that is read can
leave. Starting programs stays free too: a child inherits both the filter and these rules.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from edge.errors import SealError

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE = 1 << 4, 1 << 5
MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = (1 << n for n in range(6, 13))
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
BIND_TCP, CONNECT_TCP = 1, 2
SCOPE_ABSTRACT_UNIX, SCOPE_SIGNAL = 1, 2

_MAKES = MAKE_CHAR | MAKE_DIR | MAKE_REG | MAKE_SOCK | MAKE_FIFO | MAKE_BLOCK | MAKE_SYM
_WRITES = WRITE_FILE | REMOVE_DIR | REMOVE_FILE | _MAKES
_READS = READ_FILE | READ_DIR
# What a folder of ours needs: plain files and folders. No links, sockets, pipes or devices.
_FOLDER = WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER | TRUNCATE
_DEVICE = WRITE_FILE | TRUNCATE | IOCTL_DEV
_SYSTEM_READ = ("/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc", "/proc", "/sys", "/dev", "/run", "/nix", "/opt")


class _RulesetAttr(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("access", ctypes.c_uint64), ("fd", ctypes.c_int32))


def abi(libc: ctypes.CDLL) -> int:
    """Return the Landlock version of this kernel, 0 if it has none or it is switched off."""
    return max(0, int(libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))))


def handled(version: int, limit_reads: bool) -> _RulesetAttr:
    """Return what is denied by default under this version: file rights, TCP rights, scopes."""
    rights = _WRITES | (_READS if limit_reads else 0)
    rights |= (REFER if version >= 2 else 0) | (TRUNCATE if version >= 3 else 0) | (IOCTL_DEV if version >= 5 else 0)
    net = BIND_TCP | CONNECT_TCP if version >= 4 else 0
    scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL if version >= 6 else 0
    return _RulesetAttr(rights, net, scoped)


def restrict(
    libc: ctypes.CDLL, write_dirs: Iterable[Path], read_dirs: Iterable[Path] | None, devices: Iterable[str]
) -> int:
    """Restrict this thread and its future children; return the Landlock version used, 0 if the kernel has none.

    devices: character devices that may be opened for writing. Raises SealError if a rule is refused, or a folder cannot
    be opened.
    """
    version = abi(libc)
    if version == 0:
        return 0
    attr = handled(version, read_dirs is not None)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = libc.syscall(_CREATE_RULESET, ctypes.byref(attr), ctypes.c_size_t(size), ctypes.c_uint32(0))
    if ruleset < 0:
        return 0
    try:
        for folder in write_dirs:
            _allow(libc, ruleset, str(folder), (_FOLDER | (_READS if read_dirs is not None else 0)) & attr.fs)
        for device in devices:
            _allow(libc, ruleset, device, (_DEVICE | READ_FILE) & attr.fs, must_exist=False)
        for place in read_dirs or ():
            _allow(libc, ruleset, str(place), _READS & attr.fs)
        if read_dirs is not None:
            for system in (*_SYSTEM_READ, *_program_folders()):
                _allow(libc, ruleset, system, _READS & attr.fs, must_exist=False)
        if libc.syscall(_RESTRICT_SELF, ruleset, ctypes.c_uint32(0)) != 0:
            raise SealError("Landlock refused to restrict the process.", os.strerror(ctypes.get_errno()))
    finally:
        os.close(ruleset)
    return version


def _program_folders() -> tuple[str, ...]:
    import sys

    return tuple({sys.prefix, sys.base_prefix, *(p for p in sys.path if p)})


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, access: int, must_exist: bool = True) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError as fault:
        if must_exist:
            raise SealError("A folder that the program needs cannot be opened.", fault.strerror or "") from fault
        return
    try:
        if not access:
            return
        rule = _PathBeneath(access & ~(READ_DIR if not os.path.isdir(path) else 0), fd)
        if libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), ctypes.c_uint32(0)) != 0:
            raise SealError("Landlock refused a rule.", os.strerror(ctypes.get_errno()))
    finally:
        os.close(fd)
