"""Files put in place whole or not at all, and a lock between processes. Errors are the system's (OSError).

Our own lock: it is one system call, and the vault keeps its count of failed attempts in the lock file, so nothing may
empty or remove it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Self

_POLL = 0.2  # seconds between two tries of a lock that is waited for


def sync_folder(folder: Path) -> None:
    """Make renames in folder durable. Windows has no such call; NTFS journals metadata itself."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Force the content of path to disk."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


@contextlib.contextmanager
def replacing(path: Path, mode: int = 0o600) -> Iterator[Path]:
    """Yield a new empty file beside path, to be written; it takes path's place if the block ends well, else it goes.

    Whoever reads path, after a crash too, finds the old file or the new one; on return the new one is on the disk.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
        yield aside
        sync_file(aside)
        os.replace(aside, path)
        sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Put content under path, whole or not at all, durable on return."""
    with replacing(path, mode) as aside:
        aside.write_bytes(content)


class FileLock:
    """An advisory lock on a file of its own, released by the system if the process dies, however it dies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    def acquire(self) -> None:
        """Take the lock at once. Raises BlockingIOError if another has it, OSError if the file can't be made."""
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self.path, flags, 0o600)
        file = os.fdopen(descriptor, "rb+", buffering=0)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            file.close()
            raise OSError(errno.EINVAL, "It is not a regular file")
        try:
            _take(file)
        except OSError:
            file.close()
            raise BlockingIOError(f"{self.path.name} is locked") from None
        self._file = file

    def wait(self) -> None:
        """Take the lock as soon as it is free."""
        while True:
            with contextlib.suppress(BlockingIOError):
                return self.acquire()
            time.sleep(_POLL)

    def release(self) -> None:
        """Give the lock back. The file stays: removing it would let two programs lock two different files."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._file is not None

    @contextlib.contextmanager
    def hold(self) -> Iterator[Self]:
        """Take the lock for a block."""
        self.acquire()
        try:
            yield self
        finally:
            self.release()


if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[bytes]) -> None:
        file.seek(1 << 30)  # a byte past any content, which stays readable
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
