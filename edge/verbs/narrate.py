"""Narration on standard error: progress lines that come and go, never patient text. Standard output stays data."""

from __future__ import annotations

import sys
import time

from edge.errors import EdgescribeError
from edge.text import sanitise


class Narrator:
    """Progress and remarks. On a terminal a progress line is redrawn in place; otherwise only remarks are written."""

    def __init__(self, quiet: bool = False) -> None:
        self._live = sys.stderr.isatty() and not quiet
        self._quiet = quiet
        self._drawn = False
        self._last = 0.0
        self._since = time.monotonic()
        self._label = ""

    def progress(self, label: str, done: int, total: int, unit: str = "") -> None:
        """Redraw the progress line at most ten times a second; it shows once the wait is longer than half a second."""
        now = time.monotonic()
        if label != self._label:
            self._label, self._since = label, now
        if not self._live or total <= 0 or now - self._since < 0.5 or (now - self._last < 0.1 and done < total):
            return
        self._last = now
        share = min(1.0, done / total)
        bar = ("█" * int(share * 24)).ljust(24, "░")
        elapsed = now - self._since
        left = f", {elapsed / share - elapsed:.0f} s left" if 0.02 < share < 1 and elapsed > 1 else ""
        sys.stderr.write(f"\r\x1b[2K{label} {bar} {share:4.0%}{' ' + unit if unit else ''}{left}")
        sys.stderr.flush()
        self._drawn = True

    def clear(self) -> None:
        """Remove the progress line."""
        if self._drawn:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
            self._drawn = False

    def say(self, line: str) -> None:
        """Write one remark."""
        self.clear()
        if not self._quiet:
            print(sanitise(line), file=sys.stderr, flush=True)

    def warn(self, line: str) -> None:
        """Write what must be said also to one who asked for quiet."""
        self.clear()
        print(sanitise(line), file=sys.stderr, flush=True)


def complain(error: EdgescribeError) -> None:
    """Print a named error: what happened, why, what to do."""
    lines = [f"edgescribe: {error.what}"]
    lines += [f"  {part}" for part in (error.why, f"→ {error.hint}" if error.hint else "") if part]
    print(sanitise("\n".join(lines)), file=sys.stderr, flush=True)
