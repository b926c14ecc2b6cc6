"""When to lock: nobody touched a key for a while, or the machine was asleep. When to end: no terminal is left."""

from __future__ import annotations

import errno
import sys
import time

_NAP = 10.0  # seconds of sleep that count as one


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

    def over(self, minutes: float) -> bool:
        """True once nothing was touched for so long, or the machine slept since the last call."""
        gap = _awake_and_asleep() - time.monotonic()
        slept, self._gap = gap - self._gap > _NAP, gap
        return slept or time.monotonic() - self._last > minutes * 60


def terminal_gone() -> bool:
    """Whether the terminal of standard input was closed: not every one sends a signal when it goes."""
    if sys.platform == "win32":
        return False
    import termios

    try:
        termios.tcgetattr(0)
    except termios.error as error:
        return bool(error.args[0] == errno.EIO)
    return False
