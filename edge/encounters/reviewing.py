"""A note under work beside its conversation, for both doors: statements anew after an edit, what was said and is not in
the note, and where a line for it goes.

Nothing here changes a note by itself: a person inserts, and a signed note's content is never touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from edge.composing import lines
from edge.contract.encounter import Encounter
from edge.contract.evidence import Evidence, ShownAtSigning, at_signing
from edge.contract.facts import Fact, Omission
from edge.contract.note import EncounterNote, Section
from edge.contract.section_turns import DIVISION_OF, SECTION_OF, section_of
from edge.contract.transcript import Transcript
from edge.errors import InputError, UsageError
from edge.evidence import omissions
from edge.evidence.conversation import Conversation, converse
from edge.evidence.judging import PairJudge
from edge.evidence.review import bounded, is_foreign, joined, recheck
from edge.evidence.statements import is_heading, section_kind, split
from edge.reading.conversation import parse

if TYPE_CHECKING:
    from edge.encounters.checking import Checker

_SOAP = {"subjective": "S", "objective_exam": "O", "objective_results": "O", "assessment_and_plan": "P"}
_NOTHING = frozenset({"none.", "none", "keine.", "keine", "nothing was said about this."})
_BULLETS = ("- ", "• ", "* ")


@dataclass(frozen=True)
class Heard:
    """A conversation, read once for every check of its note. facts: of the finder; lacking: why there are none.

    judge: of pairs of a statement and what was said; None: the rules alone.
    """

    text: str = field(repr=False)
    talk: Conversation = field(repr=False)
    facts: tuple[Fact, ...] = field(default=(), repr=False)
    lacking: str = ""
    judge: PairJudge | None = field(default=None, repr=False)

    @property
    def transcript(self) -> Transcript:
        """The conversation with its turns."""
        return self.talk.transcript


@dataclass(frozen=True)
class NoteReview:
    """note: with all its statements. omissions: what was said and is not in it, whatever was set aside.

    problem: why it could not be checked, "" if it was.
    """

    note: EncounterNote = field(repr=False)
    heard: Heard = field(repr=False)
    omissions: tuple[Omission, ...] = field(default=(), repr=False)
    foreign: bool = False
    problem: str = ""


def hear(checker: Checker, conversation: str) -> Heard:
    """Read a conversation and find its facts. Raises InputError for one that holds no turn or is too long."""
    transcript = parse(conversation)
    bounded("-", transcript)
    facts = tuple(checker.finder(transcript)) if checker.finder is not None else ()
    return Heard(conversation, converse(transcript), facts, checker.lacking, checker.judge)


def look(note: EncounterNote, heard: Heard) -> NoteReview:
    """Check a note: statements that stand as they were keep what they had, others are checked.

    Raises InputError for an empty note or one over the limits.
    """
    whole, _ = joined(note.sections)
    bounded(note.text(), heard.transcript)
    sections = tuple(
        replace(one, statements=recheck(one, whole, heard.talk, heard.judge) if one.text.strip() else ())
        for one in note.sections
    )
    every = [statement for one in sections for statement in one.statements]
    left_out = omissions.find(heard.facts, split(whole), heard.talk)
    return NoteReview(replace(note, sections=sections), heard, left_out, is_foreign(every))


def review(checker: Checker, note: EncounterNote, conversation: str, heard: Heard | None = None) -> NoteReview:
    """hear() and look() in one. heard: the conversation as it was read before, used if it is the same one.

    Where there is nothing to check, or too much, the review holds nothing and says why.
    """
    try:
        if heard is None or heard.text != conversation:
            heard = hear(checker, conversation)
        return look(note, heard)
    except InputError as error:
        heard = heard if heard is not None and heard.text == conversation else _unheard(conversation)
        return NoteReview(note, heard, problem=str(error))


def shown_at_signing(checker: Checker, record: Encounter) -> ShownAtSigning:
    """What somebody who is about to sign a kept encounter must see; nothing where there is no note to check."""
    if record.note is None:
        return ShownAtSigning(1)
    found = review(checker, record.note.content, record.conversation.text)
    evidence = record.evidence.content if record.evidence is not None else Evidence()
    return at_signing(found.note, evidence.open(found.omissions), record.note.version)


def _unheard(conversation: str) -> Heard:
    return Heard(conversation, converse(Transcript(conversation, ())))


# -- what was said and is not in the note ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Insertion:
    """Where a line goes: instead of the characters start to end of the section at this position."""

    position: int
    start: int
    end: int
    text: str = field(repr=False)

    def of(self, section: str) -> str:
        """The section's text with it."""
        return section[: self.start] + self.text + section[self.end :]


def insertion(sections: Sequence[Section], omission: Omission, facts: Sequence[Fact]) -> Insertion:
    """A line that says what was said, for the section that it belongs into; under its heading there, if there is one.

    Raises UsageError for a note without sections.
    """
    if not sections:
        raise UsageError("The note has no section.", "", "Write one first.")
    fact = next((one for one in facts if (one.kind, one.evidence[0]) == (omission.kind, omission.quote)), None)
    key = section_of(fact) if fact is not None else SECTION_OF[omission.kind]
    words = (lines.line(fact) if fact is not None else "") or omission.statement
    position = _fitting(sections, key)
    text = sections[position].text
    start, end = _block(text, section_kind(key.replace("_", " ")))
    block = text[start:end].rstrip()
    if block.strip().casefold() in _NOTHING:
        lead = start + len(text[start:end]) - len(text[start:end].lstrip())
        return Insertion(position, lead, start + len(block), words)
    last = block.split("\n")[-1].lstrip()
    bullet = next((mark for mark in _BULLETS if last.startswith(mark)), "")
    at = start + len(block)
    return Insertion(position, at, at, f"{chr(10) if block.strip() else ''}{bullet}{words}")


def _fitting(sections: Sequence[Section], key: str) -> int:
    """Position of the section that a fact's key belongs into; the last one where nothing tells."""
    kind, division = section_kind(key.replace("_", " ")), DIVISION_OF.get(key, "")
    tests = (
        lambda one: one.key.split(".")[0] == key,
        lambda one: section_kind(one.heading) == kind,
        lambda one: any(is_heading(line) and section_kind(line) == kind for line in one.text.split("\n") if line),
        lambda one: one.key == division,
        lambda one: one.key == _SOAP.get(division),
    )
    found = (at for test in tests for at, one in enumerate(sections) if test(one))
    return next(found, len(sections) - 1)


def _block(text: str, kind: str) -> tuple[int, int]:
    """Offsets of what stands under the heading of a kind in a section's text; of all of it where it has none."""
    start, end, at = None, len(text), 0
    for line in text.split("\n"):
        if line.strip() and is_heading(line):
            if start is not None:
                end = at
                break
            if kind and section_kind(line) == kind:
                start = min(len(text), at + len(line) + 1)
        at += len(line) + 1
    return (0, len(text)) if start is None else (start, end)
