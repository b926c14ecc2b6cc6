"""Guesses at the next tokens, copied from where the last ones stood before: in the prompt, or in the answer itself
(prompt lookup decoding, Saxena 2023; the same in llama.cpp's `lookup` example). A note repeats much of its document.

How many tokens to guess is a matter of odds: a pass over several tokens costs more than over one. Every token that is
written tells how often such a guess comes true, whether it was made or not, so the odds cost nothing to learn. Only
counts are kept from one answer to the next, no text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

LONGEST = 12  # tokens guessed at once
GRAMS = (4, 3, 2, 1)  # lengths of the runs that are looked up, the longest first
_DEEP = 8  # a match is counted by its length up to this
_WEIGHT = 8.0  # tries that the odds at the start count for
_MEMORY = 400.0  # tries after which older ones count half
_AT_FIRST = (0.0, 0.15, 0.35, 0.65, 0.7, 0.71, 0.73, 0.78, 0.83)  # by length of the match; notes: 0.28, 0.47 …


class Odds:
    """How often the next token of a copied run was the one that came, by the length of the match so far."""

    def __init__(self) -> None:
        self._hits = [_WEIGHT * share for share in _AT_FIRST]
        self._tries = [_WEIGHT] * len(_AT_FIRST)

    def of(self, length: int) -> float:
        """Chance that a guess after a match of that many tokens comes true."""
        at = min(length, _DEEP)
        return self._hits[at] / self._tries[at]

    def count(self, length: int, hit: bool) -> None:
        """Enter one guess, made or not."""
        at = min(length, _DEEP)
        if self._tries[at] > _MEMORY:
            self._hits[at], self._tries[at] = self._hits[at] / 2, self._tries[at] / 2
        self._hits[at] += hit
        self._tries[at] += 1


class Pace:
    """What a pass over more rows costs, in passes over the fewest: 1 + slope * rows more, learnt from the clock.

    The clock moves how much is guessed, never what is written.
    """

    def __init__(self, slope: float = 0.17) -> None:
        self.slope = slope
        self._least = 0.0  # seconds of a pass over the fewest rows

    def enter(self, more: int, seconds: float) -> None:
        """Take the seconds of one pass over so many rows more than the fewest."""
        if not more:
            self._least = seconds if not self._least else 0.9 * self._least + 0.1 * seconds
        elif self._least:
            found = (seconds / self._least - 1) / more
            self.slope = 0.95 * self.slope + 0.05 * min(max(found, 0.05), 1.0)


class Lookup:
    """The tokens read and written so far, and the place in them that the next ones are guessed from.

    Work a token: a few look-ups, however long the text is.
    """

    def __init__(self, ids: Sequence[int], odds: Odds) -> None:
        self._odds = odds
        self._ids: list[int] = []
        self._last: dict[tuple[int, ...], int] = {}  # a run of tokens -> the index after its latest place
        self._at: int | None = None  # index of the token that is expected next
        self._length = 0  # tokens before it that match
        for token in ids:
            self._index()
            self._ids.append(token)
        self._find()
        self._index()

    def add(self, token: int) -> None:
        """Take the token that was written."""
        if self._at is not None:
            hit = self._ids[self._at] == token
            self._odds.count(self._length, hit)
            self._at, self._length = (self._at + 1, self._length + 1) if hit else (None, 0)
        self._ids.append(token)
        if self._at is None or self._length < GRAMS[0]:
            self._find()
        self._index()

    def guess(self, room: int, cost: Callable[[int], float]) -> list[int]:
        """The tokens that are worth reading together with the next one: at most room, possibly none.

        cost: of a pass with so many guesses, in passes without one.
        """
        if self._at is None:
            return []
        reach = min(room, LONGEST, len(self._ids) - self._at)
        chance, expected, best, rate = 1.0, 1.0, 0, 1.0
        for count in range(1, reach + 1):
            chance *= self._odds.of(self._length + count - 1)
            expected += chance
            if expected / cost(count) > rate:
                best, rate = count, expected / cost(count)
        return self._ids[self._at : self._at + best]

    def _index(self) -> None:
        end = len(self._ids)
        for size in GRAMS:
            if size <= end:
                self._last[tuple(self._ids[end - size :])] = end

    def _find(self) -> None:
        """Look for the latest earlier place of the longest run that ends here; what is followed already stays."""
        for size in GRAMS:
            if size <= self._length:
                return
            at = self._last.get(tuple(self._ids[-size:])) if size <= len(self._ids) else None
            if at is not None and at < len(self._ids):
                self._at, self._length = at, size
                return
