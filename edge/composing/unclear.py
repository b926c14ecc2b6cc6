"""What one short line can't say of a drug, or would say wrongly: such words stay in the note as they were said.

A limit ("no more than 3,000 a day") is no dose, a taper ("then fifteen for four weeks") has several, "two of the 500s"
is a count, and a number may be another substance's.
"""

from __future__ import annotations

import re

from edge.composing import amounts, medicines, readable
from edge.evidence.checks.frequency import frequencies
from edge.evidence.reading import TextReading
from edge.terms import units
from edge.terms.drugs import DrugSpan

_LIMIT = re.compile(
    r"\b(?:no more than|not more than|never more than|at most|(?:the )?max(?:imum)?|up to \w+ (?:a|per) day|"
    r"(?:a|per) day (?:in )?total|in total|höchstens|maximal|nicht mehr als|insgesamt)\b",
    re.IGNORECASE,
)
_ENDS_LATER = re.compile(
    r"\bstops (?:on|in|after|when)\b|\bthen (?:you |you can |we |we'll |i'll )?stop\b|"
    r"\bdann (?:ist schluss|absetzen)\b",
    re.IGNORECASE,
)
LONGEST = 4_000
"""Characters that were said of one drug, at most; a longer story is for the reader."""
_COUNT = r"(?:two|three|four|five|six|seven|eight|nine|[2-9]|zwei|drei|vier)"
_COUNT_BEFORE = re.compile(rf"\b{_COUNT}(?: of (?:the|your|my))? $", re.IGNORECASE)  # "two Tylenol five hundred"
_COUNT_TAKEN = re.compile(rf"\btake {_COUNT} of (?:them|those|these)\b", re.IGNORECASE)
_A_DAY_BEFORE = re.compile(
    rf"\b{_COUNT}(?: (?:tablets?|pills?|puffs?|capsules?|drops|packets?|pumps?|tabletten|hübe|tropfen))? $",
    re.IGNORECASE,
)
_TWO_TIMES = re.compile(  # two doses of a day, which may differ
    r"\bin the mornings? and (?:\w+ ){0,2}(?:at (?:night|bedtime)|in the (?:evening|night))\b", re.IGNORECASE
)
_OR_BEFORE = re.compile(r"\b(?:or|oder) $", re.IGNORECASE)
_OR_BEHIND = re.compile(rf",? (?:or|oder) (?:once|twice|{_COUNT})\b", re.IGNORECASE)
_OTHERS_BEHIND = re.compile(r" (?:shots|injections|medications|medicines|medikamente|spritzen)\b", re.IGNORECASE)
_UNTIL_BEFORE = re.compile(r"\b(?:until|till|bis) (?:the |your |my |die |das |der )?$", re.IGNORECASE)
_THEN = re.compile(r"\b(?:then|after that|dann|danach)\b", re.IGNORECASE)
_OWN_DOSE = re.compile(r"[\s,-]*(?:of |von )?(?:the |your |my |his |her )?", re.IGNORECASE)
_BROKEN_OFF = re.compile(r"\w-\s+$")  # "three hundred, twenty phil- 25 milligrams"


def is_unclear(reading: TextReading, drug: DrugSpan, planned: bool) -> bool:
    """Whether a line of drug, dose and frequency would leave out or change what was said of the one drug of a text.
    planned: doses that follow one another are a taper; of what is taken, the last one holds."""
    text = reading.text
    before = text[max(0, drug.start - 20) : drug.start]
    return (
        any(one.search(text) is not None for one in (_LIMIT, _ENDS_LATER, _COUNT_TAKEN, _TWO_TIMES))
        or any(one.search(before) is not None for one in (_COUNT_BEFORE, _UNTIL_BEFORE))
        or any(_is_other_way(text, *one) for one in frequencies(text))
        or (planned and _is_taper(reading))
        or _is_in_pieces(reading)
        or may_be_others(reading, drug)
    )


def _is_other_way(text: str, start: int, end: int, way: str) -> bool:
    """Whether a frequency is one of several, of another substance, or none that a line has words for."""
    said, before = text[start:end].casefold(), text[max(0, start - 25) : start]
    return (
        (way in {"week", "month"} and said.startswith(("times", "twice", "two", "2")))
        or (way == "1" and said.endswith("day") and _A_DAY_BEFORE.search(before) is not None)
        or _OR_BEFORE.search(before) is not None
        or _OR_BEHIND.match(text, end) is not None
        or _OTHERS_BEHIND.match(text, end) is not None
    )  # fmt: skip


def _is_taper(reading: TextReading) -> bool:
    """Whether one dose follows another: "ten milligrams for two weeks, then twenty"."""
    found = amounts.doses(reading)
    return any(
        any(end <= then.start() for _, end in found) and any(start >= then.end() for start, _ in found)
        for then in _THEN.finditer(reading.text)
    )


def _is_in_pieces(reading: TextReading) -> bool:
    """Whether a dose was broken off and said again, or said with a full stop for its point in more than two words."""
    spans = readable.standing(reading)
    for at, (_, start, end) in enumerate(spans):
        if units.DOSE.match(reading.text, end) is None:
            continue
        if _BROKEN_OFF.search(reading.text, 0, start) is not None:
            return True
        if at and amounts.is_fraction(reading.text, spans[at - 1][2], start) and " " in reading.text[start:end]:
            return True
    return False


def may_be_others(reading: TextReading, drug: DrugSpan) -> bool:
    """Whether a number may be the dose of a substance that the lexicon lacks: one that is named behind the drug, right
    before the number ("ondansetron, and magnesium four hundred milligrams"), or before both ("vitamin d3, 50,000 units
    on Sundays, and then clindamycin")."""
    own = {one.start for one in reading.drugs}
    others = [one.end() for one in medicines.other().finditer(reading.text) if one.start() not in own]
    numbers = readable.standing(reading) if others else []
    before = amounts.doses(reading) if others else []
    return any(
        any(0 <= start - other < amounts.BESIDE for _, start, _ in numbers)
        if other > drug.end
        else any(other <= start and _is_before(reading.text, end, drug) for start, end in before)
        for other in others
    )


def _is_before(text: str, end: int, drug: DrugSpan) -> bool:
    """Whether a number that ends there stands before a drug, and not as its dose ("10 mg of lisinopril")."""
    unit = units.DOSE.match(text, end)
    end = unit.end() if unit is not None else end
    return end <= drug.start and _OWN_DOSE.fullmatch(text, end, drug.start) is None
