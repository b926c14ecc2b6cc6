"""Readers for two caption formats: WebVTT (W3C) and Praat TextGrid (long and short form).

Both give cues with offsets into the file's text. Times are not kept: a note does not need them.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from edge.errors import InputError

_ARROW = re.compile(r"^\s*(?:\d+:)?\d{1,2}:\d{2}[.,]\d{3}\s+-->\s+(?:\d+:)?\d{1,2}:\d{2}[.,]\d{3}")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+(?P<who>[^>\n]+)>")
_MARKUP = re.compile(r"</?[a-zA-Z][^>\n]*>|<\d[\d:.]*>")
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE]-?\d+)?$")


@dataclass(frozen=True)
class Cue:
    """One caption: speaker ("" if the file names none), words, and where the words stand in the file's text."""

    speaker: str
    text: str
    start: int
    end: int


def read(text: str) -> list[Cue] | None:
    """Return the cues of a WebVTT or TextGrid file, or None if the text is neither. Raises InputError if malformed."""
    head = text.lstrip("\ufeff\ufffd \t\n")[:200]
    if head.startswith("WEBVTT"):
        return _webvtt(text)
    if re.match(r'File type\s*=\s*"ooTextFile', head):
        return _textgrid(text)
    return None


def _plain(text: str) -> str:
    return " ".join(html.unescape(_MARKUP.sub("", text)).split())


def _webvtt(text: str) -> list[Cue]:
    cues: list[Cue] = []
    start, inside, timed = 0, False, False
    for line in text.split("\n"):
        if _ARROW.match(line):
            inside = timed = True
        elif not line.strip():
            inside = False
        elif inside:
            cues.extend(_voices(line, start, cues))
        start += len(line) + 1
    if not timed:
        raise InputError("This WebVTT file has no cue.", "No timing line (00:00.000 --> 00:01.000) was found.")
    return cues


def _voices(line: str, offset: int, before: list[Cue]) -> list[Cue]:
    """Cues of one caption line; a line without a voice tag has no speaker of its own."""
    marks = list(_VOICE.finditer(line))
    pieces = [("", 0, marks[0].start() if marks else len(line))]
    for i, mark in enumerate(marks):
        until = marks[i + 1].start() if i + 1 < len(marks) else len(line)
        pieces.append((mark["who"].strip(), mark.end(), until))
    return [Cue(who, _plain(line[a:b]), offset + a, offset + b) for who, a, b in pieces if _plain(line[a:b])]


def _textgrid(text: str) -> list[Cue]:
    """Interval tiers merged by start time; a tier's name is its speaker."""
    if '"TextGrid"' not in text:
        raise InputError(
            "This Praat file is not a TextGrid.", 'Its object class is not "TextGrid".', "Export a TextGrid."
        )
    timed: list[tuple[float, int, Cue]] = []
    for number, (name, body, offset) in enumerate(_tiers(text)):
        for begin, words, at, end in _intervals(body, offset):
            if _plain(words):
                speaker = "" if number == 0 and name.casefold() in {"", "text", "words", "utterances"} else name
                timed.append((begin, number, Cue(speaker, _plain(words), at, end)))
    if not timed:
        raise InputError("This TextGrid has no interval with words.", "", "Export the tiers that hold the speech.")
    return [cue for _, _, cue in sorted(timed, key=lambda item: item[:2])]


def _tiers(text: str) -> list[tuple[str, str, int]]:
    """(name, body, offset of body) of each interval tier."""
    starts = [m.end() for m in re.finditer(r'"IntervalTier"', text)]
    ends = [m.start() for m in re.finditer(r'"(?:IntervalTier|TextTier)"', text)] + [len(text)]
    tiers = []
    for start in starts:
        end = min(e for e in ends if e > start)
        name = _QUOTED.search(text, start, end)
        if name is not None:
            tiers.append((name[1].replace('""', '"').strip(), text[name.end() : end], name.end()))
    return tiers


def _intervals(body: str, offset: int) -> list[tuple[float, str, int, int]]:
    """(start time, words, offset, end offset) for each quoted label; the last two numbers before it are its times."""
    found = []
    last = 0
    for label in _QUOTED.finditer(body):
        numbers = [
            float(word) for word in body[last : label.start()].replace("=", " ").split() if _NUMBER.fullmatch(word)
        ]
        last = label.end()
        begin = numbers[-2] if len(numbers) >= 2 else 0.0
        found.append((begin, label[1].replace('""', '"'), offset + label.start(1), offset + label.end(1)))
    return found
