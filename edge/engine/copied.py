"""Only what was said is copied: numbers, units and drug names of an answer are masked to those of its own document.

For prose that is written from a section's own turns. A figure is only begun and continued as a number that the document
holds, in figures or in words ("forty" allows 40); a unit follows a number only where the document has the number with
that unit, or without any; a drug's name that the document lacks, under each of its names, is not completed. At a line's
start a small numeral of a list is free. Decoding is greedy, so it is the best token alone that is looked at: one that
may not come gives way to the next best. Reproducible: what may come hangs on the answer's own words and the document.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from edge.engine.repeats import Pieces
from edge.terms import drugs, numbers, units

RULE = "copied-3"
TRIES = 400  # tokens that may give way at one place; then a number goes on as it can, or the answer ends
_LIST = 20  # numerals of a list at a line's start
_LEAST, _SHARE = 6, 0.6  # letters of a drug's name, and share of them, after which it is known as one
_BARE = ""  # the unit of a number that is said without one
_NEEDS = frozenset({"year"})  # units that a bare number does not take: an age must have been said as one
_FOLLOWS = re.compile(r"[\s-]*(%|[^\W\d_]+)")
_ONE = re.compile(r"\b(?:an?|eine[mnr]?)\s+([^\W\d_]+)", re.IGNORECASE)
_LITERAL = re.compile(r"\d[\d.,]*\d|\d")


@dataclass(frozen=True)
class Copyable:
    """What a document allows. units: number -> its units; prefixes: every beginning of a number; names: drug names;
    signs: its numerals that are no figures ("½", "Ⅲ")."""

    units: dict[str, frozenset[str]] = field(repr=False)
    prefixes: frozenset[str] = field(repr=False)
    names: frozenset[str] = field(repr=False)
    signs: frozenset[str] = field(repr=False)

    @classmethod
    def of(cls, document: str) -> Copyable:
        """Read a document: its numbers with their units, and its drugs under all their names."""
        found: dict[str, set[str]] = {}
        for span in numbers.spans(document):
            unit = _FOLLOWS.match(document, span.end)
            named = (units.name(unit[1]) if unit is not None else None) or _BARE
            for value in span.values:
                found.setdefault(value, set()).add(named)
        for numeral in _LITERAL.finditer(document):  # as it is written: "1,200", "5.0", each part of 04.03.2024
            value = numbers.canonical(numeral[0])
            for written in {numeral[0], value, *re.split(r"[.,]", numeral[0])} - {""}:
                found.setdefault(written, set()).update(found.get(value, {_BARE}))
        for one in _ONE.finditer(document):  # "in a month"
            if own := units.name(one[1]):
                found.setdefault("1", set()).add(own)
        for value in numbers.ordinals(document):  # "the third of May" may be written as the 3rd
            found.setdefault(value, set()).add(_BARE)
        said = {one.generic for one in drugs.find(document)}
        names = frozenset(name for name, generic in drugs.lexicon().items() if generic in said)
        signs = frozenset(character for character in document.casefold() if _is_sign(character))
        prefixes = frozenset(number[:end] for number in found for end in range(1, len(number) + 1))
        return cls({number: frozenset(own) for number, own in found.items()}, prefixes, names, signs)

    def takes(self, number: str, unit: str) -> bool:
        """Whether a number may be followed by a unit."""
        said = self.units.get(number, frozenset())
        return unit in said or (_BARE in said and unit not in _NEEDS)


@cache
def _names() -> list[str]:
    """Drug names that are one word, in order."""
    return sorted(name for name in drugs.lexicon() if name.isalpha())


@dataclass(frozen=True)
class _Place:
    """Where an answer stands. number: the figures at its end; word: the letters there; before: the number that stands
    right before the word; line: nothing of the line is written yet; numeral: the figures opened the line."""

    number: str = ""
    word: str = ""
    before: str = ""
    line: bool = True
    numeral: bool = False


class Copied:
    """What one answer has written, and whether a token may come next. allowed: of the answer's document."""

    def __init__(self, pieces: Pieces, allowed: Copyable) -> None:
        self._pieces, self._allowed = pieces, allowed
        self._place = _Place()

    def add(self, token: int) -> None:
        """Take the token that was written."""
        for character in self._text(token):
            self._place = _step(self._place, character)

    def choose(self, scores: Any) -> int | None:
        """The best token that may come next; scores (float32, shape (vocabulary,)) lose those that may not. Where none
        of the TRIES best may, a figure that goes on with the number, or None."""
        known = scores[list(self._pieces.figures)]
        for _ in range(TRIES):
            token = int(scores.argmax())
            if self.may(token):
                return token
            scores[token] = -float("inf")
        figures = [(score, token) for score, token in zip(known, self._pieces.figures, strict=True) if self.may(token)]
        return max(figures)[1] if figures and self._place.number else None

    def may(self, token: int) -> bool:
        """Whether a token may come next."""
        if token in self._pieces.ends:
            return self._completes(self._place, " ")
        place = self._place
        for character in self._text(token):
            if not self._completes(place, character) or (_is_sign(character) and character not in self._allowed.signs):
                return False
            place = _step(place, character)
        return self._open(place)

    def _text(self, token: int) -> str:
        starts, text = self._pieces.of(token)
        return f" {text}" if starts else text

    def _completes(self, place: _Place, character: str) -> bool:
        """Whether what stands at a place may be complete, if a character completes it."""
        if place.number and not _goes_on(place, character):
            number = place.number.rstrip(".,")
            listed = place.numeral and number.isdigit() and int(number) <= _LIST and (
                place.number != number or character in ".)"
            )  # fmt: skip
            known = number in self._allowed.units and (character != "%" or self._allowed.takes(number, "%"))
            return known or listed
        if place.word and not character.isalpha():
            unit = units.name(place.word)
            return unit is None or not place.before or self._allowed.takes(place.before, unit)
        if character == "%" and place.before:
            return self._allowed.takes(place.before, "%")
        return True

    def _open(self, place: _Place) -> bool:
        """Whether what a place leaves unfinished can still become something that was said."""
        if place.number:
            number = place.number
            if place.numeral and number.rstrip(".,").isdigit() and int(number.rstrip(".,")) <= _LIST:
                return True
            return number in self._allowed.prefixes or number.rstrip(".,") in self._allowed.units
        return len(place.word) < _LEAST or self._may_name(place.word)

    def _may_name(self, word: str) -> bool:
        """Whether letters are no beginning of a drug's name, or of one that was said."""
        names = _names()
        at = bisect_left(names, word)
        meant = []
        while at < len(names) and names[at].startswith(word):
            meant.append(names[at])
            at += 1
        known = any(len(word) >= _SHARE * len(name) for name in meant)
        return not known or any(name in self._allowed.names for name in meant)


def _is_sign(character: str) -> bool:
    """Whether a character is a numeral that is no figure: "½", "²", "Ⅲ". Ideographs that are numbers count, too."""
    return character.isnumeric() and not character.isdecimal()


def _goes_on(place: _Place, character: str) -> bool:
    return character.isdigit() or (character in ".," and place.number[-1].isdigit())


def _step(place: _Place, character: str) -> _Place:
    """The place behind one more character."""
    if character == "\n":
        return _Place()
    if place.number:
        if _goes_on(place, character):
            return replace(place, number=place.number + character)
        place = _Place("", "", place.number.rstrip(".,") if place.number[-1].isdigit() else "", False)
    if character.isdigit():
        if place.word:  # "A1c", "L5": part of a word
            return replace(place, word=place.word + character)
        return _Place(character, "", "", False, place.line)
    if character.isalpha():
        return replace(place, word=place.word + character, line=False)
    if place.word or character not in " -":  # a word has ended, or something else stands between
        return _Place("", "", "", place.line and character in " -•*")
    return place
