"""Candidate codes as they are kept: each with its words in the note, and what a person decided on it.

A candidate is no code of the patient until a person accepts it. Read and written without a loss, as edge.contract.note
is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from edge.contract.json_objects import number, objects, updated, whole


class Decision(StrEnum):
    """What a person has decided on a candidate."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True)
class OtherCode:
    """Another code that the words may mean. confidence: 0 to 1."""

    code: str
    description: str
    confidence: float

    def to_json(self) -> dict[str, Any]:
        """{"code", "description", "confidence"}."""
        return {"code": self.code, "description": self.description, "confidence": self.confidence}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """A code of what to_json() gave."""
        return cls(str(value.get("code", "")), str(value.get("description", "")), number(value.get("confidence")))


@dataclass(frozen=True)
class CodeEntry:
    """One candidate. quote: the note's own words, from start to end of its text; sentence: the statement they stand in.

    needs: what the text leaves open ("side", "encounter", "stage", "detail"). proposed: the program's code where a
    person took another one instead, else "". reason: of a rejection, in a person's words.
    """

    code: str
    description: str
    quote: str = field(repr=False)
    start: int
    end: int
    confidence: float
    needs: tuple[str, ...] = ()
    why: str = field(default="", repr=False)
    alternatives: tuple[OtherCode, ...] = ()
    sentence: str = field(default="", repr=False)
    billable: bool = True
    decision: Decision = Decision.OPEN
    proposed: str = ""
    reason: str = field(default="", repr=False)
    read: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    @property
    def accepted(self) -> bool:
        """Whether a person has taken it."""
        return self.decision is Decision.ACCEPTED

    def stale(self, note: str) -> bool:
        """Whether the statement that it was made of no longer stands in the note's text."""
        return (self.sentence or self.quote) not in note

    def line(self, note: str | None = None) -> str:
        """The candidate in a line. note: the note's text, to tell whether it is stale."""
        mark = {Decision.OPEN: " ", Decision.ACCEPTED: "✓", Decision.REJECTED: "✗"}[self.decision]
        told = {"needs": ", ".join(self.needs), "instead of": self.proposed, "rejected": self.reason}
        parts = [f"({what}: {words})" for what, words in told.items() if words]
        parts += ["(STALE: its statement was edited)"] if note is not None and self.stale(note) else []
        head = f"{mark} {self.code:<9} {self.confidence:4.0%}  {self.description}"
        return "  ".join([head, f"“{' '.join(self.quote.split())}”", *parts])

    def to_json(self) -> dict[str, Any]:
        """All values by their names, without read."""
        return updated(self.read, self._values(), lambda read: CodeEntry.from_json(read)._values())

    def _values(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "description": self.description,
            "billable": self.billable,
            "quote": self.quote,
            "start": self.start,
            "end": self.end,
            "sentence": self.sentence,
            "confidence": self.confidence,
            "needs": list(self.needs),
            "why": self.why,
            "alternatives": [one.to_json() for one in self.alternatives],
            "decision": self.decision.value,
            "proposed": self.proposed,
            "reason": self.reason,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """A candidate of what to_json() gave; a decision of a newer program counts as open."""
        needs, decision = value.get("needs"), value.get("decision")
        return cls(
            str(value.get("code", "")),
            str(value.get("description", "")),
            str(value.get("quote", "")),
            whole(value.get("start")),
            whole(value.get("end")),
            number(value.get("confidence")),
            tuple(str(one) for one in needs) if isinstance(needs, list) else (),
            str(value.get("why", "")),
            tuple(OtherCode.from_json(one) for one in objects(value.get("alternatives"))),
            str(value.get("sentence", "")),
            value.get("billable") is True,
            Decision(decision) if decision in set(Decision) else Decision.OPEN,
            str(value.get("proposed", "")),
            str(value.get("reason", "")),
            value,
        )


@dataclass(frozen=True)
class Conflict:
    """Two codes of which one excludes the other, with the classification's note that says so."""

    code: str
    excludes: str
    note: str

    def to_json(self) -> dict[str, str]:
        """{"code", "excludes", "note"}."""
        return {"code": self.code, "excludes": self.excludes, "note": self.note}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """A conflict of what to_json() gave."""
        return cls(str(value.get("code", "")), str(value.get("excludes", "")), str(value.get("note", "")))


@dataclass(frozen=True)
class Codes:
    """The document of kind "codes": candidates, best first, of one edition of the classification."""

    edition: str
    entries: tuple[CodeEntry, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    read: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    @property
    def accepted(self) -> tuple[CodeEntry, ...]:
        """What a person has taken."""
        return tuple(one for one in self.entries if one.accepted)

    def with_entry(self, at: int, entry: CodeEntry) -> Codes:
        """With another entry at this place."""
        return replace(self, entries=(*self.entries[:at], entry, *self.entries[at + 1 :]))

    def with_decisions_of(self, before: Codes) -> Codes:
        """New candidates, and what was decided on earlier ones: a decided entry stays, in place of a new one of its
        code (or of the code that was proposed for it)."""
        decided = [one for one in before.entries if one.decision is not Decision.OPEN]
        taken = {code for one in decided for code in (one.code, one.proposed) if code}
        return replace(self, entries=(*decided, *(one for one in self.entries if one.code not in taken)))

    def lines(self, note: str | None = None) -> list[str]:
        """The edition, then a numbered line for each candidate. note: its text, to tell which are stale."""
        return [self.edition, *(f"{at:>2} {one.line(note)}" for at, one in enumerate(self.entries, 1))]

    def to_json(self) -> dict[str, Any]:
        """{"edition", "codes", "conflicts"}."""
        return updated(self.read, self._values(), lambda read: Codes.from_json(read)._values())

    def _values(self) -> dict[str, Any]:
        codes = [one.to_json() for one in self.entries]
        return {"edition": self.edition, "codes": codes, "conflicts": [one.to_json() for one in self.conflicts]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Codes of what to_json() gave, in this version or another."""
        entries = tuple(CodeEntry.from_json(one) for one in objects(value.get("codes")))
        return cls(
            str(value.get("edition", "")),
            entries,
            tuple(Conflict.from_json(one) for one in objects(value.get("conflicts"))),
            value,
        )
