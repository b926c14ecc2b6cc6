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

from edge.contract.phrases import START, Phrases, parse_phrases, phrases_bytes
from edge.engine import drafts
from edge.engine.drafts import Guesser, Lookup, Odds, Pace, Told, phrase_odds
from edge.engine.reader import AS_IS, Drafting, Form, Reader

SIZE = 50
Model = Callable[[Sequence[int]], int]


LEARN, BEGIN = Pace.enter, Pace.begin


@pytest.fixture(autouse=True)
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is counted here: the clock of a fake model says nothing."""
    monkeypatch.setattr(Pace, "enter", lambda *_: None)
    monkeypatch.setattr(Pace, "begin", lambda *_: None)


def table_of(*texts: Sequence[int]) -> Phrases:
    """A table of what follows every run in texts, always."""
    runs = {}
    for text in texts:
        for end in range(1, len(text) + 1):
            ids = [START, *text][max(0, end - 3) : end + 1]
            runs |= {tuple(ids[at:-1]): (ids[-1], 9, 10) for at in range(len(ids) - 1)}
    return parse_phrases(phrases_bytes(runs, "0" * 64, [], len(texts)), "0" * 64)


def agreeing(rows: int) -> int:
    """A kind of kernel: the bits hang on no number of rows."""
    return 0


def one_apart(rows: int) -> int:
    """One row goes another way than several, as with AVX2."""
    return int(rows == 1)


def odd_apart(rows: int) -> int:
    """An odd number of rows goes another way than an even one."""
    return rows % 2


def each_apart(rows: int) -> int:
    """Every number of rows gives other bits."""
    return rows


class Following:
    """A session whose scores favour model(tokens read). rounding: which numbers of rows give the same bits."""

    def __init__(self, model: Model, rounding: Callable[[int], int] = agreeing) -> None:
        self.capacity, self.places = 100_000, True
        self._model, self._rounding = model, rounding
        self.ids: list[int] = []
        self.read = 0
        self._places = 0
        self._bits: list[int] = []  # of each token in the cache: which way its pass went
        self.seen: dict[int, bytes] = {}  # the last scores after so many tokens

    def rewind(self, length: int) -> None:
        assert length <= len(self.ids)
        del self.ids[length:], self._bits[length:]

    def append(self, ids: Sequence[int], places: int = 1) -> None:
        assert 1 <= places <= len(ids)
        self.ids.extend(ids)
        self._bits += [self._rounding(len(ids))] * len(ids)
        self.read += len(ids)
        self._places = places

    def logits(self, back: int = 0) -> Any:
        assert back < self._places
        scores = np.zeros(SIZE, dtype=np.float32)
        end = len(self.ids) - back
        scores[self._model(self.ids[:end])] = 1 + 1e-6 * self._rounding(self._places) + 1e-5 * sum(self._bits[:end])
        self.seen[end] = scores.tobytes()
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
    st.sampled_from(["no table", "another text", "what it will write"]),
)
def test_the_tokens_are_those_without_guesses(prompt: list[int], seed: int, memory: int, count: int, told: str) -> None:
    model = mixing(seed, memory)
    plain, _ = write(Following(model), prompt, count, None)
    session = Following(model)
    phrases = {"no table": None, "another text": table_of(prompt), "what it will write": table_of(plain)}[told]
    drafted, reader = write(session, prompt, count, Drafting(phrases=phrases))
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
    session = Following(copying(prompt), each_apart)
    _, reader = write(session, prompt, 60, drafting)
    assert (drafting.exact, drafting.form) == (False, AS_IS)
    proof = reader.passes - 1 - 59
    assert proof <= 3 * 4 + 1
    again = Following(copying(prompt), each_apart)
    reader = write(again, prompt, 60, drafting)[1]
    assert reader.passes == 1 + 59  # the proof is asked for once
    assert again.read == 100 + 59  # and no pass is filled up


@pytest.mark.parametrize(
    ("rounding", "form"),
    [(agreeing, Form(1, 1)), (one_apart, Form(2, 1)), (odd_apart, Form(2, 2))],
)
def test_passes_are_filled_up_as_little_as_makes_the_scores_the_same(
    rounding: Callable[[int], int], form: Form
) -> None:
    """Every score of every place, however the text is cut into passes: read in pieces, guessed or not."""
    prompt = random.Random(8).choices(range(SIZE), k=101)
    model = mixing(8, 3)
    kept: list[dict[int, bytes]] = []
    answers = []
    for guesses in (False, True):
        drafting = Drafting(guesses)
        session = Following(model, rounding)
        answers.append(write(session, prompt, 60, drafting)[0])
        assert (drafting.exact, drafting.form) == (True, form)
        kept.append(session.seen)
    session = Following(model, rounding)
    reader = Reader(session, drafting)
    for size in (1, 2, 3, 1, 40, 53, 1):
        at = len(reader._read)
        reader.read(prompt[at : at + size])
    reader.begin(60)
    for token in answers[0]:
        reader.logits()
        reader.append([token])
    kept.append(session.seen)
    assert answers[0] == answers[1]
    places = range(101, 160)
    assert [kept[0][at] for at in places] == [kept[1][at] for at in places] == [kept[2][at] for at in places]


def test_where_a_row_is_to_be_filled_a_guess_fills_it() -> None:
    prompt = random.Random(1).choices(range(SIZE), k=200)
    session = Following(copying(prompt), one_apart)
    _, reader = write(session, prompt, 150, Drafting())
    assert reader.passes < 40
    rng = random.Random(2)
    answer = rng.choices(range(SIZE), k=600)
    session = Following(lambda ids: answer[(len(ids) - 200) % 600] if len(ids) >= 200 else 0, one_apart)
    _, reader = write(session, prompt, 600, Drafting())
    assert session.read <= 200 + 30 + 2.06 * 600  # two rows a token where nothing is copied, and hardly one more


@pytest.mark.parametrize("rounding", [one_apart, odd_apart])
def test_a_filled_pass_stays_within_the_cache(rounding: Callable[[int], int], monkeypatch: pytest.MonkeyPatch) -> None:
    prompt = random.Random(6).choices(range(SIZE), k=63)
    session = Following(copying(prompt), rounding)
    most = [0]
    append = session.append

    def watched(ids: Sequence[int], places: int = 1) -> None:
        append(ids, places)
        most[0] = max(most[0], len(session.ids))

    monkeypatch.setattr(session, "append", watched)
    write(session, prompt, 21, Drafting())
    assert most[0] <= 63 + 21


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
        pace.enter(0, 0.020)
        pace.enter(4, 0.020 * (1 + 4 * 0.4))
    assert pace.slope == pytest.approx(0.4, abs=0.01)
    pace.enter(4, 9.0)
    assert pace.slope < 0.45


def test_the_first_passes_tell_what_more_rows_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pace, "begin", BEGIN)
    pace = Pace()
    pace.begin([(5, 3.0), (0, 1.0), (0, 1.1), (2, 1.8)])
    assert pace.slope == pytest.approx(0.4)
    pace.begin([(5, 300.0), (0, 1.0)])
    assert pace.slope == 1.0
    pace.begin([(0, 1.0)])
    assert pace.slope == 1.0


def guesser(text: Sequence[int], phrases: Phrases | None = None) -> Guesser:
    return Guesser(Lookup(text, Odds()), Told(phrases, phrase_odds()))


def test_a_costly_pass_makes_guesses_short_and_a_cheap_one_long() -> None:
    one = guesser([*range(40), *range(10)])
    assert one.guess(100, lambda count: 1.0 + count) == []
    long = one.guess(100, lambda count: 1 + 0.02 * count)
    assert long == list(range(10, 10 + len(long)))
    assert 6 < len(long) <= drafts.LONGEST
    assert one.guess(3, lambda count: 1 + 0.02 * count) == [10, 11, 12]
    assert guesser([]).guess(5, lambda count: 1 + 0.1 * count) == []


def cheap(count: int) -> float:
    return 1 + 0.02 * count


def test_a_table_tells_how_an_answer_begins_and_goes_on_where_nothing_is_copied() -> None:
    phrases = table_of([1, 2, 3, 4, 5, 6, 7])
    one = guesser([30, 31, 32], phrases)
    assert one.guess(5, cheap) == [1, 2, 3, 4, 5]  # from the start of the answer
    for token in (1, 2, 40):
        one.add(token)
    assert one.guess(5, cheap) == []  # nothing follows 40
    one.add(5)
    assert one.guess(5, cheap) == [6, 7]


def test_the_source_with_the_better_odds_has_the_next_token_and_the_other_goes_on_from_it() -> None:
    text = [1, 2, 3, 4, 20, 21, 22, 23, 24, 25]
    told = Told(table_of([9, 4, 20, 30, 31, 32]), odds := phrase_odds())
    one = Guesser(Lookup(text, Odds()), told)
    for token in text[:5]:
        one.add(token)
    assert one.guess(3, cheap) == [30, 31, 32]  # a copied run of five tokens is less sure than 9 of 10 in the table
    for _ in range(400):
        odds.count(7, False)
    assert one.guess(3, cheap) == [21, 22, 23]
    phrases = table_of([9, 1, 2])
    one = guesser([1, 2, 3, 4, 5, 6, 8], phrases)
    assert one.guess(7, cheap) == [9, 1, 2, 3, 4, 5, 6]  # what the table began stands in the document


def test_a_table_saves_passes_where_its_phrases_are_written() -> None:
    rng = random.Random(9)
    prompt, answer = rng.choices(range(SIZE), k=100), rng.choices(range(SIZE), k=150)
    for rounding in (agreeing, one_apart):
        session = Following(lambda ids: answer[(len(ids) - 100) % 150] if len(ids) >= 100 else 0, rounding)
        found, reader = write(session, prompt, 150, Drafting(phrases=table_of(answer)))
        assert found == answer
        assert reader.passes < 50


def test_a_table_of_other_phrases_costs_little_until_that_is_known_and_then_next_to_nothing() -> None:
    rng = random.Random(2)
    prompt, answer = rng.choices(range(SIZE), k=200), rng.choices(range(SIZE), k=600)
    drafting = Drafting(phrases=table_of(*(rng.choices(range(SIZE), k=600) for _ in range(3))))
    for proof, most in ((14, 80), (0, 20)):
        session = Following(lambda ids: answer[(len(ids) - 200) % 600] if len(ids) >= 200 else 0)
        found, _ = write(session, prompt, 600, drafting)
        assert found == answer
        assert session.read - 200 - proof - 599 < most  # tokens read in vain
