"""Questions to the vault for the list of encounters."""

from __future__ import annotations

from collections.abc import Sequence

from edge.contract.encounter import EncounterSummary, State
from edge.vaults import EncounterFilter, Vault
from tui.vault_thread import VaultThread


async def in_states(thread: VaultThread, states: Sequence[State], limit: int) -> list[EncounterSummary]:
    """Encounters in these states, last changed first."""

    def read(vault: Vault) -> list[EncounterSummary]:
        found = [s for state in states for s in vault.encounters.list(limit, 0, EncounterFilter(state=state))]
        return sorted(found, key=lambda s: s.updated, reverse=True)[:limit]

    return await thread.call(read)


async def search(thread: VaultThread, words: str, limit: int) -> list[EncounterSummary]:
    """Encounters that match, newest first. The passage that matched is left out: finding it costs most."""
    return await thread.call(lambda vault: [hit.summary for hit in vault.search.find(words, limit, snippets=False)])


async def count(thread: VaultThread) -> int:
    """How many encounters there are."""
    return await thread.call(lambda vault: vault.encounters.count())
