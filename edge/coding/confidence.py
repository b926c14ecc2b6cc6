"""Scores of candidates as shares: of a hundred candidates with a confidence of 0.8, some eighty should be right.

The steps are fitted by isotonic regression (training/code_calibration.py) on visits that this project wrote and coded;
docs/coding.md shows how they hold on others. Between two steps the share runs straight.
"""

from __future__ import annotations

import tomllib
from bisect import bisect_right
from functools import cache
from importlib import resources

FILE = "confidence.toml"


@cache
def points() -> tuple[tuple[float, float], ...]:
    """(score, share) in order of score; both grow."""
    raw = tomllib.loads((resources.files("edge.coding") / FILE).read_text(encoding="utf-8"))
    return tuple((float(score), float(share)) for score, share in raw["points"])


def calibrated(score: float) -> float:
    """The share of candidates with this score that are right: 0 to 1, never falls as the score grows."""
    known = points()
    at = bisect_right([one for one, _ in known], score)
    if at == 0:
        return known[0][1]
    if at == len(known):
        return known[-1][1]
    (low, first), (high, last) = known[at - 1], known[at]
    return round(first + (last - first) * (score - low) / (high - low), 3)
