"""Makes any text safe for a terminal. Text from outside (files, pastes, model output) is hostile until it passed here.

Every unsafe character is replaced one for one with U+FFFD, so character offsets into the text stay valid and an
attempt to smuggle control sequences is seen instead of hidden. Newline and tab are kept; carriage returns become "\\n".
Unsafe: C0 and C1 controls (ECMA-48), DEL, bidirectional overrides and isolates (UAX #9), zero-width and tag
characters, line and paragraph separators, lone surrogates, noncharacters.
"""

from __future__ import annotations

import re

REPLACEMENT = "\ufffd"

# A compiled class is several times faster than str.translate on mostly clean megabytes.
_UNSAFE = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"  # bidi controls, zero width, separators, invisible operators
    "\ufff9-\ufffb\ufdd0-\ufdef\ufffe\uffff"  # interlinear annotation, noncharacters
    "\ud800-\udfff"  # lone surrogates
    "\U000e0000-\U000e007f"  # tags
    "]"
)


def sanitise(text: str) -> str:
    """Return text with line breaks as "\\n" and every unsafe character replaced by U+FFFD.

    Idempotent; len(result) == len(text) once "\\r\\n" is counted as one.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNSAFE.sub(REPLACEMENT, text)


def one_line(text: str, width: int = 0) -> str:
    """Return text sanitised on a single line (newline and tab become spaces), cut to width characters if width > 0."""
    line = re.sub(r"\s+", " ", sanitise(text)).strip()
    return line if width <= 0 or len(line) <= width else line[: width - 1] + "…"
