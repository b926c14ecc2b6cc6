"""A conversation written in any format is read back as it was; a damaged file gives no fault and no new words."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading_kit import LABELLED, VISIT, pdf

from edge.errors import InputError
from edge.reading import files
from edge.text import sanitise

words = st.text(st.characters(categories=("Lu", "Ll", "Nd")), min_size=1, max_size=9)
sentences = st.builds(
    lambda first, rest, end: " ".join([first.capitalize(), *rest]) + end,
    st.text("abcdefghijklmnopqrstuvwxyzäöüß", min_size=2, max_size=9),
    st.lists(words, max_size=12),
    st.sampled_from([".", "?", "!", "", ", yes.", ' "so".', " 38.4.", " (left)."]),
)
speakers = st.sampled_from(["Doctor", "Patient", "Nurse", "Guest"])


@st.composite
def conversations(draw: st.DrawFn) -> list[tuple[str, str]]:
    """Two people or more who take turns."""
    first = draw(st.permutations(["Doctor", "Patient"]))
    who = [*first, *draw(st.lists(speakers, max_size=8))]
    said: list[tuple[str, str]] = []
    for speaker in who:
        if not said or said[-1][0] != speaker:
            said.append((speaker, draw(sentences.filter(lambda s: not said or s != said[-1][1]))))
    return said


@pytest.mark.parametrize("form", LABELLED)
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(said=conversations())
def test_what_is_written_is_read(form: str, said: list[tuple[str, str]]) -> None:
    reading = files.read(LABELLED[form](said), "visit", "conversation")
    assert [(turn.speaker, turn.text) for turn in reading.turns] == [(who, " ".join(w.split())) for who, w in said]
    assert all(reading.text[turn.start : turn.end] == turn.text for turn in reading.turns)


# Packed, wide, or with letters written by number: a word there is no run of bytes.
OPAQUE = {"pdf", "docx", "odt", "rtf", "textgrid utf-16", "html", "highlighted", "teams"}
HEADS = st.sampled_from([b"", b"PK\x03\x04", b"{\\rtf1 ", b"%PDF-1.4\n", b"WEBVTT\n\n", b"MSH|^~\\&|", b"<html>"])


def tokens(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.casefold()))


@pytest.mark.parametrize("form", [*LABELLED, "pdf"])
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_and_adds_no_words(form: str, data: st.DataObject) -> None:
    rows = [f"{who}: {said}" for who, said in VISIT]
    whole = pdf(rows) if form == "pdf" else LABELLED[form](VISIT)
    raw = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(raw) - 1))
        size = data.draw(st.integers(0, 40))
        raw[at : at + size] = data.draw(st.binary(max_size=6))
    refused, reading = "", None
    try:
        reading = files.read(bytes(raw), "visit")
    except InputError as error:
        refused = str(error)
    assert "Metformin" not in refused
    if reading is None:
        return
    assert sanitise(reading.text) == reading.text
    assert all(reading.text[turn.start : turn.end] for turn in reading.turns)
    if form not in OPAQUE and reading.format != "rtf":  # damage can make it one: its marks may part a word's letters
        found = bytes(raw).decode("utf-8", "replace").casefold() + bytes(raw).decode("cp1252", "replace").casefold()
        assert not {word for word in tokens(reading.text) - {"doctor", "patient", "unknown"} if word not in found}


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=400),
    st.sampled_from([b"", b"PK\x03\x04", b"{\\rtf1 ", b"%PDF-1.4\n", b"WEBVTT\n\n", b"MSH|^~\\&|"]),
)
def test_any_bytes_are_read_or_refused(raw: bytes, head: bytes) -> None:
    try:
        reading = files.read(head + raw, "some file")
    except InputError:
        return
    assert reading.text == sanitise(reading.text)
