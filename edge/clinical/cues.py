"""Cue phrases of a language and where they stand in a sentence. The lists are cues/en.toml and cues/de.toml.

A cue is matched as whole words, in any case, whatever the spaces ("Z.n." is "Z. n."); # stands for a number. Of cues
that overlap the longer one counts, so "no change in" is no negation and "cannot be excluded" no exclusion.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from edge.clinical.words import words as _set

KINDS = ("negation", "uncertain", "past", "planned", "stopped", "conditional")
_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[^\w\s]")
_NUMBERS = _set(
    "one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty many several some few ",
    "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf fünfzehn zwanzig dreißig vielen einigen mehreren einem ",
    "wenigen",
)
_STRUCTURE = frozenset({"informs", "company", "reset", "any", "clause"})  # these take no other cue's place


@dataclass(frozen=True)
class ContextCue:
    """kind: one of KINDS, "relative", "other", or a word of the structure (informs, company, reset, any, clause).

    side: "before", "after" (of what it is about), "pseudo" or "". name: of the relation. start, end: in the sentence.
    """

    kind: str
    side: str
    name: str
    start: int
    end: int


@dataclass(frozen=True)
class Token:
    """A word or a mark of a sentence, in lower case."""

    text: str
    start: int
    end: int


_Phrase = tuple[tuple[str, ...], str, str, str]  # words, kind, side, name


def tokens(text: str) -> list[Token]:
    """Words and marks of a text."""
    return [Token(m[0].casefold().replace("’", "'"), m.start(), m.end()) for m in _TOKEN.finditer(text)]


class Lexicon:
    """The cues of one language."""

    def __init__(self, language: str) -> None:
        source = resources.files("edge.clinical").joinpath("cues").joinpath(f"{language}.toml")
        self._by_first: dict[str, list[_Phrase]] = {}
        self._wild: dict[str, list[_Phrase]] = {}  # by the first three letters of a first word that ends in *
        raw = tomllib.loads(source.read_text(encoding="utf-8"))
        for words, kind, side, name in _phrases(raw):
            wild = words[0].endswith("*")
            place = self._wild.setdefault(words[0][:3], []) if wild else self._by_first.setdefault(words[0], [])
            place.append((words, kind, side, name))
        self.chronic = re.compile("|".join(rf"\b{re.escape(stem)}" for stem in raw["chronic"]["stems"]), re.IGNORECASE)

    def find(self, words: Sequence[Token]) -> list[ContextCue]:
        """Cues among these tokens in order, the longer taking the place of those within it."""
        found = []
        for i, token in enumerate(words):
            number = self._by_first.get("#", ()) if _is_number(token.text) else ()
            wild = self._wild.get(token.text[:3], ())
            for phrase, kind, side, name in (*self._by_first.get(token.text, ()), *number, *wild):
                if _fits(phrase, words, i):
                    found.append(ContextCue(kind, side, name, token.start, words[i + len(phrase) - 1].end))
        strong = [cue for cue in found if cue.kind not in _STRUCTURE]
        return [cue for cue in found if cue.side != "pseudo" and not any(_covers(other, cue) for other in strong)]


def _covers(other: ContextCue, cue: ContextCue) -> bool:
    if other.side == "pseudo" and other.kind == cue.kind:
        longest = cue.end - cue.start > other.end - other.start and cue.start <= other.start and other.end <= cue.end
        return other.start < cue.end and cue.start < other.end and not longest
    if other.side == "pseudo" and other.kind in KINDS and cue.kind in KINDS:
        return False
    longer = other.end - other.start > cue.end - cue.start
    return longer and other.start <= cue.start and cue.end <= other.end


def _fits(phrase: tuple[str, ...], words: Sequence[Token], at: int) -> bool:
    if at + len(phrase) > len(words):
        return False
    return all(_same(word, words[at + i].text) for i, word in enumerate(phrase))


def _same(word: str, text: str) -> bool:
    if word == "#":
        return _is_number(text)
    return text.startswith(word[:-1]) if word.endswith("*") else text == word


def _is_number(text: str) -> bool:
    return text.isdigit() or text in _NUMBERS


def _phrases(raw: dict[str, dict[str, list[str] | dict[str, str]]]) -> Iterator[_Phrase]:
    for kind in KINDS:
        for side, listed in raw[kind].items():
            for text in listed:
                yield _words(text), kind, side, ""
    for kind in ("any", "clause"):
        for text in raw["end"][kind]:
            yield _words(text), kind, "", ""
    family = raw["family"]
    for kind in ("informs", "company", "reset"):
        for text in family[kind]:
            yield _words(text), kind, "", ""
    for key, kind in (("relatives", "relative"), ("other", "other")):
        named = family[key]
        if isinstance(named, dict):
            for text, name in named.items():
                yield _words(text), kind, "", name


def _words(text: str) -> tuple[str, ...]:
    star = text.endswith("*")
    words = tuple(token.text for token in tokens(text.rstrip("*")))
    return (*words[:-1], words[-1] + "*") if star else words


@cache
def lexicon(language: str) -> Lexicon:
    """The cues of "en" or "de"."""
    return Lexicon(language)
