"""Figures of candidate codes: precision, recall and F1 over all codes and over visits; ranks of what was looked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from training import intervals
from training.code_sets import CodedNote


@dataclass(frozen=True)
class CodeCounts:
    """right: codes given that are right; given: all that were given, optional ones aside; wanted: all there are."""

    right: int = 0
    given: int = 0
    wanted: int = 0

    def __add__(self, other: CodeCounts) -> CodeCounts:
        return CodeCounts(self.right + other.right, self.given + other.given, self.wanted + other.wanted)

    @property
    def precision(self) -> float:
        """Share of what was given that is right."""
        return self.right / self.given if self.given else 0.0

    @property
    def recall(self) -> float:
        """Share of what is wanted that was given."""
        return self.right / self.wanted if self.wanted else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        return 2 * self.right / (self.given + self.wanted) if self.given + self.wanted else 0.0


def count(given: Sequence[str], note: CodedNote, characters: int = 0) -> CodeCounts:
    """Counts of one note; characters: compare only so many of each code (3: its category), 0 for all.

    Each wanted code is met once, by itself or by what is accepted in its place; a second one is wrong.
    """

    def cut(code: str) -> str:
        return code[:characters] if characters else code

    left = list(dict.fromkeys(cut(code) for code in given))
    wanted: dict[str, set[str]] = {}
    for code in note.codes:
        wanted.setdefault(cut(code), set()).update(cut(other) for other in note.meant(code))
    right = 0
    for meant in wanted.values():
        if (met := next((code for code in left if code in meant), None)) is not None:
            left.remove(met)
            right += 1
    optional = {cut(code) for code in note.optional}
    return CodeCounts(right, right + sum(code not in optional for code in left), len(wanted))


def figures(counts: Sequence[CodeCounts]) -> dict[str, float | list[float]]:
    """Micro (over all codes) and macro (mean over notes) figures in per cent; interval: of micro F1, 95 %."""
    total = sum(counts, CodeCounts())
    low, high = intervals.interval(counts, lambda some: sum(some, CodeCounts()).f1)
    return {
        "precision": _share(total.precision), "recall": _share(total.recall), "f1": _share(total.f1),
        "f1 interval": [_share(low), _share(high)],
        "macro precision": _share(intervals.mean([one.precision for one in counts])),
        "macro recall": _share(intervals.mean([one.recall for one in counts])),
        "macro f1": _share(intervals.mean([one.f1 for one in counts])),
    }  # fmt: skip


def _share(value: float) -> float:
    return round(100 * value, 1)


@dataclass(frozen=True)
class Ranks:
    """Best rank of every wanted code, from 0; None where it was not found at all."""

    ranks: tuple[int | None, ...] = field(default=())

    def within(self, limit: int) -> float:
        """Share of the codes that stand among the first so many, in per cent."""
        hits = sum(rank is not None and rank < limit for rank in self.ranks)
        return _share(hits / len(self.ranks)) if self.ranks else 0.0


def ranks(notes: Sequence[CodedNote], rank: Callable[[CodedNote, str], int | None]) -> Ranks:
    """The best rank of each wanted code of each note, over itself and what is accepted in its place."""
    found: list[int | None] = []
    for note in notes:
        for code in note.codes:
            seen = [place for other in note.meant(code) if (place := rank(note, other)) is not None]
            found.append(min(seen, default=None))
    return Ranks(tuple(found))


@dataclass(frozen=True)
class Reliability:
    """Of candidates with a confidence in [low, high): how many, their mean confidence and the share that is right."""

    low: float
    high: float
    count: int
    confidence: float
    right: float


def reliability(pairs: Sequence[tuple[float, bool]], bins: int = 10) -> list[Reliability]:
    """Bins of equal width over (confidence, right); those without a candidate are left out."""
    found = []
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        inside = [pair for pair in pairs if low <= pair[0] < high or (number == bins - 1 and pair[0] == high)]
        if inside:
            sure = intervals.mean([one for one, _ in inside])
            found.append(Reliability(low, high, len(inside), sure, intervals.mean([float(ok) for _, ok in inside])))
    return found


def calibration_error(bins: Sequence[Reliability]) -> float:
    """Expected calibration error: distance of confidence and share, weighted by candidates (Guo et al. 2017)."""
    total = sum(one.count for one in bins)
    return sum(one.count * abs(one.confidence - one.right) for one in bins) / total if total else 0.0
