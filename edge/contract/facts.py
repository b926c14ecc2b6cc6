"""Shapes of evidence: facts found in a conversation, the statements of a note, and what links the two.

Frozen data only; edge.tagging finds facts, edge.evidence makes the rest. Offsets count code points of the text as read,
turns count from 0 as `edgescribe read` lists them. Text of patients stands in no repr.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from edge.contract.json_objects import number, objects, updated, whole


class FactKind(StrEnum):
    """What a fact is about; the kinds of the annotation guide of the training data."""

    DEMOGRAPHIC = "demographic"
    COMPLAINT = "complaint"
    SYMPTOM = "symptom"
    HISTORY = "history"
    MEDICATION = "medication"
    ALLERGY = "allergy"
    FAMILY = "family"
    SOCIAL = "social"
    VITAL = "vital"
    EXAM = "exam"
    RESULT = "result"
    DIAGNOSIS = "diagnosis"
    PLAN_MEDICATION = "plan_medication"
    PLAN_TEST = "plan_test"
    PLAN_PROCEDURE = "plan_procedure"
    PLAN_REFERRAL = "plan_referral"
    PLAN_ADVICE = "plan_advice"
    FOLLOW_UP = "follow_up"


class Polarity(StrEnum):
    """Whether what was named is so."""

    AFFIRMED = "affirmed"
    DENIED = "denied"
    UNCERTAIN = "uncertain"


class Subject(StrEnum):
    """Whom a fact is about."""

    PATIENT = "patient"
    FAMILY = "family"
    OTHER = "other"


class Time(StrEnum):
    """When a fact holds."""

    CURRENT = "current"
    PAST = "past"
    PLANNED = "planned"
    STOPPED = "stopped"
    CONDITIONAL = "conditional"


class Severity(StrEnum):
    """How much harm a statement could do if the check is right."""

    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True)
class Attributes:
    """What is said about a piece of text. relative: the relation by name ("mother"), "" for the patient.

    cue: the words that decided the polarity, "" where none did.
    """

    polarity: Polarity = Polarity.AFFIRMED
    subject: Subject = Subject.PATIENT
    relative: str = ""
    time: Time = Time.CURRENT
    cue: str = field(default="", repr=False)

    def as_json(self) -> dict[str, str]:
        """{"polarity", "subject", "relative", "time"}."""
        whom = {"subject": self.subject.value, "relative": self.relative}
        return {"polarity": self.polarity.value} | whom | {"time": self.time.value}


@dataclass(frozen=True)
class Quote:
    """A verbatim piece of one turn: text == source[start:end]."""

    turn: int
    start: int
    end: int
    text: str = field(repr=False)


@dataclass(frozen=True)
class Fact:
    """One thing that was said. evidence: best quote first, at least one. score: 0 to 1, the finder's own confidence."""

    kind: FactKind
    polarity: Polarity
    subject: Subject
    time: Time
    critical: bool
    evidence: tuple[Quote, ...] = field(repr=False)
    score: float = 1.0

    def as_json(self) -> dict[str, Any]:
        """{"kind", "polarity", "subject", "time", "critical", "turn", "start", "end", "quote"} of the best quote."""
        best = self.evidence[0]
        return {
            "kind": self.kind.value,
            "polarity": self.polarity.value,
            "subject": self.subject.value,
            "time": self.time.value,
            "critical": self.critical,
            "turn": best.turn,
            "start": best.start,
            "end": best.end,
            "quote": best.text,
        }


@dataclass(frozen=True)
class SourceLink:
    """What a statement stands on: a quote of the conversation and how well it supports it (0 to 1)."""

    quote: Quote
    score: float

    def as_json(self) -> dict[str, Any]:
        """{"turn", "start", "end", "quote", "score"}."""
        quote = self.quote
        where = {"turn": quote.turn, "start": quote.start, "end": quote.end}
        return where | {"quote": quote.text, "score": round(self.score, 3)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """A link of what as_json() gave."""
        where = (whole(value.get("turn")), whole(value.get("start")), whole(value.get("end")))
        return cls(Quote(*where, str(value.get("quote", ""))), number(value.get("score")))


@dataclass(frozen=True)
class Flag:
    """What a check found wrong with a statement. check: its name. quotes: of the note first, then of the source."""

    check: str
    severity: Severity
    message: str = field(repr=False)
    quotes: tuple[str, ...] = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """{"check", "severity", "message", "quotes"}."""
        text = {"message": self.message, "quotes": list(self.quotes)}
        return {"check": self.check, "severity": self.severity.value} | text

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """A flag of what as_json() gave; a severity of a newer program counts as high."""
        severity = Severity.LOW if value.get("severity") == Severity.LOW.value else Severity.HIGH
        quotes = tuple(str(one) for one in texts) if isinstance(texts := value.get("quotes"), list) else ()
        return cls(str(value.get("check", "")), severity, str(value.get("message", "")), quotes)


@dataclass(frozen=True)
class Statement:
    """A sentence or bullet of a note with its links and flags. start, end: offsets in the text of its section, or of
    the whole note where a note is plain text. supported: at least one source was found and no check speaks against it.
    read: the JSON object that a kept one comes from; keys that this program does not know stay in it.
    """

    text: str = field(repr=False)
    start: int
    end: int
    sources: tuple[SourceLink, ...] = ()
    flags: tuple[Flag, ...] = ()
    supported: bool = False
    read: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    def as_json(self) -> dict[str, Any]:
        """{"text", "start", "end", "sources", "flags", "supported"}."""
        return updated(self.read, self._values(), lambda read: Statement.from_json(read)._values())

    def _values(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "start": self.start,
            "end": self.end,
            "sources": [link.as_json() for link in self.sources],
            "flags": [flag.as_json() for flag in self.flags],
            "supported": self.supported,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """A statement of what as_json() gave, in this version or another."""
        return cls(
            str(value.get("text", "")),
            whole(value.get("start")),
            whole(value.get("end")),
            tuple(SourceLink.from_json(one) for one in objects(value.get("sources"))),
            tuple(Flag.from_json(one) for one in objects(value.get("flags"))),
            value.get("supported") is True,
            value,
        )


@dataclass(frozen=True)
class Omission:
    """A fact that was said and that no statement of the note states. score: 0 to 1, how sure."""

    statement: str = field(repr=False)
    kind: FactKind
    critical: bool
    quote: Quote
    score: float

    def as_json(self) -> dict[str, Any]:
        """{"statement", "kind", "critical", "turn", "start", "end", "quote", "score"}."""
        quote = self.quote
        what = {"statement": self.statement, "kind": self.kind.value, "critical": self.critical}
        where = {"turn": quote.turn, "start": quote.start, "end": quote.end}
        return what | where | {"quote": quote.text, "score": round(self.score, 3)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """An omission of what as_json() gave; a kind of a newer program counts as history."""
        kind = value.get("kind")
        where = (whole(value.get("turn")), whole(value.get("start")), whole(value.get("end")))
        return cls(
            str(value.get("statement", "")),
            FactKind(kind) if kind in set(FactKind) else FactKind.HISTORY,
            value.get("critical") is True,
            Quote(*where, str(value.get("quote", ""))),
            number(value.get("score")),
        )
