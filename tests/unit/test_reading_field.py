"""Inputs as people have them: every file of the data folder's `field` is read to the visit, or is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import InputError
from edge.reading import files
from edge.reading.substance import refuse_nothing
from training.sources import data_dir

# file -> (format, speakers in the order in which they come)
EXPECTED = {
    "00-baseline/visit.txt": ("text", ["Doctor", "Patient"]),
    "00-baseline/visit-untagged.txt": ("text", [""]),
    "01-srt/visit.srt": ("srt", ["Doctor", "Patient"]),
    "02-repeated-cues/highlight-words.vtt": ("webvtt", ["SPEAKER_00", "SPEAKER_01"]),
    "03-whisperx/two.txt": ("text", ["SPEAKER_00", "SPEAKER_01"]),
    "04-time-prefix/bracket-time-speaker.txt": ("text", ["Doctor", "Patient"]),
    "04-time-prefix/whisper.tsv": ("tsv", [""]),
    "05-zoom-vtt/decorated.vtt": ("webvtt", ["Doctor", "Patient"]),
    "05-zoom-vtt/titled.vtt": ("webvtt", ["Doctor", "Patient"]),
    "06-teams-vtt/multiline-voice.vtt": ("webvtt", ["Vance, Miriam", "Bell, Peter (Guest)"]),
    "08-name-time-line/otter.txt": ("text", ["Miriam Vance", "Unknown Speaker"]),
    "09-label-styles/markdown.md": ("text", ["Doctor", "Patient"]),
    "09-label-styles/no-space.txt": ("text", ["Doctor", "Patient"]),
    "10-json/whisper.json": ("whisper-json", [""]),
    "20-rename-speaker/speakers.txt": ("text", ["SPEAKER_00", "SPEAKER_01"]),
}


def field() -> Path:
    return data_dir() / "field"


def read(name: str) -> files.ReadFile:
    return files.read((field() / name).read_bytes(), name)


def test_every_file_is_read_or_refused_by_name() -> None:
    paths = sorted(path for path in field().rglob("*") if path.is_file() and path.name != "README.md")
    refused = {}
    for path in paths:
        try:
            reading = files.read(path.read_bytes(), path.name)
        except InputError as error:
            refused[path.name] = str(error)
            continue
        assert all(reading.text[turn.start : turn.end] == turn.text for turn in reading.turns)
    assert len(paths) >= 40
    assert list(refused) == ["report.pdf", "lock-int400.json"]
    assert all(name in said for name, said in refused.items())


@pytest.mark.parametrize("name", EXPECTED)
def test_the_baseline_comes_out_of_every_format(name: str) -> None:
    form, speakers = EXPECTED[name]
    base, reading = read("00-baseline/visit.txt"), read(name)
    assert (reading.kind, reading.format, reading.language) == ("conversation", form, "en")
    assert [turn.text for turn in reading.turns] == [turn.text for turn in base.turns]
    assert len(reading.turns) == 16
    assert list(dict.fromkeys(turn.speaker for turn in reading.turns)) == speakers
    if speakers == ["Doctor", "Patient"]:
        assert [(turn.start, turn.end) for turn in reading.turns] == [(turn.start, turn.end) for turn in base.turns]


def test_one_textgrid_a_speaker() -> None:
    names = [f"12-textgrid-aligner/primock-{who}.TextGrid" for who in ("doctor", "patient")]
    together = files.read_together([((field() / name).read_bytes(), name) for name in names])
    base = read("00-baseline/visit.txt")
    assert [(turn.speaker, turn.text) for turn in together.turns] == [(t.speaker, t.text) for t in base.turns]


def test_encodings_loops_and_nothing() -> None:
    assert read("13-windows-1252/arztbrief-cp1252.txt").text == read("13-windows-1252/arztbrief-utf8.txt").text
    loop = read("17-asr-loop/loop-short.txt")
    assert (len(loop.turns), len(loop.warnings)) == (17, 1)
    assert read("11-textgrid-utf16/praat-utf16be.TextGrid").text == read("11-textgrid-utf16/praat-utf8.TextGrid").text
    assert len(read("03-whisperx/three.txt").turns) == 17
    assert len(read("18-long/hour-9k-words.txt").turns) == 692
    for name in ("24-near-empty/blank.txt", "24-near-empty/hello.txt"):
        with pytest.raises(InputError):
            refuse_nothing(read(name).turns)
