"""Lines of a note with the part they stand in: what is assessed counts for codes, what was only asked does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class Part(StrEnum):
    """Part of a note, by its heading."""

    ASSESSMENT = "assessment"
    HISTORY = "history"
    COMPLAINT = "complaint"
    PRESENT = "present illness"
    FAMILY = "family"
    REVIEW = "review of systems"
    EXAM = "examination"
    RESULTS = "results"
    MEDICATION = "medication"
    ALLERGY = "allergies"
    PLAN = "plan"
    OTHER = "other"


_PARTS = (
    (Part.FAMILY, ("family", "familienanamnese")),
    (Part.ALLERGY, ("allerg",)),
    (Part.MEDICATION, ("medication", "medikation", "current meds")),
    (Part.REVIEW, ("review of systems", "ros", "systemanamnese")),
    (Part.RESULTS, ("results", "befund", "imaging", "laboratory", "labor", "diagnostics")),
    (Part.EXAM, ("exam", "physical", "vital", "untersuchung", "körperlicher")),
    (Part.ASSESSMENT, ("assessment", "impression", "diagnos", "problem", "beurteilung")),
    (Part.PLAN, ("plan", "procedere", "therapie", "instructions", "follow")),
    (
        Part.HISTORY,
        ("past", "medical history", "surgical history", "vorgeschichte", "vorerkrankung", "social", "history:"),
    ),
    (Part.COMPLAINT, ("chief complaint", "cc", "reason for visit", "vorstellungsgrund")),
    (Part.PRESENT, ("history of present", "hpi", "subjective", "interval history", "anamnese")),
)
_HEADING = re.compile(r"[A-ZÄÖÜ][A-ZÄÖÜ &/,()-]{2,60}:?|[A-Z]{2,4}:|[A-ZÄÖÜ][\w &/,'-]{2,50}:")
_ITEM = re.compile(r"(?:\d{1,2}[.)]|[-•*])\s*")
_LABEL = re.compile(
    r"(?:medical reasoning|medical treatment|patient education(?: and counseling)?|additional testing|specialist"
    r" referrals?|plan|follow[- ]?up|instructions|patient agreements?|orders?|reasoning)\s*:",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+(?=[A-ZÄÖÜ0-9•-])")
_NUMBERED_PROBLEM = re.compile(
    r"\d{1,2}[.)]\s+|(?:impression|assessment|diagnosis|diagnoses|diagnose)\s*:\s*", re.IGNORECASE
)


@dataclass(frozen=True)
class CodingLine:
    """One sentence or line of a note. problem: it names a problem of the assessment (its own line, short)."""

    text: str = field(repr=False)
    start: int
    part: Part
    problem: bool = False


def part_of(heading: str) -> Part | None:
    """The part that a heading opens, or None if it opens none."""
    name = heading.casefold().strip(" :")
    if name.startswith(("history of present", "hpi")):
        return Part.PRESENT
    return next((part for part, marks in _PARTS if any(_opens(name, mark) for mark in marks)), None)


def _opens(name: str, mark: str) -> bool:
    return name == mark if len(mark) <= 3 else mark in name


def lines(note: str) -> Iterator[CodingLine]:
    """The note's sentences in order; headings are not among them."""
    part, offset, gap = Part.OTHER, 0, True
    for raw in note.split("\n"):
        text, start = raw.strip(), offset + len(raw) - len(raw.lstrip())
        offset += len(raw) + 1
        if not text:
            gap = True
            continue
        heading = _HEADING.match(text[:80])
        opened = part_of(heading.group()) if heading is not None and not _LABEL.match(text) else None
        if opened is not None:
            part = opened
            rest = text[heading.end() :].strip() if heading is not None else ""
            start, text, gap = start + len(text) - len(rest), rest, True
            if not rest:
                continue
        yield from _sentences(text, start, part, gap)
        gap = False


def _sentences(text: str, start: int, part: Part, gap: bool) -> Iterator[CodingLine]:
    assessed = part in (Part.ASSESSMENT, Part.PLAN)
    numbered = _NUMBERED_PROBLEM.match(text) is not None
    bullet = not numbered and _ITEM.match(text) is not None
    short = len(text.split()) <= 12
    label = re.match(r"\d{1,2}[.)]\s+", text)  # the dot of "1. " ends no sentence
    position = label.end() if label else 0
    for number, piece in enumerate(_SENTENCE.split(text[position:])):
        position = text.index(piece, position)
        names = assessed and number == 0 and not bullet and (short or numbered) and not _LABEL.match(piece)
        yield CodingLine(piece, start + position, part, problem=names and (numbered or gap or short))
        position += len(piece)
