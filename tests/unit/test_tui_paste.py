"""Inside a paste nothing is a key, in however many pieces it comes; outside, keys are what they were."""

from __future__ import annotations

import itertools

from hypothesis import assume, given
from hypothesis import strategies as st
from textual._xterm_parser import XTermParser
from textual.events import Key, Paste

from tui.terminal.paste import END, LARGEST, START, Pastes, TerminalReader

KEYS = {"\x11": "ctrl+q", "\x0c": "ctrl+l", "a": "a", "\x1b[A": "up", "\r": "enter"}


def events(*pieces: str) -> list[Key | Paste]:
    reader, found = TerminalReader(XTermParser()), []
    for piece in pieces:
        found += reader.feed(piece)
    return found + list(reader.tick(quiet=9.0))


def test_keys_and_pastes_in_order() -> None:
    found = events(f"a{START}pasted \x1b[A\x11\x1b\x1b\x1b[24~ text{END}\x11")
    assert [type(one) for one in found] == [Key, Paste, Key]
    assert found[1].text == "pasted \x1b[A\x11\x1b\x1b\x1b[24~ text"
    assert (found[0].key, found[2].key) == ("a", "ctrl+q")


pieces = st.lists(st.sampled_from([*KEYS, "\x1b", "\x1b[", "[200~", "\x1b[20", "0~", "\x1b[201", "~", "x" * 40, "ü"]))


@given(inner=pieces, cuts=st.lists(st.integers(0, 400)))
def test_no_key_comes_out_of_a_paste_however_it_is_cut(inner: list[str], cuts: list[int]) -> None:
    text = "".join(inner)
    assume(END not in text)
    sent = START + text + END + "a"
    places = sorted({0, len(sent), *(cut % (len(sent) + 1) for cut in cuts)})
    found = events(*(sent[a:b] for a, b in itertools.pairwise(places)))
    assert [one.key for one in found if isinstance(one, Key)] == ["a"]
    assert "".join(one.text for one in found if isinstance(one, Paste)) == text


@given(inner=pieces)
def test_a_paste_without_an_end_is_text(inner: list[str]) -> None:
    text = "".join(inner)
    assume(END not in text)
    found = events(START + text, "\x11\x0c")
    assert not [one for one in found if isinstance(one, Key)]
    shown = "".join(one.text for one in found if isinstance(one, Paste))
    assert shown == text + "\x11\x0c"


def test_an_escape_key_still_comes_and_so_does_a_mark_that_was_slow() -> None:
    reader = TerminalReader(XTermParser())
    assert list(reader.feed("\x1b")) == []
    assert reader.waits
    list(reader.tick(0.1))  # passed on: the framework waits for more by itself
    assert not reader.waits
    found = list(reader.feed("[200~\x11" + END + "a"))
    assert isinstance(found[0], Paste)
    assert found[0].text == "\x11"


def test_a_paste_is_bounded() -> None:
    pastes = Pastes()
    assert list(pastes.split(START)) == []
    for _ in range(40):
        assert list(pastes.split("x" * (1 << 20))) == []
    [(pasted, text)] = pastes.split(END)
    assert (pasted, len(text)) == (True, LARGEST)
