"""Small steps that the readers share: lines, clocks, markup, entities. Each takes time in proportion to its input."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator

from edge.errors import InputError

Checkpoint = Callable[[], None]  # called every few thousand steps; raises edge.errors.Cancelled to stop
MAX_LINES = 300_000  # an hour of captions, a word each, has about 30,000
MAX_TURNS = 50_000  # a day of speech has about 20,000
_TAG_LENGTH = 500  # characters of a tag, name and all
_EVERY = 2_000  # steps between two checkpoints

# Every repeat is bounded, so a match takes a bounded number of steps wherever it is tried.
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})(?:[.,](\d{1,6}))?(?![\d:])")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def go_on() -> None:
    """The checkpoint of a caller that never stops."""


def steps(checkpoint: Checkpoint) -> Callable[[], None]:
    """A counter that asks checkpoint at its first and at every 2,000th call."""
    count = -1

    def step() -> None:
        nonlocal count
        count += 1
        if not count % _EVERY:
            checkpoint()

    return step


def lines(text: str, checkpoint: Checkpoint = go_on) -> Iterator[tuple[int, str]]:
    """(offset, line) of each line of text. Raises InputError if there are more than MAX_LINES."""
    refuse_lines(text)
    step, start = steps(checkpoint), 0
    while True:
        step()
        end = text.find("\n", start)
        if end < 0:
            yield start, text[start:]
            return
        yield start, text[start:end]
        start = end + 1


def refuse_lines(text: str) -> None:
    """Raises InputError if a text has more lines than any conversation or report."""
    if text.count("\n") > MAX_LINES:
        raise InputError(
            "This text has too many lines.", f"It has more than {MAX_LINES:,}; no document has.", "Split it."
        )


def refuse_turns(count: int) -> None:
    """Raises InputError if these are more turns than any conversation has."""
    if count > MAX_TURNS:
        raise InputError(
            "This text has too many turns.", f"It has more than {MAX_TURNS:,}; no conversation has.", "Split it."
        )


def clock(text: str, at: int) -> tuple[float, int] | None:
    """The clock time that begins at an offset ("1:02:03.450", "02:03,450", "2:03") in seconds, and where it ends."""
    found = _CLOCK.match(text, at)
    if found is None or int(found[3]) > 59:
        return None
    hours, minutes, seconds, fraction = found.groups(default="0")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction}"), found.end()


def unescape(text: str) -> str:
    """Text with its HTML entities read. A number too long for a character stays as it is."""
    return _ENTITY.sub(lambda found: html.unescape(found[0]), text) if "&" in text else text


def plain(text: str) -> str:
    """Text of a caption without its tags (<i>, </v>, <00:01.000>) on one line; "a < b" keeps its sign."""
    if "<" in text:
        text = _without_tags(text)
    return " ".join(unescape(text).split())


def _without_tags(text: str) -> str:
    kept, at = [], 0
    while (begin := text.find("<", at)) >= 0:
        kept.append(text[at:begin])
        end = tag_end(text, begin)
        at = end if end else begin + 1
        if not end:
            kept.append("<")
    kept.append(text[at:])
    return "".join(kept)


def tag_end(text: str, begin: int) -> int:
    """Offset after the tag that begins with the "<" at begin; 0 if none does: "a < b", or a sign that is not closed."""
    after = text[begin + 1 : begin + 3]
    if not (after[:1].isalpha() or after[:1].isdigit() or (after[:1] == "/" and after[1:].isalpha())):
        return 0
    end = text.find(">", begin, begin + _TAG_LENGTH)
    return end + 1
