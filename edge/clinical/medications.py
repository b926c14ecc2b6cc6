"""Medication lines and phrases by rules: drug, strength and schedule, as in plans, lists and running text.

A line of a plan or list is one entry, or several where a comma stands before another drug. In running text only what
carries a schedule of doses ("1-0-1") is taken: a name with a strength alone is what a tagger finds better.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from edge.clinical import numbers
from edge.clinical.sections import Headings

MAX_LINE = 1_000  # characters; a longer line is no line of a list
_SHORTEST_NAME = 3
_STRENGTH = re.compile(
    r"(?<![\w.,])(\d[\d.,]*(?:/\d[\d.,]*)?)[ \t]?"
    r"(mg|g|µg|μg|mcg|ug|ml|mL|IE|I\.E\.|IU|units?|U|%|mmol|mval|Tr\.|Tropfen|gtt|Hub|Hübe|puffs?|tabs?"
    r"|tablets?|Tbl\.?|Kps\.?|caps?)"
    r"(?:/(?:ml|mL|h|hr|d|kg|Tag|day|Hub|puff|actuation|\d+\s?ml))?(?![\w])"
)
_SCHEDULE = re.compile(r"(?<![\d/.-])(\d|½|¼|1/2|\d[.,]5)(?:[ ]?[-–][ ]?(\d|½|¼|1/2|\d[.,]5|)){2,3}(?![\d/-])")
_FREQUENCY = re.compile(
    r"\b(?:once|twice|daily|weekly|nightly|bid|b\.i\.d\.|tid|qid|qd|qhs|q\d+h|prn|od|bd|tds|qds|om|on|nocte|mane|po"
    r"|p\.o\.|tgl|tägl|täglich|wöchentlich|morgens|abends|mittags|zur nacht|b\. ?bed|bei bedarf|stdl|monatlich|every"
    r"|times a day|sig|pausiert|s\. ?c\.|i\. ?v\.|iv|sc|s/c)\b",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^[ \t]*(?:[-*•–·]|\(?\d{1,2}[.)]|\d{1,2}\))?[ \t]*")
_LIST_KEYS = frozenset({"medication", "discharge_medication"})
_NAME = re.compile(r"[^\W\d_][\w/.+'-]*")
_NEEDED = re.compile(r"\b(?:prn|as needed|b\. ?bed|bei bedarf|p\.r\.n)", re.IGNORECASE)
_SENTENCE = re.compile(
    r"\b(?:patient|she|he|taking|takes|reports|utilizes|states|berichtet|nimmt|erhielt|gegeben|wurde)\b", re.IGNORECASE
)
# What stands after a comma before another dose of the same drug: "20 mg, dann 10 mg".
_SAME_DRUG = re.compile(
    r"(?:dann|danach|anschließend|später|davor|zuvor|jetzt|aktuell|zuletzt|ab|bis|bei|für|je|max|alle|oder|bzw|davon|"
    r"morgens|mittags|abends|nachts|then|now|later|up|from|until|for|if|or|every|each|in|at|after|before|with|plus|"
    r"last|started|increased?|decreased?|reduced?|erhöht|reduziert|initial|total|dose|dosis)\b",
    re.IGNORECASE,
)
_NEXT = re.compile(r"[,;]\s+(?:(?:and|und|sowie)\s+)?")
_LAST = re.compile(r"[\s,;]+(?:(?:and|und|sowie)\s+)?$")
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
        section = headings.at(at)
        short = len(line) <= MAX_LINE
        listed = short and section is not None and section.key in _LIST_KEYS and at >= section.body - 1
        found += (_listed(line, at, german) if listed else []) or _scheduled(line, at, german)
        at += len(line) + 1
    return found


def _listed(line: str, at: int, german: bool) -> list[Medication]:
    """The drugs of a line of a list: one, or one for each piece after a comma that names another with its dose."""
    if _SENTENCE.search(line):
        return []
    starts = [0, *(cut.end() for cut in _NEXT.finditer(line) if _names_drug(line, cut.end()))]
    ends = [*(start for start in starts[1:]), len(line)]
    pieces = [_LAST.sub("", line[start:end]) for start, end in zip(starts, ends, strict=True)]
    made = [_line(piece, at + start, german) for start, piece in zip(starts, pieces, strict=True)]
    return [one for one in made if one is not None]


def _names_drug(line: str, start: int) -> bool:
    """Whether a name with a strength or a schedule begins here, not another dose of the drug before."""
    piece = line[start : start + 80].split(",")[0]
    dosed = min((m.start() for m in (_STRENGTH.search(piece), _SCHEDULE.search(piece)) if m), default=0)
    name = piece[:dosed].strip()
    return len(name) >= _SHORTEST_NAME and name[0].isalpha() and len(name.split()) <= 4 and not _SAME_DRUG.match(name)


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
    if len(name) > 60 or ":" in name or len(name.split()) > 6:
        return None
    return _made(line, start, end, at, german)


def _scheduled(line: str, at: int, german: bool) -> list[Medication]:
    """Drugs in running text that carry a schedule of doses, each from its name to the schedule."""
    found = []
    after = 0
    for schedule in _SCHEDULE.finditer(line):
        strengths = list(_STRENGTH.finditer(line, after, schedule.start()))
        if not strengths:
            continue
        start = _named(line, after, strengths[-1].start())
        if start is not None:
            found.append(_made(line, start, schedule.end(), at, german))
        after = schedule.end()
    return [one for one in found if one is not None]


def _named(line: str, least: int, strength: int) -> int | None:
    """Where the name of a drug begins that ends at its strength: the last word, and those in capitals before it."""
    low = max(least, strength - 60)
    cut = max(line.rfind(mark, low, strength) for mark in _PHRASES)
    words = list(_NAME.finditer(line, low if cut < 0 else cut + 1, strength))
    if not words:
        return None
    start = words[-1].start()
    for word in reversed(words[:-1]):
        if not word[0][0].isupper() or line[word.end() : start].strip(" \t-"):
            break
        start = word.start()
    return start


def of_phrase(phrase: str, german: bool) -> Medication | None:
    """The parts of one phrase that names a drug; offsets count in the phrase."""
    return _made(phrase, 0, len(phrase), 0, german)


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
