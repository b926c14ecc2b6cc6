"""Guesses at the next tokens, from two sources. They are copied from where the last ones stood before: in the prompt,
or in the answer itself (prompt lookup decoding, Saxena 2023; the same in llama.cpp's `lookup` example). A note repeats
much of its document. And they are read from a bundle's table of what follows what in other notes
(edge.contract.phrases): headings, phrases, the ends of words.

How many tokens to guess is a matter of odds: a pass over several tokens costs more than over one. Every token that is
written tells how often the guess of each source comes true, whether it was made or not, so the odds cost nothing to
learn, and the source with the better odds has the next token. Only counts are kept from one answer to the next, no
text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from edge.contract.phrases import RUN, START, Phrases

LONGEST = 12  # tokens guessed at once
GRAMS = (4, 3, 2, 1)  # lengths of the runs that are looked up, the longest first
_WEIGHT = 8.0  # tries that the odds at the start count for
_MEMORY = 400.0  # tries after which older ones count half
_AT_FIRST = (0.0, 0.15, 0.35, 0.65, 0.7, 0.71, 0.73, 0.78, 0.83)  # by length of the match; notes: 0.28, 0.47 …
_PHRASES_AT_FIRST = (0.05, 0.22, 0.27, 0.42, 0.5, 0.55, 0.75, 0.9)  # by share in the table, in eighths
_FLATTEST, _STEEPEST = 0.05, 1.0  # slopes that are believed
_SLIGHT = 0.02  # a guess that is less likely to be reached ends the row


Match = tuple[int, int]  # index of the token that is expected next, and how many before it match


class Odds:
    """How often a guess was the token that came, by how sure it was: for a copied run, the length of the match so far.

    at_first: what is taken for it before any was counted, by rising sureness.
    """

    def __init__(self, at_first: Sequence[float] = _AT_FIRST) -> None:
        self._hits = [_WEIGHT * share for share in at_first]
        self._tries = [_WEIGHT] * len(at_first)

    def of(self, sure: int) -> float:
        """Chance that a guess of that sureness comes true."""
        at = min(sure, len(self._hits) - 1)
        return self._hits[at] / self._tries[at]

    def count(self, sure: int, hit: bool) -> None:
        """Enter one guess, made or not."""
        at = min(sure, len(self._hits) - 1)
        if self._tries[at] > _MEMORY:
            self._hits[at], self._tries[at] = self._hits[at] / 2, self._tries[at] / 2
        self._hits[at] += hit
        self._tries[at] += 1


def phrase_odds() -> Odds:
    """Odds of a table of phrases, by the share that it gives a token."""
    return Odds(_PHRASES_AT_FIRST)


class Pace:
    """What a pass over more rows costs, in passes over the fewest: 1 + slope * rows more, learnt from the clock.

    The clock moves how much is guessed, never what is written.
    """

    def __init__(self, slope: float = 0.17) -> None:
        self.slope = slope
        self._least = 0.0  # seconds of a pass over the fewest rows

    def begin(self, passes: Sequence[tuple[int, float]]) -> None:
        """Take the first passes of a model, each with its rows more than the fewest and its seconds, for the slope.

        What a pass takes is told by later ones: these stand at the start of a cache.
        """
        least = min((seconds for more, seconds in passes if not more), default=0.0)
        found = [(seconds / least - 1) / more for more, seconds in passes if more and least]
        if found:
            self.slope = min(max(sum(found) / len(found), _FLATTEST), _STEEPEST)

    def enter(self, more: int, seconds: float) -> None:
        """Take the seconds of one pass over so many rows more than the fewest."""
        if not more:
            self._least = seconds if not self._least else 0.9 * self._least + 0.1 * seconds
        elif self._least:
            found = (seconds / self._least - 1) / more
            self.slope = 0.95 * self.slope + 0.05 * min(max(found, _FLATTEST), _STEEPEST)


class Lookup:
    """The tokens read and written so far, and the place in them that the next ones are guessed from.

    Work a token: a few look-ups, however long the text is.
    """

    def __init__(self, ids: Sequence[int], odds: Odds) -> None:
        self._odds = odds
        self._ids: list[int] = []
        self._last: dict[tuple[int, ...], int] = {}  # a run of tokens -> the index after its latest place
        self.place: Match | None = None
        for token in ids:
            self._index()
            self._ids.append(token)
        self.place = self._find([], 0)
        self._index()

    def add(self, token: int) -> None:
        """Take the token that was written."""
        place = self.place
        if place is not None:
            hit = self._ids[place[0]] == token
            self._odds.count(place[1], hit)
            place = (place[0] + 1, place[1] + 1) if hit else None
        self._ids.append(token)
        if place is None or place[1] < GRAMS[0]:
            place = self._find([], place[1] if place else 0) or place
        self.place = place
        self._index()

    def next(self, place: Match | None) -> tuple[int, float] | None:
        """The token that stands at a place, and the odds that it comes."""
        if place is None or place[0] >= len(self._ids):
            return None
        return self._ids[place[0]], self._odds.of(place[1])

    def follow(self, place: Match | None, guessed: Sequence[int]) -> Match | None:
        """The place after the last of some guessed tokens: on from the one before it where that agrees, else anew."""
        found = self.next(place)
        if place is not None and found is not None and found[0] == guessed[-1]:
            return place[0] + 1, place[1] + 1
        return self._find(guessed, 0)

    def _index(self) -> None:
        end = len(self._ids)
        for size in GRAMS:
            if size <= end:
                self._last[tuple(self._ids[end - size :])] = end

    def _find(self, guessed: Sequence[int], held: int) -> Match | None:
        """The latest earlier place of the longest run that ends with the guessed tokens, if it is longer than held."""
        tail = [*self._ids[-GRAMS[0] :], *guessed][-GRAMS[0] :]
        for size in GRAMS:
            if size <= held:
                return None
            at = self._last.get(tuple(tail[-size:])) if size <= len(tail) else None
            if at is not None and at < len(self._ids):
                return at, size
        return None


class Told:
    """What a table of phrases says of the next tokens of an answer. phrases: None says nothing."""

    def __init__(self, phrases: Phrases | None, odds: Odds) -> None:
        self._phrases, self._odds = phrases, odds
        self._ids = [START]  # the end of the answer

    def add(self, token: int) -> None:
        """Take the token that was written."""
        found = self._after(())
        if found is not None:
            self._odds.count(found[1], found[0] == token)
        self._ids = [*self._ids, token][-RUN:]

    def next(self, guessed: Sequence[int]) -> tuple[int, float] | None:
        """The token that follows the answer and some guessed tokens, and the odds that it comes."""
        found = self._after(guessed)
        return found and (found[0], self._odds.of(found[1]))

    def _after(self, guessed: Sequence[int]) -> tuple[int, int] | None:
        found = self._phrases.after([*self._ids, *guessed][-RUN:]) if self._phrases is not None else None
        return found and (found[0], found[1] >> 5)


class Drafter(Protocol):
    """What says of itself which token follows an answer."""

    def add(self, token: int) -> None:
        """Take the token that was written."""

    def next(self, guessed: Sequence[int]) -> tuple[int, float] | None:
        """The token that follows the answer and some guessed tokens, and the odds that it comes."""


class Guesser:
    """The lookup and other sources over one answer."""

    def __init__(self, lookup: Lookup, *others: Drafter) -> None:
        self._lookup, self._others = lookup, others

    def add(self, token: int) -> None:
        """Take the token that was written."""
        self._lookup.add(token)
        for other in self._others:
            other.add(token)

    def guess(self, room: int, cost: Callable[[int], float]) -> list[int]:
        """The tokens that are worth reading together with the next one: at most room, possibly none.

        cost: of a pass with so many guesses, in passes without one.
        """
        place = self._lookup.place
        guessed: list[int] = []
        chance, expected, best, rate = 1.0, 1.0, 0, 1.0
        while len(guessed) < min(room, LONGEST) and chance > _SLIGHT:
            said = (self._lookup.next(place), *(other.next(guessed) for other in self._others))
            found = [one for one in said if one is not None]
            if not found:
                break
            token, odds = max(found, key=lambda one: one[1])
            guessed.append(token)
            place = self._lookup.follow(place, guessed)
            chance *= odds
            expected += chance
            if expected / cost(len(guessed)) > rate:
                best, rate = len(guessed), expected / cost(len(guessed))
        return guessed[:best]
