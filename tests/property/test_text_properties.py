"""Any Unicode in, nothing out that a terminal obeys or a reader cannot see."""

from __future__ import annotations

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from edge.text import REPLACEMENT, one_line, sanitise

# Every code point, lone surrogates too; short alphabets of trouble make collisions likely.
ANY = st.text(st.characters(exclude_categories=()), max_size=200)
TROUBLE = st.text("a\r\n\t\x0b\x0c\x1b\x85\x9b\x9d\xad\u200b\u2028\u202e\ud800\ufeff\U000e0041é北😀\ufffd", max_size=60)
KEPT_FORMATS = {0x0600, 0x0601, 0x0602, 0x0603, 0x0604, 0x0605, 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2}  # visible signs
KEPT_FORMATS |= {0x110BD, 0x110CD, *range(0x13430, 0x13440)}


def unified(text: str) -> str:
    return text.replace("\r\n", "\n")


@given(st.one_of(ANY, TROUBLE))
@example("\r\r\n\n\r")
@example("\x00\ufffd")
@example("北\x00\ufffd")
def test_offsets_hold_and_twice_is_once(text: str) -> None:
    safe = sanitise(text)
    assert len(safe) == len(unified(text))
    assert sanitise(safe) == safe


@given(st.one_of(ANY, TROUBLE))
def test_no_control_format_or_surrogate_is_left(text: str) -> None:
    for char in sanitise(text):
        kind = unicodedata.category(char)
        assert kind not in ("Cc", "Cs", "Zl", "Zp") or char in "\n\t"
        assert kind != "Cf" or ord(char) in KEPT_FORMATS


@given(st.one_of(ANY, TROUBLE))
def test_only_unsafe_characters_change(text: str) -> None:
    for before, after in zip(unified(text), sanitise(text), strict=True):
        if before != after:
            assert unicodedata.category(before) in ("Cc", "Cf", "Cs", "Cn", "Zl", "Zp", "Mn", "Lo")
            assert after in (REPLACEMENT, "\n", "-")


@given(st.lists(st.one_of(ANY, TROUBLE), max_size=5))
def test_a_character_is_judged_alone(parts: list[str]) -> None:
    parts = [part.replace("\r", "") for part in parts]
    assert sanitise("".join(parts)) == "".join(sanitise(part) for part in parts)


@given(st.one_of(ANY, TROUBLE))
def test_the_result_can_be_encoded(text: str) -> None:
    assert sanitise(text).encode("utf-8").decode("utf-8") == sanitise(text)


@given(st.one_of(ANY, TROUBLE), st.integers(1, 40))
def test_one_line_has_no_line_break_and_fits(text: str, width: int) -> None:
    line = one_line(text, width)
    assert len(line) <= width
    assert "\n" not in line
    assert "\t" not in line


def test_every_code_point_once() -> None:
    every = "".join(map(chr, range(0x110000))).replace("\r", "")
    pairs = list(zip(every, sanitise(every), strict=True))
    changed = sum(before != after for before, after in pairs)
    assert {ord(a) for b, a in pairs if a == b and unicodedata.category(b) == "Cf"} <= KEPT_FORMATS
    assert 500_000 < changed < 800_000  # mostly the empty planes 4 to 13
    assert all(before == after for before, after in pairs[0x20 - 1 : 0x7F - 1])
