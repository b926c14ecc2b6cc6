"""The second filter between text and terminal (the first is edge.text at ingest): nothing unsafe is drawn or taken in.

Textual writes control sequences found in text straight to the terminal and reads square brackets as markup. So every
line is filtered as it is drawn, typed and pasted text is sanitised before it enters a field, and labels are plain.
"""

from __future__ import annotations

from array import array
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


_DOT = "•"
_LONGEST_SECRET = 1024  # characters


class SafeInput(Input):
    """A line field that takes in safe text only."""

    def replace(self, text: str, start: int, end: int) -> None:
        super().replace(sanitise(text).replace("\n", " "), start, end)


class SecretInput(SafeInput):
    """A field for a passphrase: what is typed is kept in one buffer that is wiped, and the field itself holds dots.

    The framework keeps what a field holds, and held after each key, as strings, which can't be wiped. masked: False for
    a secret that is shown as it is typed (a recovery key on paper).
    """

    masked = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._kept = array("I", bytes(4 * _LONGEST_SECRET))  # code points; of its final size: growing leaves a copy

    def replace(self, text: str, start: int, end: int) -> None:
        if not self.masked:
            super().replace(text, start, end)
            return
        length = len(self.value)
        start, end = sorted((max(0, start), min(length, end)))
        text = sanitise(text).replace("\n", " ")[: _LONGEST_SECRET - length + end - start]
        rest = self._kept[end:length]
        self._kept[start + len(text) : start + len(text) + len(rest)] = rest
        for place, character in enumerate(text, start):
            self._kept[place] = ord(character)
        wipe(rest)
        Input.replace(self, _DOT * len(text), start, end)

    def take(self) -> bytearray:
        """What was typed, in UTF-8, for the caller to wipe; the field is empty afterwards."""
        if self.value.strip(_DOT):  # shown as it was typed
            found = bytearray(self.value.encode())
        else:
            found = bytearray(4 * len(self.value))
            size = 0
            for code in self._kept[: len(self.value)]:
                one = chr(code).encode()
                found[size : size + len(one)] = one
                size += len(one)
            del found[size:]
        wipe(self._kept)
        self.value = ""
        return found


def wipe(buffer: array[int] | bytearray) -> None:
    """Overwrite with zeros, in place."""
    for place in range(len(buffer)):
        buffer[place] = 0


def button(text: str, name: str, variant: Any = "default", compact: bool = False) -> Button:
    """A button with a plain text."""
    return Button(label(text), id=name, variant=variant, compact=compact)
