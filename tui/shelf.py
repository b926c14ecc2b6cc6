"""Questions to the vault for the list of encounters."""

from __future__ import annotations

from collections.abc import Sequence

from edge.contract.records import RecordSummary, State
from edge.vaults import RecordFilter, Vault
from tui.desk import Desk


async def in_states(desk: Desk, states: Sequence[State], limit: int) -> list[RecordSummary]:
    """Encounters in these states, last changed first."""

    def read(vault: Vault) -> list[RecordSummary]:
        found = [s for state in states for s in vault.records.list(limit, 0, RecordFilter(state=state))]
        return sorted(found, key=lambda s: s.updated, reverse=True)[:limit]

    return await desk.call(read)


async def search(desk: Desk, words: str, limit: int) -> list[RecordSummary]:
    """Encounters that match, newest first. The passage that matched is left out: finding it costs most."""
    return await desk.call(lambda vault: [hit.summary for hit in vault.search.find(words, limit, snippets=False)])


async def count(desk: Desk) -> int:
    """How many encounters there are."""
    return await desk.call(lambda vault: vault.records.count())
