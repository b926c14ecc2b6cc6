"""No loops: words that would go on with what this answer has said already cost more, so the model says the next thing.

A small model that begins a sentence again writes it again, and again. The rule is that of DRY sampling (a penalty that
doubles with each word that matches; pull request 5677 of text-generation-webui), on words instead of tokens, within a
line, and only at words without content of their own ("and", "the", "was", "states"): no number, unit, name, drug,
negation, side or list marker, and no rest of a word, is ever chosen or passed over because of it. Words that the
document itself repeats may be repeated. Sentences with one beginning ("The patient states that …") cost more each time.

Work a token: a few table look-ups and at most NEAR comparisons of SPAN words, whatever the length of the answer.
Greedy decoding stays reproducible: the rule hangs on the answer's own words and the document alone.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

RULE = "repeats-1"
DECODING = {"decoding": "greedy", "repeats": RULE}  # how every answer is written, for records and evaluations
MATCH = 4  # words that must be the same before a word costs more; people's notes repeat five in one part of seven
SPAN = 12  # words that a match is followed back, at most
NEAR = 8  # latest earlier places that are compared
STRENGTH = 1.5  # of the first penalty, in logits; doubled with each further word that matches
BEGINNING = 3  # words of a sentence's beginning; in 5 of 860 parts of people's notes one stands four times or more
USUAL = 2  # sentences that may begin alike at no cost
_BEGIN_COST = 2.0

_ENGLISH = (
    "a an the and or but so then also as at by for from in into of on onto over per to with within about because when "
    "where which who whom whose while that this these those there here he she it they we i you his her hers its their "
    "our my your him them us is are was were be been being am has have had having do does did will would should than "
    "patient reports reported states stated notes noted says said told mentions mentioned endorses describes described "
    "presents presented feels felt continues continued due secondary well"
)
_GERMAN = (
    "der die das den dem des ein eine einen einem einer eines und oder aber dann auch als am an auf aus bei für gegen "
    "im in ins mit nach um vom von wegen zu zum zur dass der welche wenn weil er sie es wir ihr ihm ihn ihre ihrer "
    "sein seine seiner ist sind war waren wird werden wurde wurden hat haben hatte hatten soll sollte sich patient "
    "patientin berichtet gibt klagt"
)
_EMPTY = frozenset((_ENGLISH + " " + _GERMAN).split())
_WORD = re.compile(r"\w+(?:['’./-]\w+)*|[^\w\s]")
_STOPS = frozenset(".!?:")
_SPACES = ("Ġ", "▁", " ")


class Vocabulary(Protocol):
    """What is needed of a `tokenizers.Tokenizer`."""

    def id_to_token(self, id: int) -> str | None: ...
    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = ...) -> str: ...


class Pieces:
    """Text of single tokens, looked up once each: whether one begins a word, and what it reads."""

    def __init__(self, tokenizer: Vocabulary) -> None:
        self._tokenizer = tokenizer
        self._known: dict[int, tuple[bool, str]] = {}

    def of(self, token: int) -> tuple[bool, str]:
        """(begins a word, its text in lower case without the space before it)."""
        if token not in self._known:
            raw = self._tokenizer.id_to_token(token) or ""
            text = self._tokenizer.decode([token], skip_special_tokens=False)
            self._known[token] = (raw.startswith(_SPACES), text.strip(" ").casefold())
        return self._known[token]


def words(text: str) -> list[str]:
    """Words and marks of a text in lower case, as the rule compares them."""
    return _WORD.findall(text.casefold())


class Repeats:
    """What one answer has written, and what to go on with would cost. document: the text that it is written from."""

    def __init__(self, pieces: Pieces, document: str) -> None:
        self._pieces = pieces
        self._said: list[str] = []  # words of this line, those of earlier lines before them behind a line break
        self._first: list[int] = []  # the token that each of them began with
        self._places: dict[tuple[str, ...], deque[int]] = defaultdict(
            lambda: deque(maxlen=NEAR)
        )  # last MATCH words -> where they ended
        self._sentence = 0  # where the sentence being written began, in words
        self._begun: dict[tuple[str, ...], dict[int, int]] = defaultdict(dict)  # beginning -> next token -> how often
        self._told = _often(words(document))

    def add(self, token: int) -> None:
        """Take the token that was written."""
        starts, text = self._pieces.of(token)
        if "\n" in text:
            before = text.split("\n", 1)[0]
            self._extend(token, starts, before)
            self._close("\n", token)
            self._sentence = len(self._said)
            return
        self._extend(token, starts, text)

    def _extend(self, token: int, starts: bool, text: str) -> None:
        for number, part in enumerate(words(text)):
            joins = number == 0 and not starts and part[0].isalnum() and self._said and self._said[-1][-1].isalnum()
            if joins:
                self._said[-1] += part
            else:
                self._close(part, token)
                if self._said[-2:-1] and self._said[-2] in _STOPS and starts:
                    self._sentence = len(self._said) - 1

    def _close(self, word: str, token: int) -> None:
        """Enter the word before as finished, and begin another."""
        at = len(self._said)
        key = tuple(self._said[-MATCH:])
        if len(key) == MATCH and "\n" not in key:
            self._places[key].append(at)
        done = at - self._sentence
        if done == BEGINNING - 1:
            counts = self._begun[tuple(self._said[self._sentence :])]
            counts[token] = counts.get(token, 0) + 1
        self._said.append(word)
        self._first.append(token)

    def apply(self, scores: Any) -> None:
        """Lower, in place, the scores (float32, shape (vocabulary,)) of tokens that would repeat."""
        for token, cost in self.costs().items():
            scores[token] -= cost

    def costs(self) -> dict[int, float]:
        """Token -> penalty in logits, for the next token if it begins a word."""
        found: dict[int, float] = defaultdict(float)
        for place in self._places.get(tuple(self._said[-MATCH:]), ()):
            token = self._first[place] if place < len(self._first) else None
            if token is not None and self._empty(token) and not self._told_twice(self._said[place]):
                found[token] += STRENGTH * 2.0 ** (self._matching(place) - MATCH)
        begun = self._begun.get(tuple(self._said[self._sentence :][:BEGINNING]), {})
        for token, count in begun.items():
            if count >= USUAL and self._empty(token):
                found[token] += _BEGIN_COST * (count - USUAL + 1)
        return dict(found)

    def _empty(self, token: int) -> bool:
        """True if a token is a whole word without content, or a comma, which the next word is told from."""
        starts, text = self._pieces.of(token)
        return text in {",", ";"} or (starts and text in _EMPTY)

    def _told_twice(self, word: str) -> bool:
        return (*self._said[-2:], word) in self._told

    def _matching(self, place: int) -> int:
        """Words before place that equal the last words written."""
        end = len(self._said)
        count = MATCH
        while count < SPAN and count < place and self._said[place - 1 - count] == self._said[end - 1 - count]:
            if self._said[place - 1 - count] == "\n":
                break
            count += 1
        return count


def _often(said: Sequence[str]) -> frozenset[tuple[str, ...]]:
    """Threes of words that a document holds twice or more."""
    once: set[tuple[str, ...]] = set()
    twice: set[tuple[str, ...]] = set()
    for three in zip(said, said[1:], said[2:], strict=False):
        (twice if three in once else once).add(three)
    return frozenset(twice)


def document_text(segments: Iterable[Any]) -> str:
    """The words of a prompt's document part, its control tokens left out."""
    return "".join(segment for segment in segments if isinstance(segment, str))
