"""Files that are not text, and text in the forms that editors leave behind."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from edge.contract import document
from edge.errors import InputError

BAD = {
    "empty": b"",
    "blank": b" \n\t ",
    "pdf": b"%PDF-1.7 ...",
    "docx": b"PK\x03\x04...",
    "png": b"\x89PNG\r\n",
    "sound": b"RIFF....WAVE",
    "utf16": "Doctor: hi".encode("utf-16"),
    "latin1": "Frau Müller".encode("latin-1"),
    "nul": b"Doctor: hi\0there",
    "truncated": "Doctor: hi ü".encode()[:-1],
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_what_is_not_text_is_refused_and_named(name: str, tmp_path: Path) -> None:
    file = tmp_path / f"{name}.txt"
    file.write_bytes(BAD[name])
    with pytest.raises(InputError, match=f"{name}.txt"):
        document.read(file)


def test_missing_file_folder_and_size(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not there"):
        document.read(tmp_path / "none")
    with pytest.raises(InputError, match="a folder"):
        document.read(tmp_path)
    with pytest.raises(InputError, match="too large"):
        document.from_bytes(b"a" * (document.MAX_BYTES + 1), "big")


def test_byte_order_mark_and_windows_line_ends() -> None:
    found = document.from_bytes("\ufeffDoctor: hi\r\nPatient: Grüß Gott 👋\r\n".encode(), "visit.txt")
    assert found.text == "Doctor: hi\nPatient: Grüß Gott 👋\n"
    assert found.sha256 == hashlib.sha256(found.text.encode()).hexdigest()


def test_control_sequences_are_shown_not_obeyed() -> None:
    found = document.from_bytes(b"Doctor: \x1b]52;c;aGk=\x07 hi\n", "a\x1b[31mb.txt")
    assert "\x1b" not in found.text
    assert "\ufffd]52;c;aGk=\ufffd hi" in found.text
    assert "\x1b" not in found.name
