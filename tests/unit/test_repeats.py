"""The rule against repeats: what costs more and what never does, its work a token, and that loops end by it."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vocabulary_kit import Vocabulary
from watching import watched

from edge.contract import prompts
from edge.contract.events import Finished, Text
from edge.engine import repeats
from edge.engine.base import Request
from edge.engine.constrain import GrammarCompiler
from edge.engine.decode import Decoder
from edge.engine.repeats import Pieces, Repeats


class Words(Vocabulary):
    """A vocabulary in which every word, with the space before it, is one token."""

    def __init__(self) -> None:
        super().__init__(r" ?\w+|[^\w\s]|\n")


def _written(text: str, document: str = "") -> tuple[Words, Repeats]:
    vocabulary = Words()
    rule = Repeats(Pieces(vocabulary, [0]), document)
    for token in vocabulary.ids(text):
        rule.add(token)
    return vocabulary, rule


def _changes(text: str, document: str = "") -> dict[str, float]:
    vocabulary, rule = _written(text, document)
    return {vocabulary.known[token].lstrip("Ġ"): change for token, change in rule.changes().items()}


def test_a_run_of_words_costs_double_for_each_word_that_matches() -> None:
    said = "He came in today with the pain and came in today with"
    assert _changes("He was in today with the pain and came in today with") == {"the": -repeats.RUN}
    assert _changes(said) == {"the": -2 * repeats.RUN}
    assert _changes(said.replace("and came", "and then he came"))["the"] == -4 * repeats.RUN
    assert _changes("He came in today with the pain. He came in today with") == {}  # of two sentences: not a run


@pytest.mark.parametrize(
    "said",
    [
        "He takes a dose of ibuprofen and then takes a dose of",  # a drug
        "That was two weeks ago at 20 mg and was two weeks ago at 20",  # a unit
        "He was seen by his doctor in Hamburg and seen by his doctor in",  # a name
        "She said that she has no pain and said that she has no",  # content after a negation
        "Pain in the knee on the left and in the knee on the",  # a side
        "He says that he has not been ill and says that he has",  # the negation itself
        "He was told that she came and was told that",  # who
        "The pain is in the\nThe pain is in the",  # another line
    ],
)
def test_content_never_costs_more(said: str) -> None:
    assert _changes(said) == {}


def test_a_comma_of_a_run_costs_more() -> None:
    assert _changes("Ibuprofen 200 mg twice daily, ibuprofen 200 mg twice daily")[","] == -4 * repeats.RUN


def test_what_the_document_repeats_may_be_repeated() -> None:
    said = "It hurts in the morning and at night but hurts in the morning"
    assert _changes(said)["and"] == -2 * repeats.RUN
    assert _changes(said, "In the morning and in the evening. Always in the morning and then.") == {}


def test_sentences_that_say_it_again_make_the_end_likelier() -> None:
    one, two = "She takes aspirin for her heart. ", "The knee was red and warm. "
    new = "He sleeps well at night."
    gains = [_changes(f"{two}{one * n}".strip()).get("<end>", 0.0) for n in range(1, 6)]
    assert gains == [0.0, *(repeats.END * 2.0 ** (repeats.EXACT * n - 2) for n in range(1, 5))]
    assert _changes(f"{two}{one * 2}".strip())["\n"] == gains[1]  # or the next problem of a plan
    alike = [f"She takes aspirin daily for {what}." for what in ("heart", "head", "knee", "hip")]
    known = [_changes(" ".join(alike[:n])).get("<end>", 0.0) for n in range(1, 5)]
    assert known == [0.0, 0.0, repeats.END, 2 * repeats.END]
    assert _changes(f"{one * 3}{new} She") == {}  # in mid-sentence nothing changes
    assert _changes(" ".join([one * 3, *(f"Thing{i} was thing{i + 9} then." for i in range(6))])) == {}  # long ago
    assert _changes("\n".join(["Pulse rate 80"] * 2) + "\n") == {"<end>": gains[1]}


def test_headings_and_labels_that_recur_are_no_repeats() -> None:
    plan = "- Medical treatment: {}.\n- Follow-up: {} weeks.\n"
    text = "".join(
        f"{i}. Problem{i}.\n{plan.format(f'drug{i} and rest{i}', f'in {i} or {i + 4}')}" for i in range(2, 6)
    )
    assert _changes(text) == {}


def test_a_sentence_that_grows_without_new_words_gets_its_full_stop() -> None:
    grows = "The knee was " + "flexed down and twisted down and bent down and turned down and " * 4
    assert _changes(grows.strip())["."] == repeats.END


PIECES = ("the", "pain", "was", "in", "his", "knee", "and", "5", "mg", "of", ",", ".", "\n", "aspirin", "twice")


@given(st.lists(st.sampled_from(PIECES), max_size=300))
def test_the_work_of_a_token_does_not_grow_with_the_answer(said: list[str]) -> None:
    vocabulary, rule = _written(" ".join(said))
    assert all(len(places) <= repeats.NEAR for places in rule._places.values())
    assert len(rule._sentences) <= repeats.KEPT
    changes = {vocabulary.known[token].lstrip("Ġ"): change for token, change in rule.changes().items()}
    assert {text for text, change in changes.items() if change > 0} <= {"<end>", "\n", "."}
    assert {text for text, change in changes.items() if change < 0} <= repeats._PENALISED | {",", ";"}


class Loving:
    """A session that loves one sentence: after each of its words, the next by far, and anything new a little less."""

    def __init__(self, tokenizer: Any, sentence: str, other: str) -> None:
        self.capacity, self.places = 8192, True
        self._size = tokenizer.get_vocab_size()
        self._sentence = tokenizer.encode(sentence, add_special_tokens=False).ids
        self._other = tokenizer.encode(other, add_special_tokens=False).ids
        self._end = tokenizer.token_to_id("<|im_end|>")
        self.ids: list[int] = []
        self._prompt = 0

    def rewind(self, length: int) -> None:
        del self.ids[length:]

    def append(self, ids: Any, places: int = 1) -> None:
        self.ids.extend(ids)
        self._prompt = self._prompt or len(self.ids)

    def logits(self, back: int = 0) -> Any:
        written = self.ids[self._prompt : len(self.ids) - back]
        scores = np.zeros(self._size, dtype=np.float32)
        scores[self._sentence[len(written) % len(self._sentence)]] = 9
        scores[self._other[0]] = 5
        scores[self._end] = 3
        return scores


def _decoder(tokenizer: Any, session: Loving) -> Decoder:
    compiler = GrammarCompiler(tokenizer, tokenizer.get_vocab_size(), [tokenizer.token_to_id("<|im_end|>")])
    return Decoder(tokenizer, lambda _: session, lambda: compiler, [tokenizer.token_to_id("<|im_end|>")], 8192)


def test_text_comes_once_and_is_the_whole(byte_tokenizer: Any) -> None:
    """Text is decoded token by token; what was shown is what is kept, broken characters apart."""
    session = Loving(byte_tokenizer, "Größe 1,80 m 👋 ist gut. ", "x")
    request = Request(prompts.render("chatml", "doc", "Go:"), 200)
    events = list(_decoder(byte_tokenizer, session).run(request, threading.Event()))
    shown = "".join(e.text for e in events if isinstance(e, Text))
    last = events[-1]
    assert isinstance(last, Finished)
    assert shown.startswith(last.text)


def test_an_answer_that_turns_in_a_circle_ends_with_the_rule_and_is_cut_without(byte_tokenizer: Any) -> None:
    sentence = "She was told that the knee is red. "
    ends = {}
    for helped in (True, False):
        session = Loving(byte_tokenizer, sentence, "x")
        request = Request(prompts.render("chatml", "doc", "Go:"), 600, no_repeats=helped)
        last = list(_decoder(byte_tokenizer, session).run(request, threading.Event()))[-1]
        assert isinstance(last, Finished)
        ends[helped] = last.reason
    assert ends == {True: "end", False: "loop"}


def test_lists_that_grow_without_anything_new_and_beginnings_without_end_are_loops() -> None:
    grows = "The knee was " + "flexed down and twisted down and bent down and turned down and " * 4
    assert watched(grows) == 0
    assert watched("It was fine. " + grows) == len("It was fine. ") - 1
    same = "".join(f"The patient states that thing{i}. " for i in range(7))
    assert watched(same + "The patient states ") == len(same) - 1
    assert watched(same[: same.index("thing6")]) is None
    long = "fever, chills, cough, nausea, vomiting, chest pain, palpitations, rash, weight loss and night sweats"
    assert watched(f"She denies {long} ") is None
