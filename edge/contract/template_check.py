"""What is wrong with the text of a note template, with its line, in words for whoever writes it.

A template is TOML: name and title, then [[sections]] of key, title, instruction, headings, max_tokens, contradicted.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from edge import foreign

MAX_CHARACTERS = 64 * 1024
MAX_SECTIONS = 40
MAX_TOKENS = 8192
SECTION_KEYS: dict[str, type] = {
    "key": str, "title": str, "instruction": str, "headings": list, "max_tokens": int, "contradicted": str,
}  # fmt: skip
CONTRADICTED = ("again", "out", "shown")
_TOP_KEYS: dict[str, type] = {"name": str, "title": str, "sections": list}
_NEEDED = ("key", "title", "instruction")
_LIMITS = {"name": 60, "key": 60, "title": 120, "instruction": 4000, "contradicted": 60}  # characters
_HEADER = re.compile(r"""\s*\[\[\s*["']?sections["']?\s*\]\]""")
_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")

# kind of problem -> its sentence; the app has the same in its catalogues of texts (problem.KIND).
SENTENCES = {
    "characters": "The template is longer than {limit} characters.",
    "quote": "A quotation mark is not closed.",
    "statement": "A line must be NAME = VALUE, [[sections]], or a comment after #.",
    "value": 'A value must be text in "quotation marks", a whole number, or a list in [ ].',
    "twice": "The same name stands here twice.",
    "bracket": "A bracket is not closed.",
    "toml": "This is not valid TOML: {why}.",
    "unknown": "{name!r} is not known. A section has key, title, instruction, headings, max_tokens and contradicted.",
    "unknown_top": "{name!r} is not known. Before the first [[sections]] only name and title are allowed.",
    "text": "{name} must be a text in quotation marks.",
    "number": "{name} must be a whole number.",
    "list": "{name} must be a list of texts in [ ].",
    "sections": "There is no [[sections]] yet. A template needs at least one.",
    "many": "There are more than {limit} sections.",
    "missing": "This section needs {names}.",
    "tokens": "max_tokens is {value}. It must be between 1 and {limit}.",
    "choice": "{name} must be one of {choices}.",
    "same_key": "Another section has the same key, {value!r}.",
    "long": "{name} is longer than {limit} characters.",
}
_SYNTAX = (
    ("Unterminated string", "quote"),
    ("Illegal character '\\n'", "quote"),
    ('Expected "\'"', "quote"),
    ("Invalid statement", "statement"),
    ("Expected '=' ", "statement"),
    ("Expected newline or end", "statement"),
    ("Invalid initial character for a key", "statement"),
    ("Invalid value", "value"),
    ("Cannot overwrite", "twice"),
    ("Cannot declare", "twice"),
    ("Duplicate inline table key", "twice"),
    ("Unclosed array", "bracket"),
    ("Expected ']", "bracket"),
    ("Expected '}'", "bracket"),
)


@dataclass(frozen=True)
class Problem:
    """The first thing that is wrong. line: from 1. kind: a key of SENTENCES. values: for the names in it."""

    line: int
    kind: str
    values: dict[str, Any] = field(default_factory=dict)

    def sentence(self) -> str:
        """In English."""
        return SENTENCES[self.kind].format(**self.values)


def problem(text: str) -> Problem | None:
    """The first problem of a template's text, or None if it can be used."""
    if len(text) > MAX_CHARACTERS:
        return Problem(1, "characters", {"limit": MAX_CHARACTERS})
    try:
        starts = foreign.toml_line_starts(text)
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return _syntax(text, str(error))
    except (foreign.Refused, RecursionError) as error:
        why = str(error) if isinstance(error, foreign.Refused) else "it is nested too deeply"
        return Problem(1, "toml", {"why": why})
    return next(_findings(_Lines(text, starts), raw), None)


def _syntax(text: str, message: str) -> Problem:
    place = _PLACE.search(message)
    line = int(place[1]) if place and place[1] else len(text.rstrip().split("\n"))
    why = _PLACE.sub("", message)
    kind = next((kind for start, kind in _SYNTAX if why.startswith(start)), "toml")
    return Problem(line, kind, {"why": why} if kind == "toml" else {})


def _findings(lines: _Lines, raw: dict[str, Any]) -> Iterator[Problem]:
    for name, value in raw.items():
        if name not in _TOP_KEYS:
            yield Problem(lines.of(name), "unknown_top", {"name": name})
        elif name != "sections":
            yield from _value(name, value, _TOP_KEYS, lines.of(name))
    sections = raw.get("sections")
    if not isinstance(sections, list) or not sections or not all(isinstance(one, dict) for one in sections):
        yield Problem(lines.of("sections"), "sections")
        return
    if len(sections) > MAX_SECTIONS:
        yield Problem(lines.section(MAX_SECTIONS), "many", {"limit": MAX_SECTIONS})
    seen: set[str] = set()
    for number, section in enumerate(sections):
        for found in _section(section, seen):
            yield Problem(lines.of(str(found.values.get("name", "")), number), found.kind, found.values)
        seen.add(str(section.get("key")))


def _section(section: dict[str, Any], seen: set[str]) -> Iterator[Problem]:
    """Problems of one section, without their lines."""
    for name, value in section.items():
        if name not in SECTION_KEYS:
            yield Problem(0, "unknown", {"name": name})
        else:
            yield from _value(name, value, SECTION_KEYS, 0)
    if missing := [name for name in _NEEDED if not str(section.get(name, "")).strip()]:
        yield Problem(0, "missing", {"names": ", ".join(missing)})
    limit = section.get("max_tokens", 1)
    if not 1 <= limit <= MAX_TOKENS:
        yield Problem(0, "tokens", {"value": limit, "limit": MAX_TOKENS, "name": "max_tokens"})
    if section.get("contradicted", CONTRADICTED[0]) not in CONTRADICTED:
        yield Problem(0, "choice", {"name": "contradicted", "choices": ", ".join(CONTRADICTED)})
    if section.get("key") in seen:
        yield Problem(0, "same_key", {"name": "key", "value": section["key"]})


def _value(name: str, value: Any, kinds: dict[str, type], line: int) -> Iterator[Problem]:
    kind = kinds[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        yield Problem(line, {str: "text", int: "number", list: "list"}[kind], {"name": name})
    elif isinstance(value, list) and not all(isinstance(one, str) for one in value):
        yield Problem(line, "list", {"name": name})
    elif isinstance(value, str) and len(value) > _LIMITS[name]:
        yield Problem(line, "long", {"name": name, "limit": _LIMITS[name]})


class _Lines:
    """Finds where things stand. A line counts only if it begins outside every long text and bracket (starts)."""

    def __init__(self, text: str, starts: list[bool]) -> None:
        self._lines = text.split("\n")
        self._headers = [i for i, line in enumerate(self._lines) if starts[i] and _HEADER.match(line)]
        self._starts = starts

    def section(self, number: int) -> int:
        """Line of the [[sections]] of a number from 0; 1 if it is written in another way."""
        return self._headers[number] + 1 if number < len(self._headers) else 1

    def of(self, name: str, section: int | None = None) -> int:
        """Line of a name, in a section or before all; the section's own line if it isn't found."""
        start = self.section(section) if section is not None else 1
        wanted = re.compile(rf"""\s*["']?{re.escape(name)}["']?\s*=""")
        end = next((i for i in self._headers if i >= start), len(self._lines))
        found = (i + 1 for i in range(start - 1, end) if name and self._starts[i] and wanted.match(self._lines[i]))
        return next(found, start)
