"""What a session has read: the prompt, the answer, and tokens that were guessed ahead and may be forgotten again.

The decoder appends tokens and asks for scores as if there were no guesses. A token that was guessed has its scores
already; any other one makes the session forget the rest of the guess. The guess is proved before it is trusted: at the
first answer the last tokens of the prompt are read once together and once apart, and unless all scores are the same to
the bit, as docs/adr/0095 found them, nothing is guessed on this machine.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from edge.engine.base import Session
from edge.engine.drafts import Lookup, Odds, Pace

_PROBE = (1, 2, 4)  # tokens of the passes that are compared with one over all of them


class Drafting:
    """What is learnt about guesses while a model is loaded: the odds, the pace, and whether they are exact here."""

    def __init__(self) -> None:
        self.odds, self.pace = Odds(), Pace()
        self.exact: bool | None = None  # None: not tried yet


class Reader:
    """A session and the tokens in its cache. drafting: None to guess nothing.

    passes and tokens: forward passes made and tokens read in them, guesses included.
    """

    def __init__(self, session: Session, drafting: Drafting | None = None) -> None:
        self._session = session
        self._drafting = drafting if session.places else None
        self._lookup: Lookup | None = None
        self._read: list[int] = []
        self._ahead: list[int] = []  # guessed tokens that follow in the cache
        self._waiting: list[int] = []  # accepted, not in the cache yet
        self._prompt = 0  # tokens of the prompt
        self._said: list[int] = []  # earlier answers about the same document
        self._held = 0  # tokens in the cache, guesses included
        self._limit = 0
        self.passes = self.tokens = 0

    @property
    def capacity(self) -> int:
        return self._session.capacity

    def reuse(self, ids: Sequence[int]) -> int:
        """Rewind to the longest prefix shared with what was read before; at least one token is read anew."""
        shared = 0
        for old, new in zip(self._read, ids[:-1], strict=False):
            if old != new:
                break
            shared += 1
        answered = [*self._read, *self._waiting][self._prompt :]
        self._said = [*self._said, *answered] if 2 * shared > self._prompt else []
        self._lookup, self._waiting, self._prompt = None, [], len(ids)
        del self._read[shared:]
        self._ahead = []
        self._rewind(shared)
        return shared

    def read(self, ids: Sequence[int]) -> None:
        """Read tokens of the prompt."""
        self._pass(ids)
        self._read.extend(ids)

    def begin(self, limit: int) -> None:
        """The prompt is read; an answer of at most limit tokens follows."""
        if self._drafting is None:
            return
        if self._drafting.exact is None:
            self._drafting.exact = self._prove()
        if self._drafting.exact:
            self._lookup = Lookup([*self._said, *self._read], self._drafting.odds)
            self._limit = len(self._read) + limit

    def append(self, ids: Sequence[int]) -> None:
        """Take tokens of the answer; they are read when scores are asked for."""
        for token in ids:
            if self._ahead and self._ahead[0] == token:
                self._read.append(self._ahead.pop(0))
            else:
                self._ahead = []
                self._waiting.append(token)
            if self._lookup is not None:
                self._lookup.add(token)

    def logits(self) -> Any:
        """Scores of the token that follows all that was read and appended: float32, shape (vocabulary,)."""
        if self._waiting:
            self._forward()
        return self._session.logits(len(self._ahead))

    def _forward(self) -> None:
        guess: list[int] = []
        if self._lookup is not None and self._drafting is not None:
            room = self._limit - len(self._read) - len(self._waiting) - 1
            guess = self._lookup.guess(max(room, 0), self._drafting.pace.slope)
        self._rewind(len(self._read))
        started = time.thread_time()
        self._pass([*self._waiting, *guess], len(guess) + 1)
        if self._drafting is not None:
            self._drafting.pace.enter(len(self._waiting) + len(guess), time.thread_time() - started)
        self._read.extend(self._waiting)
        self._waiting, self._ahead = [], guess

    def _rewind(self, length: int) -> None:
        if length < self._held:
            self._session.rewind(length)
            self._held = length

    def _pass(self, ids: Sequence[int], places: int = 1) -> None:
        self._session.append(ids, places)
        self._held += len(ids)
        self.passes += 1
        self.tokens += len(ids)

    def _prove(self) -> bool | None:
        """True if the last tokens of the prompt get the same scores read together and apart; None if they are few."""
        count = sum(_PROBE)
        start = len(self._read) - count
        if start < 0:
            return None
        self._rewind(start)
        self._pass(self._read[start:], count)
        together = [self._session.logits(count - 1 - place).tobytes() for place in range(count)]
        self._rewind(start)
        apart: list[bytes] = []
        for size in _PROBE:
            at = start + len(apart)
            self._pass(self._read[at : at + size], size)
            apart += [self._session.logits(size - 1 - place).tobytes() for place in range(size)]
        return together == apart
