"""Dose: the number before a unit beside a drug is one that was said of this drug."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge.evidence.spoken import SaidNumbers, everywhere
from edge.evidence.view import Conversation, Flag, Named, Severity, View, held, window
from edge.terms import numbers, units

NAME = "dose"
_REACH = 45  # characters between a drug's name and its dose
_ONE = re.compile(r"\bone\b", re.IGNORECASE)
_PARTS = re.compile(
    r"\b(?:half|halves|double|doubling|two of|two tablets|two pills|three tablets|split|cut it|halbe|doppelt)\b", re.I
)


def check(view: View) -> Iterator[Flag]:
    """A dose that was not said of its drug. Values that were taken back in the same breath count as not said."""
    drugs = [one for one in view.named if one.group == "drug"]
    for one, value, shown in doses(view, drugs):
        named = view.talk.turns_of(one.name)
        heard = view.talk.once(_heard, one.name if named else None)
        numbered = view.talk.once(_with_numbers, one.name)
        if value in heard.corrected:
            yield view.flag(NAME, Severity.HIGH, f"{shown} was corrected in the conversation.", numbered)
            continue
        if (value == "1" and heard.one) or value in heard.stands.values or _made_of(value, heard):
            continue
        if named and not heard.doses and value in view.talk.once(everywhere, None).values:
            continue
        of_it = named and heard.doses
        message = f"{shown} was not said of {view.text(one)}." if of_it else f"The dose {shown} was not said."
        yield view.flag(NAME, Severity.HIGH, message, numbered or named)


@dataclass(frozen=True)
class _Heard:
    """What was said around a drug's name, or in the whole conversation. corrected: values that were taken back beside
    the name. one: the word was said; parts: the talk is of halves or doubles; doses: some number has a unit."""

    stands: SaidNumbers
    corrected: frozenset[str]
    one: bool
    parts: bool
    doses: bool


def _heard(talk: Conversation, name: str | None) -> _Heard:
    said = talk.by_name.get(name, ()) if name is not None else ()
    turns = window(talk, said) if said else range(len(talk.index.turns))
    own, taken_back = held(talk, {s.turn for s in said})
    readings = [talk.index.turns[turn] for turn in turns]
    return _Heard(
        SaidNumbers(frozenset(held(talk, turns)[0])),
        frozenset(taken_back - own),
        any(_ONE.search(one.text) for one in readings),
        any(_PARTS.search(one.text) for one in readings),
        any(units.DOSE.match(one.text, number.end) for one in readings for number in one.numbers),
    )


def _with_numbers(talk: Conversation, name: str) -> tuple[int, ...]:
    return tuple(turn for turn in talk.turns_of(name) if talk.index.turns[turn].numbers)


def doses(view: View, drugs: list[Named]) -> Iterator[tuple[Named, str, str]]:
    """(drug, canonical value, text) of every dose that stands beside a drug in the statement."""
    text = view.piece.text
    for number in view.reading.numbers:
        unit = units.DOSE.match(text, number.end)
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


def _made_of(value: str, heard: _Heard) -> bool:
    """Whether a dose is half or twice of what was said, where the talk is of halves or doubles."""
    return heard.parts and any(heard.stands.near(value, 1e-6, factor) for factor in (0.5, 2, 3))
