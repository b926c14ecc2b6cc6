"""Dose: the number before a unit beside a drug is one that was said of this drug."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge.evidence.view import Flag, Named, Severity, View, held, window
from edge.terms import numbers

NAME = "dose"
UNIT = re.compile(
    r"[\s-]*(?:mg|mgs|mcg|µg|μg|g|ml|mils?|cc|milligrams?|micrograms?|grams?|units?|iu|%|percent|milligramm|mikrogramm)\b",
    re.I,
)
_REACH = 45  # characters between a drug's name and its dose
_PARTS = re.compile(
    r"\b(?:half|halves|double|doubling|two of|two tablets|two pills|three tablets|split|cut it|halbe|doppelt)\b", re.I
)


def check(view: View) -> Iterator[Flag]:
    """A dose that was not said of its drug. Values that were taken back in the same breath count as not said."""
    drugs = [one for one in view.named if one.group == "drug"]
    for one, value, shown in doses(view, drugs):
        said = view.talk.by_name.get(one.name, ())
        turns = window(view.talk, said) if said else range(len(view.talk.index.turns))
        stands, _ = held(view.talk, turns)
        own, taken_back = held(view.talk, {s.turn for s in said})
        if value in taken_back and value not in own:
            message = f"{shown} was corrected in the conversation."
            yield view.flag(NAME, Severity.HIGH, message, [s.turn for s in said if _number_in(view, s.turn)])
            continue
        if value == "1" and any(re.search(r"\bone\b", view.talk.index.turns[t].text, re.IGNORECASE) for t in turns):
            continue
        if value in stands or _made_of(value, stands, view, turns):
            continue
        if said and not _doses_near(view, turns):
            if value in held(view.talk, range(len(view.talk.index.turns)))[0]:
                continue
            message = f"The dose {shown} was not said."
        else:
            message = f"{shown} was not said of {view.text(one)}." if said else f"The dose {shown} was not said."
        yield view.flag(
            NAME, Severity.HIGH, message, [s.turn for s in said if _number_in(view, s.turn)] or [s.turn for s in said]
        )


def doses(view: View, drugs: list[Named]) -> Iterator[tuple[Named, str, str]]:
    """(drug, canonical value, text) of every dose that stands beside a drug in the statement."""
    text = view.piece.text
    for number in view.reading.numbers:
        unit = UNIT.match(text, number.end)
        if unit is None or not text[number.start].isdigit():
            continue
        owner = _owner(drugs, number.start, number.end, text)
        if owner is not None:
            yield owner, numbers.canonical(text[number.start : number.end]), text[number.start : unit.end()].strip()


def _owner(drugs: list[Named], start: int, end: int, text: str) -> Named | None:
    """The drug that a dose belongs to: the nearest before it, or else the one right after."""
    before = [
        one for one in drugs if one.end <= start and start - one.end < _REACH and ";" not in text[one.end : start]
    ]
    if before:
        return before[-1]
    return next((one for one in drugs if 0 <= one.start - end < 25), None)


def _doses_near(view: View, turns: list[int] | range) -> bool:
    return any(
        UNIT.match(view.talk.index.turns[t].text, n.end) for t in turns for n in view.talk.index.turns[t].numbers
    )


def _number_in(view: View, turn: int) -> bool:
    return bool(view.talk.index.turns[turn].numbers)


def _made_of(value: str, stands: set[str], view: View, turns: list[int] | range) -> bool:
    """Whether a dose is half or twice of what was said, where the talk is of halves or doubles."""
    if not any(_PARTS.search(view.talk.index.turns[turn].text) for turn in turns):
        return False
    wanted = float(value)
    return any(
        abs(float(v) * factor - wanted) < 1e-6
        for v in stands
        if v.replace(".", "", 1).isdigit()
        for factor in (0.5, 2, 3)
    )
