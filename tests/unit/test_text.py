"""Text that reaches a terminal: what is replaced and what is kept."""

from __future__ import annotations

import pytest

from edge.text import REPLACEMENT, one_line, sanitise


@pytest.mark.parametrize(
    "text",
    [
        "dose [mg] 5",
        "[/]",
        "[@click=app.quit]x[/]",
        "a\tb\nc",
        "Müller, 北京, العربية, हिन्दी, Ω µ ± ≥ °C",
        "❤\ufe0f and 👍",
        "e\u0301 as two characters",
        "",
    ],
)
def test_ordinary_text_is_kept_to_the_letter(text: str) -> None:
    assert sanitise(text) == text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("\x1b[31mred\x1b[0m", "�[31mred�[0m"),
        ("\x1b]52;c;aGk=\x07", "�]52;c;aGk=�"),
        ("\x1b]0;title\x1b\\", "�]0;title�\\"),
        ("\x9b31m \x9d0;t\x9c \x90q\x9c", "�31m �0;t� �q�"),
        ("a\x08b\x7fc\x00", "a�b�c�"),
        ("\u202egpj.exe\u202c", "�gpj.exe�"),
        ("\u2066x\u2069 \u200b\u200d\u2060\ufeff", "�x� ����"),
        ("\ud800 \udfff", "� �"),
        ("\U000e0041\U000e0020\U000e007f\U000e0100", "����"),
        ("\ufe00\ufe0d\u3164\u034f", "����"),
        ("\ufffe\U0001ffff\U0010ffff", "���"),
        ("one\r\ntwo\rthree\x0bfour\x0cfive\x85six\u2028seven\u2029", "one\ntwo\nthree\nfour\nfive\nsix\nseven\n"),
        ("hyper\xadtension", "hyper-tension"),
        ("hyper\xadtension 北", "hyper-tension 北"),
        ("北\x1b[2J\x9b2J\x0b\x85", "北�[2J�2J\n\n"),
    ],
)
def test_what_a_terminal_would_obey_is_replaced_in_place(text: str, safe: str) -> None:
    assert sanitise(text) == safe
    assert len(safe) == len(text.replace("\r\n", "\n"))


def test_the_replacement_is_visible() -> None:
    assert REPLACEMENT == "\N{REPLACEMENT CHARACTER}"


def test_one_line_is_one_line_of_the_given_width() -> None:
    assert one_line("  a\n\tb\x1b[2J  c\r\n") == "a b�[2J c"
    assert one_line("abcdef", 4) == "abc…"
    assert one_line("abcd", 4) == "abcd"


def _megabyte(unit: str, tail: str = "") -> str:
    return unit * (1_000_000 // len(unit.encode("utf-8", "surrogatepass"))) + tail


@pytest.mark.parametrize(
    "text",
    [
        _megabyte("The patient reports pain.\n"),
        _megabyte("Schöne Grüße, 北京 😀 patient "),
        _megabyte("a\x1b"),
        _megabyte("a\x1b", "😀"),
        _megabyte("a\x9b", "😀"),
        _megabyte("\x1b[31m\u202e\u200b"),
        _megabyte("l\r\n"),
    ],
    ids=["plain", "many scripts", "escapes", "escapes, wide", "C1, wide", "bidi", "line ends"],
)
def test_a_megabyte_is_safe_to_the_last_character(text: str) -> None:
    """How long it takes, `make bench` measures (bench_seal)."""
    safe = sanitise(text)
    assert sanitise(safe) == safe
    assert len(safe) == len(text.replace("\r\n", "\n"))
    unit = 1_000  # what is done to the whole is what is done to its pieces
    assert safe == "".join(sanitise(text[i : i + unit]) for i in range(0, len(text), unit)) or "\r\n" in text
