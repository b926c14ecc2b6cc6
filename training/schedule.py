"""Learning-rate schedule: linear warm-up, then a cosine to zero over the share of the run that is done."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """total_steps: optimiser steps of the run (0 = unknown). max_seconds: time budget (0 = none).

    With both, whichever is further along leads, so the rate is at zero when either ends.
    """

    warmup: float
    total_steps: int
    max_seconds: float

    def progress(self, step: int, elapsed: float) -> float:
        """Share of the run that leads the rate of this step, 0 to 1: its middle counts."""
        return self.share(step + 0.5, elapsed)

    def share(self, steps: float, elapsed: float) -> float:
        """Share of the run that is done, 0 to 1. steps: done so far; elapsed: seconds of training time so far."""
        by_steps = steps / self.total_steps if self.total_steps else 0.0
        by_time = elapsed / self.max_seconds if self.max_seconds else 0.0
        return min(1.0, max(by_steps, by_time))

    def factor(self, progress: float) -> float:
        """Multiplier of the peak learning rate at that share of the run."""
        if progress < self.warmup:
            return max(progress / self.warmup, 0.02)
        return 0.5 * (1.0 + math.cos(math.pi * (progress - self.warmup) / (1.0 - self.warmup)))

    def over(self, step: int, elapsed: float) -> bool:
        """True if no further step should start."""
        return bool(self.total_steps and step >= self.total_steps) or bool(
            self.max_seconds and elapsed >= self.max_seconds
        )
