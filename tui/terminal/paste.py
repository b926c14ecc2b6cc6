"""What is pasted is text, whatever it holds: between a terminal's marks of a paste nothing is ever a key.

The framework's own parser reads escape sequences inside a paste as keys: a raw one in a copied text could quit the app.
So the marks are looked for here, in front of it, and only what lies outside them reaches it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual.events import Paste

START, END = "\x1b[200~", "\x1b[201~"
LARGEST = 16 << 20  # characters that are kept of one paste; documents end long before
QUIET = 0.5  # seconds without input after which an unended paste is shown as far as it is


class Pastes:
    """Splits what a terminal sends into typed text and pastes. A mark may come in any number of pieces."""

    def __init__(self) -> None:
        self.inside = False
        self._held = self._let_go = ""  # the beginning of a mark, perhaps: kept back, or passed on as nothing followed
        self._parts: list[str] = []
        self._size = 0

    def split(self, data: str) -> Iterable[tuple[bool, str]]:
        """(False, typed text) and (True, a whole paste), in order."""
        if self._let_go and data.startswith(rest := START[len(self._let_go) :]):
            data = START + data[len(rest) :]  # a slow line: what was passed on had been a mark after all
        data, self._held, self._let_go = self._held + data, "", ""
        while data:
            mark = END if self.inside else START
            before, found, after = data.partition(mark)
            if not found:
                kept = _begun(data, mark)
                before, self._held = data[: len(data) - kept], data[len(data) - kept :]
            if self.inside:
                self._take(before)
            elif before:
                yield False, before
            if not found:
                return
            if self.inside:
                yield from self.pause()
            self.inside = not self.inside
            data = after

    def _take(self, text: str) -> None:
        if self._size < LARGEST:
            self._parts.append(text[: LARGEST - self._size])
            self._size += len(text)

    def pause(self) -> Iterable[tuple[bool, str]]:
        """What is there of a paste, shown although its end has not come: it stays a paste until it does."""
        text = "".join(self._parts)
        self._parts, self._size = [], 0
        if text:
            yield True, text

    def typed(self) -> str:
        """What was held back as the beginning of a mark, and is none as nothing follows: an Escape key, say."""
        held = "" if self.inside else self._held
        if held:
            self._held, self._let_go = "", held
        return held

    @property
    def waits(self) -> bool:
        """Whether something is held back."""
        return bool(self._held)


def _begun(data: str, mark: str) -> int:
    """How many characters at the end of data are the beginning of mark."""
    return next((size for size in range(min(len(mark) - 1, len(data)), 0, -1) if data.endswith(mark[:size])), 0)


class TerminalReader:
    """Events of what a terminal sends: keys by the framework's parser, pastes by Pastes."""

    def __init__(self, parser: Any) -> None:
        self._parser = parser
        self._pastes = Pastes()

    def feed(self, data: str) -> Iterable[Any]:
        """Events, as the framework's parser gives them."""
        for pasted, text in self._pastes.split(data):
            if pasted:
                yield Paste(text.replace("\x00", ""))
            else:
                yield from self._parser.feed(text)

    @property
    def waits(self) -> bool:
        """Whether a key may be waiting for what follows: tick() soon."""
        return self._pastes.waits

    def tick(self, quiet: float) -> Iterable[Any]:
        """To be called now and then. quiet: seconds since the last input."""
        if held := self._pastes.typed():
            yield from self._parser.feed(held)
        if quiet > QUIET:
            for _, text in self._pastes.pause():
                yield Paste(text.replace("\x00", ""))
        yield from self._parser.tick()
