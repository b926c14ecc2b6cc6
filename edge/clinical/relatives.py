"""Entries of the family history by rules: what stands under its heading, a relative at a time."""

from __future__ import annotations

import re

from edge.clinical.context import Context
from edge.clinical.cues import lexicon, tokens
from edge.clinical.sections import Headings
from edge.clinical.sentences import sentence
from edge.contract.facts import Subject

MAX_SECTION = 3_000  # characters of a section that are looked at; families are told in a few lines
_CLAUSE = re.compile(r"[;,](?=\s)|\s[–-]\s|\n|\.(?=\s|$)")
MAX_ENTRY = 140  # characters of an entry outside those sections
_BLOOD_EN = re.compile(
    r"\b(?:(?:maternal|paternal|older|younger|half)[ -])?(?:mother|father|brothers?|sisters?|aunts?|uncles?|cousins?"
    r"|grandmother|grandfather|parents)\b(?!['’-])",
    re.IGNORECASE,
)
_BLOOD_DE = re.compile(
    r"\b(?:Mutter|Vater|Eltern|Bruder|Brüder|Schwestern?|Tante|Onkel|Cousine?|Großmutter|Großvater|Oma|Opa)\b(?!-)"
)
_BEGINS = re.compile(r"(?:^|[\n.;:,(]|\b(?:and|und|her|his|the|a|an|one|two|Two|Der|Die|der|die|Her|His|that))\s*$")
_END = re.compile(
    r"\.(?=\s|$)|[;\n)]|\s–\s|,(?=\s(?:[Mm]other|[Ff]ather|[Bb]rother|[Ss]ister|Mutter|Vater|Bruder"
    r"|Schwester|Tante|Onkel|she|he|but|and|who|er|sie"
    r"|aber|und|selbst)\b)|\s(?:and|und|but|aber)\s(?=(?:his|her|he|she|Mutter|Vater|Bruder|Schwester|takes|has)\b)"
)
_FAMILY = re.compile(r"famil|\bf\.?a\.?\b|\bfhx?\b|\bsiblings?\b|\bGeschwister|\bconsanguin|\btwins?\b", re.IGNORECASE)
_HOUSEHOLD = re.compile(
    r"\b(?:rauchen|married|haben|visiting|proxy|leben|lebt|lives?|getrennt|geschieden|berufstätig|sorgeberechtigt"
    r"|gives?|is well|healthy|gesund)\b"
)
_CONTENT = re.compile(r"[^\W\d_]{2,}")
_NEGATION = re.compile(r"(?:no|denies|negative|non|kein\w*|keine|ohne|leer|unauff\w*)\b", re.IGNORECASE)
_NEAR = 4  # first words of a clause among which its relative is named


def find(text: str, german: bool, headings: Headings, context: Context) -> list[tuple[int, int]]:
    """Places of the entries under headings of the family history, and of a relative's illness elsewhere; in order."""
    found = _under_headings(text, german, headings)
    taken = [(section.start, section.end) for section in headings.sections if section.key == "family"]
    for start, end in _elsewhere(text, german, headings):
        inside = any(low <= start < high for low, high in taken)
        if not inside and context.at(start, end).subject is Subject.FAMILY:
            found.append((start, end))
    return sorted(found)


def names_blood(words: str, german: bool) -> bool:
    """Whether words name a relative by blood or the family."""
    return bool((_BLOOD_DE if german else _BLOOD_EN).search(words) or _FAMILY.search(words))


def _elsewhere(text: str, german: bool, headings: Headings) -> list[tuple[int, int]]:
    """Clauses that begin with a relative by blood: "Vater KHK", "her mother had breast cancer"."""
    found: list[tuple[int, int]] = []
    for match in (_BLOOD_DE if german else _BLOOD_EN).finditer(text):
        if found and match.start() < found[-1][1]:
            continue
        before = text[max(0, match.start() - 30) : match.start()]
        if not _BEGINS.search(before) or headings.key(match.start()) in ("social", "lifestyle"):
            continue
        bound = headings.at(match.start())
        stop = min(bound.end if bound else len(text), match.end() + MAX_ENTRY)
        end = next((m.start() for m in _END.finditer(text, match.end(), stop) if not _abbreviated(text, m)), stop)
        low, high = _trimmed(text, match.start(), end)
        told = _CONTENT.search(text, match.end(), high) and not _HOUSEHOLD.search(
            text, match.end(), min(high, match.end() + 30)
        )
        if told and end < match.end() + MAX_ENTRY:
            found.append((low, high))
    return found


def _abbreviated(text: str, match: re.Match[str]) -> bool:
    return match[0].startswith(".") and sentence(text, match.start() - 1, match.start())[1] > match.start() + 1


def _under_headings(text: str, german: bool, headings: Headings) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for section in headings.sections:
        if section.key == "family":
            low, high = section.body, min(section.end, section.body + MAX_SECTION)
            paragraph = text.find("\n\n", low + len(text[low:high]) - len(text[low:high].lstrip()), high)
            found += _entries(text, low, paragraph if paragraph > 0 else high, german)
    return found


def _entries(text: str, low: int, high: int, german: bool) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    open_ = False
    at = low
    for match in [*_CLAUSE.finditer(text, low, high), None]:
        stop = match.start() if match else high
        if match and match[0] == "." and sentence(text, at, stop)[1] > stop + 1:
            continue  # the point of an abbreviation
        start, end = _trimmed(text, at, stop)
        if end > start:
            own = _NEGATION.match(text, start) is not None or _names_relative(text[start:end], german)
            if own or not found:
                found.append((start, end))
            elif open_:
                found[-1] = (found[-1][0], end)
        open_ = match is not None and match[0] not in (".", "\n", ";") and bool(found)
        at = match.end() if match else high
    return found


def _names_relative(clause: str, german: bool) -> bool:
    words = tokens(clause)[: _NEAR + 2]
    return any(cue.kind == "relative" for cue in lexicon("de" if german else "en").find(words))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start] in " \t\n\r.,;:*•–-":
        start += 1
    while end > start and text[end - 1] in " \t\n\r.,;":
        end -= 1
    return start, end
