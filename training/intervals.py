"""Bootstrap confidence intervals over items (Efron 1979), seeded so that a table can be made again."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
SAMPLES = 1000


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean, 0 for nothing."""
    return sum(values) / len(values) if values else 0.0


def interval(items: Sequence[T], figure: Callable[[Sequence[T]], float], samples: int = SAMPLES) -> tuple[float, float]:
    """95 % interval of figure(items) by resampling items with replacement. Empty items give (0, 0)."""
    if not items:
        return 0.0, 0.0
    rng = random.Random(0)
    found = sorted(figure(rng.choices(items, k=len(items))) for _ in range(samples))
    return found[round(0.025 * (samples - 1))], found[round(0.975 * (samples - 1))]
