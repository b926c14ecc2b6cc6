"""The rule against repeats: what costs more and what never does, its work a token, and that loops end by it."""

from __future__ import annotations

import re
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.contract import prompts
from edge.contract.events import Finished, Text
from edge.engine import loops, repeats
from edge.engine.base import Request
from edge.engine.constrain import GrammarCompiler
from edge.engine.decode import Decoder
from edge.engine.repeats import Pieces, Repeats


class Words:
    """A vocabulary in which every word, with the space before it, is one token."""

    def __init__(self) -> None:
        self.known: list[str] = ["<end>"]

    def ids(self, text: str) -> list[int]:
        return [self.id(piece.replace(" ", "Ġ")) for piece in re.findall(r" ?\w+|[^\w\s]|\n", text)]

    def id(self, piece: str) -> int:
        if piece not in self.known:
            self.known.append(piece)
        return self.known.index(piece)

    def id_to_token(self, id: int) -> str | None:
        return self.known[id]

    def decode(self, ids: Any, *, skip_special_tokens: bool = True) -> str:
        return "".join(self.known[i].replace("Ġ", " ") for i in ids)


def _written(text: str, document: str = "") -> tuple[Words, Repeats]:
    vocabulary = Words()
    rule = Repeats(Pieces(vocabulary), document)
    for token in vocabulary.ids(text):
        rule.add(token)
    return vocabulary, rule


def _costs(text: str, document: str = "") -> dict[str, float]:
    vocabulary, rule = _written(text, document)
    return {vocabulary.known[token].lstrip("Ġ"): cost for token, cost in rule.costs().items()}


def test_a_word_that_goes_on_with_what_was_said_costs_double_for_each_word_that_matches() -> None:
    first = "He came in today with the pain that was in his knee and felt well."
    costs = [_costs(f"{first} So {said}").get("the", 0.0) for said in ("in today with", "came in today with")]
    assert costs == [0.0, repeats.STRENGTH]
    assert _costs(f"{first} He came in today with")["the"] == 2 * repeats.STRENGTH
    assert _costs(f"{first} {first} He came in today with")["the"] > 4 * repeats.STRENGTH


@pytest.mark.parametrize(
    "said",
    [
        "He takes a dose of ibuprofen and then takes a dose of",  # a drug
        "That was two weeks ago at 20 mg and was two weeks ago at 20",  # a unit
        "He was seen by his doctor in Hamburg and seen by his doctor in",  # a name
        "She said that she has no pain and said that she has no",  # content after a negation
        "Pain in the knee on the left and in the knee on the",  # a side
        "He says that he has not been ill and says that he has",  # the negation itself
    ],
)
def test_content_never_costs_more(said: str) -> None:
    assert _costs(said) == {}


def test_a_comma_costs_more_a_full_stop_never() -> None:
    assert _costs("Ibuprofen 200 mg twice daily, ibuprofen 200 mg twice daily")[","] == 2 * repeats.STRENGTH
    assert "." not in _costs("Pain was in the knee. Pain was in the knee")


def test_lines_are_apart_so_headings_and_list_markers_may_recur() -> None:
    plan = "- Medical treatment: Rest and ice.\n- Medical treatment:"
    assert _costs(f"1. Knee.\n{plan}\n2. Hip.\n{plan}") == {}
    assert _costs("The pain is in the\nThe pain is in the") == {}


def test_what_the_document_repeats_may_be_repeated() -> None:
    said = "It hurts in the morning and at night but in the morning"
    assert _costs(said.replace("night but", "night. It hurts"))["and"] >= repeats.STRENGTH
    document = "In the morning and in the evening. Always in the morning and then in the morning and so on."
    assert _costs(said.replace("night but", "night. It hurts"), document) == {}


def test_sentences_with_one_beginning_cost_more_each_time() -> None:
    one = "The patient states that X{}. "
    costs = [_costs("".join(one.format(i) for i in range(n)) + "The patient").get("states", 0.0) for n in range(6)]
    assert costs[:2] == [0.0, 0.0]
    assert costs[2:] == sorted(costs[2:])
    assert costs[2] < costs[4]


PIECES = ("the", "pain", "was", "in", "his", "knee", "and", "5", "mg", "of", ",", ".", "\n", "aspirin", "twice")


@given(st.lists(st.sampled_from(PIECES), max_size=300))
def test_the_work_of_a_token_does_not_grow_with_the_answer(said: list[str]) -> None:
    vocabulary, rule = _written(" ".join(said))
    held = rule._places
    assert all(len(places) <= repeats.NEAR for places in held.values())
    costs = rule.costs()
    assert all(cost > 0 for cost in costs.values())
    texts = {vocabulary.known[token].lstrip("Ġ") for token in costs}
    assert texts <= repeats._EMPTY | {",", ";"}


class Loving:
    """A session that loves one sentence: after each of its words, the next by far, and anything new a little less."""

    def __init__(self, tokenizer: Any, sentence: str, other: str) -> None:
        self.capacity = 8192
        self._size = tokenizer.get_vocab_size()
        self._sentence = tokenizer.encode(sentence, add_special_tokens=False).ids
        self._other = tokenizer.encode(other, add_special_tokens=False).ids
        self._end = tokenizer.token_to_id("<|im_end|>")
        self.ids: list[int] = []
        self._prompt = 0

    def rewind(self, length: int) -> None:
        del self.ids[length:]

    def append(self, ids: Any) -> None:
        self.ids.extend(ids)
        self._prompt = self._prompt or len(self.ids)

    def logits(self) -> Any:
        written = self.ids[self._prompt :]
        scores = np.zeros(self._size, dtype=np.float32)
        scores[self._sentence[len(written) % len(self._sentence)]] = 9
        scores[self._other[0]] = 5
        scores[self._end] = 3
        return scores


def _decoder(tokenizer: Any, session: Loving) -> Decoder:
    compiler = GrammarCompiler(tokenizer.to_str(), tokenizer.get_vocab_size(), [tokenizer.token_to_id("<|im_end|>")])
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


def test_lists_that_grow_without_anything_new_and_beginnings_without_end_are_loops() -> None:
    grows = "The knee was " + "flexed down and twisted down and bent down and turned down and " * 4
    assert loops.dull(grows) == 0
    assert loops.dull("It was fine. " + grows) == len("It was fine. ") - 1
    same = "".join(f"The patient states that thing{i}. " for i in range(7))
    assert loops.dull(same + "The patient states") == len(same) - 1
    assert loops.dull(same[: same.index("thing6")]) is None
    long = "fever, chills, cough, nausea, vomiting, chest pain, palpitations, rash, weight loss and night sweats"
    assert loops.dull(f"She denies {long}") is None
