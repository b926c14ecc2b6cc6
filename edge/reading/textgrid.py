"""Praat TextGrid files, long and short form (Praat manual, "TextGrid file formats").

Of such a file only free-standing numbers and quoted strings count. A tier is a speaker. Tiers of forced aligners
(phones, syllables, words beside utterances) repeat the speech in pieces and are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from edge.clinical.words import words as listed
from edge.errors import InputError
from edge.reading.captions import Cue
from edge.reading.scan import Checkpoint, go_on, plain, refuse_turns, steps

_NUMBER = re.compile(r"-?\d{1,12}(?:\.\d{1,20})?(?:[eE]-?\d{1,3})?")
_PHONES = listed(
    "phones phone phonemes phoneme segments segment mau kan kan-mau syllables syllable syl tones ipa sampa pitch"
)
_WORDS = listed("words word ort ort-mau tokens")
_SILENCE = listed("sil sp spn <eps> <p:> <unk>")
_TIERS = 20  # that are compared with each other; no conversation has more speakers
_FEW = 4  # intervals of a tier that says anything about its kind
_NEAR = 0.05  # seconds
_PAUSE = 0.6  # seconds of silence that end an utterance
_REACH = 400  # characters before a string in which its times stand
_UNNAMED = {"", "text", "words", "word", "utterances", "utterance", "transcript", "transcription", "speech", "tier"}


@dataclass
class Tier:
    """An interval tier: its name and (begin, end, words) of each interval with words, in its order."""

    name: str
    spans: list[tuple[float, float, str]] = field(default_factory=list)


def is_textgrid(text: str) -> bool:
    """True if the first line is that of a Praat text file."""
    head = text.lstrip("\ufeff\ufffd \t\n")[:200]
    return head.startswith("File type") and "ooTextFile" in head.split("\n")[0]


def read_textgrid(text: str, checkpoint: Checkpoint = go_on) -> list[Cue]:
    """Interval tiers merged by time; a tier's name is its speaker, "" for the only tier with a general name.

    Raises InputError if the file is no TextGrid or has no interval with words.
    """
    if '"TextGrid"' not in text:
        raise InputError(
            "This Praat file is not a TextGrid.", 'Its object class is not "TextGrid".', "Export a TextGrid."
        )
    timed: list[tuple[float, int, Cue]] = []
    for number, tier in enumerate(speech(read_tiers(text, checkpoint))):
        speaker = "" if number == 0 and tier.name.casefold() in _UNNAMED else tier.name
        timed += [(begin, number, Cue(speaker, words, begin, end)) for begin, end, words in tier.spans]
    if not timed:
        raise InputError("This TextGrid has no interval with words.", "", "Export the tiers that hold the speech.")
    refuse_turns(len(timed))
    return [cue for _, _, cue in sorted(timed, key=lambda item: item[:2])]


def speech(tiers: list[Tier]) -> list[Tier]:
    """The tiers that hold what was said, once: no phones, no words beside utterances. Words alone become utterances."""
    spoken = [tier for tier in tiers if _kind(tier) not in _PHONES]
    whole = [tier for tier in spoken if _kind(tier) not in _WORDS]
    if len(whole) <= _TIERS:
        whole = [tier for tier in whole if not any(_repeats(tier, other) for other in whole if other is not tier)]
    return whole or [_utterances(tier) for tier in spoken] or tiers


def _kind(tier: Tier) -> str:
    """What a tier's name says it holds: "phones" of "doctor - phones"."""
    return tier.name.rpartition(" - ")[2].strip().casefold()


def _repeats(tier: Tier, other: Tier) -> bool:
    """True if a tier of single words lies within the utterances of another, as an aligner's does."""
    if len(tier.spans) < _FEW or any(" " in words for _, _, words in tier.spans):
        return False
    if not any(" " in words for _, _, words in other.spans):
        return False
    inside, at = 0, 0
    for begin, end, _ in tier.spans:
        while at < len(other.spans) and other.spans[at][1] <= begin:
            at += 1
        inside += at < len(other.spans) and other.spans[at][0] - _NEAR <= begin and end <= other.spans[at][1] + _NEAR
    return inside >= 0.9 * len(tier.spans)


def _utterances(tier: Tier) -> Tier:
    """Words of an aligner up to a pause as one span; its marks of silence are none."""
    joined: list[tuple[float, float, list[str]]] = []
    for begin, end, words in tier.spans:
        if words.casefold() in _SILENCE:
            continue
        if joined and begin - joined[-1][1] < _PAUSE:
            joined[-1] = (joined[-1][0], end, joined[-1][2])
            joined[-1][2].append(words)
        else:
            joined.append((begin, end, [words]))
    name = tier.name.rpartition(" - ")[0].strip()
    return Tier(name, [(begin, end, " ".join(words)) for begin, end, words in joined])


def read_tiers(text: str, checkpoint: Checkpoint = go_on) -> list[Tier]:
    """Every interval tier with words in it."""
    tiers: list[Tier] = []
    points, wants_name = True, False
    for numbers, words in _strings(text, checkpoint):
        if words in ("IntervalTier", "TextTier"):
            points, wants_name = words == "TextTier", True
        elif wants_name:
            wants_name = False
            if not points:
                tiers.append(Tier(" ".join(words.split())))
        elif not points and (spoken := plain(words)):
            begin, end = numbers if len(numbers) == 2 else (0.0, 0.0)
            tiers[-1].spans.append((begin, end, spoken))
    return [tier for tier in tiers if tier.spans]


def _strings(text: str, checkpoint: Checkpoint) -> Iterator[tuple[list[float], str]]:
    """Each quoted string ("" is a quote inside) with the last two numbers before it."""
    step, at = steps(checkpoint), 0
    while (begin := text.find('"', at)) >= 0:
        step()
        parts, start = [], begin + 1
        while True:
            end = text.find('"', start)
            if end < 0:
                return  # a string that is not closed is no label
            parts.append(text[start:end])
            if text[end + 1 : end + 2] != '"':
                break
            parts.append('"')
            start = end + 2
        between = text[max(at, begin - _REACH) : begin].replace("=", " ").split()
        yield [float(word) for word in between if _NUMBER.fullmatch(word)][-2:], "".join(parts)
        at = end + 1
