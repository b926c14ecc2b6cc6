"""The numbers of a stretch of a conversation, ready to be asked for thousands of statements."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property

from edge.evidence.conversation import Conversation
from edge.evidence.view import held


@dataclass(frozen=True)
class SaidNumbers:
    """Numbers that were said, in canonical spelling."""

    values: frozenset[str]

    @cached_property
    def ordered(self) -> list[float]:
        """Those that are plain numbers, ascending."""
        return sorted(float(value) for value in self.values if _plain(value))

    def near(self, value: str, within: float, factor: float = 1.0) -> bool:
        """Whether one of them, times factor, is less than `within` away from a number; never from what is none, such as
        a date."""
        if not _plain(value):
            return False
        wanted = float(value)
        at = bisect_left(self.ordered, (wanted - within) / factor)
        return any(abs(one * factor - wanted) < within for one in self.ordered[max(0, at - 1) : at + 2])


def _plain(value: str) -> bool:
    return value.replace(".", "", 1).isdecimal()


def everywhere(talk: Conversation, _: None) -> SaidNumbers:
    """All numbers that stand, of the whole conversation."""
    return SaidNumbers(frozenset(held(talk, range(len(talk.index.turns)))[0]))
