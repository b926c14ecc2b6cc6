"""Candidate codes of a note, for both doors: finding them, and what a person decides on each."""

from __future__ import annotations

from dataclasses import replace

from edge.coding.candidates import Coder, Coding
from edge.contract.codes import CodeEntry, Codes, Conflict, Decision, OtherCode
from edge.errors import UsageError
from edge.evidence.statements import split
from edge.terminology.catalogue import Catalogue, Code
from edge.terminology.index import open_catalogue
from edge.text import one_line

__all__ = ["Coder", "accept", "catalogue", "find", "of_coding", "reject"]

_REASON = 200  # characters


def catalogue() -> Catalogue:
    """The installed classification; its index is built at the first call (seconds). Raises CatalogueError."""
    return open_catalogue()


def find(coder: Coder, note: str) -> Codes:
    """Candidates of a note's text, all open."""
    return of_coding(coder.code(note), note)


def of_coding(coding: Coding, note: str) -> Codes:
    """Candidates as they are kept, each with the statement that its words stand in."""
    pieces = split(note)
    entries = []
    for one in coding.codes:
        around = next((p.text for p in pieces if p.start <= one.start < p.end), one.quote)
        others = tuple(OtherCode(c.code, c.description, sure) for c, sure in one.alternatives)
        code = one.code
        entries.append(
            CodeEntry(
                code.code, code.description, one.quote, one.start, one.end, one.confidence, one.needs, one.why, others,
                around, code.billable,
            )
        )  # fmt: skip
    return Codes(coding.edition, tuple(entries), tuple(Conflict(*one) for one in coding.conflicts))


def accept(entry: CodeEntry, code: Code | None = None) -> CodeEntry:
    """The candidate, taken by a person; code: another one of the catalogue instead of the program's.

    Raises UsageError for one that may not be reported as it stands.
    """
    if code is None:
        return replace(entry, decision=Decision.ACCEPTED, reason="")
    if not code.billable:
        raise UsageError(
            f"{code.code} is not billable.", "It has more exact codes below it.", f"`edgescribe code tree {code.code}`."
        )
    first = entry.proposed or entry.code
    proposed = "" if code.code == first else first
    return replace(
        entry, code=code.code, description=code.description, billable=True, proposed=proposed, needs=(),
        decision=Decision.ACCEPTED, reason="",
    )  # fmt: skip


def reject(entry: CodeEntry, reason: str) -> CodeEntry:
    """The candidate, rejected with a reason. Raises UsageError without one."""
    words = one_line(reason, _REASON)
    if not words:
        raise UsageError("To reject a code needs a reason.", "", "A few words are enough.")
    return replace(entry, decision=Decision.REJECTED, reason=words)
