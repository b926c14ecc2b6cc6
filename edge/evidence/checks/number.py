"""Number and unit: a measured value is one that was said of this measurement; any other number is one that was said."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge.evidence.checks.dose import UNIT
from edge.evidence.context import Named
from edge.evidence.view import Flag, Severity, View, held, window
from edge.terms import numbers

NAME = "number"
_MEASUREMENTS = (
    "a1c glucose blood_pressure pulse oxygen respiratory_rate weight height bmi ldl hdl creatinine potassium sodium "
    "hemoglobin tsh psa ejection_fraction temperature lipid kidney_function"
)
_MEASURED = frozenset(_MEASUREMENTS.split())
_REACH = 45  # characters from a measurement's name to its value
_LIST = re.compile(r"^\s*\(?\d{1,2}[.)]\s")
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
            or (UNIT.match(text, number.end) and _percent(text, number.end) is False)
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
        said = view.talk.by_name.get(owner.name, ())
        if not said:
            continue
        turns = window(view.talk, said, before=1, after=2)
        near = held(view.talk, turns)[0]
        anywhere = _agrees(value, held(view.talk, range(len(view.talk.index.turns)))[0])
        if not near or _agrees(value, near) or anywhere:
            continue
        shown = [s.turn for s in said if view.talk.index.turns[s.turn].numbers]
        if shown:
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


def _agrees(value: str, said: set[str]) -> bool:
    """Whether a value was said, rounded as people round."""
    if value in said or value.replace(".", "") in said:
        return True
    number = float(value)
    return (
        any(abs(number - float(s)) < 0.051 for s in said if s.replace(".", "", 1).isdigit()) if "." in value else False
    )
