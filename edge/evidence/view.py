"""A statement as the checks see it: what it names and how, where it stands, and the conversation to hold it against."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

from edge.contract.facts import Flag, Quote, Severity, SourceLink
from edge.evidence import links
from edge.evidence.context import MentionState, Named, named
from edge.evidence.conversation import NO, YES, Conversation, Said
from edge.evidence.reading import TextReading, read, sentences
from edge.evidence.statements import Piece
from edge.terms.numbers import NumberSpan

_QUOTED = 240  # characters of a turn in a flag
_SHOWN = 2  # turns


@dataclass(frozen=True)
class View:
    """One statement beside the conversation. problem: what the line above names, for statements under a problem."""

    piece: Piece
    talk: Conversation
    sources: tuple[SourceLink, ...] = ()
    whole: str = field(default="", repr=False)

    @cached_property
    def reading(self) -> TextReading:
        """The statement's words, concepts, drugs and numbers."""
        return read(self.piece.text)

    @cached_property
    def named(self) -> list[Named]:
        """What the statement names."""
        found = named(self.reading, spoken=False, family=self.piece.section == "family")
        return [_answered(one, self.reading.text) for one in found]

    def text(self, one: Named | NumberSpan) -> str:
        """The words of the statement that name it."""
        return self.piece.text[one.start : one.end]

    def flag(self, check: str, severity: Severity, message: str, turns: Iterable[int] = ()) -> Flag:
        """A flag on this statement with its text and the first turns that speak against it."""
        shown: list[int] = []
        for turn in turns:  # no further than is shown
            shown += [turn] if turn not in shown else []
            if len(shown) == _SHOWN:
                break
        return Flag(check, severity, message, (self.piece.text, *map(self._said, shown)))

    def _said(self, turn: int) -> str:
        text = links.quote(self.talk.transcript, turn).text
        return text if len(text) <= _QUOTED else text[:_QUOTED] + "…"


def clause(text: str, start: int, end: int) -> tuple[int, int]:
    """Offsets of the clause around text[start:end]: cut at sentence ends and semicolons."""
    for low, high in sentences(text):
        if low <= start < high:
            return low, high
    return 0, len(text)


def window(talk: Conversation, said: Iterable[Said], before: int = 1, after: int = 2) -> list[int]:
    """Turns around those in which something was said, in order."""
    last = len(talk.index.turns)
    turns = {t for one in said for t in range(max(0, one.turn - before), min(last, one.turn + after + 1))}
    return sorted(turns)


# A question beside its answer, as notes made from facts have them: "Any cough? “No.”", "Any cough – Patient: No".
_ANSWER = re.compile(r" – (?:[^:–\n]{1,30}: )?|\?\s+[“„]")


def _answered(one: Named, text: str) -> Named:
    """A name in a question that stands beside its answer: what the answer makes of it, or nothing that can be held
    against it."""
    answer = _ANSWER.search(text, one.end)
    if answer is None:
        return replace(one, state="asked") if text.rstrip().endswith("?") else one
    state: MentionState = one.state if YES.match(text, answer.end()) else "asked"
    state = "no" if NO.match(text, answer.end()) else state
    return replace(one, state=state)


RETRACTED = re.compile(
    r"^[\s,.…-]*(?:(?:no|sorry|wait|actually|scratch that|i mean|oh|not|um|uh|well|correction|nein|quatsch|"
    r"halt)\b[\s,.…-]*){1,5}"
    r"(?:[\w' ]{0,25}?)$",
    re.IGNORECASE,
)


NOT = re.compile(r"[\s,]*not\s+\.?", re.IGNORECASE)  # "thirty, not thirteen": the second is taken back


def held(talk: Conversation, turns: Iterable[int]) -> tuple[set[str], set[str]]:
    """Numbers said in some turns: (those that stand, those that were taken back at once: "twenty, no, forty")."""
    stands: set[str] = set()
    back: set[str] = set()
    for turn in turns:
        reading = talk.index.turns[turn]
        spans = reading.numbers
        for span, following in zip(spans, [*spans[1:], None], strict=False):
            between = reading.text[span.end : following.start] if following is not None else "…" * 40
            taken = following is not None and len(between) < 40 and RETRACTED.match(between) is not None
            taken = taken and NOT.fullmatch(between) is None
            (back if taken else stands).update(span.values)
    return stands, back - stands


__all__ = ["Conversation", "Flag", "Named", "Quote", "Said", "Severity", "View", "clause", "held", "window"]
