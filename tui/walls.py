"""The second wall between text and terminal (the first is edge.text at ingest): nothing unsafe is drawn or taken in.

Textual writes control sequences found in text straight to the terminal and reads square brackets as markup. So every
line is filtered as it is drawn, typed and pasted text is sanitised before it enters a field, and labels are plain.
"""

from __future__ import annotations

from typing import Any

from rich.segment import Segment
from rich.text import Text
from textual.color import Color
from textual.filter import LineFilter
from textual.geometry import Region
from textual.strip import Strip
from textual.widgets import Input, Static, TextArea
from textual.widgets.text_area import Edit, EditResult

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


class SafeArea(TextArea):
    """A text field that takes in safe text only."""

    def edit(self, edit: Edit) -> EditResult:
        edit.text = sanitise(edit.text)
        return super().edit(edit)

    def load_text(self, text: str) -> None:
        super().load_text(sanitise(text))

    def on_resize(self) -> None:
        """Draw anew at every new width: with as many rows as before, TextArea keeps those wrapped for the old width.

        The cursor's row alone is drawn anew then, and a word that moves from it to the next row stands on neither.
        """
        self.refresh()

    def on_unmount(self) -> None:
        """Leave the app's list of who watches the theme: it would keep this field, text and all, as long as the app."""
        watching = getattr(self.app, "__watchers", {}).get("theme", [])
        watching[:] = [one for one in watching if one[0] is not self]

    def render_lines(self, crop: Region) -> list[Strip]:
        """Blank once it is taken away: a redraw may come before the next layout, and its styles are gone by then."""
        return super().render_lines(crop) if self.is_attached else [Strip.blank(crop.width)] * crop.height


class SafeInput(Input):
    """A line field that takes in safe text only."""

    def replace(self, text: str, start: int, end: int) -> None:
        super().replace(sanitise(text).replace("\n", " "), start, end)
