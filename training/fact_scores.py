"""Found facts against annotated ones: recall, precision, and whether polarity, subject and time are right.

A found fact is right if it has the kind of an annotated one and covers at least half of the characters of a quote that
names it (not the "no" that answers three questions); matched one to one, best cover first. Turns play no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from edge.contract.facts import Fact
from training.tagger_data import AnnotatedFact

HALF = 0.5


@dataclass(frozen=True)
class FactCounts:
    """Counts over visits. wanted, found: annotated facts and those matched; critical: the critical ones of them."""

    wanted: int = 0
    predicted: int = 0
    found: int = 0
    critical_wanted: int = 0
    critical_found: int = 0
    critical_any_kind: int = 0
    polarity: int = 0
    subject: int = 0
    time: int = 0
    critical_right: int = 0

    def __add__(self, other: FactCounts) -> FactCounts:
        return FactCounts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def figures(self) -> dict[str, float]:
        """Shares x 100; 0 where nothing was there to find."""
        precision, recall = _share(self.found, self.predicted), _share(self.found, self.wanted)
        return {
            "facts.precision": precision,
            "facts.recall": recall,
            "facts.f1": 2 * precision * recall / (precision + recall) if precision + recall else 0.0,
            "facts.critical.recall": _share(self.critical_found, self.critical_wanted),
            "facts.critical.recall.any-kind": _share(self.critical_any_kind, self.critical_wanted),
            "facts.polarity": _share(self.polarity, self.found),
            "facts.subject": _share(self.subject, self.found),
            "facts.time": _share(self.time, self.found),
            "facts.critical": _share(self.critical_right, self.found),
        }


@dataclass(frozen=True)
class Matched:
    """Which found fact is which annotated one: (number found, number annotated)."""

    pairs: tuple[tuple[int, int], ...] = field(default=())


def _share(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


def cover(quotes: Sequence[tuple[int, int]], wanted: Sequence[tuple[int, int]]) -> float:
    """Largest share of one wanted quote's characters that lie within quotes, 0 to 1."""
    return max((_within(one, quotes) / (one[1] - one[0]) for one in wanted), default=0.0)


def _within(one: tuple[int, int], quotes: Sequence[tuple[int, int]]) -> int:
    held: set[int] = set()
    for start, end in quotes:
        held.update(range(max(start, one[0]), min(end, one[1])))
    return len(held)


def match(found: Sequence[Fact], gold: Sequence[AnnotatedFact], any_kind: bool = False) -> Matched:
    """One to one, best cover first."""
    pairs = []
    for i, fact in enumerate(found):
        quotes = [(quote.start, quote.end) for quote in fact.evidence]
        for j, wanted in enumerate(gold):
            if (any_kind or fact.kind == wanted.kind) and (share := cover(quotes, wanted.names)) >= HALF:
                pairs.append((-share, i, j))
    left: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in sorted(pairs):
        if i not in left and j not in taken:
            left[i] = j
            taken.add(j)
    return Matched(tuple(sorted(left.items())))


def count(found: Sequence[Fact], gold: Sequence[AnnotatedFact]) -> FactCounts:
    """Counts of one visit."""
    pairs = [(found[i], gold[j]) for i, j in match(found, gold).pairs]
    loose = match(found, gold, any_kind=True).pairs
    return FactCounts(
        wanted=len(gold),
        predicted=len(found),
        found=len(pairs),
        critical_wanted=sum(one.critical for one in gold),
        critical_found=sum(one.critical for _, one in pairs),
        critical_any_kind=sum(gold[j].critical for _, j in loose),
        polarity=sum(fact.polarity == one.polarity for fact, one in pairs),
        subject=sum(fact.subject == one.subject for fact, one in pairs),
        time=sum(fact.time == one.time for fact, one in pairs),
        critical_right=sum(fact.critical == one.critical for fact, one in pairs),
    )


def by_kind(found: Sequence[Fact], gold: Sequence[AnnotatedFact]) -> dict[str, FactCounts]:
    """Counts of one visit a kind."""
    kinds = {fact.kind.value for fact in found} | {one.kind for one in gold}
    return {kind: count([f for f in found if f.kind == kind], [g for g in gold if g.kind == kind]) for kind in kinds}
