"""Folders from which files were opened, newest first: kept in the vault, as their names may name patients.

They are no records: the audit chain does not name them.
"""

from __future__ import annotations

import json

from edge.store.session import VaultSession
from edge.text import one_line

MOST = 8
_LONGEST = 4096  # characters of a folder's name
_NAME = "places"  # in the table meta, beside the vault's own


class Places:
    """The folders of one open vault. Raises as every read and change of the vault does."""

    def __init__(self, session: VaultSession) -> None:
        self._session = session

    def all(self) -> list[str]:
        """Newest first."""
        rows = self._session.query("SELECT value FROM meta WHERE name = ?", (_NAME,))
        found = json.loads(rows[0][0]) if rows else []
        return [str(one) for one in found][:MOST]

    def add(self, folder: str) -> None:
        """A file was opened from there. A name that no screen can show as it is, is left out."""
        if len(folder) > _LONGEST or one_line(folder) != folder:
            return
        known = [folder, *(one for one in self.all() if one != folder)][:MOST]
        with self._session.transaction() as connection:
            connection.execute("DELETE FROM meta WHERE name = ?", (_NAME,))
            connection.execute("INSERT INTO meta VALUES (?, ?)", (_NAME, json.dumps(known, ensure_ascii=False)))
