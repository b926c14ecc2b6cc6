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
from edge.reading.collapse import joined, rolled
from edge.reading.scan import Checkpoint, go_on, lines, refuse_turns, steps

_DASHES = ("- ", "– ", "— ", "• ")


def parse(text: str, checkpoint: Checkpoint = go_on) -> Transcript:
    """Split sanitised text into turns. WebVTT, SubRip and TextGrid are recognised by their first lines.

    checkpoint: called every few thousand steps; what it raises stops the work.
    Raises InputError if there is no turn at all, a caption file is malformed, or there are more lines than talk has.
    """
    cues = _cues(text, checkpoint)
    if cues is not None:
        source, turns = laid_out(joined(rolled(of_cues(cues))[0]))
    else:
        source, turns = text, from_lines(text, checkpoint)
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
    """The role that a label names, else the label on one line; "" for the label of turns without a speaker."""
    return role(label) or ("" if label.strip() == labels.UNKNOWN else " ".join(label.split()))


def of_cues(cues: Sequence[Cue]) -> list[Cue]:
    """Cues with their speakers. A label that opens a line of words is a speaker if it is one in the whole file; each
    labelled line, and each line of a dialogue with dashes, is a cue of its own."""
    pieces = [(cue, line) for cue in cues for line in (cue.text.split("\n") if not cue.speaker else [cue.text])]
    heads = [labels.head(line) if not cue.speaker else labels.Head() for cue, line in pieces]
    accepted = labels.accept([(one, line) for one, (cue, line) in zip(heads, pieces, strict=True) if not cue.speaker])
    found: list[tuple[str, Cue, list[str]]] = []  # speaker, where it comes from, lines
    before: Cue | None = None
    for one, (cue, line) in zip(heads, pieces, strict=True):
        opens = accepted.opens_turn(one, line)
        words = line[one.words :].strip() if opens else line.strip()
        dashed = words[:2] in ("- ", "– ", "— ") and not cue.speaker
        if opens or dashed or cue is not before or not found:
            words = words[2:].strip() if dashed else words
            found.append((one.label if opens else cue.speaker, cue, [words] if words else []))
        elif words:
            found[-1][2].append(words)
        before = cue
    return [Cue(speaker_of(who), "\n".join(said), cue.begin, cue.end) for who, cue, said in found if said]


def laid_out(cues: Iterable[Cue]) -> tuple[str, list[Turn]]:
    """The text of turns, a line each with its label, and the turns with their places in it.

    A turn without a speaker among others has a label that says so: without one, its words would belong to the turn
    before.
    """
    parts: list[str] = []
    turns: list[Turn] = []
    at = 0
    cues = list(cues)
    nobody = f"{labels.UNKNOWN}: " if any(cue.speaker for cue in cues) else ""
    for cue in cues:
        words = " ".join(cue.text.split())
        opening = f"{cue.speaker}: " if cue.speaker else nobody
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


def from_lines(text: str, checkpoint: Checkpoint = go_on) -> list[Turn]:
    """Turns of plain lines. A line without a label goes on with the turn before, once a label was seen; in a text
    without labels, and where most lines have a time, each line is a turn. Raises InputError for too many."""
    read = [(start, line, labels.head(line)) for start, line in lines(text, checkpoint) if line.strip()]
    accepted = labels.accept([(one, line) for _, line, one in read])
    listed = 0.8 * len(read) <= sum(line.lstrip()[:2] in _DASHES for _, line, _ in read)
    timed = 2 * sum(one.after_time > 0 for _, _, one in read) >= len(read)
    step = steps(checkpoint)
    turns: list[_Open] = []
    tagged = False
    clock: float | None = None  # of a line that is a time alone
    for start, line, one in read:
        step()
        is_label = accepted.opens_turn(one, line)
        opening = one.words if is_label else one.after_time if timed or line.lstrip()[:1] in ("[", "(") else 0
        if listed and not opening and line.lstrip()[:2] in _DASHES:
            opening = len(line) - len(line.lstrip()) + 2  # a dash for each who speaks
        words = line[opening:].strip()
        begin = start + (line.find(words, opening) if words else len(line))
        end = begin + len(words)
        if not words and not is_label:
            clock = one.seconds
            continue
        if turns and not turns[-1].parts and 0 < one.after_time >= len(line.rstrip()):
            turns[-1].seconds = one.seconds  # a time on its own line under a name
            continue
        seconds, clock = (clock if one.seconds is None else one.seconds), None
        if is_label:
            tagged = True
            turns.append(_Open(speaker_of(one.label), begin, end, seconds, [words] if words else []))
            refuse_turns(len(turns))
        elif tagged and turns:  # a continuation of the last speaker's turn
            last = turns[-1]
            last.begin, last.end = begin if not last.parts else last.begin, end
            last.parts.append(words)
        else:
            turns.append(_Open("", begin, end, seconds if timed else None, [words]))
            refuse_turns(len(turns))
    return [Turn(one.speaker, " ".join(one.parts), one.begin, one.end, one.seconds) for one in turns if one.parts]


def with_speaker(turns: Sequence[Turn], at: Collection[int], speaker: str) -> str:
    """The conversation with another speaker at some turns (counted from 0), as a tagged line a turn.

    The shape needs tags on every line, as a lone tag would swallow the lines after it: where no turn has a speaker,
    all are given two in turn; a turn without one among others keeps a label that says so.
    """
    speakers = [turn.speaker for turn in turns]
    if not any(speakers):
        pair = SPEAKERS[1::-1] if speaker == SPEAKERS[1] else SPEAKERS[:2]
        first = min(at, default=0)
        speakers = [pair[(number - first) % 2] for number in range(len(turns))]
    for number in at:
        speakers[number] = speaker
    tagged = ((s or labels.UNKNOWN, " ".join(turn.text.split())) for s, turn in zip(speakers, turns, strict=True))
    return "\n".join(f"{s}: {words}" for s, words in tagged)


def keeps_speakers(turns: Sequence[Turn], at: Collection[int], speaker: str, text: str) -> bool:
    """True if text is read as these turns with that speaker at some of them: a label that is no role and opens one line
    only would be taken for words of the turn before."""
    wanted = [speaker if number in at else turn.speaker for number, turn in enumerate(turns)]
    again = [turn.speaker for turn in parse(text).turns]
    return len(again) == len(wanted) and all(a == w for a, w in zip(again, wanted, strict=True) if w)
