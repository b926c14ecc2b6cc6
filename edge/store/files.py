"""Files of a vault on disk: their names, replacing one so that a crash leaves the old or the new, and the locks.

A vault is records.vault (SQLCipher) and records.vault.keys (the sealed header); docs/adr/0020 says why it is these two.
Beside them lie records.vault.lock (writer's lock, failed attempts) and, while open, SQLite's -wal and -shm.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge import disk
from edge.errors import VaultBusyError, VaultError

# Told while long work goes on: (step, done, total). Units are the step's own (pages, bytes, checks); total is never 0.
Progress = Callable[[str, int, int], None]


def no_progress(step: str, done: int, total: int) -> None:
    """For callers that do not want to know."""


@dataclass(frozen=True)
class VaultFiles:
    """The paths of one vault. Links are followed: the other files lie beside the real one, as SQLite's do."""

    database: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "database", Path(os.path.realpath(self.database)))

    def _beside(self, suffix: str) -> Path:
        return self.database.with_name(self.database.name + suffix)

    @property
    def header(self) -> Path:
        """Sealed keys."""
        return self._beside(".keys")

    @property
    def lock(self) -> Path:
        """Held by the one writer."""
        return self._beside(".lock")

    @property
    def maintenance(self) -> Path:
        """Held while files are replaced or copied."""
        return self._beside(".maintenance")

    @property
    def incoming(self) -> Path:
        """A database that is being built to replace the present one."""
        return self._beside(".new")

    def before_migration(self, version: int) -> Path:
        """Copy kept of the database at schema version, until the next good open."""
        return self._beside(f".before-migration-{version}")

    @property
    def wal(self) -> tuple[Path, Path]:
        """SQLite's write-ahead log and its index."""
        return self._beside("-wal"), self._beside("-shm")


def replace_file(path: Path, content: bytes) -> None:
    """Put content under path, whole or not at all, durable on return, readable by the owner only. Raises VaultError."""
    try:
        disk.write(path, content)
    except OSError as error:
        raise io_error(f"{path.name} could not be written", error) from None


def remove(*paths: Path) -> None:
    """Delete files; those that are not there are no error."""
    for path in paths:
        path.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner can enter, if it is not there. Raises VaultError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise io_error(f"The folder {folder} could not be made", error) from None


def remove_database(path: Path) -> None:
    """Delete a database with its log: a log left behind would be taken for that of the next file of this name."""
    remove(path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm"))


def io_error(what: str, error: OSError) -> VaultError:
    """A VaultError that names the cause in the words of the system, never with content."""
    return VaultError(
        f"{what}.", error.strerror or type(error).__name__, "Check free space and rights of the vault's folder."
    )


class VaultLock(disk.FileLock):
    """The lock of a vault: errors in its words."""

    def acquire(self) -> None:
        """Take the lock or raise VaultBusyError at once. Raises VaultError if the file can't be made."""
        try:
            super().acquire()
        except BlockingIOError:
            raise VaultBusyError(
                "The vault is open in another program.",
                "One program at a time may write to it.",
                "Close the other edgescribe window or command and try again.",
            ) from None
        except OSError as error:
            raise io_error("The vault's lock file could not be opened", error) from None
