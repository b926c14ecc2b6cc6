"""Conversations in every form that clinics have, and what is refused."""

from __future__ import annotations

import pytest

from edge.contract import transcript
from edge.errors import InputError
from edge.reading.conversation import parse

VTT = """WEBVTT

NOTE recorded in room 2

1
00:00.000 --> 00:02.000 align:start
<v.loud Dr. Lee>Any <i>pain</i> &lt;now&gt;?</v>

00:02.500 --> 00:04.000
Patient: No, <00:03.000>none.
"""
TEXTGRID = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 4
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "doctor"
        xmin = 0
        xmax = 4
        intervals: size = 2
        intervals [1]:
            xmin = 0
            xmax = 1.5
            text = "How are you?"
        intervals [2]:
            xmin = 1.5
            xmax = 4
            text = ""
    item [2]:
        class = "IntervalTier"
        name = "patient"
        xmin = 0
        xmax = 4
        intervals: size = 2
        intervals [1]:
            xmin = 0
            xmax = 1.5
            text = ""
        intervals [2]:
            xmin = 1.5
            xmax = 4
            text = "I said ""fine""."
"""


def turns(text: str) -> list[tuple[str, str]]:
    return [(t.speaker, t.text) for t in parse(text).turns]


@pytest.mark.parametrize(
    "text",
    [
        "[doctor] hi\n[patient] hello",
        "Doctor: hi\nPatient: hello",
        "D: hi\nP: hello",
        "Dr. X: hi\nPt: hello",
        "DOCTOR:  hi\n\n  PATIENT: hello",
        "Arzt: hi\nPatientin: hello",
        "[doctor]: hi\n[patient_1]: hello",
    ],
)
def test_speaker_tags(text: str) -> None:
    assert turns(text) == [("Doctor", "hi"), ("Patient", "hello")]


def test_names_are_speakers_when_they_take_turns() -> None:
    assert turns("Anna: hi\nBen: hello\nAnna: so\nBen: yes") == [
        ("Anna", "hi"),
        ("Ben", "hello"),
        ("Anna", "so"),
        ("Ben", "yes"),
    ]


def test_a_measurement_is_not_a_speaker() -> None:
    assert turns("Doctor: let me see.\nBlood pressure: 120/80 today.\nPatient: ok") == [
        ("Doctor", "let me see. Blood pressure: 120/80 today."),
        ("Patient", "ok"),
    ]


def test_text_without_tags_is_taken_line_by_line() -> None:
    assert turns("I feel sick.\n\nSince when?") == [("", "I feel sick."), ("", "Since when?")]


def test_webvtt() -> None:
    assert turns(VTT) == [("Doctor", "Any pain <now>?"), ("Patient", "No, none.")]


def test_textgrid_is_merged_by_time() -> None:
    assert turns(TEXTGRID) == [("Doctor", "How are you?"), ("Patient", 'I said "fine".')]


def test_offsets_point_at_the_words() -> None:
    text = "[doctor] hi there\nmore words\n[patient]  yes"
    parsed = parse(text)
    assert [text[t.start : t.end] for t in parsed.turns] == ["hi there\nmore words", "yes"]


def test_spaced_tokens_of_speech_recognisers_are_joined() -> None:
    assert transcript.tidy("i do n't , uh , it 's 3.5 mg .") == "i don't, uh, it's 3.5 mg."


@pytest.mark.parametrize(
    "text",
    ["", " \n ", "[doctor]\n[patient]  ", "WEBVTT\n\n", "WEBVTT\n\n00:00.000 --> 00:01.000\n\n", TEXTGRID[:60],
     TEXTGRID.replace('"TextGrid"', '"Sound"'), "Doctor:\nPatient:\n"],
)  # fmt: skip
def test_no_conversation_is_an_error(text: str) -> None:
    with pytest.raises(InputError):
        parse(text)
