"""The conversation to read: turns, wrapped, with places that can light up. Draws visible lines only."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from edge.contract.transcript import Turn
from tui.labels import speaker_label
from tui.terminal import textual_private
from tui.widgets.messages import TurnChosen

_COLOURS = {"Doctor": "primary", "Patient": "accent", "Nurse": "success", "Guest": "secondary"}


@dataclass(frozen=True)
class _Line:
    """One drawn line: characters start to end of the source, after a speaker's name on a turn's first line."""

    turn: int
    start: int
    end: int
    first: bool


class TranscriptView(textual_private.SteadyView, ScrollView, can_focus=True):
    """source: the whole text, which offsets refer to. The cursor stands on a turn."""

    def __init__(self) -> None:
        super().__init__()
        self.source = ""
        self.turns: tuple[Turn, ...] = ()
        self.cursor = 0
        self.spots: tuple[tuple[int, int], ...] = ()
        self._lines: list[_Line] = []
        self._gap = 10

    def show(self, source: str, turns: tuple[Turn, ...]) -> None:
        """Show another text."""
        self.source, self.turns, self.spots = source, turns, ()
        self.cursor = min(self.cursor, max(0, len(turns) - 1))
        self._gap = min(13, max((len(speaker_label(turn.speaker)) for turn in turns), default=0) + 2)
        self._wrap()

    @property
    def spot(self) -> tuple[int, int] | None:
        """The first lit place."""
        return self.spots[0] if self.spots else None

    def light_up(self, *places: tuple[int, int]) -> None:
        """Light up characters, start to end, and bring the first ones into view; without any, nothing is lit."""
        if places == self.spots:
            return
        self.spots = places
        self._see_spot()
        self.refresh()

    def _see_spot(self) -> None:
        if self.spots:
            row = next((i for i, one in enumerate(self._lines) if one.end > self.spots[0][0]), 0)
            if not self.scroll_offset.y <= row < self.scroll_offset.y + self.size.height - 1:
                self.scroll_to(y=max(0, row - 3), animate=False)

    def on_resize(self) -> None:
        self._wrap()
        self._see_spot()

    def _wrap(self) -> None:
        width = max(10, self.size.width - self._gap - 2)
        self._lines = []
        for number, turn in enumerate(self.turns):
            start, end = turn.start, turn.end
            first = True
            while start < end:
                stop = self._break(start, end, width)
                self._lines.append(_Line(number, start, stop, first))
                start, first = stop, False
                while start < end and self.source[start] in " \n\t":
                    start += 1
        self.virtual_size = Size(0, len(self._lines))
        self.refresh()

    def _break(self, start: int, end: int, width: int) -> int:
        newline = self.source.find("\n", start, min(end, start + width + 1))
        if newline >= 0:
            return newline
        if end - start <= width:
            return end
        space = self.source.rfind(" ", start + 1, start + width + 1)
        return space if space > start else start + width

    def render_line(self, y: int) -> Strip:
        index = y + self.scroll_offset.y
        base = self.rich_style
        width = self.size.width
        if index >= len(self._lines):
            return Strip.blank(width, base)
        line = self._lines[index]
        turn = self.turns[line.turn]
        here = line.turn == self.cursor and self.has_focus
        name = speaker_label(turn.speaker)[: self._gap - 2] if line.first else ""
        colour = self.app.theme_variables.get(_COLOURS.get(turn.speaker, "foreground"), "white")
        tag = Style.parse("bold") + (Style(color=colour) if colour.startswith("#") else Style.null())
        segments = [Segment("▌" if here else " ", base + tag), Segment(name.ljust(self._gap), base + tag)]
        segments += self._words(line, base)
        return Strip(segments).adjust_cell_length(width, base)

    def _words(self, line: _Line, base: Style) -> list[Segment]:
        text = self.source[line.start : line.end].replace("\t", " ").replace("\n", " ")
        lit = base + Style(reverse=True, bold=True)
        found, at = [], 0
        for spot in sorted(self.spots):
            a, b = (min(max(p - line.start, at), len(text)) for p in spot)
            if a < b:
                found += [Segment(text[at:a], base), Segment(text[a:b], lit)]
                at = b
        return [*found, Segment(text[at:], base)]

    def on_key(self, event: events.Key) -> None:
        step = {"up": -1, "down": 1, "k": -1, "j": 1}.get(event.key)
        if step is None or not self.turns:
            return
        event.stop()
        event.prevent_default()
        self.cursor = min(max(self.cursor + step, 0), len(self.turns) - 1)
        self._follow()
        self._tell()

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y
        if index < len(self._lines):
            self.cursor = self._lines[index].turn
            self.refresh()
            self._tell()

    def _tell(self) -> None:
        turn = self.turns[self.cursor]
        self.post_message(TurnChosen(turn.start, turn.end))

    def find(self, words: str) -> tuple[int, int]:
        """Go to the next place of these words and light it up. Returns which it is, from 1, and how many there are."""
        found = [at.span() for at in re.finditer(re.escape(words), self.source, re.IGNORECASE)]
        if not found:
            return 0, 0
        after = self.spot[0] if self.spot is not None else -1
        at = next((number for number, (start, _) in enumerate(found) if start > after), 0)
        start, end = found[at]
        self.cursor = next((n for n, turn in enumerate(self.turns) if turn.end > start), 0)
        self.light_up((start, end))
        return at + 1, len(found)

    def go_to(self, turn: int) -> None:
        """Put the cursor on a turn and bring it into view."""
        self.cursor = min(max(turn, 0), max(0, len(self.turns) - 1))
        self._follow()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def _follow(self) -> None:
        rows = [i for i, one in enumerate(self._lines) if one.turn == self.cursor]
        if rows and not self.scroll_offset.y <= rows[0] < self.scroll_offset.y + self.size.height - 1:
            self.scroll_to(y=max(0, rows[0] - 2), animate=False)
        self.refresh()
