"""Which number of what was said of a drug is its dose, with its unit if one was said.

A number without a unit is a dose only beside the drug's name, and only if it counts nothing else: no age, clock, date,
tablets, times, days or pressure.
"""

from __future__ import annotations

import re

from edge.composing import quotes, readable
from edge.evidence.reading import TextReading
from edge.evidence.view import RETRACTED
from edge.terms import units

BESIDE = 30
"""Characters between a drug's name and a dose without a unit, at most."""
LEAST_BARE = 5
"""A smaller number beside a drug without a unit counts tablets or times."""

_OVER = re.compile(r"\s*(?:over|/|zu)\b|\s*/", re.IGNORECASE)
_OVER_BEFORE = re.compile(r"(?:\b(?:over|zu)|/)\s*$", re.IGNORECASE)
_PER_BEFORE = re.compile(r"\b(?:per|pro)\s*$", re.IGNORECASE)
_PER_BEHIND = re.compile(r"\s*(?:per|pro|in (?:each|every))\b", re.IGNORECASE)
_YEARS = range(1950, 2100)
_AGE_BEFORE = re.compile(
    r"\b(?:(?:when|until|till|since|before) (?:i|he|she|you|they) (?:was|were|turned)|age(?: of)?|aged|als ich|mit) $",
    re.IGNORECASE,
)
_STEP_BEFORE = re.compile(r"(?:\b(?:by|um)|[$€]) ?$", re.IGNORECASE)  # "down by one milligram a month", "$ 9"
_TAKEN_BEFORE = re.compile(r"\b(?:it's|it is|take|taking) (?:the |an? |about )?$", re.IGNORECASE)
_PUT_RIGHT = 40  # characters more to one that puts another right
_OR = re.compile(r"\W*(?:or|oder)\b", re.IGNORECASE)
_ONES = "zero|one|two|three|four|five|six|seven|eight|nine"
_FIGURE = re.compile(rf"(?:{_ONES}|oh)\b")
_ROW = re.compile(rf"(?:{_ONES})(?:[ -](?:{_ONES}))+", re.IGNORECASE)  # "five six a day" are two numbers
_ORDINAL = re.compile(r"(?:st|nd|rd|th)\b", re.IGNORECASE)
_COUNTED = re.compile(
    r"[\w-]+(?: (?:to |or |bis |oder )?[\w-]+)?\s+(?:times|days?|weeks?|months?|years?|hours?|minutes?|tablets?|pills?|"
    r"puffs?|pounds?|degrees|dollars?|euros?|o'clock|of the)\b",
    re.IGNORECASE,
)
_FULL_STOP = re.compile(r" ?\. ")  # a recogniser's for a point: "twelve . five milligrams"


def dose(reading: TextReading) -> str:
    """The last number before a unit that stands, its volume behind it ("720 mg (9 mL)"), or the last bare one
    beside the drug's name or in later words about it, without a unit; "" where it was asked ("is it ten or …?")."""
    text = reading.text
    numbers = [one for one in readable.standing(reading) if not _is_strength(text, *one[1:])]
    doses: dict[bool, str] = {}  # whether it is a volume
    for at in reversed(range(len(numbers))):
        unit = units.DOSE.match(text, numbers[at][2])
        if unit is None or _is_strength(text, unit.start(), unit.end()) or _is_step(text, numbers[at][1]):
            continue
        name = units.written(unit[1])
        whole = numbers[at - 1][0] if at and is_fraction(text, numbers[at - 1][2], numbers[at][1]) else ""
        doses.setdefault(name == "mL", f"{f'{whole}.' if whole else ''}{numbers[at][0]} {name}")
    if doses:
        volume = f" ({doses[True]})" if len(doses) == 2 else doses.get(True, "")
        return doses.get(False, "") + volume
    bare = [one for one in numbers if _may_be_dose(reading, *one)]
    near = [one for one in bare if _beside_drug(reading, one[1], one[2])]
    if near and quotes.DASH in text[near[-1][2] : bare[-1][1]]:
        return bare[-1][0]
    if near and _OR.match(text, near[-1][2]) is None:
        return f"{near[-1][0]} {_unit_before(reading, near[-1][1])}".strip()
    return ""


def doses(reading: TextReading) -> list[tuple[int, int]]:
    """(start, end) of every number of a text that stands and may be a dose."""
    return [
        (start, end)
        for value, start, end in readable.standing(reading)
        if units.DOSE.match(reading.text, end) or _may_be_dose(reading, value, start, end)
    ]


def is_fraction(text: str, end: int, start: int) -> bool:
    """Whether a full stop between two numbers that were spoken, the second one or more single figures, is a point."""
    spoken = not text[end - 1 : end].isdigit() and _FIGURE.match(text, start) is not None
    return spoken and _FULL_STOP.fullmatch(text, end, start) is not None


def _may_be_dose(reading: TextReading, value: str, start: int, end: int) -> bool:
    """Whether a number without a unit counts nothing else, by its size and the words around it."""
    text = reading.text
    if readable.least(value) < LEAST_BARE or readable.least(value) in _YEARS or _is_step(text, start):
        return False
    if _COUNTED.match(text, start, start + 40) or _AGE_BEFORE.search(text, max(0, start - 30), start):
        return False
    row = next((one for one in reading.numbers if one.start == start), None)
    return not (_ORDINAL.match(text, end) or (row is not None and _ROW.fullmatch(text, row.start, row.end)))


def _is_step(text: str, start: int) -> bool:
    """Whether a number is a change of a dose, or a price."""
    return _STEP_BEFORE.search(text, max(0, start - 5), start) is not None


def _unit_before(reading: TextReading, start: int) -> str:
    """The unit of the number that one at an offset puts right: "200 milligrams, no, wait, the 400"."""
    before = [one for one in reading.numbers if one.end <= start][-1:]
    unit = units.DOSE.match(reading.text, before[0].end) if before else None
    put_right = unit is not None and RETRACTED.match(reading.text[unit.end() : start]) is not None
    return units.written(unit[1]) if unit is not None and put_right else ""


def _is_strength(text: str, start: int, end: int) -> bool:
    """Whether a number is part of a strength and no dose: "400 per 5 mL"."""
    return _PER_BEHIND.match(text, end) is not None or _PER_BEFORE.search(text[max(0, start - 8) : start]) is not None


def _beside_drug(reading: TextReading, start: int, end: int) -> bool:
    """Whether a bare number stands right behind or before a drug's name ("lisinopril, the twenty") or behind a word of
    taking ("it's a hundred"); no pressure, nor one of the two parts of a combination ("two fifty over fifty")."""
    text = reading.text
    if _OVER.match(text, end) or _OVER_BEFORE.search(text, max(0, start - 6), start):
        return False
    if len({one.generic for one in reading.drugs}) == 1 and _TAKEN_BEFORE.search(text, 0, start) is not None:
        return True
    reach = BESIDE + (len(_unit_before(reading, start)) and _PUT_RIGHT)
    return any(0 <= start - d.end < reach or 0 <= d.start - end < 12 for d in reading.drugs)
