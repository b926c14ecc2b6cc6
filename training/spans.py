"""Span F1 of the 15 fields as ../shared/data/elmtex_aci/GUIDE.md defines it.

exact: the same text after case folding and white space. relaxed: the words in common are at least half of the longer
and a third of the other span. Spans are matched one to one within a field, best overlap first.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from edge.contract.schemas import FIELD_KEYS

FieldTexts = dict[str, list[str]]


@dataclass(frozen=True)
class Counts:
    """Matched, predicted and wanted spans."""

    matched: int = 0
    predicted: int = 0
    wanted: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.matched + other.matched, self.predicted + other.predicted, self.wanted + other.wanted)

    @property
    def f1(self) -> float:
        """F1 x 100; two empty sides agree fully."""
        if not self.predicted and not self.wanted:
            return 100.0
        return 200 * self.matched / (self.predicted + self.wanted)


def _words(span: str) -> list[str]:
    return [w.strip(".,;:()[]\"'") for w in span.casefold().split()]


def similar(a: str, b: str, relaxed: bool) -> float:
    """Overlap of two spans, 0 if they do not match."""
    first, second = _words(a), _words(b)
    if first == second:
        return 2.0
    if not relaxed or not first or not second:
        return 0.0
    common = sum((Counter(first) & Counter(second)).values())
    longer, other = max(len(first), len(second)), min(len(first), len(second))
    return common / longer if 2 * common >= longer and 3 * common >= other else 0.0


def count(wanted: Sequence[str], predicted: Sequence[str], relaxed: bool) -> Counts:
    """Counts of one field of one report."""
    pairs = sorted(
        ((s, i, j) for i, w in enumerate(wanted) for j, p in enumerate(predicted) if (s := similar(w, p, relaxed)) > 0),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    left: set[int] = set()
    right: set[int] = set()
    for _, i, j in pairs:
        if i not in left and j not in right:
            left.add(i)
            right.add(j)
    return Counts(len(left), len(predicted), len(wanted))


def report_counts(
    wanted: FieldTexts, predicted: FieldTexts, relaxed: bool, keys: Sequence[str] = FIELD_KEYS
) -> dict[str, Counts]:
    """Counts of every field of one report."""
    return {key: count(wanted.get(key, []), predicted.get(key, []), relaxed) for key in keys}


def parse(text: str) -> FieldTexts | None:
    """Fields of an answer, or None if it is not JSON of the promised shape (then it scores zero)."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):  # ValueError: no JSON, or a number of thousands of figures
        return None
    if not isinstance(raw, dict) or set(raw) != set(FIELD_KEYS):
        return None
    if not all(isinstance(v, list) and all(isinstance(e, str) for e in v) for v in raw.values()):
        return None
    return raw
