"""Brings a vault's schema up to this program's version, one transaction a step; refuses a newer file."""

from __future__ import annotations

from typing import Any

from edge.errors import VaultError
from edge.store import db, migrations


def bring_up_to_date(connection: Any) -> int:
    """Apply the missing steps; returns the version the file had. Raises VaultError if it is newer than this program."""
    with db.translated("opened"):
        before = db.user_version(connection)
    if before > migrations.LATEST:
        raise VaultError(
            "This vault was made by a newer edgescribe.",
            f"Its schema version is {before}; this program knows {migrations.LATEST}.",
            "Update edgescribe.",
        )
    for version in range(before + 1, migrations.LATEST + 1):
        with db.transaction(connection):
            for statement in migrations.statements(migrations.STEPS[version - 1]):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version}")
    return before
