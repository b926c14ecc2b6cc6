"""What finds facts and checks notes, for the threads of the app: opened once, by the first that asks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.encounters.checking import Checker


class SharedChecker:
    """Gives the installed checker. It holds no state between two calls, so that two threads may use it at once."""

    def __init__(self) -> None:
        self.threads = 0  # of each model; 0 for what this process may use
        self._lock = threading.Lock()
        self._checker: Checker | None = None

    def __call__(self) -> Checker:
        """Called on a worker's thread, which may wait."""
        from edge.encounters.checking import Checker  # no screen waits for what it loads

        with self._lock:
            if self._checker is None:
                self._checker = Checker.open(None, False, self.threads)
            return self._checker
