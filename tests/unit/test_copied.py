"""Only what was said is copied: numbers, their units and drug names of an answer are those of its document."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from vocabulary_kit import Vocabulary

from edge.contract import prompts
from edge.contract.events import Finished
from edge.engine.base import Request
from edge.engine.constrain import GrammarCompiler
from edge.engine.copied import Copied, Copyable
from edge.engine.decode import Decoder
from edge.engine.repeats import Pieces

SAID = (
    "Doctor: You are on lisinopril, twenty, no, forty milligrams.\nPatient: Yes. Tylenol 500 mg at night, for three "
    "weeks.\nDoctor: Pressure is one fifty two over ninety four, the A1c 6.5, weight 180. You are 54 "
    "years old. Back in a month.\n"
)


class Characters(Vocabulary):
    """A vocabulary of words, single figures and marks, as small models have it."""

    def __init__(self) -> None:
        super().__init__(r" ?[^\W\d_]+| (?=\d)|\d|[^\w\s]|\n| ", "0123456789")


def _may(text: str, said: str = SAID) -> bool:
    """Whether an answer may read like this from its first to its last token."""
    vocabulary = Characters()
    rule = Copied(Pieces(vocabulary, [0]), Copyable.of(said))
    for token in [*vocabulary.ids(text), 0]:
        if not rule.may(token):
            return False
        rule.add(token)
    return True


@pytest.mark.parametrize(
    "text",
    [
        "Lisinopril 40 mg daily.",
        "Acetaminophen 500 mg for 3 weeks.",  # another name of the drug that was said
        "Blood pressure 152/94.",
        "Hemoglobin A1c 6.5, L5 intact.",
        "A 54-year-old woman.",
        "Weight 180 g.",  # said without a unit: any goes
        "1. Hypertension.\n2. Lisinopril 40 mg.",
        "- 40 mg.\n- 6.5%",
        "No known allergies.",
        "Follow up in 1 month.",  # said as "in a month"
    ],
)
def test_what_was_said_may_be_written(text: str) -> None:
    assert _may(text)


@pytest.mark.parametrize(
    "text",
    [
        "Lisinopril 80 mg.",
        "Lisinopril 4 mg.",  # the beginning of 40 is no number of its own
        "Blood pressure 152/90.",
        "A1c 6.2.",
        "A1c 6.55.",
        "A 40-year-old woman.",  # 40 was no age
        "Weight 180 years.",
        "For 3 months.",
        "For 500 days.",
        "Metoprolol daily.",
        "Ibuprofen",
        "1.7",
        "Weight ½.",
        "Stage Ⅲ.",
        "25. Gout.",  # no numeral of so short a list, and not said
        "6.5.\n3 mg",
    ],
)
def test_what_was_not_said_may_not_be_written(text: str) -> None:
    assert not _may(text)


def test_an_ordinal_may_be_written_in_figures_and_a_sign_as_it_was_said() -> None:
    said = "Patient: Since the twenty third of May, the third time. Stage Ⅲ, ½ tablet."
    for text in ("Since May 23rd.", "The 3rd time.", "Stage Ⅲ, ½ tablet.", "On the 23rd of May."):
        assert _may(text, said), text
    for text in ("Since May 13rd.", "The 2nd time.", "Stage Ⅳ."):
        assert not _may(text, said), text


def test_words_that_only_begin_like_a_drug_may_be_written() -> None:
    assert _may("The plan is a prediction. Cardiac testing requires intervention; constipation, program.")
    assert _may("Metoprolol 50 mg.", "Patient: metoprolol, fifty.")


def test_the_next_best_token_takes_the_place_of_one_that_may_not_come() -> None:
    vocabulary = Characters()
    rule = Copied(Pieces(vocabulary, [0]), Copyable.of(SAID))
    for token in vocabulary.ids("Lisinopril "):
        rule.add(token)
    scores = np.zeros(len(vocabulary.known), dtype=np.float32)
    scores[vocabulary.id("8")], scores[vocabulary.id("7")], scores[vocabulary.id("4")] = 3, 2, 1
    assert vocabulary.known[rule.choose(scores) or 0] == "4"


def test_a_number_that_was_begun_is_completed() -> None:
    """Even where its next figure is none of the likely tokens, and the answer would rather end."""
    vocabulary = Characters()
    for word in range(600):
        vocabulary.id(f"Ġword{chr(97 + word % 26)}{chr(97 + word // 26)}")
    rule = Copied(Pieces(vocabulary, [0]), Copyable.of("Patient: forty."))
    for token in vocabulary.ids("Lisinopril 4"):
        rule.add(token)
    scores = np.arange(len(vocabulary.known), dtype=np.float32)
    assert vocabulary.known[rule.choose(scores) or 0] == "0"


class _Wants:
    """A session that wants the bytes of one text, then the end, and next best one other byte."""

    places = False

    def __init__(self, tokenizer: Any, text: str, other: str) -> None:
        self.capacity, self._size, self._read, self._first = 4000, tokenizer.get_vocab_size(), 0, -1
        self._wanted = tokenizer.encode(text, add_special_tokens=False).ids
        self._end, self._other = tokenizer.token_to_id("<|im_end|>"), tokenizer.token_to_id(other)

    def rewind(self, length: int) -> None:
        self._read = length

    def append(self, ids: Any, places: int = 1) -> None:
        self._read += len(ids)

    def logits(self, back: int = 0) -> Any:
        self._first = self._read if self._first < 0 else self._first
        at, scores = self._read - self._first, np.zeros(self._size, dtype=np.float32)
        scores[self._other] = 1
        scores[self._wanted[at] if at < len(self._wanted) else self._end] = 2
        return scores


@pytest.mark.parametrize(("copies", "expected"), [(True, "on 40 mg"), (False, "on 80 mg")])
def test_an_answer_keeps_the_rule_where_it_is_asked_to(copies: bool, expected: str, byte_tokenizer: Any) -> None:
    end = byte_tokenizer.token_to_id("<|im_end|>")
    compiler = GrammarCompiler(byte_tokenizer, byte_tokenizer.get_vocab_size(), [end])
    session: Any = _Wants(byte_tokenizer, "on 80 mg", "4")
    decoder = Decoder(byte_tokenizer, lambda _: session, lambda: compiler, [end], 8192)
    request = Request(prompts.render("chatml", "Patient: forty milligrams.", "Go:"), 50, copies=copies)
    last = list(decoder.run(request, threading.Event()))[-1]
    assert isinstance(last, Finished)
    assert (last.text, last.reason) == (expected, "end")
