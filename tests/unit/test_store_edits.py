"""Drafts, revisions, restoring, signing and amending."""

from __future__ import annotations

from pathlib import Path

import pytest
from vaulting import (
    ORIGIN,
    SOURCE,
    autosave_texts,
    cheap_derivation,
    events,
    new_vault,
    note,
    reopen,
    save_note,
    unfenced,
)

from edge.contract.encounter import Kind, State
from edge.contract.note import EncounterNote, Section
from edge.errors import DamagedVaultError, UsageError, VaultError
from edge.store.vault import Vault


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of the time of these tests would go into Argon2 at its floor; what it costs has tests of its own."""
    cheap_derivation(monkeypatch)


@pytest.fixture
def vault(tmp_path: Path):
    with new_vault(tmp_path) as opened:
        yield opened


def content(text: str) -> EncounterNote:
    return EncounterNote("soap", (Section("S", "Knee pain."), Section("PLAN", text)))


def test_autosaved_draft_survives_and_becomes_a_revision(vault: Vault) -> None:
    saved = note(vault)
    document = vault.edits.document_of(saved.id)
    autosave_texts(vault, document, {1: "Rest two weeks."})
    autosave_texts(vault, document, {0: "Left knee pain."})
    with reopen(vault) as again:
        found = again.encounters.get(saved.id).note
        assert found.draft
        assert [s.text for s in found.content.sections] == ["Left knee pain.", "Rest two weeks."]
        assert again.edits.content_at(document, 1) == content("Rest the knee.")
        assert again.edits.commit(document) == 2
        assert again.edits.commit(document) == 2
        assert again.encounters.summary(saved.id).state is State.EDITED
        assert [(r.number, r.author, r.reason) for r in again.edits.history(document)] == [
            (1, "model:test-bundle", "generated"),
            (2, "dr.test", "edit"),
        ]


def test_one_entry_a_sitting_not_one_a_keystroke(vault: Vault) -> None:
    document = vault.edits.document_of(note(vault).id)
    before = len(events(vault))
    for i in range(20):
        vault.edits.autosave(document, content(f"Rest {i} days."))
    vault.edits.commit(document)
    assert events(vault)[before:] == ["edit", "edit"]


def test_every_version_can_be_read_and_restored(vault: Vault) -> None:
    document = vault.edits.document_of(note(vault, "v1").id)
    for number in range(2, 41):
        assert vault.edits.save(document, content(f"v{number} " + "word " * number)) == number
    for number in range(2, 41):
        assert vault.edits.content_at(document, number) == content(f"v{number} " + "word " * number)
    stored = vault.session.query("SELECT whole, length(data) FROM revision WHERE document = ?", (document,))
    assert sum(whole for whole, _ in stored) == 3
    assert max(size for whole, size in stored if not whole) < 200
    assert vault.edits.restore(document, 7) == 41
    assert vault.edits.content_at(document, 41) == vault.edits.content_at(document, 7)
    assert vault.edits.history(document)[-1].reason == "restore 7"
    for wrong in (0, 42, -1):
        with pytest.raises(VaultError, match="no revision"):
            vault.edits.content_at(document, wrong)


def test_saving_the_same_content_makes_no_revision(vault: Vault) -> None:
    document = vault.edits.document_of(note(vault).id)
    assert vault.edits.save(document, content("Rest the knee.")) == 1


def test_discarded_draft_is_gone(vault: Vault) -> None:
    saved = note(vault)
    document = vault.edits.document_of(saved.id)
    vault.edits.autosave(document, content("nonsense"))
    vault.edits.discard(document)
    assert not vault.encounters.get(saved.id).note.draft
    assert vault.edits.commit(document) == 1


def test_a_signed_record_is_final(vault: Vault) -> None:
    saved = note(vault)
    document = vault.edits.document_of(saved.id)
    vault.edits.autosave(document, content("Rest one week."))
    assert vault.edits.sign(saved.id, "Dr. Ada Test").state is State.SIGNED
    assert vault.edits.content_at(document, 2) == content("Rest one week.")
    for change in (
        lambda: vault.edits.autosave(document, content("x")),
        lambda: vault.edits.save(document, content("x")),
        lambda: vault.edits.restore(document, 1),
        lambda: vault.edits.sign(saved.id, "Dr. Ada Test"),
        lambda: save_note(vault, "v", SOURCE, "soap", [], ORIGIN, encounter=saved.id),
        lambda: vault.encounters.delete(saved.id),
    ):
        with pytest.raises(VaultError, match="signed"):
            change()
    for statement in (
        "UPDATE document SET content = '{}'",
        "UPDATE revision SET data = ''",
        "DELETE FROM revision",
        "UPDATE signature SET signer = 'somebody'",
        "DELETE FROM signature",
        "DELETE FROM encounter",
        "DELETE FROM chain",
        "UPDATE chain SET event = 'view'",
    ):
        with pytest.raises(VaultError):
            vault.session.query(statement)
    assert [s.signer for s in vault.edits.signatures(saved.id)] == ["Dr. Ada Test"]
    assert vault.encounters.delete(saved.id, signed_too=True) == saved.id


def test_an_amendment_is_a_new_version(vault: Vault) -> None:
    saved = note(vault)
    document = vault.edits.document_of(saved.id)
    with pytest.raises(VaultError, match="not signed"):
        vault.edits.amend(saved.id)
    vault.edits.sign(saved.id, "Dr. A")
    assert vault.edits.amend(saved.id).state is State.EDITED
    vault.edits.save(document, content("Rest three weeks."))
    vault.edits.sign(saved.id, "Dr. B")
    assert [(s.version, s.signer) for s in vault.edits.signatures(saved.id)] == [(1, "Dr. A"), (2, "Dr. B")]
    assert vault.edits.content_at(document, 1) == content("Rest the knee.")
    assert [r.version for r in vault.edits.history(document)] == [1, 2]


def test_a_signature_that_does_not_fit_is_found(vault: Vault) -> None:
    saved = note(vault)
    vault.edits.sign(saved.id, "Dr. A")
    unfenced(vault)
    vault.session.connection.execute("DROP TRIGGER signature_never_changes")
    vault.session.connection.execute("UPDATE signature SET signer = 'Dr. B'")
    with pytest.raises(DamagedVaultError):
        vault.edits.signatures(saved.id)


def test_wrong_arguments(vault: Vault) -> None:
    saved = note(vault)
    with pytest.raises(VaultError, match="no codes"):
        vault.edits.document_of(saved.id, Kind.CODES)
    with pytest.raises(VaultError, match="no such document"):
        vault.edits.autosave(99, content("x"))
    with pytest.raises(UsageError, match="name"):
        vault.edits.sign(saved.id, "  ")
