"""A note under work: statements anew after an edit, what goes in and what is set aside, what is listed at signing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vaulting import new_vault

from edge.contract.encounter import Generated, Kind, Source, State
from edge.contract.events import SectionFinished
from edge.contract.evidence import Evidence, ShownAtSigning, at_signing
from edge.contract.facts import Fact, FactKind, Flag, Omission, Polarity, Quote, Severity, Subject, Time
from edge.contract.note import EncounterNote, Section
from edge.contract.origin import Origin
from edge.contract.templates import SectionSpec, Template
from edge.contract.transcript import Transcript
from edge.encounters import keeping
from edge.encounters.checking import Checker
from edge.encounters.open_encounter import OpenEncounter
from edge.encounters.reviewing import hear, insertion, look, review
from edge.encounters.writing import Note
from edge.engine.scripted import ScriptedEngine
from edge.errors import InputError, UsageError
from edge.store.vault import Vault

TALK = (
    "Doctor: What do you take?\nPatient: Lisinopril, twenty milligrams every morning. Penicillin gives me a rash.\n"
    "Doctor: Any chest pain?\nPatient: No.\nDoctor: Let's get a chest x-ray and see you in two weeks."
)
NOTE = EncounterNote(
    "visit",
    (
        Section("SUBJECTIVE", "MEDICATIONS\nLisinopril 80 mg every morning.\n\nALLERGIES\nNone.", "subjective"),
        Section("ASSESSMENT AND PLAN", "- Chest x-ray.", "assessment_and_plan"),
    ),
)
ORIGIN = Origin("bundle", "b" * 64, "1", "5" * 64)


def finder(transcript: Transcript) -> list[Fact]:
    """What people would list of the conversation above."""
    said = [
        (FactKind.MEDICATION, 1, "Lisinopril, twenty milligrams every morning", True),
        (FactKind.ALLERGY, 1, "Penicillin gives me a rash", True),
        (FactKind.PLAN_TEST, 4, "get a chest x-ray", True),
        (FactKind.FOLLOW_UP, 4, "see you in two weeks", False),
    ]
    found = []
    for kind, turn, words, critical in said:
        start = transcript.source.index(words)
        quote = Quote(turn, start, start + len(words), words)
        found.append(Fact(kind, Polarity.AFFIRMED, Subject.PATIENT, Time.CURRENT, critical, (quote,)))
    return found


CHECKER = Checker(finder)


def opened(vault: Vault) -> OpenEncounter:
    """A kept note of TALK, open for work."""
    done = vault.encounters.save("Visit", Source("visit.txt", TALK, "5" * 64), [Generated(NOTE, ORIGIN)])
    return OpenEncounter.resume(vault.encounters.peek(done.id))


def test_an_edited_statement_is_checked_anew_and_the_others_keep_their_links() -> None:
    first = look(NOTE, hear(CHECKER, TALK))
    statement = first.note.sections[0].statements[0]
    assert [flag.check for flag in statement.flags] == ["dose"]
    edited = first.note.with_section(1, first.note.sections[1].with_text("- Chest x-ray.\n- Amoxicillin 500 mg."))
    again = look(edited, hear(CHECKER, TALK))
    assert again.note.sections[0].statements == first.note.sections[0].statements
    assert [one.text for one in again.note.sections[1].statements] == ["Chest x-ray.", "Amoxicillin 500 mg."]
    right = edited.sections[0].with_text(edited.sections[0].text.replace("80", "20"))
    mended = look(edited.with_section(0, right), hear(CHECKER, TALK)).note.sections[0].statements[0]
    assert mended.supported
    assert not mended.flags


def test_links_into_another_text_of_the_conversation_are_made_anew() -> None:
    first = look(NOTE, hear(CHECKER, TALK)).note
    moved = TALK.replace("Doctor:", "Nurse:")
    for section in look(first, hear(CHECKER, moved)).note.sections:
        for one in section.statements:
            assert all(moved[s.quote.start : s.quote.end] == s.quote.text for s in one.sources)


def test_an_empty_note_or_conversation_has_no_review() -> None:
    assert "empty" in review(CHECKER, EncounterNote("visit", (Section("PLAN", ""),)), TALK).problem
    assert review(CHECKER, NOTE, "").problem
    with pytest.raises(InputError):
        hear(CHECKER, "")


def test_what_was_said_goes_under_its_heading_in_place_of_none() -> None:
    found = look(NOTE, hear(CHECKER, TALK))
    allergy = next(one for one in found.omissions if one.kind is FactKind.ALLERGY)
    place = insertion(NOTE.sections, allergy, found.heard.facts)
    text = place.of(NOTE.sections[0].text)
    assert place.position == 0
    assert text.startswith("MEDICATIONS\nLisinopril 80 mg every morning.\n\nALLERGIES\n")
    assert "enicillin" in text.split("ALLERGIES")[1]
    assert "None." not in text
    follow_up = next(one for one in found.omissions if one.kind is FactKind.FOLLOW_UP)
    place = insertion(NOTE.sections, follow_up, found.heard.facts)
    assert place.of(NOTE.sections[1].text).split("\n")[1].startswith("- ")
    after = look(NOTE.with_section(0, NOTE.sections[0].with_text(text)), hear(CHECKER, TALK))
    assert allergy not in after.omissions


@pytest.mark.parametrize(
    ("keys", "kind", "position"),
    [
        (("S", "O", "A", "P"), FactKind.MEDICATION, 0),
        (("S", "O", "A", "P"), FactKind.RESULT, 1),
        (("S", "O", "A", "P"), FactKind.FOLLOW_UP, 3),
        (("chief_complaint", "medications", "assessment_and_plan"), FactKind.MEDICATION, 1),
        (("subjective", "objective_exam", "objective_results", "assessment_and_plan"), FactKind.EXAM, 1),
        (("course", "plan"), FactKind.FAMILY, 1),
    ],
)
def test_a_fact_finds_its_section_in_every_template(keys: tuple[str, ...], kind: FactKind, position: int) -> None:
    sections = [Section(key.replace("_", " ").upper(), "Text.", key) for key in keys]
    omission = Omission("what was said", kind, True, Quote(0, 0, 4, "what"), 0.9)
    assert insertion(sections, omission, ()).position == position


@given(st.text(alphabet="ABC ab\n-.:", max_size=60), st.sampled_from(list(FactKind)))
def test_an_insertion_only_adds_or_replaces_nothing_said(text: str, kind: FactKind) -> None:
    omission = Omission("what was said", kind, True, Quote(0, 0, 4, "what"), 0.9)
    place = insertion([Section("SUBJECTIVE", text, "subjective")], omission, ())
    assert 0 <= place.start <= place.end <= len(text)
    assert place.text.strip().endswith("what was said")
    assert place.start == place.end or text[place.start : place.end].strip().casefold() == "none."


def test_set_aside_with_a_reason_stays_away_and_is_kept(tmp_path: Path) -> None:
    with new_vault(tmp_path) as vault:
        one = opened(vault)
        one.reviewed(review(CHECKER, one.note_content(), one.conversation))
        count = len(one.omissions)
        with pytest.raises(UsageError, match="reason"):
            one.dismiss(one.omissions[0], "  ")
        one.dismiss(one.omissions[0], "known from the last letter")
        assert len(one.omissions) == count - 1
        keeping.save(vault, one)
        again = OpenEncounter.resume(vault.encounters.peek(one.id))
        assert again.evidence.dismissed[0].reason == "known from the last letter"
        assert vault.encounters.summary(one.id).bundle == "bundle"
        again.reviewed(review(CHECKER, again.note_content(), again.conversation))
        assert len(again.omissions) == count - 1
        assert vault.encounters.peek(one.id).note.content.to_json() == NOTE.to_json()


def test_a_note_that_is_only_checked_is_not_changed_in_the_vault(tmp_path: Path) -> None:
    with new_vault(tmp_path) as vault:
        one = opened(vault)
        one.reviewed(review(CHECKER, one.note_content(), one.conversation))
        assert not one.unsaved
        assert one.sections[0].kept().statements
        one.sections[1].text += "\n- Rest."
        one.reviewed(review(CHECKER, one.note_content(), one.conversation))
        keeping.save(vault, one)
        kept = vault.encounters.peek(one.id).note.content
        assert [len(section.statements) for section in kept.sections] == [2, 2]
        keeping.sign(vault, one.id, "Dr. Test")
        signed = OpenEncounter.resume(vault.encounters.peek(one.id))
        signed.reviewed(review(Checker(), signed.note_content(), "Doctor: Hello.\nPatient: Hello."))
        assert signed.pending(commit=True) is None
        with pytest.raises(UsageError, match="signed"):
            signed.dismiss(Omission("x", FactKind.HISTORY, True, Quote(0, 0, 1, "x"), 1.0), "why not")


def test_a_note_just_written_is_kept_with_its_statements_from_the_first_revision_on(tmp_path: Path) -> None:
    one = OpenEncounter(title="Visit", conversation=TALK, in_one_piece=True, job=1, doing="note")
    one.begin_note(Template("visit", "Visit", (SectionSpec("plan", "Plan", "Write the plan."),)))
    one.section_begun("plan")
    one.section_written(SectionFinished(0, "plan", "Plan", "Lisinopril 80 mg every morning.", "end", False))
    one.job = None
    info = ScriptedEngine(lambda _: "").info
    one.note_written(Note("visit", "", (), False, (), 1, 1, 0.1), info)
    one.written_reviewed(review(CHECKER, one.note_content(), one.conversation))
    with new_vault(tmp_path) as vault:
        keeping.save(vault, one)
        kept = vault.encounters.peek(one.id).note
        assert (kept.revision, vault.encounters.summary(one.id).state) == (1, State.DRAFT)
        assert [flag.check for flag in kept.content.sections[0].statements[0].flags] == ["dose"]
        assert not one.unsaved


def test_what_is_listed_at_signing_is_high_and_critical_only_and_reads_back() -> None:
    found = look(NOTE, hear(CHECKER, TALK))
    shown = at_signing(found.note, found.omissions, 2)
    assert [one.flag.check for one in shown.flags] == [
        flag.check
        for section in found.note.sections
        for one in section.statements
        for flag in one.flags
        if flag.severity is Severity.HIGH
    ]
    assert shown.flags
    assert all(one.critical for one in shown.omissions)
    assert any("dose" in line and "80" in line for line in shown.lines())
    kept = Evidence().signed(shown)
    assert Evidence.from_json(kept.to_json()).to_json() == kept.to_json()
    assert ShownAtSigning.from_json(shown.to_json()).lines() == shown.lines()
    assert not at_signing(review(CHECKER, NOTE, "").note, (), 1)


def test_content_of_a_newer_program_stays() -> None:
    raw = {"dismissed": [{"statement": "x", "kind": "dream", "quote": "x", "reason": "r", "later": 1}], "more": [1]}
    assert Evidence.from_json(raw).to_json() == raw
    assert Kind.EVIDENCE.value == "evidence"
    assert Flag("dose", Severity.HIGH, "m", ("q",)).as_json()["severity"] == "high"
