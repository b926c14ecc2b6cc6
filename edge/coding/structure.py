"""Lines of a note with the part they stand in: what is assessed counts for codes, what was only asked does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from edge.clinical.sections import Headings, ReportSection


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


# Key of a heading (edge/clinical/headings.toml) -> the part it opens; other keys leave the part as it is.
_PARTS = {
    "family": Part.FAMILY, "allergy": Part.ALLERGY, "medication": Part.MEDICATION,
    "discharge_medication": Part.MEDICATION, "ros": Part.REVIEW, "results": Part.RESULTS, "imaging": Part.RESULTS,
    "pathology": Part.RESULTS, "exam": Part.EXAM, "vitals": Part.EXAM, "diagnosis": Part.ASSESSMENT,
    "assessment_plan": Part.ASSESSMENT, "plan": Part.PLAN, "history": Part.HISTORY, "social": Part.HISTORY,
    "lifestyle": Part.HISTORY, "complaint": Part.COMPLAINT, "hpi": Part.PRESENT,
}  # fmt: skip
_BULLETS = "-•*"
_ITEM = re.compile(r"(?:\d{1,2}[.)]|[-•*])\s*")
_LABEL = re.compile(
    r"(?:medical reasoning|medical treatment|patient education(?: and counseling)?|additional testing|specialist"
    r" referrals?|plan|follow[- ]?up|instructions|patient agreements?|orders?|reasoning)\s*:",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?;])(?<![Zz]\. n\.)(?<![Zz]\.n\.)\s+(?=[A-ZÄÖÜ0-9•-])")  # "Z. n." is "status post"
_NUMBERED_PROBLEM = re.compile(
    r"\d{1,2}[.)]\s+|(?:impression|assessment|diagnosis|diagnoses|diagnose)\s*:\s*", re.IGNORECASE
)
_HISTORY = re.compile(r"history of (?!present)", re.IGNORECASE)  # "History of gout" is a problem, no heading
# What somebody is told to do names no problem.
_INSTRUCTION = re.compile(
    r"(?:[-•*]\s*)?(?:follow|return|call|go to|er for|ed for|nurse|continue|stop|start|keep|protect|avoid|take|"
    r"schedule|recheck|repeat|review after|refer|order|no further|(?:s?he|they|we|i|the patient|patient) will|"
    r"all questions|"
    r"the patient (?:understands|agrees)|sooner|emergency)\b",
    re.IGNORECASE,
)


_SPOKEN = re.compile(
    r"(?:[-•*]\s*)?(?:this is|that is|that's|it is|it's|you have|you've got|das ist|es ist|sie haben|"
    r"the (?!patient\b|plan\b)(?:\w+ ){1,3}is)\s+",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r",?\s(?:that|which|because|since|der|die|das|weil)\s.*$", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class CodingLine:
    """One sentence or line of a note. problem: it names a problem of the assessment (its own line, short).

    spoken: it is of a conversation (edge.coding.talk), where a problem is no line of its own.
    """

    text: str = field(repr=False)
    start: int
    part: Part
    problem: bool = False
    spoken: bool = False


def lines(note: str, headings: Headings | None = None) -> Iterator[CodingLine]:
    """The note's sentences in order; headings are not among them."""
    opened = [(section.start, section.body, part) for section in (headings or Headings(note)).sections
              if (part := _part(note, section)) is not None]  # fmt: skip
    part, offset, gap, named, at = Part.OTHER, 0, True, False, 0
    for raw in note.split("\n"):
        end = offset + len(raw)
        if not raw.strip():
            gap = True
        while offset < end:
            stop = opened[at][0] if at < len(opened) and opened[at][0] < end else end
            if text := note[offset:stop].strip():
                start = note.index(text, offset)
                for line in _sentences(text, start, part, gap, named):
                    named = named or (line.problem and text[0] not in _BULLETS)
                    yield line
                gap = False
            offset = stop
            if stop < end:
                _, offset, new = opened[at]
                if not (part is Part.REVIEW and new is Part.EXAM and not _whole(note, opened[at])):
                    named = named and new is part
                    part = new
                gap, at = True, at + 1
        offset = end + 1


def _whole(note: str, opened: tuple[int, int, Part]) -> bool:
    """Whether a heading has its line for itself; "Skin: no rash" among the systems asked about has not."""
    start, body, _ = opened
    after = note[body : note.find("\n", body) if "\n" in note[body:] else len(note)]
    return not after.strip() and note[start:body].strip().isupper()


def _part(note: str, section: ReportSection) -> Part | None:
    """The part that a heading opens; None for one that is not known, or that labels a piece of one problem."""
    if section.title.endswith(".") or _HISTORY.match(section.title):
        return None
    if _LABEL.match(f"{section.title}:") and not note[section.start : section.body].strip(" :*#").isupper():
        return None
    return _PARTS.get(section.key)


def _said_about(text: str) -> str:
    """A line as its length is judged by: what it names, without its bullet, "this is" and the clause behind it."""
    mark = _SPOKEN.match(text) or _ITEM.match(text)
    return _CLAUSE.sub("", text[mark.end() :] if mark else text)


def _sentences(text: str, start: int, part: Part, gap: bool, named: bool) -> Iterator[CodingLine]:
    """named: a line before this one in the same part named a problem; bullets after it are what is said of that one."""
    assessed = part in (Part.ASSESSMENT, Part.PLAN)
    numbered = _NUMBERED_PROBLEM.match(text) is not None
    bullet = not numbered and _ITEM.match(text) is not None
    if bullet and not named and part is Part.ASSESSMENT:
        bullet = False  # a list of diagnoses with bullets
    short = len(_said_about(text).split()) <= 12
    label = re.match(r"\d{1,2}[.)]\s+", text)  # the dot of "1. " ends no sentence
    position = label.end() if label else 0
    for number, piece in enumerate(_SENTENCE.split(text[position:])):
        position = text.index(piece, position)
        names = assessed and number == 0 and not bullet and (short or numbered) and not _LABEL.match(piece)
        names = names and not _INSTRUCTION.match(piece)
        yield CodingLine(piece, start + position, part, problem=names and (numbered or gap or short))
        position += len(piece)
