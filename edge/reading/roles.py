"""Which role a speaker has where the label does not say it: "Mrs Jones" beside "Dr. Patel" is the patient."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from edge.contract.transcript import SPEAKERS, Turn
from edge.errors import UsageError
from edge.reading.captions import Cue
from edge.reading.conversation import keeps_speakers, laid_out, speaker_of, with_speaker
from edge.text import one_line

_LAY = re.compile(r"(?:mr|mrs|ms|miss|herr|frau|señor|señora)\b\.?\s", re.IGNORECASE)
_NAME = 60


def suggested(cues: Sequence[Cue]) -> tuple[list[Cue], list[str]]:
    """Cues with the patient named where there is a doctor and one other that can be it, and a remark that says so.

    That other is the only one with a title of lay people, or the only other speaker.
    """
    names = list(dict.fromkeys(cue.speaker for cue in cues if cue.speaker))
    others = [name for name in names if name not in SPEAKERS]
    if "Doctor" not in names or "Patient" in names or not others:
        return list(cues), []
    lay = [name for name in others if _LAY.match(name)]
    patient = lay[0] if len(lay) == 1 else others[0] if len(names) == 2 else ""
    if not patient:
        return list(cues), []
    number = names.index(patient) + 1
    named = [replace(cue, speaker="Patient") if cue.speaker == patient else cue for cue in cues]
    return named, [f"Speaker {number} is taken for the patient, beside a doctor."]


def likely(turns: Sequence[Turn], speaker: str) -> str:
    """The role that a speaker of a conversation most likely has, of SPEAKERS: by title, by what is left beside the
    others, or by who asks. A suggestion for a person to confirm.
    """
    cues = [Cue(turn.speaker, turn.text) for turn in turns]
    named, _ = suggested(cues)
    guess = next((now.speaker for was, now in zip(cues, named, strict=True) if was.speaker == speaker), speaker)
    if guess in SPEAKERS:
        return guess
    taken = {turn.speaker for turn in turns}
    free = [role for role in SPEAKERS[:2] if role not in taken]
    if len(free) < 2:
        return free[0] if free else SPEAKERS[-1]
    if _LAY.match(f"{speaker} "):
        return "Patient"
    asks = {name: _questions(turns, name) for name in taken}
    return "Doctor" if asks[speaker] == max(asks.values()) else "Patient"


def _questions(turns: Sequence[Turn], speaker: str) -> float:
    own = [turn.text for turn in turns if turn.speaker == speaker]
    return sum("?" in text for text in own) / len(own)


def renamed(cues: Sequence[Cue], names: dict[str, str]) -> list[Cue]:
    """Cues with other speakers. names: speaker as it is to speaker as it shall be. Raises UsageError for an unknown."""
    own = {one_line(cue.speaker).casefold(): cue.speaker for cue in cues if cue.speaker}
    wanted = {}
    for before, after in names.items():
        known = own.get(one_line(before).casefold())
        if known is None:
            listed = ", ".join(one_line(name, _NAME) for name in dict.fromkeys(own.values())) or "none"
            raise UsageError(f"There is no speaker {one_line(before, _NAME)!r}.", f"Speakers here: {listed}.")
        wanted[known] = speaker_of(one_line(after, _NAME))
    return [replace(cue, speaker=wanted.get(cue.speaker, cue.speaker)) for cue in cues]


def named_everywhere(turns: Sequence[Turn], speaker: str, name: str) -> str:
    """The text of a conversation with another name for one speaker in all turns; "" for the turns without one.

    Where no turn has a speaker, they are given two in turn, as by with_speaker. Raises UsageError for a name that can't
    be told from words of a turn.
    """
    new = speaker_of(one_line(name, _NAME))
    at = [number for number, turn in enumerate(turns) if turn.speaker == speaker]
    alone = not any(turn.speaker for turn in turns)
    text = with_speaker(turns, at[:1] if alone else at, new)
    if not new or not (alone or keeps_speakers(turns, at, new, text)):
        raise UsageError(
            f"{one_line(name, _NAME)!r} can't be a speaker's name.", "It would be read as words of a turn."
        )
    return text


def renamed_text(turns: Sequence[Turn], names: dict[str, str]) -> str:
    """The text of a conversation with other speakers (see renamed), a labelled line a turn."""
    return laid_out(renamed([Cue(turn.speaker, turn.text, turn.seconds) for turn in turns], names))[0]


def pairs(words: Sequence[str]) -> dict[str, str]:
    """{"SPEAKER_00": "Doctor"} of ["SPEAKER_00=Doctor"]. Raises UsageError for another shape."""
    found = {}
    for word in words:
        before, sign, after = word.partition("=")
        if not (sign and before.strip() and after.strip()):
            raise UsageError(f"{one_line(word, _NAME)!r} names no speaker.", "", "Write OLD=NEW: SPEAKER_00=Doctor.")
        found[before.strip()] = after.strip()
    return found
