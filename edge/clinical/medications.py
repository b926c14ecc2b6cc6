"""Medication lines and phrases by rules: drug, strength and schedule, as in plans, lists and running text.

A line of a plan or list is one entry. In running text only what carries a schedule of doses ("1-0-1") is taken: a name
with a strength alone is what a tagger finds better.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from edge.clinical import numbers
from edge.clinical.sections import Headings

MAX_LINE = 1_000
_STRENGTH = re.compile(
    r"(?<![\w.,])(\d[\d.,]*(?:/\d[\d.,]*)?)[ \t]?"
    r"(mg|g|µg|μg|mcg|ug|ml|mL|IE|I\.E\.|IU|units?|U|%|mmol|mval|Tr\.|Tropfen|gtt|Hub|Hübe|puffs?|tabs?|tablets?|Tbl\.?|Kps\.?|caps?)"
    r"(?:/(?:ml|mL|h|hr|d|kg|Tag|day|Hub|puff|actuation|\d+\s?ml))?(?![\w])"
)
_SCHEDULE = re.compile(r"(?<![\d/.-])(\d|½|¼|1/2|\d[.,]5)(?:[ ]?[-–][ ]?(\d|½|¼|1/2|\d[.,]5|)){2,3}(?![\d/-])")
_FREQUENCY = re.compile(
    r"\b(?:once|twice|daily|weekly|nightly|bid|b\.i\.d\.|tid|qid|qd|qhs|q\d+h|prn|od|bd|tds|qds|om|on|nocte|mane|po|p\.o\."
    r"|tgl|tägl|täglich|wöchentlich|morgens|abends|mittags|zur nacht|b\. ?bed|bei bedarf|stdl|monatlich|every|times a day"
    r"|sig|pausiert|s\. ?c\.|i\. ?v\.|iv|sc|s/c)\b",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^[ \t]*(?:[-*•–·]|\(?\d{1,2}[.)]|\d{1,2}\))?[ \t]*")
_LIST_KEYS = frozenset({"medication", "discharge_medication"})
_NAME = re.compile(r"[^\W\d_][\w/.+'-]*(?:[ \t-][^\W\d_][\w/.+'-]*){0,3}")
_NEEDED = re.compile(r"\b(?:prn|as needed|b\. ?bed|bei bedarf|p\.r\.n)", re.IGNORECASE)
_SENTENCE = re.compile(
    r"\b(?:patient|she|he|taking|takes|reports|utilizes|states|berichtet|nimmt|erhielt|gegeben|wurde)\b", re.IGNORECASE
)
_PHRASES = (", ", "; ", ". ", ": ", " und ", " and ", "– ", " auf ", " to ")


@dataclass(frozen=True)
class Medication:
    """One drug: text[start:end]. dose: the first strength as a number, None where there is none."""

    start: int
    end: int
    name: str
    dose: float | None
    unit: str
    schedule: str
    as_needed: bool

    def as_json(self) -> dict[str, Any]:
        """{"name", "dose", "unit", "schedule", "as_needed"}; what is not known is left out."""
        found: dict[str, Any] = {"name": self.name}
        if self.dose is not None:
            found |= {"dose": self.dose, "unit": self.unit}
        if self.schedule:
            found["schedule"] = self.schedule
        return found | ({"as_needed": True} if self.as_needed else {})


def find(text: str, german: bool, headings: Headings | None = None) -> list[Medication]:
    """Medications of a text in order of place."""
    headings = headings or Headings(text)
    found: list[Medication] = []
    at = 0
    for line in text.split("\n"):
        shown = line[:MAX_LINE]
        section = headings.at(at)
        listed = section is not None and section.key in _LIST_KEYS and at >= section.body - 1
        whole = _line(shown, at, german) if listed else None
        if whole is not None:
            found.append(whole)
        else:
            found += _scheduled(shown, at, german)
        at += len(line) + 1
    return found


def _line(line: str, at: int, german: bool) -> Medication | None:
    """A line of a list that is one drug."""
    bullet = _BULLET.match(line)
    start = bullet.end() if bullet else 0
    end = len(line.rstrip(" \t.;"))
    if end <= start or not line[start].isalpha() or line.count(", ") > 2 or line.rstrip().endswith(":"):
        return None
    strength, schedule = _STRENGTH.search(line, start, end), _SCHEDULE.search(line, start, end)
    marked = schedule or _FREQUENCY.search(line, start, end)
    if len(_STRENGTH.findall(line)) > 3 or not (strength or schedule) or not (marked or bullet or strength):
        return None
    first = min(m.start() for m in (strength, schedule) if m)
    name = line[start:first]
    if len(name) > 60 or ":" in name or len(name.split()) > 6 or _SENTENCE.search(line):
        return None
    return _made(line, start, end, at, german)


def _scheduled(line: str, at: int, german: bool) -> list[Medication]:
    """Drugs in running text that carry a schedule of doses, each from its name to the schedule."""
    found = []
    after = 0
    for schedule in _SCHEDULE.finditer(line):
        strengths = [m for m in _STRENGTH.finditer(line, after, schedule.start())]
        if not strengths:
            continue
        stop = max(line.rfind(mark, after, strengths[-1].start()) for mark in _PHRASES)
        begin = after if stop < after else stop + 1
        name = None
        for match in _NAME.finditer(line, begin, strengths[-1].start()):
            name = match
        start = name.start() if name else None
        if start is not None:
            while start < len(line) and line[start].islower():  # "auf Ramipril": the drug is a noun
                gap = line.find(" ", start, strengths[-1].start())
                if gap < 0:
                    break
                start = gap + 1
            found.append(_made(line, start, schedule.end(), at, german))
        after = schedule.end()
    return [one for one in found if one is not None]


def _made(line: str, start: int, end: int, at: int, german: bool) -> Medication | None:
    piece = line[start:end]
    strength, schedule = _STRENGTH.search(piece), _SCHEDULE.search(piece)
    first = min((m.start() for m in (strength, schedule) if m), default=len(piece))
    name = piece[:first].strip(" \t,:-")
    if not name:
        return None
    dose = numbers.parse(strength[1].split("/")[0], german) if strength else None
    return Medication(
        at + start,
        at + end,
        name,
        dose,
        strength[2] if strength else "",
        schedule[0].strip() if schedule else "",
        bool(_NEEDED.search(piece)),
    )
