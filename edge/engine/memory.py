"""Memory that was freed goes back to the system: otherwise what a tokenizer takes while it loads stays with us."""

from __future__ import annotations

import sys
from contextlib import suppress


def give_back() -> None:
    """Give freed memory back to the system, where its allocator knows how (Linux with glibc); else do nothing."""
    if sys.platform != "linux":
        return
    import ctypes

    with suppress(OSError, AttributeError):  # another C library has no such call
        ctypes.CDLL(None).malloc_trim(0)
