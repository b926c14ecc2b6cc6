"""What a transcription service adds to the words: its own lines, a title, times written as words.

None of it was said. What is left out is told, never dropped in silence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from edge.contract.transcript import Turn

_LINE = re.compile(
    r"(?:transcribed (?:by|with) \S.{0,80}"
    r"|\S.{0,59} (?:started|stopped) (?:the )?(?:transcription|recording|meeting)\.?"
    r"|\S.{0,150}\.(?:wav|mp3|m4a|mp4|ogg|flac|aac|webm|mov|wma|opus))",
    re.IGNORECASE,
)
_LONGEST = 160  # characters of such a line
_SPOKEN_TIME = re.compile(  # "0 minutes 3 seconds0:03", "Miriam Vance 1 hour 2 minutes 3 seconds"
    r"(?P<who>[^\d\n]{0,60}?)[ \t]*(?:(?P<h>\d{1,2}) hours?,? )?(?:(?P<m>\d{1,3}) minutes?,? )?(?:and )?"
    r"(?P<s>\d{1,2}) seconds?(?:\d{1,2}:\d{2}(?::\d{2})?)?"
)


def is_line(line: str) -> bool:
    """True for "Transcribed by https://…", "Miriam Vance started transcription", "visit.wav" alone on a line."""
    return len(line) <= _LONGEST and _LINE.fullmatch(line.strip()) is not None


def without_lines(text: str) -> tuple[str, int]:
    """The text without such lines, and how many there were; a text of nothing else stays as it is."""
    lines = text.split("\n")
    kept = [line for line in lines if not is_line(line)]
    return ("\n".join(kept), len(lines) - len(kept)) if any(line.strip() for line in kept) else (text, 0)


def remark(count: int) -> str:
    """What is told of lines that were left out."""
    return (
        "A line of the transcription service was left out."
        if count == 1
        else f"{count} lines of the transcription service were left out."
    )


def with_clocks(text: str) -> str:
    """The text with times that stand there as words, as Teams gives them to screen readers, as clock times.

    "Miriam Vance", "0 minutes 3 seconds0:03" and "Miriam Vance 0 minutes 3 seconds" become "Miriam Vance  0:03".
    """
    if "second" not in text:
        return text
    lines = text.split("\n")
    found = [_SPOKEN_TIME.fullmatch(line.strip()) if len(line) <= _LONGEST else None for line in lines]
    if sum(one is not None for one in found) < 2:
        return text
    kept: list[str] = []
    for line, one in zip(lines, found, strict=True):
        if one is None:
            kept.append(line)
            continue
        who, at = one["who"].strip(), _clock(one)
        before = kept[-1].strip() if kept else ""
        if not who and before and len(before) <= 60:
            kept[-1] = f"{before}  {at}"
        elif before not in (who, f"{who}  {at}"):
            kept.append(f"{who}  {at}" if who else at)
        else:
            kept[-1] = f"{who}  {at}"
    return "\n".join(kept)


def _clock(found: re.Match[str]) -> str:
    hours, minutes, seconds = (int(found[part] or 0) for part in ("h", "m", "s"))
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def without_title(turns: Sequence[Turn]) -> tuple[list[Turn], tuple[str, ...]]:
    """Turns without what stands before the first speaker, where every later one has speaker and time, and a remark.

    An export begins with a title, a date and perhaps a summary; what was said has its speaker and its time.
    """
    first = next((number for number, turn in enumerate(turns) if turn.speaker), 0)
    title, spoken = turns[:first], list(turns[first:])
    if not title or any(turn.seconds is not None for turn in title):
        return list(turns), ()
    if len({turn.speaker for turn in spoken}) < 2 or not all(t.speaker and t.seconds is not None for t in spoken):
        return list(turns), ()
    lines = "line" if first == 1 else "lines"
    return spoken, (f"{first} {lines} before the first speaker, as an export's title or summary, were left out.",)
