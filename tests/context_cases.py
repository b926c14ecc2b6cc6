"""Reads the assertion cases of tests/golden/context and scores the rules on them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from edge.clinical.context import Context
from edge.contract.facts import Attributes

FOLDER = Path(__file__).parent / "golden" / "context"
_PIECE = re.compile(r"\[([^|\]]+)\|([^\]]*)\]")
_TIMES = ("past", "planned", "stopped", "conditional")


@dataclass(frozen=True)
class Case:
    """One piece of one text with the wanted polarity, time and person ("patient", or the relation by name)."""

    text: str
    start: int
    end: int
    polarity: str
    time: str
    person: str


def read(name: str) -> list[Case]:
    """The cases of a file, by its name without ending."""
    lines = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [case for line in lines if line and not line.startswith("#") for case in _cases(line.replace("\\n", "\n"))]


def _cases(line: str) -> list[Case]:
    text, found, at = "", [], 0
    for match in _PIECE.finditer(line):
        text += line[at : match.start()]
        found.append((len(text), len(text) + len(match[1]), match[2]))
        text += match[1]
        at = match.end()
    text += line[at:]
    return [Case(text, start, end, *_codes(codes)) for start, end, codes in found]


def _codes(codes: str) -> tuple[str, str, str]:
    before, _, person = codes.partition("=")
    words = before.split() + [word for word in person.split() if word in _TIMES]
    name = " ".join(word for word in person.split() if word not in _TIMES)
    polarity = "denied" if "D" in words else "uncertain" if "U" in words else "affirmed"
    return polarity, next((word for word in words if word in _TIMES), "current"), name or "patient"


def person(found: Attributes) -> str:
    """The person as the cases name it; the family at large is "family" in either language."""
    name = found.relative or found.subject.value
    return "family" if name == "Familie" else name


def precision(name: str, language: str) -> dict[str, float]:
    """Share of right answers among those that say denied, and among those that say another person than the patient."""
    right: Counter[str] = Counter()
    said: Counter[str] = Counter()
    for case in read(name):
        found = Context(case.text, language).at(case.start, case.end)
        if found.polarity == "denied":
            said["denied"] += 1
            right["denied"] += case.polarity == "denied"
        if person(found) != "patient":
            said["person"] += 1
            right["person"] += person(found) == case.person
        said["time"] += 1
        right["time"] += found.time == case.time
        said["recall of denied"] += case.polarity == "denied"
        right["recall of denied"] += case.polarity == found.polarity == "denied"
    return {what: right[what] / said[what] for what in said}
