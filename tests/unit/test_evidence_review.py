"""The whole check: shape of the result, typed notes, omissions, bounds on hostile and foreign input."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.contract.evidence import at_signing
from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.contract.note import EncounterNote, Section
from edge.contract.transcript import Transcript, Turn
from edge.errors import InputError
from edge.evidence.conversation import converse
from edge.evidence.footnotes import footnotes
from edge.evidence.review import MAX_NOTE_WORDS, recheck, review, review_sections
from edge.reading.conversation import parse

TALK = parse(
    """[doctor] what do you take?
[patient] lisinopril, twenty milligrams every morning, and i had my appendix out in march.
[doctor] any chest pain?
[patient] no.
[doctor] let's get a chest x-ray and see you in two weeks.
"""
)


def _facts(transcript: Transcript) -> list[Fact]:
    """What people would list of the conversation above."""
    said = [
        (FactKind.MEDICATION, 1, "lisinopril, twenty milligrams every morning", True),
        (FactKind.HISTORY, 1, "i had my appendix out in march", True),
        (FactKind.PLAN_TEST, 4, "let's get a chest x-ray", True),
        (FactKind.FOLLOW_UP, 4, "see you in two weeks", False),
    ]
    found = []
    for kind, turn, words, critical in said:
        start = transcript.source.index(words)
        quote = Quote(turn, start, start + len(words), words)
        found.append(Fact(kind, Polarity.AFFIRMED, Subject.PATIENT, Time.CURRENT, critical, (quote,)))
    return found


def test_the_object_of_the_verb() -> None:
    found = review("MEDICATIONS\n\nLisinopril 20 mg every morning.", TALK, _facts).as_json()
    assert list(found) == ["statements", "omissions", "facts", "foreign", "seconds"]
    assert set(found["statements"][0]) == {"text", "start", "end", "sources", "flags", "supported"}
    assert set(found["statements"][0]["sources"][0]) == {"turn", "start", "end", "quote", "score"}
    assert set(found["omissions"][0]) == {"statement", "kind", "critical", "turn", "start", "end", "quote", "score"}
    assert json.loads(json.dumps(found)) == found
    for one in found["omissions"] + found["statements"][0]["sources"]:
        assert TALK.source[one["start"] : one["end"]] == one["quote"]


def test_omissions_are_what_was_said_and_is_not_written_critical_first() -> None:
    found = review("MEDICATIONS\n\nLisinopril 20 mg every morning.\n\nPLAN\n\nOrder chest x-ray.", TALK, _facts)
    assert [one.kind for one in found.omissions] == [FactKind.HISTORY, FactKind.FOLLOW_UP]
    assert review("PLAN\n\nOrder chest x-ray.", TALK).omissions == ()


def test_a_typed_note_carries_its_statements_and_an_edit_is_checked_anew() -> None:
    note = EncounterNote("visit", (Section("MEDICATIONS", "Lisinopril 20 mg every morning."), Section("PLAN", "")))
    checked, found = review_sections(note, TALK)
    first = checked.sections[0]
    assert [one.text for one in first.statements] == [first.text[one.start : one.end] for one in first.statements]
    assert checked.sections[1].statements == ()
    assert len(found.statements) == 1
    edited = first.with_text("Lisinopril 20 mg every morning. Lisinopril 80 mg.")
    again = recheck(edited, edited.text, converse(TALK))
    assert again[0] == first.statements[0]
    assert [flag.check for flag in again[1].flags] == ["dose"]


def test_a_note_of_another_visit_is_named() -> None:
    other = "\n".join(
        f"{word} therapy was given for {word}."
        for word in ["scabies", "rickets", "mumps", "anthrax", "cholera", "typhus", "leprosy"]
    )
    found = review(other, TALK)
    assert found.foreign
    assert not any(one.supported for one in found.statements)


@pytest.mark.parametrize("note", ["", " \n\t "])
def test_an_empty_note_is_refused(note: str) -> None:
    with pytest.raises(InputError, match="empty"):
        review(note, TALK)


def test_a_note_without_end_is_refused_and_a_long_one_is_checked() -> None:
    with pytest.raises(InputError, match="too long"):
        review("word " * (MAX_NOTE_WORDS + 1), TALK)
    assert len(review("Takes lisinopril 20 mg.\n" * 2_000, TALK).statements) == 2_000


@pytest.mark.parametrize(
    "text", ["," * 20_000, "no " * 9_000, "1" * 30_000, "left " * 5_000, "denies " * 5_000, "a.b." * 9_000]
)
def test_hostile_text_ends(text: str) -> None:
    if any(c.isalnum() for c in text):
        review(text, TALK)
    review("Takes lisinopril.", Transcript(text, (Turn("Doctor", text, 0, len(text)),)))


@settings(max_examples=60, deadline=None)
@given(
    st.text(alphabet="abn o.?,12:\n-left mg", min_size=1, max_size=300),
    st.text(alphabet="abn o.?,12left mg", max_size=300),
)
def test_any_text_gives_exact_offsets(note: str, said: str) -> None:
    if not note.strip():
        return
    for one in review(note, Transcript(said, (Turn("Patient", said, 0, len(said)),))).statements:
        assert note[one.start : one.end] == one.text


def test_footnotes_name_the_turns_and_the_flags() -> None:
    note = EncounterNote("visit", (Section("MEDICATIONS", "Lisinopril 80 mg. Takes blorbium."), Section("PLAN", "")))
    checked, _ = review_sections(note, TALK)
    texts, notes = footnotes(checked.sections)
    assert texts == ["Lisinopril 80 mg. [1] Takes blorbium. [?]", ""]
    assert len(notes) == 1
    assert notes[0].startswith("[1] turn 1: “lisinopril, twenty")
    assert "! dose:" in notes[0]
    (line,) = at_signing(checked, (), 1).lines()
    assert line.startswith("!! dose: ")
    assert line.endswith("in: Lisinopril 80 mg.")


@pytest.mark.parametrize(
    ("said", "note", "missing"),
    [
        ("[doctor] hi brian , you are 54 .", "HISTORY\nBrian White is a 54-year-old male.", ["Brian White"]),
        ("[doctor] hello mister white , you are 54 .", "HISTORY\nBrian White is a 54-year-old male.", []),
        ("[doctor] hi brian , you are 54 .", "PLAN\nBrian White is a 54-year-old male.", []),  # said once, at the start
        ("[doctor] any burning ?\n[patient] no .", "REVIEW OF SYSTEMS\nDenies dysuria, jaundice.", ["jaundice."]),
        ("[doctor] been sick ? yellow ?\n[patient] no .", "REVIEW OF SYSTEMS\nDenies vomiting and jaundice.", []),
        (
            "[doctor] hi . your foot .",
            "PLAN\nAfter reviewing the radiographic findings today, I have had a lengthy discussion with him.",
            [],
        ),
    ],
)
def test_a_claim_of_which_nothing_was_said_has_no_source(said: str, note: str, missing: list[str]) -> None:
    found = [flag for flag in review(note, parse(said)).flags if flag.check == "source"]
    assert [flag.quotes[0] for flag in found] == missing


@pytest.mark.parametrize(
    ("kind", "said", "quote", "note", "missing"),
    [
        (FactKind.ALLERGY, "[doctor] any allergies ?\n[patient] no .", "no", "ALLERGIES\nNone.", False),
        (FactKind.ALLERGY, "[doctor] any allergies ?\n[patient] no .", "no", "PLAN\nRest at home.", True),
        (FactKind.SYMPTOM, "[doctor] any jaundice ?\n[patient] no .", "no", "ROS\nDenies jaundice.", False),
        (FactKind.SYMPTOM, "[doctor] any jaundice ?\n[patient] no .", "no", "PLAN\nRest at home.", True),
        (FactKind.SYMPTOM, "[doctor] so .\n[patient] no .", "no", "PLAN\nRest at home.", False),  # of nothing
    ],
)
def test_an_answer_is_looked_for_with_its_question(
    kind: FactKind, said: str, quote: str, note: str, missing: bool
) -> None:
    talk = parse(said)
    start = talk.source.rindex(quote)
    quotes = (Quote(1, start, start + len(quote), quote),)
    fact = Fact(kind, Polarity.DENIED, Subject.PATIENT, Time.CURRENT, True, quotes, 1.0)
    assert bool(review(note, talk, lambda _: [fact]).omissions) is missing


def test_a_drug_is_not_missing_where_its_kind_is_named_or_its_combination_written_apart() -> None:
    talk = parse("[doctor] stop the motrin .\n[patient] and the fluticasone salmeterol ?\n[doctor] keep it .")

    def finder(_: Transcript) -> list[Fact]:
        found = []
        for turn, words in ((0, "stop the motrin"), (1, "fluticasone salmeterol")):
            start = talk.source.index(words)
            quotes = (Quote(turn, start, start + len(words), words),)
            kind = FactKind.PLAN_MEDICATION, Polarity.AFFIRMED, Subject.PATIENT, Time.PLANNED, True
            found.append(Fact(*kind, quotes, 1.0))
        return found

    note = "PLAN\nStop anti-inflammatories.\nContinue fluticasone-salmeterol."
    assert review(note, talk, finder).omissions == ()
    assert len(review("PLAN\nRest at home.", talk, finder).omissions) == 2
