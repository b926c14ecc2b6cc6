"""Any conversation survives render and parse; any text at all is parsed or refused by name."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.contract.document import from_bytes, from_text
from edge.contract.transcript import Transcript, Turn, render, tidy
from edge.errors import InputError
from edge.reading.conversation import parse
from edge.text import sanitise

words = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8)
sentences = st.lists(words, min_size=1, max_size=12).map(" ".join)
speakers = st.sampled_from(["Doctor", "Patient", "Nurse", "Guest"])
hostile = st.text(st.characters(), max_size=200)


@given(st.lists(st.tuples(speakers, sentences), min_size=1, max_size=20))
def test_parse_undoes_render(said: list[tuple[str, str]]) -> None:
    rendered = render(Transcript("", tuple(Turn(who, what, 0, 0) for who, what in said)))
    assert [(t.speaker, t.text) for t in parse(rendered).turns] == [(who, tidy(what)) for who, what in said]


@given(hostile)
def test_render_is_stable_and_turns_lie_in_order(text: str) -> None:
    try:
        parsed = parse(sanitise(text))
    except InputError:
        return
    ends = [(t.start, t.end) for t in parsed.turns]
    assert all(0 <= a <= b <= len(parsed.source) for a, b in ends)
    assert ends == sorted(ends)
    assert render(parsed).strip()


@given(st.one_of(st.sampled_from(["WEBVTT\n\n", 'File type = "ooTextFile"\n"TextGrid"\n']), st.just("")), hostile)
def test_hostile_caption_files_are_read_or_refused(head: str, body: str) -> None:
    try:
        for turn in parse(sanitise(head + body)).turns:
            assert turn.text.strip()
    except InputError:
        pass


@given(hostile)
def test_tidy_is_idempotent(text: str) -> None:
    assert tidy(tidy(text)) == tidy(text)


@given(st.binary(max_size=300))
def test_any_bytes_become_safe_text_or_a_named_error(raw: bytes) -> None:
    try:
        document = from_bytes(raw, "some file")
    except InputError:
        return
    assert sanitise(document.text) == document.text
    assert not [c for c in document.text if ord(c) < 32 and c not in "\n\t"]


@given(hostile)
def test_offsets_survive_sanitising(text: str) -> None:
    try:
        document = from_text(text.replace("\r", ""), "paste")
    except InputError:
        return
    assert len(document.text) == len(text.replace("\r", ""))
