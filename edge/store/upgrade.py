"""Brings a vault's schema up to this program's version, one transaction a step, with a copy of the file kept aside.

The copy (records.vault.before-migration-N) goes at the next open that finds nothing to do. Killed at any moment, the
vault is at a whole version, and the next open goes on from there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge import disk
from edge.errors import VaultError
from edge.store import db, files, migrations
from edge.store.files import Progress, VaultFiles, no_progress
from edge.store.migrations import LATEST
from edge.store.secret import RawKey

_PAGES_A_STEP = 256  # 1 MiB: progress is told after each


def check_version(connection: Any) -> int:
    """Schema version of the open file. Raises VaultError if it is newer than this program."""
    with db.translated("opened"):
        version = db.user_version(connection)
    if version > LATEST:
        raise VaultError(
            "This vault was made by a newer edgescribe.",
            f"Its schema version is {version}; this program knows {LATEST}.",
            "Update edgescribe.",
        )
    return version


def apply_steps(connection: Any, latest: int = LATEST) -> None:
    """Apply the missing steps up to latest."""
    for version in range(check_version(connection) + 1, latest + 1):
        with db.transaction(connection):
            for statement in migrations.statements(migrations.STEPS[version - 1]):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version}")


def bring_up_to_date(connection: Any, paths: VaultFiles, key: RawKey) -> int:
    """Copy the file, then apply what is missing. Returns the version it had."""
    before = check_version(connection)
    if before == LATEST:
        files.remove(*copies(paths))
        return before
    copy = paths.before_migration(before)
    if not copy.exists():
        temporary = copy.with_name(copy.name + ".tmp")
        files.remove_database(temporary)
        try:
            copy_database(connection, temporary, key)
            os.replace(temporary, copy)
            disk.sync_folder(copy.parent)
        except OSError as error:
            raise files.io_error("The vault could not be copied before its upgrade", error) from None
        finally:
            files.remove_database(temporary)
    apply_steps(connection)
    return before


def copies(paths: VaultFiles) -> list[Path]:
    """Copies that upgrades left."""
    return sorted(paths.database.parent.glob(paths.database.name + ".before-migration-*"))


def copy_database(connection: Any, target: os.PathLike[str], key: RawKey, progress: Progress = no_progress) -> None:
    """A whole, checked, durable copy of the open database at target, under key. Raises the errors of edge.store.db.

    progress: "copying" in pages, "checking" in checks.
    """
    path = Path(target)
    other = db.connect(path, key, create=True)
    try:
        db.private(path)
        with db.translated("copied"):
            connection.execute("BEGIN")  # one snapshot for the count and the copy: another program may be writing
            try:
                expected = counts(connection)
                connection.backup(other, pages=_PAGES_A_STEP, progress=_told(progress))
            finally:
                connection.execute("COMMIT")
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        other.close()
    other = db.connect(path, key)
    try:
        if found := db.problems(other, progress=lambda done, total: progress("checking", done, total)):
            raise VaultError("A copy of the vault did not pass its checks.", found[0], "Check the disk, and try again.")
        if counts(other) != expected:
            raise VaultError("A copy of the vault is not complete.", "", "Try again.")
    finally:
        other.close()
    disk.sync_file(path)


def _told(progress: Progress) -> Callable[[int, int, int], None]:
    """What SQLite calls after each step of a copy."""
    return lambda _, remaining, total: progress("copying", total - remaining, max(total, 1))


def counts(connection: Any) -> dict[str, int]:
    """Rows of every table that holds records or the chain."""
    with db.translated("read"):
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            " AND name NOT LIKE 'search%' ORDER BY name"
        ).fetchall()
        return {name: int(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]) for (name,) in names}
