"""Checks of an open vault, by `vault verify` and in the background after opening.

Pages, structure, the state of every record against the audit chain, and (by `vault verify`) the search index.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from edge.errors import EdgescribeError
from edge.store import db, states
from edge.store.files import VaultFiles
from edge.store.secret import RawKey


def findings(connection: Any) -> list[str]:
    """What is wrong with an open vault, in plain words without content; empty if nothing is."""
    if found := pages_and_states(connection):
        return found
    with db.translated("checked"):
        broken = connection.execute("PRAGMA foreign_key_check").fetchall()
        found += [f"a row of {row[0]} belongs to nothing" for row in broken[:10]]
        missing = connection.execute(
            "SELECT count(*) FROM encounter WHERE id NOT IN (SELECT encounter FROM search_text)"
        ).fetchone()[0]
    if missing:
        found.append(f"{missing} records are not in the search index")
    return found + _search_findings(connection)


def pages_and_states(connection: Any, going: Callable[[], bool] = lambda: True) -> list[str]:
    """What is wrong with pages, structure and the state of records; going: as edge.store.states.findings."""
    found = db.problems(connection)
    if any(line.startswith(db.CIPHER_CHECK) for line in found) or not going():
        return found  # the first read of a page that is not authentic ends every other read of the connection
    return found + states.findings(connection, going)


def _search_findings(connection: Any) -> list[str]:
    import sqlcipher3.dbapi2 as sqlcipher

    try:
        connection.execute("INSERT INTO search (search, rank) VALUES ('integrity-check', 1)")
    except sqlcipher.Error:
        return ["the search index does not fit the records"]
    return []


class BackgroundCheck:
    """Checks pages, structure and the state of all records on its own connection: opening never waits for them."""

    def __init__(self, paths: VaultFiles, key: RawKey, done: Callable[[list[str]], None]) -> None:
        self._paths, self._key, self._done = paths, key.copy(), done
        self._connection: Any = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vault-check", daemon=True)

    def start(self) -> None:
        """Begin. done is called once, from the checking thread, with what was found; not at all after stop()."""
        self._thread.start()

    def stop(self) -> None:
        """Interrupt the check and wait for its end."""
        self._stopped.set()
        if (connection := self._connection) is not None:
            connection.interrupt()
        if self._thread.ident is not None:
            self._thread.join()
        self._key.wipe()

    def wait(self) -> None:
        """Wait until the check has ended by itself."""
        self._thread.join()

    def _going(self) -> bool:
        return not self._stopped.is_set()

    def _run(self) -> None:
        try:
            self._connection = db.connect(self._paths.database, self._key, any_thread=True)
            try:
                found = [] if self._stopped.is_set() else pages_and_states(self._connection, self._going)
            finally:
                connection, self._connection = self._connection, None
                connection.close()
        except EdgescribeError as error:
            found = [str(error)]
        if not self._stopped.is_set():
            self._done(found)
