"""Guesses ahead: the same tokens as without them whatever the model does, fewer passes where text is copied, and next
to nothing where it is not.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.engine import drafts
from edge.engine.drafts import Lookup, Odds, Pace
from edge.engine.reader import Drafting, Reader

SIZE = 50
Model = Callable[[Sequence[int]], int]


LEARN = Pace.enter


@pytest.fixture(autouse=True)
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is counted here: the clock of a fake model says nothing."""
    monkeypatch.setattr(Pace, "enter", lambda *_: None)


class Following:
    """A session whose scores favour model(tokens read). rounding: they differ with the number of rows."""

    def __init__(self, model: Model, rounding: bool = False) -> None:
        self.capacity, self.places = 100_000, True
        self._model, self._rounding = model, rounding
        self.ids: list[int] = []
        self.read = 0
        self._rows = 0

    def rewind(self, length: int) -> None:
        assert length <= len(self.ids)
        del self.ids[length:]

    def append(self, ids: Sequence[int], places: int = 1) -> None:
        assert 1 <= places <= len(ids)
        self.ids.extend(ids)
        self.read += len(ids)
        self._rows = places

    def logits(self, back: int = 0) -> Any:
        assert back < self._rows
        scores = np.zeros(SIZE, dtype=np.float32)
        scores[self._model(self.ids[: len(self.ids) - back])] = 1 + (self._rows > 1) * self._rounding * 1e-6
        return scores


def write(session: Following, prompt: Sequence[int], count: int, drafting: Drafting | None) -> tuple[list[int], Reader]:
    """count tokens after prompt, greedily, as the decoder asks for them."""
    reader = Reader(session, drafting)
    reader.reuse(prompt)
    reader.read(prompt)
    reader.begin(count)
    found: list[int] = []
    while len(found) < count:
        found.append(int(reader.logits().argmax()))
        reader.append(found[-1:])
    return found, reader


def copying(text: Sequence[int]) -> Model:
    """A model that goes on with text, round and round."""
    return lambda ids: text[len(ids) % len(text)]


def mixing(seed: int, memory: int) -> Model:
    """A model whose next token hangs on its last few: it falls into rounds of any length, and out of none."""
    return lambda ids: random.Random(hash((seed, tuple(ids[-memory:])))).randrange(SIZE)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, SIZE - 1), min_size=8, max_size=60),
    st.integers(0, 10_000),
    st.integers(1, 3),
    st.integers(1, 80),
)
def test_the_tokens_are_those_without_guesses(prompt: list[int], seed: int, memory: int, count: int) -> None:
    model = mixing(seed, memory)
    plain, _ = write(Following(model), prompt, count, None)
    session = Following(model)
    drafted, reader = write(session, prompt, count, Drafting())
    assert drafted == plain
    assert session.ids[: len(prompt) + count - 1] == [*prompt, *plain][:-1]
    assert reader.capacity >= len(session.ids)


def test_what_is_copied_takes_a_fraction_of_the_passes() -> None:
    prompt = random.Random(1).choices(range(SIZE), k=200)
    session = Following(copying(prompt))
    _, reader = write(session, prompt, 150, Drafting())
    assert reader.passes < 40  # 150 without guesses; 5 of these are the prompt and the proof
    assert session.read < 200 + 150 + 40


def test_a_text_that_copies_nothing_costs_next_to_nothing() -> None:
    rng = random.Random(2)
    prompt, answer = rng.choices(range(SIZE), k=200), rng.choices(range(SIZE), k=600)
    session = Following(lambda ids: answer[(len(ids) - 200) % 600] if len(ids) >= 200 else 0)
    found, _ = write(session, prompt, 600, Drafting())
    assert found == answer
    assert session.read - 200 - 14 - 599 < 0.03 * 600  # tokens read in vain


def test_kernels_that_round_by_rows_are_found_and_nothing_is_guessed() -> None:
    prompt = random.Random(3).choices(range(SIZE), k=100)
    drafting = Drafting()
    session = Following(copying(prompt), rounding=True)
    _, reader = write(session, prompt, 60, drafting)
    assert drafting.exact is False
    assert reader.passes == 1 + 4 + 59
    assert session.read == 100 + 14 + 59
    again = Following(copying(prompt), rounding=True)
    assert write(again, prompt, 60, drafting)[1].passes == 1 + 59  # the proof is asked for once


def test_a_session_that_scores_one_place_is_never_asked_for_more() -> None:
    prompt = random.Random(4).choices(range(SIZE), k=100)
    session = Following(copying(prompt))
    session.places = False
    assert write(session, prompt, 30, Drafting())[1].passes == 1 + 29


def test_runs_that_a_grammar_forces_are_read_in_one_pass() -> None:
    session = Following(mixing(5, 2))
    reader = Reader(session)
    reader.read([1, 2, 3])
    reader.append([4])
    reader.append([5, 6, 7])  # forced after it, and no scores asked for between
    reader.logits()
    assert (reader.passes, session.ids) == (2, [1, 2, 3, 4, 5, 6, 7])


def test_nothing_is_guessed_past_the_room() -> None:
    prompt = random.Random(6).choices(range(SIZE), k=64)
    session = Following(copying(prompt))
    session.capacity = 64 + 20
    write(session, prompt, 20, Drafting())
    assert len(session.ids) <= session.capacity


def test_earlier_answers_about_the_same_document_are_looked_up_and_others_forgotten() -> None:
    rng = random.Random(7)
    document, answer = rng.choices(range(SIZE), k=80), rng.choices(range(SIZE), k=60)
    session = Following(lambda ids: answer[(len(ids) - 81) % 60])
    reader = Reader(session, Drafting())
    passes = []
    for instruction in (1, 2):
        prompt = [*document, instruction]
        shared, before = reader.reuse(prompt), reader.passes
        reader.read(prompt[shared:])
        reader.begin(60)
        for _ in range(60):
            reader.append([int(reader.logits().argmax())])
        passes.append(reader.passes - before)
    assert passes[1] < passes[0] / 2
    reader.reuse(rng.choices(range(SIZE), k=80))
    assert reader._said == []


@pytest.mark.parametrize("length", [0, 1, 4, 20])
def test_odds_follow_what_is_seen_and_new_things_count_more(length: int) -> None:
    odds = Odds()
    for _ in range(2000):
        odds.count(length, True)
    assert odds.of(length) > 0.97
    for _ in range(2000):
        odds.count(length, False)
    assert odds.of(length) < 0.05


def test_the_pace_learns_what_a_pass_costs_and_a_hiccup_moves_it_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pace, "enter", LEARN)
    pace = Pace()
    for _ in range(200):
        pace.enter(1, 0.020)
        pace.enter(5, 0.020 * (1 + 4 * 0.4))
    assert pace.slope == pytest.approx(0.4, abs=0.01)
    pace.enter(5, 9.0)
    assert pace.slope < 0.45


def test_a_costly_pass_makes_guesses_short_and_a_cheap_one_long() -> None:
    text = [*range(40), *range(10)]
    lookup = Lookup(text, Odds())
    assert lookup.guess(100, 1.0) == []
    long = lookup.guess(100, 0.02)
    assert long == list(range(10, 10 + len(long)))
    assert 6 < len(long) <= drafts.LONGEST
    assert lookup.guess(3, 0.02) == [10, 11, 12]
    assert Lookup([], Odds()).guess(5, 0.1) == []
