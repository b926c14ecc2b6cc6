"""Names of one concept: "short of breath", "dyspnea" and "SOB" are one; phrases are found in a text, longest first.

The vocabulary is data (concepts.toml). Words are compared by stem, so that inflections need no line of their own.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
_APOSTROPHE = str.maketrans("’", "'")
_WHOLE = frozenset({"hives", "does", "this", "his", "yes", "diabetes", "pelvis"})  # no ending to take away
_CLITIC = re.compile(r"(?:n't|'(?:s|re|ve|ll|d|m))$")
_ENDINGS = ("ations", "ation", "ings", "ing", "edly", "ies", "ied", "ed", "es", "ly", "s")


@dataclass(frozen=True)
class Word:
    """A word with its place: text[start:end]; key: its stem."""

    start: int
    end: int
    key: str


@dataclass(frozen=True)
class ConceptSpan:
    """A named concept: text[start:end] names `name` of the group `group` ("symptom", "body", …)."""

    start: int
    end: int
    name: str
    group: str


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """The word without its English ending: "denies" and "denied" -> "deni"; short words stay as they are."""
    word = word.translate(_APOSTROPHE)
    if word in _WHOLE:
        return word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)] + ("i" if ending in {"ies", "ied"} else "")
            break
    if len(word) > 3 and word[-1] == "y":
        return word[:-1] + "i"
    if len(word) > 4 and word[-1] == word[-2] and word[-1] in "bdgklmnprt":
        return word[:-1]
    return word[:-1] if len(word) > 3 and word[-1] == "e" else word


def words(text: str) -> list[Word]:
    """Words and numerals of a text in order; "do n't" and "don't" end in the stem "n't"."""
    found = []
    for match in _WORD.finditer(text):
        raw = match[0].casefold().translate(_APOSTROPHE)
        clitic = _CLITIC.search(raw)
        if clitic is not None and clitic.start():
            cut = match.start() + clitic.start()
            found += [Word(match.start(), cut, stem(raw[: clitic.start()])), Word(cut, match.end(), clitic[0])]
        else:
            found.append(Word(match.start(), match.end(), raw if clitic is not None else stem(raw)))
    return found


@cache
def _phrases() -> dict[str, list[tuple[tuple[str, ...], str, str]]]:
    """First stem -> (stems, concept, group), longest first."""
    raw = tomllib.loads(resources.files("edge.terms").joinpath("concepts.toml").read_text(encoding="utf-8"))
    found: dict[str, list[tuple[tuple[str, ...], str, str]]] = {}
    for group, concepts in raw.items():
        for name, phrases in concepts.items():
            for phrase in phrases:
                keys = tuple(word.key for word in words(phrase))
                found.setdefault(keys[0], []).append((keys, name, group))
    for entries in found.values():
        entries.sort(key=lambda entry: -len(entry[0]))
    return found


def find(tokens: Sequence[Word]) -> list[ConceptSpan]:
    """Concepts that a row of words names: no two overlap, the longest phrase wins."""
    known = _phrases()
    keys = [token.key for token in tokens]
    found, at = [], 0
    while at < len(keys):
        for phrase, name, group in known.get(keys[at], ()):
            if tuple(keys[at : at + len(phrase)]) == phrase:
                found.append(ConceptSpan(tokens[at].start, tokens[at + len(phrase) - 1].end, name, group))
                at += len(phrase)
                break
        else:
            at += 1
    return found
