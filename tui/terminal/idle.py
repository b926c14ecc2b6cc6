"""When to lock: nobody touched a key for a while, or the machine was asleep.

And when to look through all of memory for what nobody holds any more: that takes a tenth of a second, in which no key
would be answered, so it waits for a moment without keys.
"""

from __future__ import annotations

import gc
import time

from tui.terminal import textual_private

_NAP = 10.0  # seconds of sleep that count as one
_PAUSE = 1.5  # seconds without a key after which nobody is in the middle of a word
_WORTH = 10  # collections of younger objects after which the oldest are looked through
_AT_LATEST = 1000  # the same, where somebody types without a pause


def _awake_and_asleep() -> float:
    """Seconds since boot, sleep included where the system tells (Linux); elsewhere wall time."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.time()


class Idle:
    """touch() at every key; over(minutes) tells whether it is time to lock."""

    def __init__(self) -> None:
        self.touch()
        self._gap = _awake_and_asleep() - time.monotonic()

    def touch(self) -> None:
        self._last = time.monotonic()

    @property
    def in_a_word(self) -> bool:
        """Whether a key was pressed just now."""
        return time.monotonic() - self._last < _PAUSE

    def sweep(self) -> bool:
        """Collect garbage of every age if it is worth it and nobody types. Returns True if it did."""
        if gc.get_count()[2] < _WORTH or self.in_a_word:
            return False
        collect()
        return True

    def ends(self, minutes: float) -> float:
        """When it will be time to lock if nothing is touched: seconds of time.monotonic()."""
        return self._last + minutes * 60

    def over(self, minutes: float) -> bool:
        """True once nothing was touched for so long, or the machine slept since the last call."""
        gap = _awake_and_asleep() - time.monotonic()
        slept, self._gap = gap - self._gap > _NAP, gap
        return slept or time.monotonic() - self._last > minutes * 60


def collect() -> None:
    """Free what nobody holds: first of all what was drawn of widgets that are gone."""
    textual_private.forget_drawn()
    gc.collect()


def sweep_rarely() -> None:
    """Leave the oldest objects to Idle.sweep."""
    gc.set_threshold(*gc.get_threshold()[:2], _AT_LATEST)
