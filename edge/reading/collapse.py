"""Words that a source gives more than once: captions that roll or highlight, recognisers that repeat themselves.

Captions repeat what still stands on the screen; those words are one utterance. A recogniser in a loop writes a phrase
again and again where nobody speaks; one copy stays, and the reading says that others were left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edge.reading.captions import Cue

_GAP = 0.25  # seconds between captions that may show the same words
_SPLIT_GAP = 0.35  # seconds between pieces of one sentence
_REACH = 60  # words of a caption that the next may repeat
_RUN = 4  # times that one speaker says the same in a row before it is a loop
_RUN_OF_ALL = 6  # the same, whoever speaks
_SEARCHED = 400_000  # words of a conversation whose turns are searched for loops; a day of speech has about 150,000
_PERIOD = 20  # words of a phrase that is repeated within a turn
_COPIES = {1: 7, 2: 5}  # by words of the phrase; longer phrases: 4
_END = ".?!…。？！:;"


def key(words: str) -> tuple[str, ...]:
    """The words as they are compared: lower case, no punctuation at their ends."""
    return tuple(word for raw in words.split() if (word := raw.casefold().strip(".,;:!?…\"'’“”„()[]-–—♪")))


def rolled(cues: Sequence[Cue]) -> tuple[list[Cue], int]:
    """Captions without the words that they repeat of the one before, and how many words were left out."""
    keys = [key(cue.text) for cue in cues]
    rolling = _is_rolling(cues, keys)
    kept: list[Cue] = []
    dropped = 0
    for number, cue in enumerate(cues):
        if not kept or not _near(cues[number - 1], cue) or not keys[number]:
            kept.append(cue)
            continue
        before = keys[number - 1]
        common = _overlap(before, keys[number])
        if before == keys[number] or (rolling and common == len(keys[number])):
            kept[-1] = replace(kept[-1], end=cue.end)
            dropped += len(keys[number])
        elif rolling and common:
            fresh, at_line = _after_words(cue.text, common)
            dropped += common
            if common == len(before) and not at_line:
                kept[-1] = replace(kept[-1], text=f"{kept[-1].text} {fresh}", end=cue.end)
            else:
                kept.append(replace(cue, text=fresh))
        else:
            kept.append(cue)
    return kept, dropped


def _near(before: Cue, cue: Cue) -> bool:
    if before.speaker != cue.speaker or before.end is None or cue.begin is None:
        return False
    return cue.begin <= before.end + _GAP


def _is_rolling(cues: Sequence[Cue], keys: Sequence[tuple[str, ...]]) -> bool:
    """True if a good part of neighbours repeat two words or more, or all of a shorter caption."""
    pairs = repeats = 0
    for number in range(1, len(cues)):
        if keys[number] and keys[number - 1] and _near(cues[number - 1], cues[number]):
            pairs += 1
            repeats += _overlap(keys[number - 1], keys[number]) >= min(2, len(keys[number - 1]), len(keys[number]))
    return pairs >= 3 and repeats >= 0.4 * pairs


def _overlap(before: tuple[str, ...], after: tuple[str, ...]) -> int:
    """Most words that end before and begin after; bounded by _REACH."""
    for size in range(min(len(before), len(after), _REACH), 0, -1):
        if before[-size:] == after[:size]:
            return size
    return 0


def _after_words(text: str, count: int) -> tuple[str, bool]:
    """The text after its first words, and whether it goes on with a new line."""
    at = 0
    while count and at < len(text):
        end = at
        while end < len(text) and not text[end].isspace():
            end += 1
        count -= bool(key(text[at:end]))
        at = end
        begin = at
        while at < len(text) and text[at].isspace():
            at += 1
    return text[at:], "\n" in text[begin:at] if at else False


def joined(cues: Sequence[Cue]) -> list[Cue]:
    """Pieces of one sentence as one cue: same speaker, no pause and no end of a sentence between them; where nobody is
    named, the next one begins with a small letter."""
    whole: list[Cue] = []
    for cue in cues:
        last = whole[-1] if whole else None
        if (
            last is not None
            and last.speaker == cue.speaker
            and last.end is not None
            and cue.begin is not None
            and cue.begin - last.end <= _SPLIT_GAP
            and last.text[-1:] not in _END
            and (cue.speaker or cue.text[:1].islower())
        ):
            whole[-1] = replace(last, text=f"{last.text} {cue.text}", end=cue.end)
        else:
            whole.append(cue)
    return whole


def without_runs(cues: Sequence[Cue]) -> tuple[list[Cue], list[str]]:
    """Turns without a recogniser's loops, and a remark on each loop, which names turns of the result (from 0)."""
    kept: list[Cue] = []
    remarks: list[str] = []
    start = 0
    keys = [key(cue.text) for cue in cues]
    searched = sum(map(len, keys)) <= _SEARCHED
    while start < len(cues):
        end = start + 1
        while end < len(cues) and keys[end] == keys[start] and keys[start]:
            end += 1
        one_speaker = all(cue.speaker == cues[start].speaker for cue in cues[start:end])
        cue, copies = _without_copies(cues[start]) if searched else (cues[start], 0)
        if end - start >= (_RUN if one_speaker else _RUN_OF_ALL):
            remarks.append(
                f"Turn {len(kept)} stands {end - start} times in a row, as where a recogniser repeats itself: "
                f"{end - start - 1} copies were left out."
            )
            kept.append(cue)
        else:
            kept.append(cue)
            kept += [_without_copies(other)[0] if searched else other for other in cues[start + 1 : end]]
        if copies:
            remarks.append(f"Turn {len(kept) - 1} repeats a phrase in a row: {copies} copies were left out.")
        start = end
    return kept, remarks


def _without_copies(cue: Cue) -> tuple[Cue, int]:
    """A turn with one copy of each phrase that it repeats in a row, and how many were left out."""
    words = cue.text.split()
    keys = [word.casefold().strip(".,;:!?…") for word in words]
    copies = 0
    for period in range(1, min(_PERIOD, len(words) // 2) + 1):
        run, at = 0, period
        drop: list[tuple[int, int]] = []
        while at <= len(words):
            if at < len(words) and keys[at] == keys[at - period] and not keys[at].isdigit():
                run += 1
            else:
                times = run // period + 1
                if times >= _COPIES.get(period, 4):
                    drop.append((at - (times - 1) * period, at))
                    copies += times - 1
                run = 0
            at += 1
        for begin, end in reversed(drop):
            del words[begin:end]
            del keys[begin:end]
    return (replace(cue, text=" ".join(words)), copies) if copies else (cue, 0)
