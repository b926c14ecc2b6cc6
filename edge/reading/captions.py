"""Captions with times: WebVTT (W3C) and SubRip, as Zoom, Teams, Whisper, WhisperX and noScribe write them.

Both are blocks: a line with an arrow between two times, and the lines up to the next blank one. WebVTT adds voice
spans (`<v Name>`), which may run over several lines, notes and styles.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.errors import InputError
from edge.reading.scan import Checkpoint, clock, go_on, lines, plain, refuse_turns, steps, tag_end


@dataclass(frozen=True, slots=True)
class Cue:
    """One caption: speaker ("" if none is named), words, and from when to when in seconds, if known."""

    speaker: str
    text: str
    begin: float | None = None
    end: float | None = None


def is_webvtt(text: str) -> bool:
    """True if the first line is that of a WebVTT file."""
    return text.lstrip("\ufeff\ufffd \t\n").startswith("WEBVTT")


def is_subrip(text: str) -> bool:
    """True if a timing line stands first, or second after a number or another mark of one word."""
    head = [line.strip() for line in text.lstrip("\ufeff\ufffd \t\n")[:300].split("\n")[:2]]
    timed = [timing(line) is not None for line in head]
    return timed[:1] == [True] or (timed[1:] == [True] and " " not in head[0])


def timing(line: str) -> tuple[float, float] | None:
    """The two times of a line such as "00:01.000 --> 00:02,500 align:start", in seconds."""
    arrow = line.find("-->", 0, 60)
    if arrow < 0:
        return None
    before = line[:arrow].strip()
    first = clock(before, 0)
    second = clock(line, arrow + 3 + len(line[arrow + 3 : arrow + 20]) - len(line[arrow + 3 : arrow + 20].lstrip()))
    if first is None or second is None or first[1] != len(before):
        return None
    return first[0], second[0]


def read_captions(text: str, checkpoint: Checkpoint = go_on) -> list[Cue]:
    """The cues of a WebVTT or SubRip file in its order. Raises InputError if no line has two times."""
    cues: list[Cue] = []
    block: list[str] = []
    times: tuple[float, float] | None = None
    found = False
    webvtt = is_webvtt(text)
    for _, line in lines(text, checkpoint):
        at = timing(line)
        if at is not None:
            if block and block[-1].strip().isdecimal() and not webvtt:
                block.pop()  # the number of this caption, where no blank line stands before it
            cues += _cues(block, times, webvtt)
            block, times, found = [], at, True
        elif not line.strip():
            cues += _cues(block, times, webvtt)
            block, times = [], None
        elif times is not None:
            block.append(line)
    cues += _cues(block, times, webvtt)
    if not found:
        kind = "WebVTT" if webvtt else "SubRip"
        raise InputError(f"This {kind} file has no cue.", "No timing line (00:00.000 --> 00:01.000) was found.")
    refuse_turns(len(cues))
    return cues


def _cues(block: list[str], times: tuple[float, float] | None, webvtt: bool) -> list[Cue]:
    """The cues of one block, one for each voice. Words before a voice span have no speaker of their own."""
    if times is None or not block:
        return []
    text = "\n".join(block)
    if "<v" not in text:
        words = "\n".join(spoken for line in block if (spoken := plain(line)))
        return [Cue("", words, *times)] if words else []
    pieces: list[tuple[str, str]] = []
    who, since, at = "", 0, 0
    step = steps(go_on)
    while (begin := text.find("<v", at)) >= 0:
        step()
        end = tag_end(text, begin)
        voice = _voice(text[begin + 2 : end - 1]) if end else None
        if voice is None:
            at = begin + 2
            continue
        pieces.append((who, text[since:begin]))
        who, since, at = voice, end, end
    pieces.append((who, text[since:]))
    return [Cue(who, words, *times) for who, spoken in pieces if (words := plain(spoken))]


def _voice(inside: str) -> str | None:
    """The name in a voice tag's inside, after "<v": ".loud Dr. Lee" or " Dr. Lee"; None if the tag is another."""
    if not inside[:1].isspace() and inside[:1] != ".":
        return None
    classes, _, name = inside.partition(" ")
    return " ".join((inside if not classes.startswith(".") else name).split())
