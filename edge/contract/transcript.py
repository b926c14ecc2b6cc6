"""Conversations: from what clinics have (plain text, WebVTT, TextGrid) to turns, and from turns to prompt text.

Training and inference render a conversation with the same code, so a model sees one form whatever the source.
parse(render(t)) has the turns of t (speakers and texts); offsets always point into the text that was parsed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from edge.contract import captions
from edge.errors import InputError

_ROLES = {
    "Doctor": "doctor dr doc d physician clinician provider md arzt ärztin arztin behandler",
    "Patient": "patient pt p patientin",
    "Nurse": "nurse rn schwester pfleger pflegerin pflegekraft",
    "Guest": "guest guest_family patient_guest family mother father parent spouse wife husband son daughter caregiver "
    "angehörige angehöriger mutter vater",
}
SPEAKERS = tuple(_ROLES)
_ROLE_OF = {alias: role for role, aliases in _ROLES.items() for alias in aliases.split()}
_TITLED = re.compile(r"(?:dr|doctor|prof)\b\.?\s", re.IGNORECASE)
_LAY_TITLED = re.compile(r"(?:mr|mrs|ms|miss|herr|frau)\b\.?\s", re.IGNORECASE)
_NUMBERED = re.compile(r"(?P<base>[^\W\d]+)[ _-]?\d{1,2}$")

# "[doctor] text" or "Doctor: text". A label is up to four words; whether an unusual one is a speaker is decided by
# how often it opens a line (a lone "Blood pressure: 120/80" is not a speaker).
_TAG = re.compile(
    r"[ \t]*(?:\[(?P<bracket>[^\[\]\n]{1,40})\][ \t]*:?"
    r"|(?P<colon>[^\W\d_][\w.'’-]*(?:[ _-][\w.'’()-]+){0,3})[ \t]*:)(?=[ \t]|$)[ \t]*"
)
_CLITIC = re.compile(r"(?<=\w) (?=(?:n't|'(?:s|re|ve|ll|d|m))\b)", re.IGNORECASE)
_BEFORE_PUNCTUATION = re.compile(r" +(?=[,.?!;:](?:\s|$))")


@dataclass(frozen=True)
class Turn:
    """One utterance. speaker: "Doctor", "Patient", "Nurse", "Guest", another label as given, or "" if unknown.

    start, end: character offsets of the words (without the tag) in the parsed text.
    """

    speaker: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Transcript:
    """A conversation: the text as read and its turns in order."""

    source: str
    turns: tuple[Turn, ...]


def role(label: str) -> str | None:
    """Return the canonical role that a speaker label names, or None if it names none."""
    key = label.strip().strip(".").casefold()
    if (numbered := _NUMBERED.fullmatch(key)) is not None:
        key = numbered["base"]
    if key in _ROLE_OF:
        return _ROLE_OF[key]
    first = key.replace("-", "_").split("_")[0].split(" ")[0].strip(".")
    if _TITLED.match(key):
        return "Doctor"
    return _ROLE_OF.get(first) if "_" in key or "(" in key else None


def tidy(text: str) -> str:
    """Join what speech recognisers set apart ("do n't", "hi ,") and collapse spaces; idempotent."""
    text = " ".join(text.split())
    return _BEFORE_PUNCTUATION.sub("", _CLITIC.sub("", text))


def parse(text: str) -> Transcript:
    """Split sanitised text into turns. WebVTT and TextGrid are recognised by their first line.

    Raises InputError if there is no turn at all or a caption file is malformed.
    """
    cues = captions.read(text)
    turns = _from_cues(cues) if cues is not None else _from_lines(text)
    if not turns:
        raise InputError(
            "There is no conversation in this text.",
            "Not a single turn with words was found.",
            "Give a transcript: one turn a line, with or without speaker tags such as [doctor] or Doctor:.",
        )
    return Transcript(text, tuple(turns))


def render(transcript: Transcript) -> str:
    """Return the conversation as prompt text: one "Speaker: words" line a turn, without the tag if unknown."""
    return "\n".join(f"{t.speaker}: {tidy(t.text)}" if t.speaker else tidy(t.text) for t in transcript.turns)


def with_speaker(turns: Sequence[Turn], at: Collection[int], speaker: str) -> str:
    """The conversation with another speaker at some turns (counted from 0), as a tagged line a turn.

    The shape needs tags on every line, as a lone tag would swallow the lines after it: where no turn has a speaker,
    all are given two in turn; a turn without one among others is given the first of SPEAKERS.
    """
    speakers = [turn.speaker for turn in turns]
    if not any(speakers):
        pair = SPEAKERS[1::-1] if speaker == SPEAKERS[1] else SPEAKERS[:2]
        first = min(at, default=0)
        speakers = [pair[(number - first) % 2] for number in range(len(turns))]
    for number in at:
        speakers[number] = speaker
    tagged = ((s or SPEAKERS[0], " ".join(turn.text.split())) for s, turn in zip(speakers, turns, strict=True))
    return "\n".join(f"{s}: {words}" for s, words in tagged)


def keeps_speakers(turns: Sequence[Turn], at: Collection[int], speaker: str, text: str) -> bool:
    """True if text is read as these turns with that speaker at some of them: a label that is no role and opens one line
    only would be taken for words of the turn before."""
    wanted = [speaker if number in at else turn.speaker for number, turn in enumerate(turns)]
    again = [turn.speaker for turn in parse(text).turns]
    return len(again) == len(wanted) and all(a == w for a, w in zip(again, wanted, strict=True) if w)


def _from_cues(cues: Iterable[captions.Cue]) -> list[Turn]:
    turns: list[Turn] = []
    for cue in cues:
        label, words, offset = cue.speaker, cue.text, cue.start
        if not label and (tag := _TAG.match(cue.text)) is not None and (known := role(_label(tag))) is not None:
            label, words, offset = known, cue.text[tag.end() :], cue.start + tag.end()
        if words.strip():
            turns.append(Turn(_speaker(label), words.strip(), offset, cue.end))
    return turns


def _label(tag: re.Match[str]) -> str:
    return (tag["bracket"] or tag["colon"]).strip()


def _speaker(label: str) -> str:
    return role(label) or " ".join(label.split())


def _lines(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for line in text.split("\n"):
        yield start, line
        start += len(line) + 1


def _accepted(text: str) -> set[str]:
    """Labels of this text that are speakers: known roles, titled names, and others that open several lines."""
    seen: Counter[str] = Counter()
    kinds: dict[str, str] = {}
    for _, line in _lines(text):
        if (tag := _TAG.match(line)) is not None:
            seen[_label(tag)] += 1
            kinds[_label(tag)] = "bracket" if tag["bracket"] else "colon"
    known = {label for label in seen if role(label) or _LAY_TITLED.match(label)}
    repeated = {label for label, n in seen.items() if n >= 2 and (known or len(seen) == 2 or kinds[label] == "colon")}
    # Headings of a report repeat rarely and stand beside many others; two or more speakers alternate.
    return known | (repeated if known or 2 <= len(repeated) <= 6 else set())


def _from_lines(text: str) -> list[Turn]:
    accepted = _accepted(text)
    turns: list[Turn] = []
    tagged = False
    for start, line in _lines(text):
        tag = _TAG.match(line)
        if tag is not None and _label(tag) in accepted:
            tagged = True
            begin = start + tag.end()
            turns.append(Turn(_speaker(_label(tag)), text[begin : start + len(line)].strip(), begin, start + len(line)))
        elif line.strip():
            begin = start + len(line) - len(line.lstrip())
            end = start + len(line.rstrip())
            if tagged and turns:  # a continuation of the last speaker's turn
                last = turns[-1]
                turns[-1] = Turn(last.speaker, f"{last.text} {line.strip()}".strip(), last.start, end)
            else:
                turns.append(Turn("", line.strip(), begin, end))
    return [turn for turn in turns if turn.text]
