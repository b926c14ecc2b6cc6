"""From bytes to text: what a file must be before anything else of the program looks at it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from edge.errors import InputError
from edge.text import one_line, sanitise

MAX_BYTES = 8_000_000  # a day of speech is about 1 MB
_BINARY = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"RIFF": "a RIFF (sound or video) file",
    b"ID3": "an MP3 file",
    b"OggS": "an Ogg file",
    b"\x1f\x8b": "a gzip file",
    b"\xd0\xcf\x11\xe0": "an old Office file",
    b"SQLite format 3": "a database",
}
_OFFICE = {
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a ZIP or Office file",
    b"{\\rtf": "an RTF file",
}  # edge.reading reads these


@dataclass(frozen=True)
class Document:
    """A text as read: name for people (one line, safe), text (sanitised, "\\n" line ends), sha256 of text in UTF-8."""

    name: str
    text: str
    sha256: str


def refuse_unreadable(raw: bytes, name: str) -> None:
    """Raises InputError for what is empty, too large, or of a kind that holds no text, naming the kind."""
    if not raw.strip():
        raise InputError(f"{name} is empty.")
    if len(raw) > MAX_BYTES:
        raise InputError(
            f"{name} is too large.", f"It has {len(raw):,} bytes; the limit is {MAX_BYTES:,}.", "Split it."
        )
    _refuse(raw, name, _BINARY)


def _refuse(raw: bytes, name: str, kinds: dict[bytes, str]) -> None:
    for magic, what in kinds.items():
        if raw.startswith(magic):
            raise InputError(f"{name} is {what}, not a text.", "", "Save it as plain text (UTF-8) first.")


def from_bytes(raw: bytes, name: str) -> Document:
    """Decode UTF-8 (byte order mark dropped, any line ends) and sanitise. Raises InputError for anything else."""
    name = one_line(name, 200)
    refuse_unreadable(raw, name)
    _refuse(raw, name, _OFFICE)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(
            f"{name} is in UTF-16, not UTF-8.", "", "Save it as UTF-8, or: iconv -f UTF-16 -t UTF-8 OLD > NEW"
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not UTF-8 text.",
            f"Byte {error.start:,} does not fit.",
            "If it comes from Windows: iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW",
        ) from None
    return from_text(text, name)


def from_text(text: str, name: str) -> Document:
    """A document from text that is already decoded (a paste, a text field). Raises InputError if empty or binary."""
    name = one_line(name, 200)
    if "\0" in text:
        raise InputError(
            f"{name} is a binary file, not a text.", "It holds NUL bytes.", "Save it as plain text (UTF-8)."
        )
    clean = sanitise(text)
    if not clean.strip():
        raise InputError(f"{name} is empty.")
    return Document(name, clean, hashlib.sha256(clean.encode("utf-8")).hexdigest())


def read(path: Path) -> Document:
    """Read a file of UTF-8 text. Raises InputError."""
    return from_bytes(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, one more than MAX_BYTES at most. Raises InputError if it cannot be read or is no file."""
    name = one_line(str(path), 200)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "not a regular file" if path.exists() else "not there"
        raise InputError(f"{name} is {what}.", "", "Give a text file, or - for standard input.")
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{name} cannot be read.", error.strerror or "") from None
