"""The window's signs of life, in memory that it shares with the launcher: four times, no text and no key.

    window: beat() every second, from the thread that draws           launcher: overdue() every half second
            end_by(): when it must be gone (auto-lock, quitting)
            quit_asked(): a person pressed Ctrl+Q, whoever heeds it

The memory is mapped before the seal, which closes the descriptor. Windows has no watchdog: the launcher can't hand over
memory there without a name that other programs could open. Standard library only: the launcher must start at once.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
import sys
import tempfile
import time
from collections.abc import Iterator

TICK = 0.5  # seconds between two looks of the launcher
HANG = 15.0  # seconds without a beat after which the window does not answer any more
START = 90.0  # the same before its first beat: a cold disk may be slow
GRACE = 20.0  # seconds that locking or quitting may take beyond its time

_TIMES = struct.Struct("=ddd")  # last beat, when to be gone (0: not known), when Ctrl+Q was pressed (0: never)


class Beat:
    """One side of the shared memory. Times are seconds of time.monotonic(), the same in both processes."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory = memory
        self._still = self._late = 0  # looks in a row; a launcher that was stopped itself counts none

    @classmethod
    def of(cls, descriptor: int) -> Beat:
        """Map the memory behind a descriptor, which may be closed afterwards."""
        return cls(mmap.mmap(descriptor, mmap.PAGESIZE))

    def _read(self) -> tuple[float, float, float]:
        beat, end, quit_at = _TIMES.unpack_from(self._memory)
        return beat, end, quit_at

    def _put(self, place: int, value: float) -> None:
        struct.pack_into("=d", self._memory, 8 * place, value)

    def beat(self, end_by: float | None) -> None:
        """The window lives. end_by: when it must have locked by itself; None while no vault is open."""
        self._put(1, end_by or 0.0)
        self._put(0, time.monotonic())

    def end_by(self, moment: float) -> None:
        """The window is on its way out, and must be gone by then."""
        self._put(1, moment)

    def quit_asked(self, at: float | None = None) -> None:
        """A person pressed Ctrl+Q, now; or the window is quitting (at: infinity)."""
        self._put(2, time.monotonic() if at is None else at)

    def wants_to_quit(self) -> bool:
        """Whether Ctrl+Q was pressed since the window last drew."""
        beat, _, quit_at = self._read()
        return quit_at > beat - 1.0

    def overdue(self, last: float) -> bool:
        """Whether the window must be ended: it stopped drawing, or did not go when it had to.

        To be called every TICK seconds. last: the beat seen before.
        """
        beat, end, _ = self._read()
        self._still = self._still + 1 if beat == last else 0
        self._late = self._late + 1 if end and time.monotonic() > end else 0
        return self._still * TICK > (HANG if beat else START) or self._late * TICK > GRACE

    def last(self) -> float:
        """The last beat."""
        return self._read()[0]


@contextlib.contextmanager
def shared() -> Iterator[tuple[Beat | None, int | None]]:
    """Fresh memory and the descriptor to hand to a window; (None, None) where there is no way to."""
    if sys.platform == "win32":
        yield None, None
        return
    with _file() as descriptor:
        os.ftruncate(descriptor, mmap.PAGESIZE)
        yield Beat.of(descriptor), descriptor


@contextlib.contextmanager
def _file() -> Iterator[int]:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("edgescribe-beat")
        try:
            yield descriptor
        finally:
            os.close(descriptor)
    else:
        with tempfile.TemporaryFile() as file:  # has no name
            yield file.fileno()
