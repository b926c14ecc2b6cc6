"""An open vault's working state (connection, actor, clock), and the change: a change with its audit entry."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from edge.errors import VaultError
from edge.store import chain, db, states
from edge.store.chain import Event
from edge.store.states import States

Clock = Callable[[], datetime]

# Changes to one encounter. Its state is checked first: one that was put back would be vouched for from then on.
_CHANGES = frozenset({Event.CREATE, Event.EDIT, Event.ACCEPT, Event.SIGN, Event.AMEND, Event.DELETE, Event.HOLD})


def system_clock() -> datetime:
    """Now, UTC."""
    return datetime.now(UTC)


def text_of(moment: datetime) -> str:
    """UTC, ISO 8601, milliseconds; sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Change:
    """A change under way. subject and detail may be completed until the block ends; no patient data in either."""

    connection: Any
    at: str
    subject: str
    states: States
    detail: dict[str, Any] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)

    def touch(self, key: str) -> None:
        """Say that the change changes a record (its full id) or the policy, before it does.

        Raises DamagedVaultError unless its state is the one that the audit chain vouches for.
        """
        if key not in self.touched:
            self.states.check(self.connection, key)
            self.touched.add(key)


@dataclass
class VaultSession:
    """One connection, used from the thread that opened it."""

    connection: Any
    actor: str
    clock: Clock = system_clock
    states: States = field(default_factory=States)

    def now(self) -> str:
        """The time as it is kept."""
        return text_of(self.clock())

    @contextlib.contextmanager
    def change(self, event: Event, subject: str = "", **detail: Any) -> Iterator[Change]:
        """A transaction that ends with its entry in the audit chain: both are kept, or neither is.

        subject: full id of the one record that the change changes or lets out; others are told to Change.touch().
        Raises DamagedVaultError unless the record's state is the one that the audit chain vouches for.
        """
        with db.transaction(self.connection):
            change = Change(self.connection, self.now(), subject, self.states, dict(detail))
            if subject and event in _CHANGES:
                change.touch(subject)
            elif subject and event is Event.EXPORT:
                self.states.check(self.connection, subject)
            yield change
            vouched = self.states.changed(self.connection, change.touched) if change.touched else None
            chain.append(self.connection, change.at, event, change.subject, change.detail, self.actor, vouched)

    def append(self, change: Change, event: Event, detail: dict[str, Any], subject: str = "") -> None:
        """A further entry inside a change."""
        chain.append(change.connection, change.at, event, subject, detail, self.actor)

    def baseline(self, change: Change) -> None:
        """The one entry from which on the chain of a vault of before vouches for the state of its records."""
        begun = states.baseline(change.connection)
        detail = {"records": change.connection.execute("SELECT count(*) FROM encounter").fetchone()[0]}
        chain.append(change.connection, change.at, Event.BASELINE, "", detail, self.actor, begun)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Any]:
        """A transaction without an entry, for what only continues a change that has one (autosave)."""
        with db.transaction(self.connection):
            yield self.connection

    def record(self, event: Event, subject: str = "", **detail: Any) -> None:
        """An entry for something that changes no data (a view, an unlock)."""
        with self.change(event, subject, **detail):
            pass

    def query(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """All rows of a reading statement; raises the named errors."""
        with db.translated("read"):
            return list(self.connection.execute(sql, parameters))

    def truncate_log(self) -> None:
        """Bring the write-ahead log into the file and empty it: it holds older copies of changed pages.

        Best effort, after a change that is done: a second program that reads just now keeps the log alive until the
        next checkpoint, and so does a full disk. Neither may make the change look as if it had failed.
        """
        with contextlib.suppress(VaultError):
            self.query("PRAGMA wal_checkpoint(TRUNCATE)")
