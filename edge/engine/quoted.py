"""Guesses inside a phrase that is copied from a document into JSON, letter by letter in place of token by token.

A phrase after a quotation mark is cut into other tokens than the same words in running text (`"con`, `gest`, `ive` for
` congestive`), so a look-up of tokens does not find it. Here its letters are looked up, and what stands behind them in
the document is guessed, up to the next mark of punctuation: there the phrase is guessed to end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from edge.engine.drafts import LONGEST, Odds

_LEAST = 2  # letters that are looked up
_AHEAD = 60  # letters behind them that are looked at
_WORDS = re.compile(r"[^.,;:?!()\"\n]*")
_DEPTHS = 4  # lengths of a phrase that are counted apart, by four letters
_AT_FIRST = (0.4, 0.6, 0.75, 0.85, 0.7, 0.8, 0.85, 0.85)  # for a word behind it by length, then for its end


def quote_odds() -> Odds:
    """Odds of phrases that are being copied."""
    return Odds(_AT_FIRST)


class Quoted:
    """The phrase at the end of an answer in JSON, and what may follow it. document: the text that phrases are from."""

    def __init__(self, tokenizer: Any, document: str, odds: Odds) -> None:
        self._tokenizer, self._document, self._odds = tokenizer, document, odds
        self._end: list[int] = tokenizer.encode('",', add_special_tokens=False).ids
        self._phrase: str | None = None  # None: outside a phrase
        self._plan: list[int] = []
        self._sure = 0

    def add(self, token: int) -> None:
        """Take the token that was written."""
        if self._plan:
            self._odds.count(self._sure, self._plan[0] == token)
        text = self._tokenizer.decode([token])
        if '"' in text:
            inside = (self._phrase is not None) != bool(text.count('"') % 2)
            self._phrase = text.rpartition('"')[2] if inside else None
        elif self._phrase is not None:
            self._phrase += text
        self._plan = self._follow()

    def next(self, guessed: Sequence[int]) -> tuple[int, float] | None:
        """The token that follows the answer and some guessed tokens, and the odds that it comes."""
        at = len(guessed)
        if at >= len(self._plan) or self._plan[:at] != list(guessed):
            return None
        return self._plan[at], self._odds.of(self._sure)

    def _follow(self) -> list[int]:
        if self._phrase is None or len(self._phrase) < _LEAST or (at := self._document.rfind(self._phrase)) < 0:
            return []
        at += len(self._phrase)
        behind = self._document[at : at + _AHEAD]
        words = _WORDS.match(behind)
        assert words is not None  # it may be empty
        ids = self._tokenizer.encode(words[0].rstrip(), add_special_tokens=False).ids if words[0].strip() else []
        self._sure = min(len(self._phrase) // 4, _DEPTHS - 1) + (0 if ids else _DEPTHS)
        return (ids if words.end() == len(behind) == _AHEAD else [*ids, *self._end])[:LONGEST]
