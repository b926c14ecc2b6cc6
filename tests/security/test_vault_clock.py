"""A clock that goes back: nothing is lost, nothing is purged, the order of entries and revisions stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from vaulting import SetClock, cheap_derivation, new_vault, note, passphrase

from edge.contract.encounter import State
from edge.contract.note import EncounterNote
from edge.errors import VaultError


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of the time of these tests would go into Argon2 at its floor; what it costs has tests of its own."""
    cheap_derivation(monkeypatch)


def test_a_clock_that_goes_back(tmp_path: Path) -> None:
    clock = SetClock()
    with new_vault(tmp_path, clock=clock) as vault:
        first = note(vault, "first")
        vault.retention.set_policy({State.DRAFT: 1})
        clock.forward(days=-400)
        second = note(vault, "second")
        document = vault.edits.document_of(first.id)
        vault.edits.save(document, EncounterNote("soap"))
        report = vault.admin.verify_chain(passphrase())
        assert report.good
        assert len(report.clock_back) == 2
        assert [r.number for r in vault.edits.history(document)] == [1, 2]
        with pytest.raises(VaultError, match="clock"):
            vault.retention.purge()
        assert {r.id for r in vault.encounters.list()} == {first.id, second.id}
