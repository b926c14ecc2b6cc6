"""A terminal for tests: runs a program on one, returns every byte it wrote, and says which were not its own.

To cover something new: a verb is found from the parser by itself, and needs a line in test_hygiene_terminal.py only if
it shows content. A screen is driven by giving `keys` (what a person would press) to `run`.
"""

from __future__ import annotations

import errno
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path

from edge.text import sanitise

# Unmistakable pieces: none of these may come out as written, whatever the program itself writes.
HOSTILE_SEQUENCES = (
    "\x1b[38;5;213m", "\x1b]52;c;aGFjaw==\x07", "\x1b]0;owned\x07", "\x1b]8;;http://x\x1b\\", "\x1b[6n", "\x1b[2J",
    "\x1bP1$r\x1b\\", "\x1b[?1049h", "\x9b31m", "\x9d0;owned\x9c", "\u202e", "\u2066", "\u200b", "\x07", "\x08", "\x0e",
)  # fmt: skip
VERBATIM = ("dose [mg] 5", "[/]", "[@click=app.bell]x")
HOSTILE = " ".join(HOSTILE_SEQUENCES) + " " + " ".join(VERBATIM)
HOSTILE_LINE = HOSTILE.replace("\n", " ")

# What the verbs write themselves: a progress line is cleared and drawn again.
OWN = re.compile(r"\r\x1b\[2K|\r\n")


@dataclass(frozen=True)
class Shown:
    """What a program wrote on its terminal, and its exit code."""

    raw: bytes
    code: int

    @property
    def text(self) -> str:
        """The output, strictly decoded. Raises UnicodeDecodeError for bytes that are no UTF-8."""
        return self.raw.decode("utf-8")

    def foreign(self, own: re.Pattern[str] = OWN) -> list[str]:
        """Return every character that a terminal would obey and the program did not write on purpose."""
        rest = own.sub("\n", self.text)
        return [repr(before) for before, after in zip(rest, sanitise(rest), strict=True) if before != after]


def run(
    command: Sequence[str | bytes], cwd: Path, environ: dict[str, str], keys: bytes = b"", timeout: float = 600
) -> Shown:
    """Run a command on a terminal of 100 columns, typing keys as soon as it starts."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        list(command), stdin=follower, stdout=follower, stderr=follower, cwd=cwd, env=environ, start_new_session=True
    )
    os.close(follower)
    raw, deadline = b"", time.monotonic() + timeout
    try:
        if keys:
            os.write(leader, keys)
        while time.monotonic() < deadline:
            if select.select([leader], [], [], 0.5)[0]:
                try:
                    piece = os.read(leader, 65536)
                except OSError as fault:
                    if fault.errno != errno.EIO:  # the other end is closed: the program has ended
                        raise
                    break
                if not piece:
                    break
                raw += piece
    finally:
        process.kill() if time.monotonic() >= deadline else None
        code = process.wait()
        os.close(leader)
    return Shown(raw, code)


_LINES, _COLUMNS, _SILENCE = 50, 200, 200.0
# What the app writes itself: places, colours (of 24 bits, never from a palette), modes, questions about modes and keys,
# the pointer's shape.
OWN_SCREEN = re.compile(
    r"\r\n|\x1b\[[0-9]+;[0-9]+H|\x1b\[[0-9]?[JK]|\x1b\[(?!(?:[0-9;]*;)?[34]8;5)[0-9;]*m|\x1b\[\?[0-9]+(?:[hl]|\$p)"
    r"|\x1b\[[<>=?][0-9;]*u|\x1b\]22;[a-z-]+\x07"
)


class Session:
    """A screen program on a terminal of 200 columns and 50 lines, driven by keys.

    Every wait is for what stands on the screen, so it means the same on a slow machine.
    """

    def __init__(self, command: Sequence[str], cwd: Path, environ: dict[str, str]) -> None:
        self.outer, inner = pty.openpty()
        ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, _COLUMNS, 0, 0))
        self.raw, self._drawn, self._at = b"", 0, (0, 0)
        self._grid = [[" "] * _COLUMNS for _ in range(_LINES)]
        self._styles = [[""] * _COLUMNS for _ in range(_LINES)]
        self._style = ""
        self.process = subprocess.Popen(
            command, stdin=inner, stdout=inner, stderr=inner, cwd=cwd, env=environ, start_new_session=True
        )
        os.close(inner)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.outer)

    def press(self, keys: str, *words: str, gone: str = "") -> None:
        """Type, then wait() for these words."""
        os.write(self.outer, keys.encode())
        self.wait(*words, gone=gone)

    def focus(self, keys: str, beside: str, below: int = 0) -> None:
        """Type what moves the focus, and wait until so many lines below these words another style says so."""
        line = next(number for number, text in enumerate(self.screen().split("\n")) if beside in text) + below
        before = list(self._styles[line])
        os.write(self.outer, keys.encode())
        while self._styles[line] == before:
            assert self._read(), f"it ended before the focus was at {beside!r}:\n{self.screen()}"

    def probe(self, key: str, shown: str) -> None:
        """Type a key until it is seen: a field may stand on the screen before the keys go to it."""
        while shown not in self.screen():
            os.write(self.outer, key.encode())
            if select.select([self.outer], [], [], 0.5)[0]:
                assert self._read(), f"it ended before {shown!r} stood there:\n{self.screen()}"

    def click(self, words: str, *appear: str) -> None:
        """Click on the first place where these words stand, then wait() for others."""
        line, text = next(found for found in enumerate(self.screen().split("\n")) if words in found[1])
        place = f"{text.index(words) + 1};{line + 1}"
        self.press(f"\x1b[<0;{place}M\x1b[<0;{place}m", *appear)

    def wait(self, *words: str, gone: str = "") -> None:
        """Read until all of these words stand on the screen, and one does not. AssertionError if the program ends."""
        while not (all(word in self.screen() for word in words) and not (gone and gone in self.screen())):
            assert self._read(), f"it ended before {words} stood there, {gone!r} not:\n{self.screen()}"

    def end(self) -> int:
        """Read to the program's end; returns its exit code."""
        while self._read():
            pass
        return self.process.wait()

    def screen(self) -> str:
        """What stands on the screen now, a line each."""
        return "\n".join("".join(line).rstrip() for line in self._grid)

    def _read(self) -> bool:
        # Not a measure of speed: a program that waits for other keys than these draws nothing until it locks itself,
        # after five minutes.
        assert select.select([self.outer], [], [], _SILENCE)[0], f"nothing more is drawn:\n{self.screen()}"
        try:
            piece = os.read(self.outer, 65536)
        except OSError as fault:
            if fault.errno != errno.EIO:  # EIO: no program has this terminal any more
                raise
            return False
        self.raw += piece
        self._draw()
        return bool(piece)

    def _draw(self) -> None:
        # A sequence may come in two pieces: what follows the last escape character waits for the next.
        end = self.raw.rfind(b"\x1b") if self.raw.rfind(b"\x1b") > self._drawn else len(self.raw)
        text = self.raw[self._drawn : end].decode("utf-8", "replace")
        self._drawn = end
        for own, char in re.findall(f"({OWN_SCREEN.pattern})|(.)", text, re.DOTALL):
            line, column = self._at
            if place := re.fullmatch(r"\x1b\[(\d+);(\d+)H", own):
                self._at = (int(place[1]) - 1, int(place[2]) - 1)
            elif own == "\r\n":
                self._at = (line + 1, 0)
            elif own.endswith("m"):
                self._style = own
            elif char and line < _LINES and column < _COLUMNS:
                self._grid[line][column], self._styles[line][column] = char, self._style
                self._at = (line, column + 1)
