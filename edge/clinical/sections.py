"""Headings of clinical documents, in any style: a line of capitals, a name with a colon, Markdown, or in mid-line.

The names are in headings.toml, English and German. What a heading says of the text under it (family history, plan)
serves the assertion rules and is context for a tagger. Works on the text as read; offsets are its code points.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

_MARKS = re.compile(r"^[\s#*_>=\-–•\[\]]*(?:\(?\d{1,2}[.)]\s*)?[*_]*")
_NAME = r"[^\W\d_](?:[\w/&() -]|\.(?=[\w:]|-)){0,48}?"
# In mid-line only after a full stop, a semicolon or a gap of two spaces, so that "Pat. berichtet:" is no heading.
_INLINE = re.compile(
    rf"(?:(?<=\n)|(?<=^)|(?<=\.[ \t])|(?<=;[ \t])|(?<=[ \t]{{2}})|(?<=[*#][ \t]))({_NAME})[ \t]*:(?=\s|$)"
)
MAX_LINE = 90  # characters; a longer line without a colon is no heading


@dataclass(frozen=True)
class ReportSection:
    """A stretch of text under one heading. key: of headings.toml, "" where the name is not known.

    start: of the heading; body: where what it heads begins; end: where the next heading begins.
    """

    key: str
    title: str
    start: int
    body: int
    end: int


@cache
def names() -> dict[str, str]:
    """Heading in lower case -> key."""
    raw = tomllib.loads(resources.files("edge.clinical").joinpath("headings.toml").read_text(encoding="utf-8"))
    return {name: key for key, known in raw.items() for name in known}


def _key(title: str) -> str:
    plain = title.strip().rstrip(":").strip("*_#= ").casefold()
    known = names()
    if plain in known:
        return known[plain]
    short = re.split(r"\s*[(\[]|\s+(?:vom|am|on|bei|of)\s|\s+\d", plain, maxsplit=1)[0].strip()
    return known.get(short, "")


def sections(text: str) -> list[ReportSection]:
    """Sections of a text in order; none before the first heading. Linear in the length of the text."""
    found: list[tuple[int, int, str, str]] = []  # start, body, title, key
    at = 0
    for line in text.split("\n"):
        found += _of_line(line, at)
        at += len(line) + 1
    ends = [item[0] for item in found[1:]] + [len(text)] * bool(found)
    return [
        ReportSection(key, title, start, body, end) for (start, body, title, key), end in zip(found, ends, strict=True)
    ]


def _of_line(line: str, at: int) -> list[tuple[int, int, str, str]]:
    stripped = line.strip()
    if not stripped:
        return []
    whole = _whole_line(stripped)
    if whole is not None:
        title, key = whole
        return [(at, at + len(line), title, key)]
    if ":" not in line:
        return []
    marks = _MARKS.match(line)
    begin = marks.end() if marks else 0
    found = []
    first = re.compile(rf"({_NAME})[*_]*[ \t]*:(?=\s|$|[*_])").match(line, begin)
    if first and (key := _key(first[1])):
        found.append((at, at + first.end(), first[1].strip(), key))
    for match in _INLINE.finditer(line, begin + 1):
        if (key := _key(match[1])) and match.start(1) > begin:
            found.append((at + match.start(1), at + match.end(), match[1].strip(), key))
    return found


def _whole_line(line: str) -> tuple[str, str] | None:
    """(title, key) of a line that is nothing but a heading."""
    if len(line) > MAX_LINE:
        return None
    plain = _MARKS.sub("", line).strip().strip("*_=- ").strip()
    title = plain.rstrip(":").strip()
    if not title or not title[0].isalpha():
        return None
    if key := _key(title):
        return title, key
    words = title.split()
    letters = [c for c in title if c.isalpha()]
    # An unknown name is one if it is marked as such: capitals, a Markdown mark, or a colon with nothing behind it.
    marked = line.startswith(("#", "**", "==")) or (title.isupper() and len(letters) >= 5)
    if len(words) <= 6 and (marked or plain.endswith(":")) and not re.search(r"\d", title):
        return title, ""
    return None


class Headings:
    """The sections of a text, for looking up where a place stands."""

    def __init__(self, text: str) -> None:
        self.sections: Sequence[ReportSection] = sections(text)
        self._starts = [section.start for section in self.sections]

    def at(self, place: int) -> ReportSection | None:
        """The section that a character stands in."""
        index = bisect_right(self._starts, place) - 1
        return self.sections[index] if index >= 0 else None

    def key(self, place: int) -> str:
        """Key of that section, "" if there is none or its name is not known."""
        section = self.at(place)
        return section.key if section else ""
