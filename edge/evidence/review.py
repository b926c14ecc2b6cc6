"""A note held against its conversation: statements with sources and flags, and what was said and is not in the note.

The one entry for every door: the verb `check`, `note --json`, the app's panel. Nothing is changed in the note.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from edge.contract.facts import Fact, Flag, Omission, Severity, SourceLink, Statement
from edge.contract.note import EncounterNote, Section
from edge.contract.transcript import Transcript
from edge.errors import InputError
from edge.evidence import checks, judged, links, omissions, support
from edge.evidence.conversation import Conversation, converse
from edge.evidence.judging import PairJudge
from edge.evidence.statements import Piece, split
from edge.evidence.view import View

MAX_NOTE_WORDS = 40_000
MAX_TALK_WORDS = 120_000
NO_SOURCE = "source"  # name of the flag on a claim that stands on nothing
_FOREIGN = 0.25  # share of statements with a source under which a note is of another visit
_FOREIGN_STATEMENTS = 6  # fewer statements tell nothing
_SURE = 0.4  # score of a link that counts for that


class FactFinder(Protocol):
    """Finds facts in a conversation: an encoder (edge.tagging), rules, or facts that people listed."""

    def __call__(self, transcript: Transcript) -> Sequence[Fact]:
        """Facts in order of place. Raises InputError for a conversation that is too long."""


@dataclass(frozen=True)
class Review:
    """What was found. statements: offsets in the text that was checked. facts: of the finder, empty without one.

    foreign: hardly anything of the note was said: it may be of another visit.
    """

    statements: tuple[Statement, ...] = field(repr=False)
    omissions: tuple[Omission, ...] = field(repr=False)
    facts: tuple[Fact, ...] = field(repr=False)
    foreign: bool
    seconds: float

    @property
    def flags(self) -> tuple[Flag, ...]:
        """All flags, in order."""
        return tuple(flag for one in self.statements for flag in one.flags)

    def as_json(self) -> dict[str, Any]:
        """{"statements", "omissions", "facts", "foreign", "seconds"}."""
        return {
            "statements": [one.as_json() for one in self.statements],
            "omissions": [one.as_json() for one in self.omissions],
            "facts": [one.as_json() for one in self.facts],
            "foreign": self.foreign,
            "seconds": round(self.seconds, 3),
        }


def review(
    note: str, source: Transcript | Conversation, finder: FactFinder | None = None, judge: PairJudge | None = None
) -> Review:
    """Check a note that is plain text. source: the conversation; one that was read before is not read again.

    Raises InputError if the note is empty, or if it or the conversation is over the limits.
    """
    started = time.perf_counter()
    transcript = source.transcript if isinstance(source, Conversation) else source
    bounded(note, transcript)
    talk = source if isinstance(source, Conversation) else converse(source)
    pieces = split(note)
    found = tuple(statements(note, pieces, talk, judge))
    facts = tuple(finder(transcript)) if finder is not None else ()
    left_out = omissions.find(facts, pieces, talk)
    return Review(found, left_out, facts, is_foreign(found), time.perf_counter() - started)


def review_sections(
    note: EncounterNote,
    source: Transcript | Conversation,
    finder: FactFinder | None = None,
    judge: PairJudge | None = None,
) -> tuple[EncounterNote, Review]:
    """Check a typed note: the same with its statements in its sections, offsets there, and the review of the whole.

    An empty section gets none. Raises as review().
    """
    whole, places = joined(note.sections)
    found = review(whole, source, finder, judge)
    sections = tuple(
        replace(section, statements=tuple(_within(found.statements, start, start + len(section.text))))
        for section, start in zip(note.sections, places, strict=True)
    )
    return replace(note, sections=sections), found


def joined(sections: Sequence[Section]) -> tuple[str, list[int]]:
    """The sections as one text under their headings, and where each one's text begins in it."""
    text, places = "", []
    for section in sections:
        text += f"{section.heading}\n\n"
        places.append(len(text))
        text += f"{section.text}\n\n"
    return text, places


