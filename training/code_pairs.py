"""Training pairs from a classification: words as a note has them, and the term of the code that they mean.

Made of the catalogue alone (descriptions, inclusion terms), the project's own lists (abbreviations, index terms, lay
words) and chance: order of words, qualifiers left out, a typing error, a sentence around it. The hard negative is a
term of a sibling. No note and no code given by people to a note is in it.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.terminology.catalogue import Catalogue
from edge.terminology.lexical import abbreviations, index_words

_FRAMES = (
    "{}", "{}.", "1. {}.", "2. {}", "Assessment: {}.", "The patient has {}.", "History of {}.", "Patient with {}.",
    "{}, stable.", "{}, not controlled.", "He presents with {}.", "She presents for follow-up of {}.",
    "Impression: {}.", "Past medical history significant for {}.", "Status post {}.", "Evaluation of {}.",
    "Medical reasoning: exam and imaging are consistent with {}.", "Diagnosed with {} last year.",
)  # fmt: skip
_QUALIFIERS = re.compile(
    r",? (?:unspecified|not elsewhere classified|NOS|initial encounter|without complications?|other specified|primary|"
    r"uncomplicated|site not specified)\b|\b(?:unspecified|other|unilateral primary|type unspecified) ",
    re.IGNORECASE,
)
_PARENTHESES = re.compile(r"\s*[(\[][^()\[\]]*[)\]]")
_FRAMED, _SHORT, _TYPED, _SWAPPED, _LAY, _PLAIN = 0.5, 0.5, 0.25, 0.5, 0.6, 0.6
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class CodePair:
    """Words (anchor), a term of the code they mean (positive), a term of its sibling (negative)."""

    code: str
    anchor: str
    positive: str
    negative: str


class CodePairs:
    """Pairs of one catalogue, drawn by chance: every category as often as any other."""

    def __init__(self, catalogue: Catalogue, seed: int) -> None:
        self._chance = random.Random(seed)
        self._terms: dict[str, list[str]] = defaultdict(list)
        for code, text in catalogue.terms():
            if code[:1].isalpha() and "-" not in code and not code.startswith("Chapter"):
                self._terms[code].append(text)
        self._words: dict[str, list[str]] = defaultdict(list)
        for words, code in index_words().items():
            self._words[_stem_of(code, self._terms)].append(words)
        self._siblings: dict[str, list[str]] = defaultdict(list)
        self._category: dict[str, list[str]] = defaultdict(list)
        for code in self._terms:
            entry = catalogue.get(code)
            self._siblings[entry.parent if entry is not None else ""].append(code)
            self._category[code[:3]].append(code)
        self._parent = {code: above for above, codes in self._siblings.items() for code in codes}
        self._categories = sorted(self._category)
        self._named = sorted(code for code in self._words if code in self._terms)
        self._short = _shortened()
        self._lay = lay_words()

    def batches(self, count: int, size: int) -> Iterator[list[CodePair]]:
        """So many batches; no code twice in one, and of each category at most two."""
        for _ in range(count):
            batch: dict[str, CodePair] = {}
            seen: dict[str, int] = defaultdict(int)
            while len(batch) < size:
                named = bool(self._named) and self._chance.random() < 0.2
                code = self._chance.choice(
                    self._named if named else self._category[self._chance.choice(self._categories)]
                )
                if code in batch or seen[code[:3]] >= 2:
                    continue
                seen[code[:3]] += 1
                batch[code] = self.pair(code)
            yield list(batch.values())

    def pair(self, code: str) -> CodePair:
        """One pair of a code."""
        terms = self._terms[code]
        own = self._words.get(code, ())
        anchor = self._chance.choice(own) if own and self._chance.random() < 0.6 else self._chance.choice(terms)
        others = [text for text in terms if text != anchor] or terms
        positive = terms[0] if self._chance.random() < 0.7 and terms[0] != anchor else self._chance.choice(others)
        return CodePair(code, self._written(anchor), positive, self._negative(code))

    def _negative(self, code: str) -> str:
        near = [other for other in self._siblings[self._parent[code]] if other != code]
        near = near or [other for other in self._category[code[:3]] if other != code]
        other = self._chance.choice(near) if near else self._chance.choice(self._category[code[:3]])
        if other == code:
            other = self._chance.choice(self._category[self._chance.choice(self._categories)])
        return self._chance.choice(self._terms[other])

    def _written(self, text: str) -> str:
        """Words of the classification as somebody might write them in a note."""
        chance = self._chance
        if chance.random() < _PLAIN:
            text = _QUALIFIERS.sub(" ", _PARENTHESES.sub("", text)).strip(" ,") or text
        if chance.random() < _LAY:
            text = replaced(text, self._lay, chance)
        if chance.random() < _SHORT:
            text = replaced(text, self._short, chance)
        if chance.random() < _SWAPPED and ", " in text:
            first, _, rest = text.partition(", ")
            text = f"{rest} {first[:1].lower()}{first[1:]}"
        if chance.random() < _TYPED:
            text = mistyped(text, chance)
        text = " ".join(text.split())
        if chance.random() < 0.6:
            text = text.lower()
        return chance.choice(_FRAMES).format(text) if chance.random() < _FRAMED else text


def _stem_of(code: str, terms: dict[str, list[str]]) -> str:
    """The entry whose words are indexed: a code made by a seventh character has those of the entry above it."""
    for length in range(len(code), 2, -1):
        if (above := code[:length].rstrip("X.")) in terms:
            return above
    return code


def lay_words() -> dict[str, Sequence[str]]:
    """Words of the classification in lower case -> words of patients (lay_words.toml)."""
    raw = tomllib.loads((Path(__file__).parent / "lay_words.toml").read_text(encoding="utf-8"))
    return {str(words): tuple(map(str, others)) for words, others in raw["words"].items()}


def _shortened() -> dict[str, Sequence[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for short, long in abbreviations().items():
        if short == "nos":
            continue
        found[long.casefold()].append(short.upper())
    return dict(found)


def replaced(text: str, table: dict[str, Sequence[str]], chance: random.Random) -> str:
    """Text with what a table holds replaced, the longest first, each at most once."""
    plain = text.casefold()
    for words in sorted((one for one in table if one in plain), key=len, reverse=True):
        pattern = re.compile(rf"\b{re.escape(words)}s?(?!\w)", re.IGNORECASE)
        instead = chance.choice(table[words])
        text = pattern.sub(instead.replace("\\", ""), text, count=1)
    return text


def mistyped(text: str, chance: random.Random) -> str:
    """Text with one letter of a longer word left out, doubled, exchanged or swapped with the next."""
    words = text.split(" ")
    long = [number for number, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    if not long:
        return text
    number = chance.choice(long)
    word = words[number]
    at = chance.randrange(1, len(word) - 1)
    kinds = (
        word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:],
        word[:at] + chance.choice(_LETTERS) + word[at + 1 :], word[:at] + word[at + 1] + word[at] + word[at + 2 :],
    )  # fmt: skip
    words[number] = chance.choice(kinds)
    return " ".join(words)
