"""Statements find the turns that they stand on."""

import json

import pytest

from edge.evidence import links
from edge.evidence.review import review
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


def test_of_an_endless_turn_the_part_that_says_it_is_the_quote() -> None:
    filler = "and so we walked on and on by the river and talked of the weather "
    text = "[patient] " + filler * 2_000 + "my left knee hurts on the stairs " + filler * 2_000
    talk = parse(text)
    found = review("HISTORY\nLeft knee pain on the stairs.\n\nPLAN\n" + "Walk by the river. " * 20, talk)
    assert len(found.statements) == 21
    for one in found.statements:
        for source in one.sources:
            assert len(source.quote.text) <= links.LONGEST
            assert talk.source[source.quote.start : source.quote.end] == source.quote.text
            assert source.quote.text[0] != " "
    assert "my left knee hurts on the stairs" in found.statements[0].sources[0].quote.text
    assert len(json.dumps(found.as_json())) < 25 * (links.LONGEST + 1_000)
