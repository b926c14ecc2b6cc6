"""What a session has read: the prompt, the answer, and tokens that were guessed ahead and may be forgotten again.

The decoder appends tokens and asks for scores as if there were no guesses. A token that was guessed has its scores
already; any other one makes the session forget the rest of the guess. The guess is proved before it is trusted: the
first tokens that are read are read once together and once apart, and the scores must be the same to the bit. Where they
are not, passes are filled up to at least two rows, or to an even number of them, if that makes them so (docs/adr/0095);
otherwise nothing is guessed on this machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from edge.contract.phrases import Phrases
from edge.engine.base import Session
from edge.engine.drafts import Drafter, Guesser, Lookup, Odds, Pace, Told, phrase_odds
from edge.engine.quoted import quote_odds

_PROBE = (1, 2, 4)  # tokens of the passes that are compared with one over all of them
_STARTS = (0, 1, 3)


@dataclass(frozen=True)
class Form:
    """The numbers of rows that passes have: at least so many, and a multiple of step. What lacks is filled up."""

    least: int
    step: int

    def rows(self, tokens: int) -> int:
        """Rows of a pass over so many tokens (at least one)."""
        return -(-max(tokens, self.least) // self.step) * self.step


AS_IS = Form(1, 1)
FORMS = (AS_IS, Form(2, 1), Form(2, 2))  # tried in this order: the later, the more is filled up


class Drafting:
    """What is learnt about guesses while a model is loaded: the odds, the pace, and the form that makes them exact.

    guesses: False to guess nothing, with the same form of passes and so the same answers. phrases: a bundle's table, or
    None. Until a form is proved passes have the strictest one, which agrees with each of the others where that one
    holds.
    """

    def __init__(self, guesses: bool = True, phrases: Phrases | None = None) -> None:
        self.odds, self.phrase_odds, self.quote_odds, self.pace = Odds(), phrase_odds(), quote_odds(), Pace()
        self.phrases = phrases
        self.guesses = guesses
        self.form: Form = FORMS[-1]
        self.exact: bool | None = None  # None: not tried yet


class Reader:
    """A session and the tokens in its cache. drafting: None to guess nothing.

    passes and tokens: forward passes made and tokens read in them, guesses included.
    """

    def __init__(self, session: Session, drafting: Drafting | None = None) -> None:
        self._session = session
        self._drafting = drafting if session.places else None
        self._guesser: Guesser | None = None
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
        self._guesser, self._waiting, self._prompt = None, [], len(ids)
        del self._read[shared:]
        self._ahead = []
        self._rewind(shared)
        return shared

    def read(self, ids: Sequence[int]) -> None:
        """Read tokens of the prompt."""
        self._rewind(len(self._read))
        self._ahead = self._pass(ids)
        self._read.extend(ids)
        if self._drafting is not None and self._drafting.exact is None:
            self._prove(self._drafting)

    def begin(self, limit: int, *sources: Drafter) -> None:
        """The prompt is read; an answer of at most limit tokens follows. sources: of guesses, beside those of all."""
        learnt = self._drafting
        if learnt is not None and learnt.guesses and learnt.exact:
            lookup = Lookup([*self._said, *self._read], learnt.odds)
            self._guesser = Guesser(lookup, Told(learnt.phrases, learnt.phrase_odds), *sources)
            self._limit = len(self._read) + limit

    def append(self, ids: Sequence[int]) -> None:
        """Take tokens of the answer; they are read when scores are asked for."""
        for token in ids:
            if self._ahead and self._ahead[0] == token:
                self._read.append(self._ahead.pop(0))
            else:
                self._ahead = []
                self._waiting.append(token)
            if self._guesser is not None:
                self._guesser.add(token)

    def logits(self) -> Any:
        """Scores of the token that follows all that was read and appended: float32, shape (vocabulary,)."""
        if self._waiting:
            self._forward()
        return self._session.logits(len(self._ahead))

    def _forward(self) -> None:
        guess: list[int] = []
        form, waiting = self._form, len(self._waiting)
        if self._guesser is not None and self._drafting is not None:
            room, slope = self._limit - len(self._read) - waiting - 1, self._drafting.pace.slope
            least = form.rows(waiting)
            guess = self._guesser.guess(max(room, 0), lambda count: 1 + slope * (form.rows(waiting + count) - least))
        self._rewind(len(self._read))
        started = time.thread_time()
        guess += self._pass([*self._waiting, *guess], len(guess) + 1)
        if self._drafting is not None:
            self._drafting.pace.enter(waiting + len(guess) - form.rows(1), time.thread_time() - started)
        self._read.extend(self._waiting)
        self._waiting, self._ahead = [], guess

    @property
    def _form(self) -> Form:
        return AS_IS if self._drafting is None else self._drafting.form

    def _rewind(self, length: int) -> None:
        if length < self._held:
            self._session.rewind(length)
            self._held = length

    def _pass(self, ids: Sequence[int], places: int = 1) -> list[int]:
        """Read ids, score the last places of them; returns what the pass was filled up with, which is scored, too."""
        form = self._form
        filling = [ids[-1]] * (form.rows(len(ids)) - len(ids))  # as good a guess as any
        self._session.append([*ids, *filling], form.rows(places + len(filling)))
        self._held += len(ids) + len(filling)
        self.passes += 1
        self.tokens += len(ids) + len(filling)
        return filling

    def _prove(self, drafting: Drafting) -> None:
        """Find the first form in which the last tokens read get the same scores together and apart."""
        count = sum(_PROBE)
        if len(self._read) < count:
            return
        self._ahead = []
        for form in FORMS:
            drafting.form = form
            taken: list[tuple[int, float]] = []
            together = [score for scores in self._again((count,), taken) for score in scores]
            pieces = zip(_STARTS, self._again(_PROBE, taken), strict=True)
            if all(scores == together[at : at + len(scores)] for at, scores in pieces):
                drafting.exact = True
                drafting.pace.begin(taken)
                return
        drafting.form, drafting.exact = AS_IS, False
        list(self._again((count,), []))

    def _again(self, sizes: Sequence[int], taken: list[tuple[int, float]]) -> Iterator[list[bytes]]:
        """Read the last tokens anew in passes of these sizes, and yield the scores of each.

        taken: gets the rows that each has more than the fewest, and its seconds.
        """
        at = len(self._read) - sum(sizes)
        for size in sizes:
            self._rewind(at)
            started = time.thread_time()
            filled = len(self._pass(self._read[at : at + size], size))
            taken.append((size + filled - self._form.rows(1), time.thread_time() - started))
            yield [self._session.logits(filled + size - 1 - place).tobytes() for place in range(size)]
            at += size
