"""Guesses inside a phrase that is copied into JSON: by its letters, to the next mark, and never outside a phrase."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event
from typing import Any

import pytest

from edge.contract.events import Finished
from edge.contract.prompts import Prompt
from edge.engine import drafts, quoted
from edge.engine.base import Request, Session
from edge.engine.constrain import GrammarCompiler, extraction_grammar
from edge.engine.decode import Decoder
from edge.engine.quoted import Quoted, quote_odds

DOCUMENT = "Patient: I have congestive heart failure, and pain in the left knee.\nDoctor: I see."


def plan(tokenizer: Any, answer: str, document: str = DOCUMENT) -> str:
    """What is guessed after an answer, as text; the end of a phrase as it is written."""
    one = Quoted(tokenizer, document, quote_odds())
    for token in tokenizer.encode(answer).ids:
        one.add(token)
    guessed: list[int] = []
    while (found := one.next(guessed)) is not None:
        guessed.append(found[0])
    return str(tokenizer.decode(guessed))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('{"signs": ["conges', "tive heart f"),  # twelve bytes at most
        ('{"signs": ["congestive hear', 't failure",'),
        ('{"signs": ["congestive heart failure', '",'),
        ('{"signs": ["left kn', 'ee",'),
        ('{"signs": ["congestive heart failure", "pa', "in in the le"),
        ('{"signs": ["I see', '",'),
        ('{"signs": ["I see.', '",'),  # at the end of the document
        ('{"signs": ["c', ""),
        ('{"signs": ["cough', ""),
        ('{"signs": ["knee"', ""),
        ('{"sig', ""),
        ('{"signs": [', ""),
        ("", ""),
    ],
)
def test_what_stands_behind_the_letters_is_guessed_to_the_next_mark(
    answer: str, expected: str, byte_tokenizer: Any
) -> None:
    assert plan(byte_tokenizer, answer) == expected


def test_nothing_is_guessed_from_a_document_without_words(byte_tokenizer: Any) -> None:
    for document in ("", "\n", '"'):
        assert plan(byte_tokenizer, '["ab', document) == ""


def test_odds_are_counted_and_a_guess_that_differs_ends_it(byte_tokenizer: Any) -> None:
    odds = quote_odds()
    one = Quoted(byte_tokenizer, DOCUMENT, odds)
    before = odds.of(0)
    for token in byte_tokenizer.encode('["congest').ids:
        one.add(token)
    assert odds.of(0) > before
    ids = byte_tokenizer.encode("ive").ids
    found = [one.next(ids[:at]) for at in range(3)]
    assert [guess[0] for guess in found if guess is not None] == ids
    assert one.next([ids[0], ids[0]]) is None


class Copying:
    """A session that writes the extraction it is told to."""

    def __init__(self, tokenizer: Any, document: str, answer: str) -> None:
        self.capacity, self.places = 8192, True
        self._size, self._ids = tokenizer.get_vocab_size(), tokenizer.encode(answer).ids
        self._start = 0
        self._read = 0
        self._prompt = len(tokenizer.encode(document).ids)

    def rewind(self, length: int) -> None:
        self._read = length

    def append(self, ids: Sequence[int], places: int = 1) -> None:
        self._read += len(ids)

    def logits(self, back: int = 0) -> Any:
        import numpy as np

        scores = np.zeros(self._size, dtype=np.float32)
        at = self._read - back - self._prompt
        scores[self._ids[at] if 0 <= at < len(self._ids) else 0] = 1.0
        return scores


def test_an_extraction_is_the_same_in_fewer_passes(byte_tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the look-up switched off: bytes are found by it as well. The grammar forces no letter of a phrase."""
    phrases = ("congestive heart failure", "left knee")
    others = (phrase[:end] + "x" for phrase in phrases for end in range(2, len(phrase)))
    document = f"{' '.join(others)}. {'. '.join(phrases)}."
    monkeypatch.setattr(drafts, "GRAMS", ())
    monkeypatch.setattr(drafts.Lookup, "_find", lambda *_: None)
    monkeypatch.setattr(drafts.Pace, "begin", lambda *_: None)
    monkeypatch.setattr(drafts.Pace, "enter", lambda *_: None)
    answer = '{"signs_symptoms": ["congestive heart failure", "left knee"]}'
    found = {}
    for least in (quoted._LEAST, 10_000):
        monkeypatch.setattr(quoted, "_LEAST", least)
        session: Session = Copying(byte_tokenizer, document, answer)
        size = byte_tokenizer.get_vocab_size()

        def compiler(size: int = size) -> GrammarCompiler:
            return GrammarCompiler(byte_tokenizer, size, [0])

        decoder = Decoder(byte_tokenizer, lambda _, session=session: session, compiler, [0], 8192)
        request = Request(Prompt((document,), ()), 200, extraction_grammar(document, ("signs_symptoms",)))
        found[least] = next(e for e in decoder.run(request, Event()) if isinstance(e, Finished))
    some, none = found.values()
    assert some.text == none.text == answer
    assert some.passes < 0.6 * none.passes
