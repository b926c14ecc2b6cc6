"""No loops: an answer that has begun to say again what it has said is helped to its end, before it turns in a circle.

A small model that has nothing more to say begins a sentence again, and again. The rule watches sentences, and within a
sentence runs of words. A sentence that repeats an earlier one of this answer makes the end of the answer, and a new
line, likelier: not the first that is only alike, which people write too (two within six sentences in 6 of 100 parts
of people's notes), but the first with the very same words (one in 100 parts), and more with each. Within a sentence a
run of words that stands there already makes its next word cost more, doubling with each word that matches, as DRY
sampling does (pull request 5677 of text-generation-webui), and only a word without content of its own: no number,
unit, name, drug, pronoun, negation, side or list marker, and no rest of a word, is ever chosen or passed over because
of it. What the document itself repeats may be repeated.

Work a token: a few table look-ups, and at a sentence's end one comparison with each of the last KEPT sentences, however
long the answer is. Greedy decoding stays reproducible: the rule hangs on the answer's own words and the document.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

RULE = "repeats-3"
BY_DEFAULT = False  # not before it is measured on validation, with both rates beside it (docs/adr/0070)
DECODING = {"decoding": "greedy"} | ({"repeats": RULE} if BY_DEFAULT else {})  # how answers are written, for records
KEPT = 40  # sentences that a new one is compared with
SAME = 0.75  # share of a sentence's words of content that an earlier one must hold for it to be a repeat
EXACT = 3  # repeats that a sentence of the very same words of content counts for
RECENT = 6  # sentences over which repeats are counted
END = 4.0  # logits that an end gains at two repeats; doubled with each further one
MATCH = 3  # words of a run within a sentence
SPAN = 10  # words that a run is followed back, at most
NEAR = 4  # latest places of a run that are compared
RUN = 1.5  # logits that a run's next word costs; doubled with each further word that matches
LONG = 24  # last words of a sentence in which half must be different, else its full stop becomes likelier

_ENGLISH = (
    "a an the and or but so then also as at by for from in into of on onto over per to with within about because when "
    "where which who whom whose while that this these those there is are was were be been being am has have had having "
    "do does did will would should than patient history"
)
_PRONOUNS = "he she it they we i you his her hers its their our my your him them us"
_GERMAN = (
    "der die das den dem des ein eine einen einem einer eines und oder aber dann auch als am an auf aus bei für gegen "
    "im in ins mit nach um vom von wegen zu zum zur dass welche wenn weil ist sind war waren wird werden wurde wurden "
    "hat haben hatte hatten soll sollte sich patient patientin"
)
_GERMAN_PRONOUNS = "er sie es wir ihr ihm ihn ihre ihrer sein seine seiner"
_PENALISED = frozenset(f"{_ENGLISH} {_GERMAN}".split()) - {"patient", "patientin", "history"}
_EMPTY = frozenset(f"{_ENGLISH} {_PRONOUNS} {_GERMAN} {_GERMAN_PRONOUNS}".split())
_WORD = re.compile(r"\w+(?:['’./-]\w+)*|[^\w\s]")
_STOPS = frozenset(".!?")
_SPACES = ("Ġ", "▁", " ")


class Vocabulary(Protocol):
    """What is needed of a `tokenizers.Tokenizer`."""

    def id_to_token(self, id: int) -> str | None: ...
    def token_to_id(self, token: str) -> int | None: ...
    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = ...) -> str: ...


class Pieces:
    """Text of single tokens, looked up once each: whether one begins a word, and what it reads.

    ends: tokens that end an answer; lines: those that begin a new line; stop: the full stop, or None; figures: those
    that read one figure.
    """

    def __init__(self, vocabulary: Vocabulary, ends: Iterable[int]) -> None:
        self._vocabulary = vocabulary
        self._known: dict[int, tuple[bool, str]] = {}
        found = (vocabulary.token_to_id(token) for token in ("Ċ", "ĊĊ", "\n", "\n\n", "<0x0A>"))
        self.lines = tuple(dict.fromkeys(token for token in found if token is not None))
        self.ends = tuple(ends)
        self.stop = vocabulary.token_to_id(".")
        single = (vocabulary.token_to_id(figure) for figure in "0123456789")
        self.figures = tuple(token for token in single if token is not None)

    def of(self, token: int) -> tuple[bool, str]:
        """(begins a word, its text in lower case without the space before it)."""
        if token not in self._known:
            raw = self._vocabulary.id_to_token(token) or ""
            text = self._vocabulary.decode([token], skip_special_tokens=False)
            self._known[token] = (raw.startswith(_SPACES), text.strip(" ").casefold())
        return self._known[token]


def words(text: str) -> list[str]:
    """Words and marks of a text in lower case, as the rule compares them."""
    return _WORD.findall(text.casefold())


class Repeats:
    """What one answer has written, and what the next token gains or costs. document: what it is written from."""

    def __init__(self, pieces: Pieces, document: str) -> None:
        self._pieces = pieces
        self._said: list[str] = []  # words of the sentence being written; the last may be unfinished
        self._first: list[int] = []  # the token that each of them began with
        self._places: dict[tuple[str, ...], deque[int]] = defaultdict(lambda: deque(maxlen=NEAR))
        self._sentences: deque[frozenset[str]] = deque(maxlen=KEPT)
        self._repeated: deque[int] = deque(maxlen=RECENT)
        self._gap = False  # the last token was a space
        self._ended = ""  # ".", or a line break, where a sentence has just ended
        self._told = _often(words(document))

    def add(self, token: int) -> None:
        """Take the token that was written."""
        starts, text = self._pieces.of(token)
        before, line, _ = text.partition("\n")
        self._ended = ""
        parts = words(before)
        apart = starts or self._gap or not (self._said and self._said[-1][-1].isalnum())
        self._gap = starts and not parts  # a token that is a space alone
        for number, part in enumerate(parts):
            if number == 0 and not apart and part[0].isalnum():
                self._said[-1] += part
            else:
                self._begin(part, token)
        if line or (self._said and self._said[-1] in _STOPS):
            self._close()
            self._ended = line or "."

    def _begin(self, word: str, token: int) -> None:
        key = tuple(self._said[-MATCH:])
        if len(key) == MATCH:
            self._places[key].append(len(self._said))
        self._said.append(word)
        self._first.append(token)

    def _close(self) -> None:
        """Enter the sentence that has ended."""
        content = frozenset(word for word in self._said if word not in _EMPTY and word[0].isalnum())
        if len(content) >= 2:
            shared = max((len(content & one) for one in self._sentences), default=0)
            self._repeated.append(EXACT if content in self._sentences else int(shared >= SAME * len(content)))
            self._sentences.append(content)
        self._said, self._first = [], []
        self._places.clear()

    def apply(self, scores: Any) -> None:
        """Change scores (float32, shape (vocabulary,)) in place by what tokens gain or cost."""
        for token, change in self.changes().items():
            scores[token] += change

    def changes(self) -> dict[int, float]:
        """Token -> logits that it gains (positive) or costs as the next one."""
        found: dict[int, float] = defaultdict(float)
        count = sum(self._repeated)
        if self._ended and count >= 2:
            gain = END * 2.0 ** (count - 2)
            for token in (*self._pieces.ends, *(self._pieces.lines if self._ended == "." else ())):
                found[token] += gain
        late = self._said[-LONG:]
        if len(late) == LONG and len(set(late)) <= LONG // 2 and self._pieces.stop is not None:
            found[self._pieces.stop] += END
        for place in self._places.get(tuple(self._said[-MATCH:]), ()):
            token = self._first[place]
            if self._without_content(token) and (*self._said[-2:], self._said[place]) not in self._told:
                found[token] -= RUN * 2.0 ** (self._matching(place) - MATCH)
        return dict(found)

    def _without_content(self, token: int) -> bool:
        """True if a token is a whole word without content, or a comma."""
        starts, text = self._pieces.of(token)
        return text in {",", ";"} or (starts and text in _PENALISED)

    def _matching(self, place: int) -> int:
        """Words before place that equal the last words written."""
        end, count = len(self._said), MATCH
        while count < SPAN and count < place and self._said[place - 1 - count] == self._said[end - 1 - count]:
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
