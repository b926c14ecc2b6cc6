"""Files written whole or not at all, and their sha256 (hex). Disk full and unreadable files become named errors."""

from __future__ import annotations

import errno
import glob
import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge import disk
from edge.errors import BaseModelError
from export.progress import BuildProgress, silent

CHUNK = 1 << 20
_LEFT = 24 * 3600  # seconds after which a temporary folder is taken for one that a killed process left
_SLACK = 64 << 20  # left free beside what is to be written, for the file system's own needs


def sha256_file(path: Path, label: str = "", progress: BuildProgress = silent) -> str:
    """sha256 of a file, hex; raises BaseModelError if it cannot be read."""
    digest = hashlib.sha256()
    try:
        total = path.stat().st_size
        with path.open("rb") as file:
            while block := file.read(CHUNK):
                digest.update(block)
                progress(label or f"Checking {path.name}", file.tell(), total)
    except OSError as error:
        raise BaseModelError(f"{path} cannot be read.", error.strerror or str(error), "Check the path.") from None
    return digest.hexdigest()


def need_space(folder: Path, size: int, what: str) -> None:
    """Raise BaseModelError unless folder's disk has room for size bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < size + _SLACK:
        raise _no_space(what, folder, f"{size / 1e6:,.0f} MB are needed, {free / 1e6:,.0f} MB are free.")


def _no_space(what: str, folder: Path, why: str) -> BaseModelError:
    return BaseModelError(
        f"There is no space for {what}.",
        why,
        f"Free some space on the disk of {folder}, or set EDGESCRIBE_CACHE to a folder on a larger one.",
    )


@contextmanager
def named_disk_errors(what: str, folder: Path) -> Iterator[None]:
    """Turn ENOSPC and the like, met while writing, into a BaseModelError."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _no_space(what, folder, "The disk became full while writing.") from None
        raise BaseModelError(f"{what} cannot be written.", error.strerror or str(error), f"Check {folder}.") from None


@contextmanager
def claimed(final: Path, progress: BuildProgress = silent) -> Iterator[None]:
    """Hold the right to make final, a file or folder of the cache; a second process waits here and then finds it made.

    The empty lock file stays beside final: removing it would let a third process lock another file of that name.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    lock = disk.FileLock(final.parent / f".{final.name}.lock")
    try:
        lock.acquire()
    except BlockingIOError:
        progress(f"Waiting for another process that makes {final.name}", 0, 0)
        lock.wait()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def new_file(final: Path) -> Iterator[Path]:
    """Yield a temporary path beside final; renamed to final if the block ends well, else removed."""
    final.parent.mkdir(parents=True, exist_ok=True)
    with disk.replacing(final, 0o644) as temporary:
        yield temporary


@contextmanager
def new_folder(final: Path) -> Iterator[Path]:
    """Yield a temporary folder beside final; it takes final's place if the block ends well, else it is removed.

    What a process that was killed left behind goes with the next one, once it is a day old.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    _remove_leavings(final)
    temporary = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".part", dir=final.parent))
    temporary.chmod(0o755)
    try:
        yield temporary
        replace_folder(temporary, final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _remove_leavings(final: Path) -> None:
    """Remove temporary folders of final that nobody has written for a day."""
    for left in final.parent.glob(f".{glob.escape(final.name)}.*.part"):
        with suppress(OSError):  # another process may remove it as well
            newest = max((one.stat().st_mtime for one in left.rglob("*")), default=left.stat().st_mtime)
            if time.time() - newest > _LEFT:
                shutil.rmtree(left, ignore_errors=True)


def replace_folder(new: Path, final: Path) -> None:
    """Put new in final's place. A folder cannot be renamed over a full one, so the old one steps aside."""
    if not final.exists():
        try:
            new.rename(final)
            return
        except OSError:
            if not final.exists():
                raise
    aside = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".old", dir=final.parent))
    final.rename(aside / "old")
    try:
        new.rename(final)
    except OSError:
        (aside / "old").rename(final)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
