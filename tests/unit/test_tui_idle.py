"""When memory is looked through: where that is worth it and nobody types."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator

import pytest

from tui.terminal import idle


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    kept = gc.get_threshold()
    yield
    gc.set_threshold(*kept)


class Node:
    """Something that only a collection frees."""

    def __init__(self) -> None:
        self.me = self


def test_the_oldest_are_left_to_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    idle.sweep_rarely()
    assert gc.get_threshold()[2] == 1000
    one, now = idle.Idle(), time.monotonic()
    counts = iter([(0, 0, 9), (0, 0, 10), (0, 0, 10)])
    collected: list[int] = []
    monkeypatch.setattr(gc, "get_count", lambda: next(counts))
    monkeypatch.setattr(gc, "collect", lambda: collected.append(1))
    monkeypatch.setattr(time, "monotonic", lambda: now + 60)
    assert not one.sweep()  # not worth it yet
    one.touch()
    assert not one.sweep()  # in the middle of a word
    monkeypatch.setattr(time, "monotonic", lambda: now + 62)
    assert one.sweep()
    assert collected == [1]


def test_a_sweep_frees_what_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    import weakref

    gc.disable()
    try:
        left = weakref.ref(Node())
        one = idle.Idle()
        one._last -= 60
        monkeypatch.setattr(gc, "get_count", lambda: (0, 0, 11))
        assert left() is not None
        assert one.sweep()
        assert left() is None
    finally:
        gc.enable()
