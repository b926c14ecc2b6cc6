"""Conversations as text: plain lines with or without labels, captions, TextGrid; to turns in one shape.

parse(render(t)) has the turns of t (speakers and texts). Offsets point into Transcript.source: the text as given for
plain lines, the text that the turns make (a labelled line each) for captions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from edge.contract.transcript import SPEAKERS, Transcript, Turn, role
from edge.errors import InputError
from edge.reading import captions, labels, textgrid
from edge.reading.captions import Cue
from edge.reading.scan import Checkpoint, go_on, lines, refuse_turns, steps


def parse(text: str, checkpoint: Checkpoint = go_on) -> Transcript:
    """Split sanitised text into turns. WebVTT, SubRip and TextGrid are recognised by their first lines.

    checkpoint: called every few thousand steps; what it raises stops the work.
    Raises InputError if there is no turn at all, a caption file is malformed, or there are more lines than talk has.
    """
    cues = _cues(text, checkpoint)
    if cues is not None:
        source, turns = laid_out(_of_cues(cues))
    else:
        source, turns = text, _from_lines(text, checkpoint)
    if not turns:
        raise InputError(
            "There is no conversation in this text.",
            "Not a single turn with words was found.",
            "Give a transcript: one turn a line, with or without speaker tags such as [doctor] or Doctor:.",
        )
    return Transcript(source, tuple(turns))


def _cues(text: str, checkpoint: Checkpoint) -> list[Cue] | None:
    if textgrid.is_textgrid(text):
        return textgrid.read_textgrid(text, checkpoint)
    if captions.is_webvtt(text) or captions.is_subrip(text):
        return captions.read_captions(text, checkpoint)
    return None


def speaker_of(label: str) -> str:
    """The role that a label names, else the label on one line."""
    return role(label) or " ".join(label.split())


def _of_cues(cues: Sequence[Cue]) -> list[Cue]:
    """Cues with their speakers: a label that opens the words is one if it is one in the whole file."""
    heads = [(labels.head(cue.text), cue.text) for cue in cues if not cue.speaker]
    accepted = labels.accept(heads)
    found = []
    for cue in cues:
        opening = labels.head(cue.text) if not cue.speaker else labels.Head()
        who, words = cue.speaker, cue.text
        if accepted.opens_turn(opening, cue.text):
            who, words = opening.label, cue.text[opening.words :]
        if words.strip():
            found.append(Cue(speaker_of(who), words.strip(), cue.begin, cue.end))
    return found


def laid_out(cues: Iterable[Cue]) -> tuple[str, list[Turn]]:
    """The text of turns, a line each with its label, and the turns with their places in it."""
    parts: list[str] = []
    turns: list[Turn] = []
    at = 0
    for cue in cues:
        words = " ".join(cue.text.split())
        opening = f"{cue.speaker}: " if cue.speaker else ""
        parts.append(f"{opening}{words}\n")
        turns.append(Turn(cue.speaker, words, at + len(opening), at + len(opening) + len(words), cue.begin))
        at += len(parts[-1])
    return "".join(parts), turns


@dataclass
class _Open:
    """A turn whose lines are still being gathered. begin, end: offsets of its words."""

    speaker: str
    begin: int
    end: int
    seconds: float | None
    parts: list[str] = field(default_factory=list)


def _from_lines(text: str, checkpoint: Checkpoint) -> list[Turn]:
    read = [(start, line, labels.head(line)) for start, line in lines(text, checkpoint) if line.strip()]
    accepted = labels.accept([(one, line) for _, line, one in read])
    step = steps(checkpoint)
    turns: list[_Open] = []
    tagged = False
    for start, line, one in read:
        step()
        is_label = accepted.opens_turn(one, line)
        words = line[one.words if is_label else 0 :].strip()
        begin = start + (line.find(words, one.words if is_label else 0) if words else len(line))
        end = begin + len(words)
        if is_label:
            tagged = True
            turns.append(_Open(speaker_of(one.label), begin, end, one.seconds, [words] if words else []))
            refuse_turns(len(turns))
        elif tagged and turns:  # a continuation of the last speaker's turn
            last = turns[-1]
            last.begin, last.end = begin if not last.parts else last.begin, end
            last.parts.append(words)
        else:
            turns.append(_Open("", begin, end, None, [words]))
            refuse_turns(len(turns))
    return [Turn(one.speaker, " ".join(one.parts), one.begin, one.end, one.seconds) for one in turns if one.parts]


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
