"""Facts that can be counted without a model: numbers, doses and drug names of a text, and which a source does not hold.

Spoken numbers of the source count in every way they can be read ("one fifty-two" is 152, "four point two" is 4.2), so
a figure is called unsupported only if no reading gives it. List numerals at the start of a line are no facts.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from itertools import pairwise

from edge.terms.numbers import canonical, digits, is_numeral, whole_number, word_values

_UNITS = {
    "mg": "mg milligram milligrams milligramm milligrams",
    "mcg": "mcg µg ug microgram micrograms mikrogramm",
    "g": "g gram grams gramm",
    "ml": "ml milliliter milliliters millilitre millilitres cc milliliter",
    "unit": "unit units u iu einheiten einheit ie",
    "%": "% percent prozent",
    "puff": "puff puffs hub hübe",
    "tablet": "tablet tablets pill pills tablette tabletten",
}
_UNIT_OF = {word: unit for unit, words in _UNITS.items() for word in words.split()}
_NUMERAL = re.compile(r"(?<![\w.])\d[\d.,]*\d|\d")
# "1. " where a line, a sentence or what a colon announces begins
_ENUMERATION = re.compile(r"(?m)(^[ \t]*(?:[•*-][ \t]*)?|[.:;!?][ \t]+)(\d{1,2})[.)](?=[ \t])")
_TOKEN = re.compile(r"\d[\d.,]*\d|\d|[^\W\d_]+|[%µ/]")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_MAX_RUN = 8


def numbers(text: str) -> list[str]:
    """Numerals of a text in canonical form, list numerals left out."""
    return [canonical(n) for n in _NUMERAL.findall(_without_enumeration(text))]


def _without_enumeration(text: str) -> str:
    """The text without list numerals: those that open a line, and within a line 1 and those that count on from it."""
    last = 0

    def cut(found: re.Match[str]) -> str:
        nonlocal last
        opens_line = found.start() == 0 or text[found.start() - 1] == "\n"
        number = int(found[2])
        if not opens_line and number not in {1, last + 1}:
            return found[0]
        last = number
        return f"{found[1]} "

    return _ENUMERATION.sub(cut, text)


def readings(text: str) -> set[str]:
    """Every number that a source can be said to hold: its numerals and all readings of its number words."""
    found: set[str] = set()
    for numeral in _NUMERAL.findall(text):
        found.add(canonical(numeral))
        found |= {canonical(part) for part in re.split(r"[.,]", numeral) if part}
    for run in _runs([t.casefold() for t in _TOKEN.findall(text)]):
        for i in range(len(run)):
            for j in range(i + 1, min(len(run), i + _MAX_RUN) + 1):
                found |= _read(run[i:j])
    return found


def _runs(words: list[str]) -> Iterator[list[str]]:
    values = word_values()
    run: list[str] = []
    for word in [*words, ""]:
        joins = run and word in {"hundred", "thousand", "point", "and", "half", "komma"}
        if word in values or is_numeral(word) or joins:
            run.append(word)
        elif run:
            yield run
            run = []


def _read(words: list[str]) -> set[str]:
    """Readings of one stretch of number words, as the published tables count them (edge.terms.numbers reads more)."""
    for mark in ("point", "komma"):
        if words.count(mark) == 1 and 0 < (at := words.index(mark)) < len(words) - 1:
            whole, part = _read(words[:at]), digits(words[at + 1 :])
            return {canonical(f"{w}.{part}") for w in whole} if part else set()
    if "point" in words or "komma" in words:
        return set()
    if words[-1] == "half" and len(words) > 2:
        return {f"{w}.5" for w in _read(words[:-2])} if words[-2] in {"and", "a"} else set()
    found = set()
    if (row := digits(words)) is not None:
        found.add(canonical(row))
    if (value := whole_number(words)) is not None:
        found.add(str(value))
    return found


def unsupported_numbers(text: str, source: str) -> list[str]:
    """Numbers of text that no reading of source gives, in order."""
    held = readings(source)
    return [n for n in numbers(text) if n not in held]


def doses(text: str) -> list[tuple[str, str]]:
    """(number, unit) of every dose written with a numeral."""
    tokens = [t.casefold() for t in _TOKEN.findall(_without_enumeration(text))]
    return [(canonical(n), _UNIT_OF[u]) for n, u in pairwise(tokens) if n[0].isdigit() and u in _UNIT_OF]


def unsupported_doses(text: str, source: str) -> list[tuple[str, str]]:
    """Doses of text whose number does not stand shortly before the same unit in source."""
    tokens = [t.casefold() for t in _TOKEN.findall(source)]
    held: set[tuple[str, str]] = set()
    for i, token in enumerate(tokens):
        if (unit := _UNIT_OF.get(token)) is not None:
            held |= {(n, unit) for n in readings(" ".join(tokens[max(0, i - _MAX_RUN) : i]))}
    return [dose for dose in doses(text) if dose not in held]


@cache
def _lexicon() -> dict[str, str]:
    """Drug name (generic or brand, lower case) -> generic name."""
    raw = tomllib.loads(resources.files("training").joinpath("drugs.toml").read_text(encoding="utf-8"))
    names = {name: name for name in raw["generic"]}
    for generic, brands in raw["brands"].items():
        names |= dict.fromkeys(brands, generic) | {generic: generic}
    return names


def drugs(text: str) -> list[str]:
    """Generic names of the drugs that a text mentions, once each, in order."""
    lexicon = _lexicon()
    return list(dict.fromkeys(lexicon[w] for w in (m.casefold() for m in _WORD.findall(text)) if w in lexicon))


def unsupported_drugs(text: str, source: str) -> list[str]:
    """Drugs of text that source does not name, by generic or brand name."""
    held = set(drugs(source))
    return [drug for drug in drugs(text) if drug not in held]


_STOP = (
    "the and with for was were are has have had not this that will been from her his she patient any denies reports "
    "states there which they"
)


def content_words(text: str) -> set[str]:
    """Words of three letters or more that carry content, case folded."""
    return {w for w in (m.casefold() for m in _WORD.findall(text)) if len(w) > 2 and w not in _STOP.split()}


def omission(reference: str, candidate: str) -> float:
    """Share of the reference's content words that the candidate lacks, 0 to 100; 0 if the reference has none."""
    wanted = content_words(reference)
    return 100 * len(wanted - content_words(candidate)) / len(wanted) if wanted else 0.0
