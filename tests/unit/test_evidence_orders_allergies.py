"""Ordered is not resulted, allergic is not prescribed: each kind of error is flagged, and what was said is not."""

from __future__ import annotations

import pytest
from reading_kit import VISIT

from edge.evidence.review import review
from edge.reading.conversation import parse

REST = [
    ("Doctor", "Any allergies?"),
    ("Patient", "Penicillin, I came out in a rash as a child."),
    ("Doctor", "I want a chest X-ray this afternoon and a CRP. Your potassium last week was 4.1."),
    ("Doctor", "Because of the penicillin allergy I will start doxycycline 100 milligrams twice a day for five days."),
]
TALK = parse("\n".join(f"{who}: {words}" for who, words in [*VISIT, *REST]))
ORDERED, ALLERGIC = "ordered, not resulted", "allergic, not prescribed"
WRONG = {
    "RESULTS\n\nCRP was 112 mg/l.": ORDERED,
    "RESULTS\n\nCRP is elevated.": ORDERED,
    "RESULTS\n\nChest X-ray: no infiltrate.": ORDERED,
    "PLAN\n\nStart penicillin for five days.": ALLERGIC,
    "PLAN\n\nAmoxicillin 500 mg three times a day.": ALLERGIC,
    "MEDICATIONS\n\nPenicillin, metformin 500 mg twice a day.": ALLERGIC,
    "ALLERGIES\n\nNo known drug allergies.": ALLERGIC,
    "The patient denies any allergies.": ALLERGIC,
}
RIGHT = [
    "PLAN\n\nChest X-ray and CRP this afternoon.",
    "PLAN\n\nDoxycycline 100 mg twice a day for five days because of the penicillin allergy.",
    "PLAN\n\nDoxycycline 100 mg twice a day for five days.",
    "ALLERGIES\n\nPenicillin: rash.",
    "RESULTS\n\nPotassium was 4.1 last week.",
    "PLAN\n\nCRP in 2 weeks.",
    "No other known allergies.",
]


def flags(note: str) -> set[str]:
    return {flag.check for one in review(note, TALK).statements for flag in one.flags}


@pytest.mark.parametrize("note", WRONG)
def test_what_the_conversation_speaks_against_is_flagged(note: str) -> None:
    assert WRONG[note] in flags(note)
    assert not any(one.supported for one in review(note, TALK).statements)


@pytest.mark.parametrize("note", RIGHT)
def test_what_was_said_is_not(note: str) -> None:
    assert not flags(note) & {ORDERED, ALLERGIC}


def test_in_german() -> None:
    talk = parse(
        "Arzt: Haben Sie Allergien?\nPatient: Ja, ich habe eine Penicillinallergie.\nArzt: Wir machen ein CRP.\n"
    )
    found = review("THERAPIE\n\nAmoxicillin 1000 mg dreimal täglich. CRP war erhöht.", talk)
    assert [{flag.check for flag in one.flags} & {ORDERED, ALLERGIC} for one in found.statements] == [
        {ALLERGIC}, {ORDERED}
    ]  # fmt: skip


def test_a_relatives_allergy_and_one_in_doubt_are_not_the_patients() -> None:
    for said in (
        "My sister gets hives with amoxicillin, she is allergic.",
        "They said I was not really allergic to amoxicillin.",
    ):
        talk = parse(f"Doctor: Any allergies?\nPatient: {said}\nDoctor: Then amoxicillin it is.\n")
        found = review("PLAN\n\nAmoxicillin 500 mg three times a day.", talk)
        assert ALLERGIC not in {flag.check for one in found.statements for flag in one.flags}
