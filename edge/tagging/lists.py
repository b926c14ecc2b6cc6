"""Lists in speech: "a history of heart failure, depression and hypertension" is three facts with one frame.

Each later item keeps its own short quote; a further one reaches back to the head of the list, which says what it is a
list of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from edge.contract.facts import Fact, FactKind, Quote

_JOINS = re.compile(r"[\s,;]*(?:(?:and|or|as well as|with|plus|also|um|uh|und|oder|sowie)\b[\s,;]*)*", re.IGNORECASE)
_GAP = 20  # characters between two items
_LONGEST = 160


def framed(facts: Sequence[Fact], source: str) -> list[Fact]:
    """The facts in order of place, items of a list with the words from its head on as a further quote."""
    found: list[Fact] = []
    heads: dict[FactKind, tuple[Quote, Quote]] = {}
    for fact in sorted(facts, key=lambda one: one.evidence[0].start):
        here = fact.evidence[0]
        head, before = heads.get(fact.kind, (here, here))
        if _follows(before, here, source) and here.end - head.start <= _LONGEST:
            whole = Quote(here.turn, head.start, here.end, source[head.start : here.end])
            fact = replace(fact, evidence=(*fact.evidence, whole))
            heads[fact.kind] = head, here
        else:
            heads[fact.kind] = here, here
        found.append(fact)
    return found


def _follows(before: Quote, here: Quote, source: str) -> bool:
    near = before.turn == here.turn and before.end <= here.start <= before.end + _GAP
    return near and _JOINS.fullmatch(source, before.end, here.start) is not None
