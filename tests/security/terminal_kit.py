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
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
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
    command: Sequence[str | bytes], cwd: Path, environ: dict[str, str], keys: bytes = b"", timeout: float = 120
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
