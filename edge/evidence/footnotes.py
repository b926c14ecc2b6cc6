"""The sources of a typed note as footnotes, for print and export: [1] behind a statement, the turns at the end."""

from __future__ import annotations

from collections.abc import Sequence

from edge.contract.facts import Statement
from edge.contract.note import Section
from edge.text import one_line

_SHOWN = 200  # characters of a quote
TITLE = "SOURCES"


def footnotes(sections: Sequence[Section]) -> tuple[list[str], list[str]]:
    """(text of each section with its marks, the notes in order). A statement without a source is marked [?]."""
    texts: list[str] = []
    notes: list[str] = []
    for section in sections:
        text, after = "", 0
        for one in section.statements:
            mark = "?"
            if one.sources:
                notes.append(_note(len(notes) + 1, one))
                mark = str(len(notes))
            text += section.text[after : one.end] + f" [{mark}]"
            after = one.end
        texts.append(text + section.text[after:])
    return texts, notes


def _note(number: int, one: Statement) -> str:
    quotes = "; ".join(f"turn {s.quote.turn}: “{one_line(s.quote.text, _SHOWN)}”" for s in one.sources[:2])
    flags = "".join(f" ! {flag.check}: {one_line(flag.message)}" for flag in one.flags)
    return f"[{number}] {quotes}{flags}"
