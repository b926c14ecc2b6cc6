"""Sources: their words are found and wiped like any other, and an encounter may hold nothing but one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from vaulting import (
    ORIGIN,
    SOURCE,
    cheap_derivation,
    events,
    new_vault,
    note,
    passphrase,
    reopen,
    save_extraction,
    save_note,
)

from edge.contract.encounter import Kind, Source, State
from edge.contract.note import EncounterNote, Section
from edge.errors import VaultError
from edge.store.vault import Vault

OTHER = Source("second.txt", "[patient] And my elbow aches, oh marzipan.", "6" * 64)


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """What keys cost has tests of its own."""
    cheap_derivation(monkeypatch)


@pytest.fixture
def vault(tmp_path: Path):
    with new_vault(tmp_path) as opened:
        yield opened


def found(vault: Vault, typed: str) -> list[str]:
    return [hit.summary.id for hit in vault.search.find(typed)]


def test_words_of_every_source_are_found_with_those_of_the_note(vault: Vault) -> None:
    saved = note(vault, "Rest the knee.", "Jane Roe")
    note(vault, "Nothing else.", "John Doe")
    assert found(vault, "patient roe") == [saved.id]  # one word of the source, one of the title
    assert found(vault, "marzipan") == []
    save_extraction(vault, "", OTHER, {}, ORIGIN, encounter=saved.id)
    assert found(vault, '"oh marzipan"') == [saved.id]
    assert "«marzipan»" in vault.search.find("marzipan")[0].snippet
    assert len(found(vault, "knee hurts")) == 2
    assert vault.verify() == []


def test_what_a_note_knows_of_itself_is_not_searched(vault: Vault) -> None:
    """Keys of sections, why writing stopped, which template and bundle: no word that a clinician wrote or read."""
    section = Section("PLAN", "Rest the knee.", key="assessment_and_plan", stop="loop")
    saved = save_note(vault, "Visit", SOURCE, "soap", [section], ORIGIN)
    assert found(vault, "plan rest") == [saved.id]
    assert [word for word in ("assessment", "loop", "soap") if found(vault, word)] == []
    assert vault.verify() == []


def test_the_same_source_again_changes_nothing_and_edits_keep_its_words(vault: Vault) -> None:
    saved = note(vault)
    save_extraction(vault, "", SOURCE, {}, ORIGIN, encounter=saved.id)
    vault.edits.save(vault.edits.document_of(saved.id), EncounterNote("soap"))
    vault.encounters.rename(saved.id, "Zanzibar")
    assert found(vault, "zanzibar hurts") == [saved.id]
    assert len(vault.encounters.get(saved.id).sources) == 1
    assert vault.verify() == []


def test_a_deleted_source_is_found_no_more(vault: Vault) -> None:
    kept, gone = note(vault), vault.encounters.save_source("Visit", OTHER)
    vault.encounters.delete(gone.id)
    assert found(vault, "marzipan") == []
    assert found(vault, "hurts") == [kept.id]
    assert vault.session.query("SELECT count(*) FROM source") == [(1,)]
    assert vault.verify() == []


@pytest.mark.parametrize("statement", ["UPDATE source SET text = 'x'", "DELETE FROM source"])
def test_a_source_is_final(vault: Vault, statement: str) -> None:
    note(vault)
    with pytest.raises(VaultError, match="final"):
        vault.session.query(statement)


def test_an_encounter_that_holds_only_a_source(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    saved = vault.encounters.save_source("Jane Roe", OTHER)
    assert (saved.state, saved.kinds, saved.bundle, saved.incomplete) == (State.DRAFT, (), "", False)
    assert saved.source_sha256 == OTHER.sha256
    with reopen(vault) as again:
        assert again.encounters.list() == [saved]
        assert again.encounters.count() == 1
        assert found(again, "marzipan roe") == [saved.id]
        record = again.encounters.get(saved.id[:5])
        assert (record.sources, record.documents) == ((OTHER,), ())
        with pytest.raises(VaultError, match="nothing to sign"):
            again.edits.sign(saved.id, "Dr. A")
        again.encounters.rename(saved.id, "Jane Doe")
        written = save_note(again, "", OTHER, "soap", [Section("P", "Rest.")], ORIGIN, encounter=saved.id)
        assert (written.kinds, written.bundle) == ((Kind.NOTE,), ORIGIN.bundle)
        assert again.edits.sign(saved.id, "Dr. A").state is State.SIGNED
        with pytest.raises(VaultError, match="signed"):
            again.encounters.save_source("", SOURCE, encounter=saved.id)
        assert again.verify() == []
        assert again.admin.verify_chain(passphrase()).good
        assert events(again).count("create") == 2


def test_incomplete_is_what_the_newest_document_of_each_kind_says(vault: Vault) -> None:
    half = replace(ORIGIN, incomplete=True)
    saved = save_note(vault, "Visit", SOURCE, "soap", [Section("P", "half")], half)
    assert saved.incomplete
    whole = save_note(vault, "", SOURCE, "soap", [Section("P", "whole")], ORIGIN, encounter=saved.id)
    assert not whole.incomplete
    assert save_extraction(vault, "", SOURCE, {}, half, encounter=saved.id).incomplete
    assert not save_extraction(vault, "", SOURCE, {}, ORIGIN, encounter=saved.id).incomplete
    assert not vault.encounters.list()[0].incomplete
