"""Memory that was freed goes back to the system."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edge.engine.memory import give_back


def _resident() -> int:
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmRSS:"))
    return int(line.split()[1]) // 1024


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
def test_what_small_pieces_took_is_given_back() -> None:
    """Pieces below the size that the allocator maps one by one, and one that lives on behind them."""
    import ctypes

    pieces = [ctypes.create_string_buffer(b"x" * 60_000) for _ in range(2_000)]  # 120 MB
    last = ctypes.create_string_buffer(b"x" * 60_000)
    pieces.clear()
    before = _resident()
    give_back()
    assert before - _resident() > 60
    assert last.raw[0] == ord("x")


def test_on_another_system_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    give_back()
