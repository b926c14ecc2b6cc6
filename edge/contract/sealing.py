"""How far this process is sealed: noted once by the seal, read wherever it must be known. Ends with the process."""

from __future__ import annotations

from typing import Literal

Level = Literal["kernel", "partial", "none"]

_noted: Level = "none"


def note(level: Level) -> None:
    """Set what the seal achieved. Only edge.seal calls this, after its self-test."""
    global _noted  # a fact about the process, of which there is one
    _noted = level


def level() -> Level:
    """ "kernel", "partial" or "none"; a process that never sealed itself is "none"."""
    return _noted
