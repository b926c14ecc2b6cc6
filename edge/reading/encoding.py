"""From bytes to characters: UTF-8, UTF-16 and UTF-32 by their marks, Windows-1252 where it can be nothing else."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from edge.errors import InputError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Letters and signs of western text in UTF-8; "ß“" in Windows-1252 is two bytes of UTF-8, too, but of no such letter.
_UTF8 = re.compile(rb"[\xc2\xc3][\x80-\xbf]|\xe2[\x80-\x84][\x80-\xbf]")
_UNDEFINED = frozenset(b"\x81\x8d\x8f\x90\x9d")  # no characters of Windows-1252
_FEW = 0.05
_MANY = 0.3  # share of bytes above 127 that no western text has
_WRONGLY_READ = re.compile("Ã[\x80-¿ŸœŠšŽž]|â€[œ™“”\x9d\x93-\x99]|Â[°§µ ]")


@dataclass(frozen=True)
class Decoded:
    """Characters of a file, the name of its encoding, and what a person must know of it."""

    text: str
    encoding: str
    warnings: tuple[str, ...] = ()


def decode(raw: bytes, name: str) -> Decoded:
    """Decode a file. Raises InputError, naming the place, for bytes of no known or of several encodings."""
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return _marked(raw[len(mark) :], encoding, name, len(mark))
    if (wide := _unmarked(raw)) is not None:
        return Decoded(raw.decode(wide), wide, ("The file is UTF-16 without its mark; it was read so.",))
    try:
        return _looked_at(raw.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as error:
        return _windows(raw, name, error.start)


def _marked(raw: bytes, encoding: str, name: str, skipped: int) -> Decoded:
    """A file that says its encoding. Raises InputError where it does not go on so."""
    other = raw.decode("utf-8", "replace")
    odd = other.count("\ufffd") + other.count("\0")  # what no text in UTF-8 has
    wrong = 0 if encoding != "utf-8" and odd < _FEW * len(other) else -1  # a mark before text of another encoding
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        text, wrong = "", error.start
    if wrong >= 0:
        raise InputError(
            f"{name} begins as {encoding.upper()} and does not go on so.",
            f"Byte {wrong + skipped:,} does not fit.",
            "Save it again as UTF-8.",
        )
    return _looked_at(text, encoding)


def _looked_at(text: str, encoding: str) -> Decoded:
    wrong = _WRONGLY_READ.findall(text[:200_000])
    if len(wrong) < 2:
        return Decoded(text, encoding)
    return Decoded(
        text, encoding, ("Letters such as “Ã¼” stand in the file itself: it was once saved in a wrong encoding.",)
    )


def _unmarked(raw: bytes) -> str | None:
    """ "utf-16-le" or "utf-16-be" if every other byte of the head is NUL, as western text in UTF-16 has it."""
    head = raw[:2_000]
    if len(head) < 20 or len(raw) % 2:
        return None
    half = len(head) // 2
    for encoding, nul, other in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
        if nul.count(0) >= 0.8 * half and not other.count(0):
            try:
                raw.decode(encoding)
            except UnicodeDecodeError:
                return None
            return encoding
    return None


def _windows(raw: bytes, name: str, first: int) -> Decoded:
    """Windows-1252, unless some letters are UTF-8 or the bytes are those of another language or of no text."""
    line = raw.count(b"\n", 0, first) + 1
    utf8 = _UTF8.search(raw)
    if utf8 is not None:
        other = raw.count(b"\n", 0, utf8.start()) + 1
        raise InputError(
            f"{name} mixes two encodings.",
            f"Line {other:,} holds letters in UTF-8, line {line:,} (byte {first:,}) one that is not.",
            "Save each part as UTF-8, then put them together again.",
        )
    high = sum(map(raw.count, (bytes([value]) for value in range(128, 256))))
    if b"\0" in raw or any(value in raw for value in _UNDEFINED) or high > _MANY * len(raw):
        raise InputError(
            f"{name} is neither UTF-8 nor Windows-1252 text.",
            f"Byte {first:,} (line {line:,}) does not fit.",
            "Open it in the program that wrote it and save it as UTF-8.",
        )
    return Decoded(
        raw.decode("cp1252"),
        "windows-1252",
        ("The file is not UTF-8; it was read as Windows-1252. Look at its umlauts and signs.",),
    )
