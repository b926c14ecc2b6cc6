"""Candidate codes of a note, for both doors: finding them, and searching the catalogue."""

from __future__ import annotations

from edge import paths
from edge.coding.candidates import Coder, Coding
from edge.coding.installed import open_coder
from edge.coding.search import billable
from edge.contract.codes import CodeEntry, Codes, Conflict, OtherCode
from edge.evidence.statements import split
from edge.terminology.catalogue import Catalogue, Code
from edge.terminology.index import open_catalogue

__all__ = ["Coder", "catalogue", "coder", "find", "of_coding", "search"]


def catalogue() -> Catalogue:
    """The installed classification; its index is built at the first call (seconds). Raises CatalogueError."""
    return open_catalogue()


def coder(known: Catalogue | None = None, threads: int = 0) -> Coder:
    """What finds candidates, with the installed coding bundle, if there is one; threads: 0 for what this process may
    use. Raises CatalogueError."""
    return open_coder(known or catalogue(), paths.bundle_dirs(), threads)


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


def search(known: Catalogue, words: str, limit: int = 12) -> list[Code]:
    """Billable entries for words, or at and below a code, best first. Raises UsageError for words of no use."""
    return billable(known, words, limit)
