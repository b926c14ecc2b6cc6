"""Statements find the turns that they stand on."""

import pytest

from edge.evidence import links
from edge.evidence.statements import split
from edge.reading.conversation import parse

TALK = parse(
    """[doctor] any trouble breathing?
[patient] no.
[doctor] and what do you take for your blood pressure?
[patient] lisinopril, twenty milligrams in the morning.
[doctor] okay, and the knee, which one is it?
[patient] the right one, it's swollen.
[doctor] i'd like to get an x-ray of it and see you again in two weeks.
"""
)


@pytest.mark.parametrize(
    ("statement", "turns"),
    [
        ("Denies dyspnea.", {0, 1}),
        ("Lisinopril 20 mg daily.", {3}),
        ("Right knee edema.", {4, 5}),
        ("Order radiographs.", {6}),
        ("Follow up in 2 weeks.", {6}),
    ],
)
def test_first_link(statement: str, turns: set[int]) -> None:
    found = links.link(links.index(TALK), split(statement))[0]
    assert found[0].quote.turn in turns
    quote = found[0].quote
    assert TALK.source[quote.start : quote.end] == quote.text
    assert 0 < found[0].score <= 1


def test_what_was_not_said_has_no_link() -> None:
    assert links.link(links.index(TALK), split("Colonoscopy in Boston.")) == [()]
    assert links.link(links.index(TALK), []) == []
