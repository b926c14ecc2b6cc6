"""What coding a note gives: candidates with their quotes, and codes among them that exclude each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from edge.terminology.catalogue import Code


@dataclass(frozen=True)
class Candidate:
    """A code that a note may be given. quote == note[start:end]. needs: what the text leaves open. confidence: 0 to 1.

    alternatives: other codes with their confidence, best first. score: the confidence before calibration. problem: the
    quote names a problem of the assessment; past, chronic: it is called so.
    """

    code: Code
    quote: str = field(repr=False)
    start: int
    end: int
    confidence: float
    needs: tuple[str, ...] = ()
    why: str = field(default="", repr=False)
    alternatives: tuple[tuple[Code, float], ...] = ()
    score: float = 0.0
    problem: bool = False
    past: bool = False
    chronic: bool = False

    def as_json(self) -> dict[str, Any]:
        """code, description, billable, quote, start, end, confidence, needs, alternatives, why."""
        return {
            "code": self.code.code,
            "description": self.code.description,
            "billable": self.code.billable,
            "quote": self.quote,
            "start": self.start,
            "end": self.end,
            "confidence": self.confidence,
            "needs": list(self.needs),
            "alternatives": [
                {"code": other.code, "description": other.description, "confidence": sure}
                for other, sure in self.alternatives
            ],
            "why": self.why,
        }


@dataclass(frozen=True)
class Coding:
    """Candidates of one note in order, and codes among them that exclude each other (excludes1)."""

    edition: str
    codes: tuple[Candidate, ...]
    conflicts: tuple[tuple[str, str, str], ...]
    cut: bool = False

    def as_json(self) -> dict[str, Any]:
        """{"edition", "codes", "conflicts"}."""
        conflicts = [{"code": one, "excludes": other, "note": note} for one, other, note in self.conflicts]
        return {"edition": self.edition, "codes": [c.as_json() for c in self.codes], "conflicts": conflicts}
