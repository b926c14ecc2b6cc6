"""Duration and date: how long, how long ago, in how long is as it was said, in any unit that means the same."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from edge.evidence.view import Conversation, Flag, Severity, View
from edge.terms import numbers, units

NAME = "duration"
_DAYS = {"day": 1.0, "week": 7.0, "month": 30.4, "year": 365.0, "hour": 1 / 24, "minute": 1 / 1440}
_RANGE = re.compile(r"\s*(?:-|–|to|or|bis|oder)\s*$")
_AGE = re.compile(r"[\s-]*(?:year|month|week|day)s?[\s-]*old", re.IGNORECASE)
_TOLERANCE = 0.12  # of the longer one: "a month" is 4 weeks


def check(view: View) -> Iterator[Flag]:
    """A duration that was said in no unit, where another number of the same unit was said of the same thing."""
    text = view.piece.text
    for days, unit, start, end in durations(text):
        said = view.talk.once(_said, None)
        if said.holds(days) or _bare(view, text[start:end]):
            continue
        linked = {s.quote.turn + beside for s in view.sources if s.score >= _SUPPORT for beside in (-1, 0, 1)}
        if near := sorted(linked & said.turns.get(unit, frozenset())):
            yield view.flag(NAME, Severity.HIGH, f"{text[start:end].strip()} was not said.", near)


_SUPPORT = 0.35


def _bare(view: View, words: str) -> bool:
    """Whether the number was said without its unit in a turn of the statement: "eight. it used to be five"."""
    values = {value for span in numbers.spans(words) for value in span.values}
    near = {
        turn for s in view.sources if s.score >= _SUPPORT for turn in (s.quote.turn - 1, s.quote.turn, s.quote.turn + 1)
    }
    turns = view.talk.index.turns
    return any(values & span.values for turn in near if 0 <= turn < len(turns) for span in turns[turn].numbers)


def durations(text: str) -> list[tuple[float, str, int, int]]:
    """(days, unit, start, end) of every duration of a text; ages are none."""
    found = []
    spans = numbers.spans(text)
    for at, span in enumerate(spans):
        unit = units.TIME.match(text, span.end)
        if unit is None:
            joined = at + 1 < len(spans) and _RANGE.match(text[span.end : spans[at + 1].start]) is not None
            unit = units.TIME.match(text, spans[at + 1].end) if joined else None
        if unit is None or (_AGE.match(text, span.end) and unit[1].casefold().startswith("y")):
            continue
        name = _name(unit[1])
        for value in span.values:
            if value.replace(".", "", 1).isdecimal():
                found.append((float(value) * _DAYS[name], name, span.start, unit.end()))
    for one in _ONE.finditer(text):
        name = _name(one[1])
        found.append((_DAYS[name], name, one.start(), one.end()))
    return found


_ONE = re.compile(
    r"\b(?:an?|one|next|last|per|each|every|einem|einer|this)\s+(day|week|month|year|hour|tag|woche|monat|jahr)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Said:
    """Every duration of a conversation. days: each once, ascending. turns: those that speak of a unit."""

    days: list[float]
    turns: dict[str, frozenset[int]]

    def holds(self, days: float) -> bool:
        """Whether a duration was said, in any unit."""
        at = bisect_left(self.days, days)
        return any(_same(days, other) for other in self.days[max(0, at - 1) : at + 1])


def _name(word: str) -> str:
    return units.NAMES[word.casefold()]


def _said(talk: Conversation, _: None) -> _Said:
    found: list[tuple[float, str, int]] = []
    for turn, reading in enumerate(talk.index.turns):
        text = reading.text
        found += [(days, unit, turn) for days, unit, _, _ in durations(text)]
        if _HALF.search(text):
            found += [(0.5 * _DAYS[_name(m[1])], _name(m[1]), turn) for m in _HALF.finditer(text)]
        found += [(2 * _DAYS[_name(m[1])], _name(m[1]), turn) for m in _OR_TWO.finditer(text)]
        for match in _FEW.finditer(text):
            found += [(n * _DAYS[_name(match[1])], _name(match[1]), turn) for n in (2, 3, 4, 5)]
    turns: dict[str, set[int]] = {}
    for _days, unit, turn in found:
        turns.setdefault(unit, set()).add(turn)
    days = sorted({one for one, _unit, _turn in found})
    return _Said(days, {unit: frozenset(some) for unit, some in turns.items()})


_OR_TWO = re.compile(r"\b(day|week|month|year|hour|minute) or (two|so)\b", re.IGNORECASE)
_HALF = re.compile(r"\bhalf an? (day|week|month|year|hour)\b", re.IGNORECASE)
_FEW = re.compile(
    r"\b(?:a few|few|several|some|couple|couple of|ein paar)\s+(?:more\s+|of\s+)?(days|weeks|months|years|hours|"
    r"minutes|tage|wochen|monate|jahre)\b",
    re.I,
)


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= _TOLERANCE * max(one, other) + 1e-9
