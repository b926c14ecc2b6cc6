"""Codes of external causes beside an injury: how it came about, at what activity, where (guidelines I.C.20).

Terms are external_terms.toml, in the note's complaint and present illness. They are candidates of their own measure:
no payer asks for them everywhere, so their confidence is below that of the injury.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources

from edge.clinical.context import Context
from edge.coding.lexicon import Term, TermLexicon, stems
from edge.coding.results import Candidate
from edge.coding.structure import CodingLine, Part
from edge.contract.facts import Polarity, Subject
from edge.terminology.catalogue import Catalogue

_SURE = 0.45
_PARTS = (Part.COMPLAINT, Part.PRESENT, Part.OTHER)
_INJURY = re.compile(r"S|T(?:0|1|2|30|31|32|33|34|7)")
_KINDS = (("W", "X", "V", "Y0", "Y3"), ("Y93",), ("Y92",))


@cache
def _lexicon() -> TermLexicon:
    return TermLexicon(Term(frozenset(stems(words)), code, code, own=True) for words, code in external_terms().items())


@cache
def external_terms() -> dict[str, str]:
    """Words of a cause, activity or place -> its code (edge/terminology/external_terms.toml)."""
    text = (resources.files("edge.terminology") / "external_terms.toml").read_text(encoding="utf-8")
    return {str(words): str(code) for words, code in tomllib.loads(text)["terms"].items()}


def causes(
    catalogue: Catalogue, note: str, lines: Iterable[CodingLine], codes: Sequence[Candidate], least: float
) -> list[Candidate]:
    """At most one cause, one activity and one place, each with its quote; none without an injury of that confidence."""
    injuries = [one for one in codes if _INJURY.match(one.code.code) and one.confidence >= least]
    if not injuries:
        return []
    context = Context(note)
    best: dict[int, tuple[int, Candidate]] = {}
    for line in lines:
        for mention in _lexicon().find(line.text, line.start) if line.part in _PARTS else ():
            around = context.at(mention.start, mention.end)
            entry = catalogue.get(mention.term.code)
            if around.polarity is not Polarity.AFFIRMED or around.subject is not Subject.PATIENT or entry is None:
                continue
            kind = next((n for n, marks in enumerate(_KINDS) if entry.code.startswith(marks)), 0)
            exact = len(mention.term.words)
            if kind not in best or exact > best[kind][0]:
                why = "external cause of the injury, from the history"
                found = Candidate(entry, mention.quote, mention.start, mention.end, _SURE, (), why)
                best[kind] = (exact, found)
    return [found for _, found in best.values()]
