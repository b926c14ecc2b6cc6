"""Words of a query, as the full-text index is asked. Abbreviations are written out; filler words are dropped."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources

_WORD = re.compile(r"[^\W_]+")
_FILLER = (
    "a an and are as at be by for from had has have he her his i in is it its my of on or she that the their there "
    "this to was were with without which who you your patient pt history"
)
_STOP = frozenset(_FILLER.split())
_MAX_WORDS = 24


@cache
def abbreviations() -> dict[str, str]:
    """Clinical abbreviation in lower case -> words written out (edge/terminology/abbreviations.toml)."""
    text = (resources.files("edge.terminology") / "abbreviations.toml").read_text(encoding="utf-8")
    return {str(short): str(long) for short, long in tomllib.loads(text)["abbreviations"].items()}


@cache
def synonyms() -> dict[str, str]:
    """abbreviations() and, for searching only, words of patients -> those words and the classification's."""
    text = (resources.files("edge.terminology") / "abbreviations.toml").read_text(encoding="utf-8")
    return {**abbreviations(), **{str(word): str(both) for word, both in tomllib.loads(text)["synonyms"].items()}}


@cache
def index_words() -> dict[str, str]:
    """Words of edge/terminology/index_terms.toml as written there -> the code where no side is named."""
    text = (resources.files("edge.terminology") / "index_terms.toml").read_text(encoding="utf-8")
    terms = tomllib.loads(text)["terms"].items()
    return {str(term): str(codes if isinstance(codes, str) else codes[0]) for term, codes in terms}


def words(text: str) -> list[str]:
    """Words of text in lower case, abbreviations and synonyms written out; without filler, each once."""
    found: list[str] = []
    known = synonyms()
    for raw in _WORD.findall(text.casefold()):
        for word in _WORD.findall(known.get(raw, raw)):
            if word not in _STOP and word not in found:
                found.append(word)
    return found[:_MAX_WORDS]


def match_query(text: str, *, every: bool = False) -> str:
    """An FTS5 query that matches any of the words (each quoted, so nothing in text acts as syntax); "" if none.

    every: each word must be there, or what it means as an abbreviation or a word of patients.
    """
    if not every:
        return " OR ".join(f'"{word}"' for word in words(text))
    groups = [
        (" AND " if raw in abbreviations() else " OR ").join(f'"{word}"' for word in meant)
        for raw in _WORD.findall(text.casefold())[:_MAX_WORDS]
        if (meant := words(raw))
    ]
    return " AND ".join(f"({group})" for group in groups)
