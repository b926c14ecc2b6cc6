"""Makes any text safe for a terminal. Text from outside (files, pastes, model output) is hostile until it passed here.

Every unsafe character is replaced one for one with U+FFFD, so character offsets into the text stay valid and an
attempt to smuggle control sequences is seen instead of hidden. Newline and tab are kept; every other line break becomes
"\\n", and a soft hyphen (invisible, common in pasted text) becomes a hyphen, each one for one too.

Unsafe: C0 and C1 controls (ECMA-48), DEL, bidirectional overrides and isolates (UAX #9), zero-width and other
default-ignorable characters that hide text (UAX #44; the two emoji presentation selectors are kept), tags, lone
surrogates, noncharacters.
"""

from __future__ import annotations

import re
from itertools import islice

REPLACEMENT = "\ufffd"

_UNSAFE = re.compile(
    "["
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"  # C0, DEL, C1; the line breaks among them are dealt with before
    "\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # joiners, fillers, Mongolian selectors
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"  # zero width, bidi, invisible operators, filler
    "\ufdd0-\ufdef\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"  # selectors, byte order mark, noncharacters
    "\ud800-\udfff"  # lone surrogates
    "]"
)
# Apart, because every range above U+FFFF costs time for every clean character, and most text has none of these.
# Shorthand and musical format controls, noncharacters, the empty planes with the tags and selectors of plane 14.
_UNSAFE_ASTRAL = re.compile(
    "[\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U0001fffe\U0001ffff\U0002fffe\U0002ffff"
    "\U0003fffe-\U000e0fff\U000ffffe\U000fffff\U0010fffe\U0010ffff]"
)
_RARE = re.compile("[\U0001bca0-\U0001d17a\U0001fffe-\U0010ffff]")
_NARROW_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

# For text of one byte a character, a table is thirty times faster than the expression. 0 stands for U+FFFD.
_BREAKS = {0x0B: 0x0A, 0x0C: 0x0A}
_ASCII_TABLE = bytes(_BREAKS.get(c, 0 if (c < 0x20 and c not in (0x09, 0x0A)) or c == 0x7F else c) for c in range(256))
_LATIN_TABLE = bytes(
    0x0A if c == 0x85 else 0x2D if c == 0xAD else 0 if 0x80 <= c < 0xA0 else _ASCII_TABLE[c] for c in range(256)
)


def sanitise(text: str) -> str:
    """Return text that a terminal shows and does not obey.

    Idempotent; len(result) == len(text) once "\\r\\n" is counted as one. Under 50 ms for a megabyte, hostile or not.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        raw = text.encode("latin-1")
    except UnicodeEncodeError:
        return _sanitise_wide(text)
    safe = raw.translate(_LATIN_TABLE)
    if safe == raw and b"\0" not in raw:
        return text
    return safe.decode("latin-1").replace("\0", REPLACEMENT)


def _sanitise_wide(text: str) -> str:
    if _NARROW_CONTROL.search(text):
        raw = text.encode("utf-8", "surrogatepass").translate(_ASCII_TABLE)
        text = raw.decode("utf-8", "surrogatepass").replace("\0", REPLACEMENT)
    for line_break in ("\x85", "\u2028", "\u2029"):
        text = text.replace(line_break, "\n")
    text = text.replace("\xad", "-")
    # Text stuffed with a few kinds of unsafe characters: a replacement of each is several times faster than matches.
    for char in {match[0] for match in islice(_UNSAFE.finditer(text), 8)}:
        text = text.replace(char, REPLACEMENT)
    text = _UNSAFE.sub(REPLACEMENT, text)
    return _UNSAFE_ASTRAL.sub(REPLACEMENT, text) if _RARE.search(text) else text


def one_line(text: str, width: int = 0) -> str:
    """Return text sanitised on a single line (newline and tab become spaces), cut to width characters if width > 0."""
    line = re.sub(r"\s+", " ", sanitise(text)).strip()
    return line if width <= 0 or len(line) <= width else line[: width - 1] + "…"
