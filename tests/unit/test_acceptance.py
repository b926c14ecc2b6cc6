"""INCOMPLETE has one meaning; beside writing again, only a person who accepts a section clears it, on record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vaulting import ORIGIN, SOURCE, cheap_derivation, events, new_vault, save_note

from edge.contract.encounter import EncounterSummary, Generated, is_incomplete
from edge.contract.fields import FieldEntry, Fields
from edge.contract.note import EncounterNote, Section, edited_sections
from edge.contract.origin import Origin
from edge.encounters import keeping
from edge.encounters.open_encounter import OpenEncounter
from edge.errors import UsageError
from edge.store.vault import Vault

CUT = Origin("scripted", "0" * 64, "1", "5" * 64, incomplete=True)
EXAM, PLAN = Section("EXAM", "Knee sta", "exam", "length"), Section("PLAN", "Re", "plan", "cancelled")
HISTORY = Section("HISTORY", "Knee pain.", "history", "end")


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    cheap_derivation(monkeypatch)


@pytest.fixture
def vault(tmp_path: Path):
    with new_vault(tmp_path) as opened:
        yield opened


def kept(vault: Vault, *sections: Section) -> str:
    return save_note(vault, "v", SOURCE, "soap", list(sections), CUT).id


def summary(vault: Vault, identifier: str) -> EncounterSummary:
    return vault.encounters.summary(identifier)


@given(st.sampled_from([EXAM, PLAN, HISTORY]), st.text(max_size=40))
def test_no_edit_of_any_section_clears_a_mark(edited: Section, text: str) -> None:
    note = EncounterNote("soap", tuple(one.with_text(text) if one is edited else one for one in (HISTORY, EXAM, PLAN)))
    assert is_incomplete(note, CUT)
    assert note.open_ends(True) == (1, 2)
    assert is_incomplete(EncounterNote.from_json(note.to_json()), CUT)


@given(st.lists(st.tuples(st.sampled_from(["EXAM", "PLAN", "HISTORY", "NEW"]), st.text(max_size=20)), max_size=5))
def test_a_text_that_leaves_a_cut_section_out_leaves_its_mark(texts: list[tuple[str, str]]) -> None:
    after = EncounterNote("soap", edited_sections((HISTORY, EXAM, PLAN), texts))
    assert is_incomplete(after, CUT)
    assert [one.heading for one in after.sections if one.cut].count("EXAM") == 1


def test_each_section_is_accepted_for_itself_and_the_chain_says_so(vault: Vault) -> None:
    identifier = kept(vault, HISTORY, EXAM, PLAN)
    assert summary(vault, identifier).incomplete
    for left, key in ((True, "exam"), (False, "plan")):
        one = keeping.to_change(vault, identifier)
        section = one.section(key)
        assert section is not None
        number = keeping.accept(vault, one, section)
        assert summary(vault, identifier).incomplete is left
        assert vault.encounters.peek(identifier).incomplete is left
    assert events(vault)[-2:] == ["view", "accept"]
    entries = [one for one in vault.admin.entries() if one.event == "accept"]
    assert [(json.loads(one.detail)["section"], one.actor) for one in entries] == [(2, "dr.test"), (3, "dr.test")]
    assert [r.reason for r in vault.edits.history(one.documents[next(iter(one.documents))])] == [
        "generated", "accept 2", "accept 3",
    ]  # fmt: skip
    assert number == 3


def test_what_is_whole_signed_or_at_work_is_not_accepted(vault: Vault) -> None:
    one = keeping.to_change(vault, kept(vault, HISTORY, EXAM))
    with pytest.raises(UsageError, match="not marked"):
        one.accept(one.sections[0])
    one.job = 1
    with pytest.raises(UsageError, match="at work"):
        one.accept(one.sections[1])
    one.job = None
    one.accept(one.sections[1])
    with pytest.raises(UsageError, match="not marked"):
        one.accept(one.sections[1])


def test_an_accepted_section_is_not_written_again_and_a_new_text_has_no_such_word(vault: Vault) -> None:
    one = keeping.to_change(vault, kept(vault, HISTORY, EXAM))
    one.accept(one.sections[1])
    assert one._missing == set()
    assert one.sections[1].kept().rewritten("Knee st", "length", None).cut


def test_notes_of_older_programs_are_accepted_section_by_section() -> None:
    """Such a note says that it was cut, not where."""
    note = EncounterNote("soap", (Section("A", "x"), Section("B", "y")))
    assert note.open_ends(True) == (0, 1)
    note = EncounterNote("soap", (Section("A", "x", accepted=True), Section("B", "y")))
    assert is_incomplete(note, CUT)
    note = EncounterNote("soap", (Section("A", "x", accepted=True), Section("B", "y", accepted=True)))
    assert not is_incomplete(note, CUT)
    assert is_incomplete(EncounterNote("soap"), CUT)
    marked = EncounterNote("soap", (Section("A", "x"), Section("B", "y", stop="loop")))
    assert marked.open_ends(True) == (1,)


def test_one_key_in_a_cut_section_that_waits_completes_nothing() -> None:
    one = OpenEncounter(conversation="x", template="soap", blank=False, origin=CUT)
    one.kept = EncounterNote("soap", (HISTORY, PLAN))
    one = OpenEncounter.resume(_encounter(one.kept))
    one.sections[1].waiting = one.sections[1].text
    one.sections[1].text += "s"
    assert one.sections[1].claim()
    one.note_written(None, None)
    assert one.sections[1].cut
    assert one.note_incomplete


def _encounter(note: EncounterNote):
    from edge.contract.encounter import Encounter, EncounterSummary, KeptDocument, State

    line = EncounterSummary("x", "x", "", "", State.DRAFT, (), "", "", "", "", True)
    return Encounter(line, (SOURCE,), (KeptDocument(1, note, 1, 1, CUT),))


def test_a_corrected_speaker_marks_nothing(vault: Vault) -> None:
    identifier = vault.encounters.save_source("v", SOURCE).id
    one = keeping.to_change(vault, identifier)
    one.set_conversation("Doctor: Hello.\nPatient: My knee hurts.")
    keeping.save(vault, one)
    found = summary(vault, identifier)
    assert (found.incomplete, found.kinds) == (False, ()), "a corrected conversation is no note, and none that is cut"
    whole = save_note(vault, "v", SOURCE, "soap", [HISTORY], ORIGIN).id
    one = keeping.to_change(vault, whole)
    one.set_conversation("Doctor: Hello.\nPatient: My knee hurts.")
    keeping.save(vault, one)
    assert not summary(vault, whole).incomplete


def test_fields_that_stopped_early_are_accepted_as_one(vault: Vault) -> None:
    found = Fields({"diagnosis": (FieldEntry("Gonarthrosis"),)})
    identifier = vault.encounters.save("v", SOURCE, [Generated(found, CUT)]).id
    assert summary(vault, identifier).incomplete
    keeping.accept(vault, keeping.to_change(vault, identifier), None)
    assert not summary(vault, identifier).incomplete
    one = keeping.to_change(vault, identifier)
    assert one.fields_whole
    one.change_row(0, "diagnosis", "Knee pain")
    keeping.save(vault, one)
    assert not summary(vault, identifier).incomplete
