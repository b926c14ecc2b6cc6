"""Retention: how many days after their last change records are kept, for each state; what is due, and its deletion.

A record on legal hold is never due. A plan can always be seen before anything is deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from edge.contract.encounter import EncounterSummary, State
from edge.errors import UsageError, VaultError
from edge.store.chain import Event
from edge.store.encounters import SUMMARY, Encounters, summary_of
from edge.store.session import VaultSession, text_of
from edge.store.states import POLICY


@dataclass(frozen=True)
class Plan:
    """What a purge would delete, and how many due records legal holds keep."""

    due: tuple[EncounterSummary, ...]
    held: int


class Retention:
    """The retention policy of one open vault."""

    def __init__(self, session: VaultSession, records: Encounters) -> None:
        self._session, self._records = session, records

    def policy(self) -> dict[State, int]:
        """Days by state; a state that is not there is kept for ever."""
        return {State(state): days for state, days in self._session.query("SELECT state, days FROM retention")}

    def set_policy(self, days: Mapping[State, int | None]) -> None:
        """Set days for states (None: for ever); others stay as they are. Raises UsageError for less than one day."""
        if any(value is not None and not 1 <= value <= 36525 for value in days.values()):
            raise UsageError("A retention time is 1 to 36525 days.")
        shown = {state.value: value for state, value in days.items()}
        with self._session.change(Event.POLICY, days=shown) as change:
            change.touch(POLICY)
            for state, value in days.items():
                change.connection.execute("DELETE FROM retention WHERE state = ?", (state.value,))
                if value is not None:
                    change.connection.execute("INSERT INTO retention VALUES (?, ?)", (state.value, value))

    def plan(self) -> Plan:
        """What is due now (the dry run). Raises VaultError if the clock can't be right."""
        now = self._session.clock().astimezone(UTC)
        self._check_clock(now)
        due: list[EncounterSummary] = []
        held = 0
        for state, days in self.policy().items():
            limit = text_of(now - timedelta(days=days))
            rows = self._session.query(
                f"SELECT {SUMMARY} FROM encounter WHERE state = ? AND updated < ? ORDER BY updated",
                (state.value, limit),
            )
            found = [summary_of(row) for row in rows]
            found = [one for one in found if one.state is state and one.updated < limit]  # not on an index's word alone
            due += [summary for summary in found if not summary.legal_hold]
            held += sum(summary.legal_hold for summary in found)
        return Plan(tuple(due), held)

    def purge(self) -> Plan:
        """Delete what is due, in one transaction, each with its tombstone in the audit chain. Returns what went."""
        plan = self.plan()
        if plan.due:
            codes = [summary.id for summary in plan.due]
            with self._session.change(Event.PURGE, records=codes, held=plan.held) as change:
                change.touch(POLICY)  # what is due hangs on it
                self._records.wipe(change, codes)
            self._session.truncate_log()
        return plan

    def _check_clock(self, now: datetime) -> None:
        last = self._session.query("SELECT max(at) FROM chain")[0][0]
        if last is not None and text_of(now) < last:
            raise VaultError(
                "Nothing is purged: this machine's clock has gone back.",
                f"The audit chain already knows {last}.",
                "Set the clock, and try again.",
            )
