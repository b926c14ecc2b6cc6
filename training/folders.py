"""Folders of runs and evaluations: one process at a time, files written whole or not at all, a full disk named."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from edge import disk
from edge.errors import TrainingError

_LOCK = ".lock"
_DISK = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EEXIST,
    errno.ENOTDIR, errno.EISDIR,
}  # fmt: skip


@contextlib.contextmanager
def hold(folder: Path, what: str) -> Iterator[None]:
    """Keep a folder to this process for a block; one that dies lets go. Raises TrainingError if another has it."""
    lock = disk.FileLock(folder / _LOCK)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except BlockingIOError:
            raise TrainingError(
                f"{what} is in use.", "Another process works in its folder.", "Wait for it, or choose another name."
            ) from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Name what keeps files from being written: a full disk, a quota, a folder that may not be written to.

    Raises TrainingError for it, also where a library raised its own error over it; other errors pass.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        cause = _disk(error)
        if cause is None:
            raise
        raise TrainingError(
            f"{folder} cannot be written.", str(cause.strerror),
            "Make room, or take away what is in the way, and go on: what is already saved is intact.",
        ) from error  # fmt: skip


def _disk(error: BaseException | None) -> OSError | None:
    while error is not None and not (isinstance(error, OSError) and error.errno in _DISK):
        error = error.__cause__ or error.__context__
    return error


def replace(path: Path, text: str) -> None:
    """Write a text file whole: whoever reads it, after a kill too, finds the old one or the new one."""
    disk.write(path, text.encode(), 0o644)


def sweep(folder: Path) -> None:
    """Take away what processes that died while writing left in a folder that this process holds."""
    for path in folder.glob(".*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != _LOCK:
            path.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Hash of a whole file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fingerprint(folder: Path) -> str:
    """What tells one base from another at little cost: its files' names and sizes, and 64 KiB from each end of them."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")):
        size = path.stat().st_size
        digest.update(f"{path.name} {size}\n".encode())
        with path.open("rb") as stream:
            digest.update(stream.read(1 << 16))
            stream.seek(max(0, size - (1 << 16)))
            digest.update(stream.read())
    return digest.hexdigest()
