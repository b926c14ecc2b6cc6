"""The second filter between text and terminal (the first is edge.text at ingest): nothing unsafe is drawn or taken in.

Textual writes control sequences found in text straight to the terminal and reads square brackets as markup. So every
line is filtered as it is drawn, typed and pasted text is sanitised before it enters a field, and labels are plain.
"""

from __future__ import annotations

from typing import Any

from rich.segment import Segment
from rich.text import Text
from textual.color import Color
from textual.filter import LineFilter
from textual.widgets import Button, Input, Static

from edge.text import one_line, sanitise


class SafeLines(LineFilter):
    """Replaces what could act on a terminal in every line that is drawn. Control segments of the text are dropped."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if all(s.control is None and (s.text.isascii() and s.text.isprintable()) for s in segments):
            return segments
        return [Segment(_drawn(s.text), s.style) for s in segments if s.control is None]


def _drawn(text: str) -> str:
    return sanitise(text).replace("\n", " ").replace("\t", " ")


def plain(text: str, style: str = "") -> Text:
    """Text without markup, safe to draw."""
    return Text(sanitise(text), style=style)


def label(text: str, width: int = 0) -> Text:
    """One safe line."""
    return Text(one_line(text, width))


class Label(Static):
    """A static text without markup."""

    def __init__(self, text: str | Text = "", **options: Any) -> None:
        shown = plain(text) if isinstance(text, str) else text
        self._now: Text = shown
        super().__init__(shown, markup=False, **options)

    def show(self, text: str | Text) -> None:
        """Show another text. The same again costs nothing: an update lays the whole screen out anew."""
        shown = plain(text) if isinstance(text, str) else text
        if shown != self._now or shown.spans != self._now.spans:
            self._now = shown
            self.update(shown)


class SafeInput(Input):
    """A line field that takes in safe text only."""

    def replace(self, text: str, start: int, end: int) -> None:
        super().replace(sanitise(text).replace("\n", " "), start, end)


def button(text: str, name: str, variant: Any = "default", compact: bool = False) -> Button:
    """A button with a plain text."""
    return Button(label(text), id=name, variant=variant, compact=compact)
