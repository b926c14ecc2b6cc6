"""Checklists of facts: what a note must state and must not state, as regular expressions read from the data set.

A fact is stated when all of its expressions match within one unit of the note, a sentence or a bullet; a forbidden
statement is hit when all of its own do. A heading that says what stands under it ("ALLERGIES") counts for each unit
below. Same units and same counts as the scorer that lies beside the data; a test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

MAX_CHARACTERS = 200_000  # a runaway note is judged by its beginning

_PLAIN = (
    "chief complaint|cc|reason for visit|history of present illness|hpi|history of presenting complaint|history|"
    "review of systems|ros|physical examination|physical exam|exam|examination|pe|results|labs|data|"
    "assessment and plan|assessment & plan|assessment|plan|a/p|a&p|ap|subjective|objective|impression|note|"
    "clinical note|soap note|summary|interval history|assessment/plan|impression and plan|orders|vitals|vital signs|"
    "disposition|follow-up|follow up"
)
_TITLES = "dr mr mrs ms prof st vs e.g i.e eg ie cf approx ca fig jr sr rt lt pt resp temp incl excl esp"
_MONTHS = "jan feb mar apr jun jul aug sep sept oct nov dec no"
_SHORT = (
    "mg mcg g kg ml l dl cm mm in ft lb lbs oz hr hrs h wk wks mo mos yr yrs yo y.o min mins sec tab tabs cap caps tsp "
    "tbsp p.o po b.i.d t.i.d q.i.d q.d q.h.s h.s p.r.n prn a.m p.m q i.v i.m s.c inj etc wt ht hx dx rx tx fx sx u iu "
    "d x o.d o.s o.u b.p h.r"
)
_PLAIN_HEADINGS = frozenset(_PLAIN.split("|"))
_NO_END, _BEFORE_FIGURES, _UNITS = (frozenset(words.split()) for words in (_TITLES, _MONTHS, _SHORT))
_DIRECTIONS = re.compile(
    r"(?:PO|IV|IM|SC|SQ|SL|PR|BID|TID|QID|QD|QHS|QAM|QPM|QOD|HS|PRN|Q\d+\s?H\w*|DAILY|Tabs?|Tablets?|Caps?|Capsules?|"
    r"By mouth|[A-Z]\.[A-Z]\.)\b"
)
_BULLET = re.compile(
    r"^\s*(?:[-*+\u2022\u25aa\u25cf\u25e6\u00b7o]\s+|\(?\d{1,2}[.)]\s+|\(?[a-hA-H][.)]\s+|\[[ xX]?\]\s+)+"
)
_END = re.compile(r"[.!?]+[\"')\]]*(?=\s|$)|[.!?](?=[A-Z][a-z])")
_HEADING_WORD = re.compile(
    r"medic|allerg|histor|social|family|surgical|\bpast|review|exam|result|\blabs?\b|laborator|imaging|assess|plan|"
    r"complaint|vital|diagnos|problem|immuni|vaccin|discontinued|stopped|current|objective|subjective|\bdata\b|"
    r"impression|procedure|recommend|follow|constitutional|cardio|respir|gastro|neuro|psych|musculo|\bskin|heent|"
    r"genito|endocrin|\beyes?\b|\bears?\b|general|heart|lungs?|abdomen|extremit|pertinent|negative|positive|denies|"
    r"reason for|\b(?:CC|HPI|ROS|PE|PMH|PSH|FH|FHX|SH|SHX|A/P|A&P)\b",
    re.IGNORECASE,
)
_SPELLINGS = (
    ("\r", ""), ("[\u2010-\u2015\u2212]", "-"), ("[\u2018\u2019\u02bc\u00b4`]", "'"), ("[\u201c\u201d]", '"'),
    ("[\u00a0\u2000-\u200a\u202f]", " "), ("[\u200b-\u200d\ufeff]", ""), ("\u00bd", " 1/2"), ("\u00b5", "mc"),
    ("\u03bcg", "mcg"), (r"(?<=\d)[x\u00d7](?=\W|$)", " x"), (r"\*\*|__", ""), (r"\\n", "\n"),
)  # fmt: skip


@dataclass(frozen=True)
class Point:
    """One line of a checklist. patterns: all must match within one unit, whatever the case of letters."""

    id: str
    text: str
    critical: bool
    patterns: tuple[str, ...]


@dataclass(frozen=True)
class Checklist:
    """What a note of one visit must state, and what it must not."""

    facts: tuple[Point, ...]
    forbidden: tuple[Point, ...]


@dataclass(frozen=True)
class Marks:
    """Facts that a note states, facts that it lacks, and forbidden statements with the unit that makes each."""

    stated: tuple[Point, ...]
    missing: tuple[Point, ...]
    hits: tuple[tuple[Point, str], ...]


def read(facts: Sequence[dict[str, Any]], forbidden: Sequence[dict[str, Any]]) -> Checklist:
    """The checklist of one record. Raises KeyError, TypeError or re.error for one that is malformed."""
    return Checklist(tuple(_point(one, "must") for one in facts), tuple(_point(one, "bad") for one in forbidden))


def _point(raw: dict[str, Any], key: str) -> Point:
    patterns = tuple(str(pattern) for pattern in raw[key])
    for pattern in patterns:
        _compiled(pattern)
    return Point(str(raw["id"]), str(raw["text"]), bool(raw["critical"]), patterns)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def mark(checklist: Checklist, note: str) -> Marks:
    """Hold a note against its checklist."""
    found = units(note)
    stated = [point for point in checklist.facts if _first(point, found) is not None]
    hits = [(point, unit) for point in checklist.forbidden if (unit := _first(point, found)) is not None]
    return Marks(tuple(stated), tuple(p for p in checklist.facts if p not in stated), tuple(hits))


def _first(point: Point, found: Sequence[str]) -> str | None:
    """The first unit in which every pattern of a point matches."""
    expressions = [_compiled(pattern) for pattern in point.patterns]
    return next((unit for unit in found if all(one.search(unit) for one in expressions)), None)


def units(note: str) -> list[str]:
    """Sentences and bullets of a note, each behind the heading above it where that says more than where it stands."""
    heading = ""
    found: list[str] = []
    for line in _unwrapped(_spelled(note[:MAX_CHARACTERS])):
        if not line.strip():
            continue
        bullet = bool(_BULLET.match(line))
        text = _BULLET.sub("", line).strip()
        if _is_heading(text if bullet else line, bullet):
            name = re.sub(r"^#{1,6}\s*", "", text).rstrip(":").strip()
            name = re.sub(r"^\d{1,2}[.)]\s*", "", name)
            heading = "" if name.lower() in _PLAIN_HEADINGS else name
            found += [heading] if heading else []
        else:
            found += [f"{heading}: {one}" if heading else one for one in _sentences(text)]
    return found


def _spelled(text: str) -> str:
    for pattern, plain in _SPELLINGS:
        text = re.sub(pattern, plain, text)
    return text


def _unwrapped(text: str) -> list[str]:
    """Lines, those that a hard wrap cut in mid-sentence joined again."""
    lines: list[str] = []
    for line in text.split("\n"):
        goes_on = re.match(r"\s*[a-z]", line) and not _BULLET.match(line)
        if lines and goes_on and len(lines[-1]) >= 60 and not re.search(r"[.:;!?]\s*$", lines[-1]):
            lines[-1] = f"{lines[-1].rstrip()} {line.strip()}"
        else:
            lines.append(line)
    return lines


def _is_heading(line: str, bullet: bool) -> bool:
    text = line.strip()
    body = text.rstrip(":").strip()
    if not text or re.match(r"#{1,6}\s", text):
        return bool(text)
    if len(body.split()) > 8 or re.search(r"[.!?;]$", body):
        return False
    if text.endswith(":") or bullet:
        return text.endswith(":")
    letters = re.sub(r"[^A-Za-z]", "", body)
    capitals = len(letters) >= 2 and letters.isupper() and not re.search(r"\d", body)
    return body.lower() in _PLAIN_HEADINGS or (capitals and bool(_HEADING_WORD.search(body)))


def _sentences(line: str) -> Iterator[str]:
    start = 0
    for end in _END.finditer(line):
        after = line[end.end() :].lstrip()
        if not after:
            break
        if line[end.start()] == "." and not _ends(line[start : end.start()], after):
            continue
        if re.search(r"\w", line[start : end.end()]):
            yield line[start : end.end()].strip()
        start = end.end()
    if re.search(r"\w", line[start:]):
        yield line[start:].strip()


def _ends(before: str, after: str) -> bool:
    """False if the full stop between the two belongs to an abbreviation, a date, a dose or a numeral."""
    word = found[1].lower() if (found := re.search(r"([A-Za-z][A-Za-z.&]*)$", before)) else ""
    if not re.match(r"[A-Z0-9\"'(\[]", after) or word in _NO_END:
        return False
    figure = bool(re.match(r"\d", after))
    if word in _BEFORE_FIGURES and figure:
        return False
    if word in _UNITS:
        dosed = word != "etc" and _DIRECTIONS.match(after)
        bracket = word != "etc" and re.match(r"[(\[]", after)
        if dosed or bracket or (figure and word not in {"a.m", "p.m", "etc"}):
            return False
    return not re.match(r"\s*\d{1,2}$", before)
