"""The last guard of the command line: what is printed on a terminal is text, whatever a verb forgot to sanitise.

Only terminals are filtered; a file or a pipe gets every character as it is. A whole-screen program draws through the
original stream (sys.__stderr__) and has a guard of its own.
"""

from __future__ import annotations

import sys
from typing import Any, TextIO, cast

from edge.text import sanitise

# The one control sequence that the command line writes itself: start of the line, erase it (edge.verbs.narrate).
OWN = "\r\x1b[2K"


def safe(text: str) -> str:
    """Return text sanitised, with the command line's own control sequence kept."""
    if OWN not in text:
        return sanitise(text)
    return OWN.join(sanitise(piece) for piece in text.split(OWN))


class SafeStream:
    """A text stream that sanitises what is written to it, and is the wrapped stream in all other respects."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text, sanitised; return how many characters were given."""
        self._stream.write(safe(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write each line, sanitised."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def guard_output() -> None:
    """Put the guard before standard output and standard error where they are terminals. Idempotent."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, SafeStream) and stream.isatty():
            setattr(sys, name, cast(TextIO, SafeStream(stream)))
