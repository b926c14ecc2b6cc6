"""Words that a person types -> entries: the project's own index first, then entries that hold every word, then any."""

from __future__ import annotations

from functools import cache

from edge.coding.lexicon import SIDES, Term, TermLexicon, index_terms, stems
from edge.coding.resolution import Resolver
from edge.terminology.catalogue import Catalogue, Code, Hit

_ASKED_FIRST = "AD"  # of an entry that asks for a seventh character: the first encounter, and later ones


@cache
def _own() -> TermLexicon:
    return TermLexicon(Term(words, code, sided, own=True) for words, code, sided in index_terms())


def search(catalogue: Catalogue, words: str, limit: int = 20) -> list[Hit]:
    """Entries for a few words, best first, each once; on the side that they name. Raises UsageError as
    Catalogue.search does."""
    every, near = catalogue.search(words, limit, every=True), catalogue.search(words, limit)
    best = max((hit.score for hit in (*every, *near)), default=1.0)
    resolver, asked = Resolver(catalogue), {word for word in stems(words) if word not in SIDES}
    whole: list[Hit] = []
    parts: list[Hit] = []
    for mention in _own().find(words):
        codes = resolver.resolved(mention.term.code, mention.term.sided, mention.side)
        # "CKD 3b" holds the term "CKD", and means more
        (whole if asked <= mention.term.words else parts).extend(Hit(code, best, mention.quote) for code, _ in codes)
    found: dict[str, Hit] = {}
    for hit in (*whole, *every, *parts, *near):
        found.setdefault(hit.code.code, hit)
    return list(found.values())[:limit]


def billable(catalogue: Catalogue, words: str, limit: int = 12) -> list[Code]:
    """Codes that may be reported for a few words, or at and below a code, best first. Raises UsageError."""
    if (exact := catalogue.get(words)) is not None:
        return list(catalogue.leaves(exact.code))[:limit]
    found: dict[str, Code] = {}
    for hit in search(catalogue, words, 4 * limit):
        for code in reported(catalogue, hit.code):
            found.setdefault(code.code, code)
    return list(found.values())[:limit]


def reported(catalogue: Catalogue, entry: Code, seventh: str = "") -> list[Code]:
    """An entry that may be reported, or what its seventh characters make of it, whose words are indexed above them.

    seventh: the one that is wanted; without, those of the first encounter and of later ones.
    """
    if entry.billable or not catalogue.seventh(entry.code):
        return [entry] if entry.billable else []
    below = [one for one in catalogue.children(entry.code) if one.billable]
    return [one for one in below if one.code[-1] in (seventh or _ASKED_FIRST)] or below