def recheck(section: Section, whole: str, talk: Conversation, judge: PairJudge | None = None) -> tuple[Statement, ...]:
    """Statements of a section whose text a person changed: those that are as before keep what they had, unless their
    quotes no longer stand in the conversation. whole: the note's text.
    """
    said = talk.transcript.source
    before = {one.text: one for one in section.statements if _stands(one, said)}
    heading = f"{section.heading}\n\n"
    found = []
    pieces = [piece for piece in split(heading + section.text) if piece.start >= len(heading)]
    linked = links.link(talk.index, pieces)
    new = [at for at, piece in enumerate(pieces) if piece.text not in before]
    answers = dict(
        zip(new, judged.answers([pieces[at] for at in new], [linked[at] for at in new], talk, judge), strict=True)
    )
    for at, piece in enumerate(pieces):
        moved = replace(piece, start=piece.start - len(heading), end=piece.end - len(heading))
        known = before.get(piece.text)
        found.append(
            replace(known, start=moved.start, end=moved.end)
            if known is not None
            else statement(moved, linked[at], talk, whole, answers[at])
        )
    return tuple(found)


def _stands(statement: Statement, said: str) -> bool:
    return all(said[one.quote.start : one.quote.end] == one.quote.text for one in statement.sources)


def bounded(note: str, transcript: Transcript) -> None:
    """Raise InputError for an empty note, or for a note or a conversation over the limits."""
    words = len(note.split())
    if not words:
        raise InputError("The note is empty.", "", "Give a note with at least one sentence.")
    if words > MAX_NOTE_WORDS:
        raise InputError(
            "The note is too long to check.", f"It has {words:,} words; the limit is {MAX_NOTE_WORDS:,}.", "Split it."
        )
    spoken = sum(len(turn.text.split()) for turn in transcript.turns)
    if spoken > MAX_TALK_WORDS:
        raise InputError(
            "The conversation is too long to check against.",
            f"It has {spoken:,} words; the limit is {MAX_TALK_WORDS:,}.",
            "Split it.",
        )


def statements(
    note: str, pieces: Sequence[Piece], talk: Conversation, judge: PairJudge | None = None
) -> Iterator[Statement]:
    """The statements of a note, or of a part of it, with sources and flags. note: the whole text."""
    linked = links.link(talk.index, pieces)
    said = judged.answers(pieces, linked, talk, judge)
    for piece, sources, one in zip(pieces, linked, said, strict=True):
        yield statement(piece, sources, talk, note, one)


def statement(
    piece: Piece, sources: tuple[SourceLink, ...], talk: Conversation, note: str, said: judged.Answers
) -> Statement:
    """One statement with its flags. said: what the judge says of it, empty without one."""
    view = View(piece, talk, sources, note)
    flags = checks.run(view)
    flags += tuple(judged.flags(view, said, flags))
    missing = support.unsupported(piece, talk, sources)
    flags += tuple(_no_source(piece, claim) for claim in missing)
    held = bool(sources) and sources[0].score >= links.SUPPORTS
    supported = held and not missing and not any(flag.severity is Severity.HIGH for flag in flags)
    return Statement(piece.text, piece.start, piece.end, sources, flags, supported)


def _no_source(piece: Piece, claim: support.Claim) -> Flag:
    quote = piece.text[claim.start : claim.end]
    return Flag(NO_SOURCE, Severity.LOW, f"Nothing was found in the conversation for: {quote}", (quote,))


def _within(found: Sequence[Statement], start: int, end: int) -> Iterator[Statement]:
    at = bisect_left(found, start, key=lambda one: one.start)
    while at < len(found) and found[at].end <= end:
        yield replace(found[at], start=found[at].start - start, end=found[at].end - start)
        at += 1


def is_foreign(found: Sequence[Statement]) -> bool:
    """Whether hardly anything of a note was said: it may be of another visit."""
    if len(found) < _FOREIGN_STATEMENTS:
        return False
    held = sum(bool(one.sources) and one.sources[0].score >= _SURE for one in found)
    return held < _FOREIGN * len(found)
