"""Texts that are typed and in no file yet (a template in its editor): kept in the vault, as anything may stand in them.

They are no records: the audit chain does not name them, and saving or discarding takes them away.
"""

from __future__ import annotations

from collections.abc import Mapping

from edge.store.session import VaultSession

_PREFIX = "unsaved:"  # of names in the table meta, beside the vault's own


class Unsaved:
    """The unsaved texts of one open vault, by name. Raises as every read and change of the vault does."""

    def __init__(self, session: VaultSession) -> None:
        self._session = session

    def texts(self) -> dict[str, str]:
        """All of them."""
        rows = self._session.query(
            "SELECT substr(name, ?), value FROM meta WHERE substr(name, 1, ?) = ? ORDER BY name",
            (len(_PREFIX) + 1, len(_PREFIX), _PREFIX),
        )
        return {str(name): str(text) for name, text in rows}

    def keep(self, texts: Mapping[str, str | None]) -> None:
        """Keep these texts, each in place of the one before; None takes one away. All of them or none."""
        with self._session.transaction() as connection:
            for name, text in texts.items():
                connection.execute("DELETE FROM meta WHERE name = ?", (_PREFIX + name,))
                if text is not None:
                    connection.execute("INSERT INTO meta VALUES (?, ?)", (_PREFIX + name, text))
