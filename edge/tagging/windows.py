"""From a text to what an encoder reads: one stream of tokens with their places, cut into windows that overlap.

Training and the laptop read a text with this code, so a model sees one form. Offsets count code points of the text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from edge.contract.transcript import Transcript

LONGEST_RUN = 40  # marks without a letter or a figure that are read of a row of them: a form may have thousands
_RUN = re.compile(rf"[\W_]{{{LONGEST_RUN + 1},}}")
NO_PLACE = -1  # the place of a token that stands for no character: a mark between segments, a speaker's name


@dataclass(frozen=True)
class WindowSegment:
    """A turn of a conversation or a line of a report. start: offset of text in the whole. speaker: "" in a report."""

    text: str = field(repr=False)
    start: int
    speaker: str = ""

    @cached_property
    def words(self) -> int:
        """Words between spaces."""
        return len(self.text.split())


@dataclass(frozen=True)
class Stream:
    """Tokens of a text, one after the other.

    ids: int64, shape (n,). starts, ends: int64, shape (n,), offsets in the text, NO_PLACE for marks. segment: int64,
    shape (n,), number of the segment that a token belongs to.
    """

    ids: Any = field(repr=False)
    starts: Any = field(repr=False)
    ends: Any = field(repr=False)
    segment: Any = field(repr=False)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Window:
    """Tokens start to end of a stream; what a model says of keep_start to keep_end counts, the rest is context."""

    start: int
    end: int
    keep_start: int
    keep_end: int


def of_transcript(transcript: Transcript) -> list[WindowSegment]:
    """A segment a turn, its words as they stand in the source."""
    source = transcript.source
    return [WindowSegment(source[turn.start : turn.end], turn.start, turn.speaker) for turn in transcript.turns]


def of_report(text: str) -> list[WindowSegment]:
    """A segment a line that is not blank."""
    segments, start = [], 0
    for line in text.split("\n"):
        if line.strip():
            segments.append(WindowSegment(line, start))
        start += len(line) + 1
    return segments


def stream(tokenizer: Any, segments: Sequence[WindowSegment]) -> Stream:
    """Tokens of all segments; each is opened by a separator and, where it has one, its speaker's name."""
    separator = tokenizer.token_to_id("[SEP]")
    names = {
        name: [*_plain(tokenizer, name), *_plain(tokenizer, ":")] for name in {s.speaker for s in segments} if name
    }
    short = [shortened(s.text) for s in segments]
    encoded = tokenizer.encode_batch([one.text for one in short], add_special_tokens=False)
    ids: list[int] = []
    places: list[tuple[int, int]] = []
    numbers: list[int] = []
    for number, (segment, tokens, read) in enumerate(zip(segments, encoded, short, strict=True)):
        marks = [separator, *names.get(segment.speaker, [])]
        ids += marks + tokens.ids
        places += [(NO_PLACE, NO_PLACE)] * len(marks)
        places += [(segment.start + read.place(a), segment.start + read.place(b - 1) + 1) for a, b in tokens.offsets]
        numbers += [number] * (len(marks) + len(tokens.ids))
    where = np.asarray(places, dtype=np.int64).reshape(-1, 2)
    return Stream(np.asarray(ids, dtype=np.int64), where[:, 0], where[:, 1], np.asarray(numbers, dtype=np.int64))


@dataclass(frozen=True)
class ShortText:
    """A text without what is over LONGEST_RUN in its rows of marks. cuts: where characters are left out, ascending;
    missing: how many are left out up to there."""

    text: str = field(repr=False)
    cuts: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()

    def place(self, at: int) -> int:
        """Where a character of it stands in the whole."""
        before = bisect_right(self.cuts, at)
        return at + self.missing[before - 1] if before else at


def shortened(text: str) -> ShortText:
    """A text as the encoder reads it: thousands of underscores say no more than forty, and cost a token each."""
    parts, cuts, missing = [], [], []
    after = left_out = kept = 0
    for run in _RUN.finditer(text):
        parts.append(text[after : run.start() + LONGEST_RUN])
        kept += len(parts[-1])
        left_out += run.end() - run.start() - LONGEST_RUN
        cuts.append(kept)
        missing.append(left_out)
        after = run.end()
    return ShortText("".join([*parts, text[after:]]), tuple(cuts), tuple(missing)) if cuts else ShortText(text)


def _plain(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids[:4]


def windows(length: int, size: int, overlap: int) -> Iterator[Window]:
    """Windows of at most size tokens over length; two neighbours share overlap tokens, each keeps its half of them.

    Raises ValueError unless size > overlap >= 0.
    """
    if not size > overlap >= 0:
        raise ValueError("a window must be longer than the overlap")
    start = 0
    while start < length:
        end = min(start + size, length)
        keep_start = start + overlap // 2 if start else 0
        keep_end = end if end == length else end - (overlap - overlap // 2)
        yield Window(start, end, keep_start, keep_end)
        if end == length:
            return
        start = end - overlap


def batch(part: Sequence[Any], opening: int, closing: int, padding: int) -> tuple[Any, Any]:
    """(ids, mask): int64, shape (windows, longest + 2); each window opened and closed as encoders are trained."""
    width = max(len(ids) for ids in part) + 2
    ids = np.full((len(part), width), padding, dtype=np.int64)
    mask = np.zeros((len(part), width), dtype=np.int64)
    for row, one in enumerate(part):
        n = len(one)
        ids[row, 0], ids[row, 1 : n + 1], ids[row, n + 1] = opening, one, closing
        mask[row, : n + 2] = 1
    return ids, mask
