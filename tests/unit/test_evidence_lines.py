"""Facts as lines, and notes composed of them: what a line holds is what its fact says, after corrections."""

from __future__ import annotations

import pytest

from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.contract.transcript import Transcript
from edge.encounters.composing import FORMS, Composed, compose
from edge.engine.scripted import ScriptedEngine
from edge.evidence import lines
from edge.evidence.conversation import converse
from edge.reading.conversation import parse

TALK = parse(
    """[doctor] what do you take?
[patient] lisinopril, the twenty. no, wait, sorry, forty milligrams every morning. and the water pill, furosemide.
[patient] that one is eighty milligrams twice a day.
[doctor] and hydralazine?
[doctor] no, not hydralazine, that's something else.
[patient] i stopped the amlodipine, my ankles were swollen.
[patient] my dad had a heart attack at forty-nine. i'm allergic to penicillin, i get hives.
[doctor] blood pressure is one fifty-two over ninety-four.
[doctor] let's start metformin, five hundred milligrams twice a day, and see you in two weeks.
"""
)


def _fact(kind: FactKind, words: str, time: Time = Time.CURRENT, polarity: Polarity = Polarity.AFFIRMED) -> Fact:
    start = TALK.source.index(words)
    turn = next(n for n, one in enumerate(TALK.turns) if one.start <= start < one.end)
    quote = Quote(turn, start, start + len(words), words)
    return Fact(kind, polarity, Subject.PATIENT, time, True, (quote,))


FACTS = [
    _fact(FactKind.MEDICATION, "lisinopril, the twenty. no, wait, sorry, forty milligrams every morning"),
    _fact(FactKind.MEDICATION, "the water pill, furosemide"),
    _fact(FactKind.MEDICATION, "eighty milligrams twice a day"),
    _fact(FactKind.MEDICATION, "hydralazine?"),
    _fact(FactKind.MEDICATION, "i stopped the amlodipine", Time.STOPPED),
    _fact(FactKind.FAMILY, "my dad had a heart attack at forty-nine"),
    _fact(FactKind.ALLERGY, "allergic to penicillin, i get hives"),
    _fact(FactKind.VITAL, "blood pressure is one fifty-two over ninety-four"),
    _fact(FactKind.PLAN_MEDICATION, "let's start metformin, five hundred milligrams twice a day", Time.PLANNED),
    _fact(FactKind.FOLLOW_UP, "see you in two weeks", Time.PLANNED),
]
WANTED = [
    "Lisinopril 40 mg every morning.",
    "Furosemide 80 mg twice daily.",
    "Amlodipine: stopped (swollen).",
    "Father: heart attack at 49.",
    "Penicillin: hives.",
    "Blood pressure 152/94.",
    "Start Metformin 500 mg twice daily.",
    "Follow up in two weeks.",
]


def test_lines_of_facts() -> None:
    prepared = lines.prepared(FACTS, converse(TALK))
    assert [one.text for one in lines.lines(prepared, tuple(FactKind))] == WANTED


def test_every_line_keeps_its_fact_and_no_facts_are_no_lines() -> None:
    found = lines.lines(FACTS, (FactKind.ALLERGY, FactKind.FAMILY))
    assert [one.fact.kind for one in found] == [FactKind.FAMILY, FactKind.ALLERGY]
    assert lines.lines([], tuple(FactKind)) == []


@pytest.mark.parametrize(
    ("said", "clean"),
    [
        ("uh , so , um , it hurts , it hurts .", "It hurts"),
        ("okay", ""),
        ("your , your blood pressure", "Your blood pressure"),
    ],
)
def test_words_as_they_were_said(said: str, clean: str) -> None:
    assert lines.clean(said).startswith(clean)


def _composed(
    form: str, answer: str = "He feels well.", facts: list[Fact] | None = None, mend: bool = True
) -> Composed:
    engine = None if form == "facts" else ScriptedEngine(lambda _: answer)
    return [e for e in compose(engine, TALK, FACTS if facts is None else facts, form, mend) if isinstance(e, Composed)][
        -1
    ]


def test_a_note_of_facts_alone_needs_no_model() -> None:
    made = _composed("facts")
    assert all(line in made.note.text for line in WANTED)
    assert "Hydralazine" not in made.note.text
    assert [one.key for one in made.note.sections] == [
        "medications", "allergies", "family_history", "physical_examination", "assessment_and_plan",
    ]  # fmt: skip
    assert made.note.generated_tokens == 0


def test_lists_come_from_facts_and_prose_from_the_model() -> None:
    made = _composed("lists")
    by_key = {one.key: one.text for one in made.note.sections}
    assert by_key["allergies"] == "- Penicillin: hives."
    assert by_key["assessment_and_plan"].startswith("He feels well.")
    assert "social_history" not in by_key


def test_mending_leaves_out_what_is_contradicted_and_adds_what_is_missing() -> None:
    wrong = "Start metformin 850 mg twice a day. He was told about it."
    made = _composed("lists", wrong)
    plan = next(one.text for one in made.note.sections if one.key == "assessment_and_plan")
    assert "850" not in plan
    assert {one.what for one in made.steps} == {"left out", "added"}
    assert made.parameters("lists")["steps"][0]["why"] == "dose"
    assert "850" in _composed("lists", wrong, mend=False).note.text


def test_forms_are_the_same_each_time_and_nothing_is_made_of_nothing() -> None:
    assert FORMS == ("turns", "lists", "facts")
    for form in FORMS:
        assert _composed(form).note.text == _composed(form).note.text
        assert _composed(form, facts=[]).note.sections == ()
    with pytest.raises(ValueError, match="form"):
        _composed("other")
    with pytest.raises(ValueError, match="form"):
        list(compose(None, Transcript("", ()), [], "lists"))
