"""Progress of a long step on stderr: a bar on a terminal, a line every few seconds in a log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol, TextIO


class BuildProgress(Protocol):
    """Called with a label, work done and work in all (0: unknown), in any unit."""

    def __call__(self, label: str, done: int, total: int) -> None: ...


def silent(label: str, done: int, total: int) -> None:
    """A Progress that says nothing."""


class Bar:
    """Progress as a bar. Redraws at most ten times a second; a background tick shows the time of a silent step."""

    def __init__(self, stream: TextIO | None = None, quiet_seconds: float = 1.0) -> None:
        self._stream = stream or sys.stderr
        self._tty = self._stream.isatty()
        self._lock = threading.Lock()
        self._label, self._done, self._total = "", 0, 0
        self._quiet = quiet_seconds
        self._started = self._drawn = time.monotonic()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Bar:
        self._thread = threading.Thread(target=self._tick, name="progress", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._end_line()

    def __call__(self, label: str, done: int, total: int) -> None:
        with self._lock:
            if label != self._label:
                self._end_line()
                self._label, self._started = label, time.monotonic()
                self._drawn = self._started
            self._done, self._total = done, total
            self._draw(self._interval())

    def _interval(self) -> float:
        return 0.1 if self._tty else 5.0

    def _tick(self) -> None:
        while not self._stop.wait(0.5):
            with self._lock:
                self._draw(self._quiet if self._tty else 5.0)

    def _draw(self, interval: float) -> None:
        now = time.monotonic()
        if not self._label or now - self._drawn < interval:
            return
        self._drawn = now
        print(self._text(now), end="" if self._tty else "\n", file=self._stream, flush=True)

    def _text(self, now: float) -> str:
        seconds = f"{now - self._started:4.0f} s"
        start, end = ("\r\x1b[2K", "") if self._tty else ("", "")
        if self._total <= 0:
            return f"{start}{self._label} {seconds}{end}"
        share = min(1.0, self._done / self._total)
        bar = "#" * int(share * 30)
        return f"{start}{self._label} [{bar:<30}] {share:4.0%} {seconds}{end}"

    def _end_line(self) -> None:
        """Close the current label: a short step leaves nothing, a longer one its time."""
        if not self._label:
            return
        took = time.monotonic() - self._started
        wipe = "\r\x1b[2K" if self._tty else ""
        if took >= 2 or self._tty:
            print(f"{wipe}{self._label} ({took:.0f} s)", file=self._stream, flush=True)
        self._label = ""


@contextmanager
def bar(quiet: bool = False) -> Iterator[BuildProgress]:
    """A Bar on stderr for the length of a block, or silence."""
    if quiet:
        yield silent
        return
    with Bar() as shown:
        yield shown
