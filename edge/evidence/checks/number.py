"""Number and unit: a measured value is one that was said of this measurement; any other number is one that was said."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge.evidence.context import Named
from edge.evidence.spoken import SaidNumbers, everywhere
from edge.evidence.view import Conversation, Flag, Severity, View, held, window
from edge.terms import numbers, units

NAME = "number"
_MEASUREMENTS = (
    "a1c glucose blood_pressure pulse oxygen respiratory_rate weight height bmi ldl hdl creatinine potassium sodium "
    "hemoglobin tsh psa ejection_fraction temperature lipid kidney_function"
)
_MEASURED = frozenset(_MEASUREMENTS.split())
_REACH = 45  # characters from a measurement's name to its value
_ROUNDED = 0.051
_NOT_A_VALUE = re.compile(
    r"[\s-]*(?:days?|weeks?|months?|years?|hours?|minutes?|times|x\b|st\b|nd\b|rd\b|th\b|/\d|tablets?|pills?|puffs?)",
    re.IGNORECASE,
)
_MONTH = re.compile(r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? $|#$", re.IGNORECASE)


def check(view: View) -> Iterator[Flag]:
    """A value that was not said of its measurement, where another was."""
    text = view.piece.text
    labels = [one for one in view.named if one.name in _MEASURED]
    for number in view.reading.numbers:
        if (
            not text[number.start].isdigit()
            or text[number.start - 1 : number.start].isalpha()
            or (units.DOSE.match(text, number.end) and _percent(text, number.end) is False)
        ):
            continue
        if _NOT_A_VALUE.match(text, number.end) and "/" not in text[number.end : number.end + 1]:
            continue
        if _MONTH.search(text[max(0, number.start - 12) : number.start]):
            continue
        owner = _owner(labels, number.start, text)
        if owner is None:
            continue
        value = numbers.canonical(text[number.start : number.end])
        near = view.talk.once(_near, owner.name)
        if not near.values or _agrees(value, near) or _agrees(value, view.talk.once(everywhere, None)):
            continue
        if shown := view.talk.once(_with_numbers, owner.name):
            yield view.flag(
                NAME, Severity.HIGH, f"{text[number.start : number.end]} was not said of {view.text(owner)}.", shown
            )
            return


def _percent(text: str, at: int) -> bool:
    return text[at : at + 2].strip().startswith("%")


def _owner(labels: list[Named], start: int, text: str) -> Named | None:
    before = [one for one in labels if one.end <= start and start - one.end < _REACH]
    if not before or re.search(r"[;.](?:\s|$)|, (?:and )?(?:with|from|for)\b", text[before[-1].end : start]):
        return None
    return before[-1]


def _near(talk: Conversation, name: str) -> SaidNumbers:
    """Numbers said around a measurement's name."""
    return SaidNumbers(frozenset(held(talk, window(talk, talk.by_name.get(name, ()), before=1, after=2))[0]))


def _with_numbers(talk: Conversation, name: str) -> tuple[int, ...]:
    return tuple(turn for turn in talk.turns_of(name) if talk.index.turns[turn].numbers)


def _agrees(value: str, said: SaidNumbers) -> bool:
    """Whether a value was said, rounded as people round."""
    if value in said.values or value.replace(".", "") in said.values:
        return True
    return "." in value and said.near(value, _ROUNDED)
