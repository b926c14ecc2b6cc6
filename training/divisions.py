"""Splits a visit note into the four divisions by which ACI-Bench is written and scored (Yim et al., Sci Data 2023).

A heading is a short line of capitals (a trailing colon allowed). Known headings open a division; an unknown one
stays inside the division it stands in ("EKG" under RESULTS, "HIV" under ASSESSMENT).
"""

from __future__ import annotations

import re

DIVISIONS = ("subjective", "objective_exam", "objective_results", "assessment_and_plan")

_OPENS = {
    "subjective": (
        "SUBJECTIVE|CHIEF COMPLAINT|CC|HISTORY OF PRESENT ILLNESS|HPI|REVIEW OF SYSTEMS|ROS|SOCIAL HISTORY|"
        "FAMILY HISTORY|"
        "MEDICAL HISTORY|PAST HISTORY|PAST MEDICAL HISTORY|SURGICAL HISTORY|PAST SURGICAL HISTORY|BIRTH HISTORY|"
        "MEDICATIONS|CURRENT MEDICATIONS|ALLERGIES"
    ),
    "objective_exam": "OBJECTIVE|PHYSICAL EXAM|PHYSICAL EXAMINATION|EXAM|VITALS|VITALS REVIEWED|VITAL SIGNS",
    "objective_results": "RESULTS|LABS|LABORATORY|IMAGING|DIAGNOSTIC RESULTS",
    "assessment_and_plan": "ASSESSMENT AND PLAN|ASSESSMENT|PLAN|IMPRESSION|INSTRUCTIONS|DIAGNOSIS",
}
_DIVISION_OF = {heading: division for division, names in _OPENS.items() for heading in names.split("|")}
_HEADING = re.compile(r"[A-Z][A-Z ,/&()-]{1,50}:?")
# One spelling each for the model to learn; references are scored as written.
_SPELLING = {"CC": "CHIEF COMPLAINT", "HPI": "HISTORY OF PRESENT ILLNESS", "EXAM": "PHYSICAL EXAM"}


def heading(line: str) -> str | None:
    """The heading that a line is (without colon), or None if the line is text."""
    line = line.strip()
    return line.rstrip(":").strip() if _HEADING.fullmatch(line) else None


def headings(text: str) -> set[str]:
    """Headings of a note, each in its one spelling."""
    names = (heading(line) for line in text.split("\n"))
    return {_SPELLING.get(name, name) for name in names if name}


def split(note: str) -> dict[str, str]:
    """Return division -> its text, headings included, in the order of the note; absent divisions are left out.

    Text before the first known heading counts as subjective.
    """
    parts: dict[str, list[str]] = {}
    current = DIVISIONS[0]
    for line in note.split("\n"):
        name = heading(line)
        current = _DIVISION_OF.get(name, current) if name else current
        parts.setdefault(current, []).append(line.rstrip())
    joined = {division: "\n".join(lines).strip() for division, lines in parts.items()}
    return {division: joined[division] for division in DIVISIONS if joined.get(division)}


def normalise(text: str) -> str:
    """A training target with one spelling for each heading (CC -> CHIEF COMPLAINT) and no runs of blank lines."""
    lines = []
    for line in text.split("\n"):
        name = heading(line)
        lines.append(_SPELLING.get(name, name) if name in _DIVISION_OF and name else line.rstrip())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
