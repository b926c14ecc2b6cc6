"""Age and sex: those of the patient are as they were said, and the note does not contradict itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from edge.evidence.view import Flag, Severity, View
from edge.terms import numbers

NAME = "age and sex"
_AGE_AFTER = re.compile(
    r"[\s-]*(?:years?|yrs?|jahre)?[\s-]*(?:of age|old|y/?o\b|y\.o\.|alt\b|jährig\w*)", re.IGNORECASE
)
_SEX = re.compile(
    r"\b(?:year[- ]old|years old|y/?o|y\.o\.)[\s,]+(?:\w+[\s-]+){0,3}?(male|female|man|woman|gentleman|lady|boy|"
    r"girl)\b",
    re.IGNORECASE,
)
_SHORT = re.compile(r"\b(\d{1,3})\s?-?(?:y/?o|yo|y\.o\.)?\s?([MF])\b")
_PATIENT = re.compile(r"\b(?:is|was|patient|mr|mrs|ms|miss|this|a|an)\b", re.IGNORECASE)
_HIS, _HER = (
    re.compile(r"\b(?:he|his|him|mr|sir)\b", re.IGNORECASE),
    re.compile(r"\b(?:she|her|hers|mrs|ms|miss|ma'am)\b", re.IGNORECASE),
)
_MALE = frozenset({"male", "man", "gentleman", "boy"})
_RELATIVES = re.compile(
    r"\b(?:mother|father|mom|dad|brother|sister|son|daughter|wife|husband|aunt|uncle|grand\w+|at age|age of|when|"
    r"diagnosed|since|died)\b",
    re.I,
)
_STARTS = 160  # characters of a note's statement in which its patient is introduced


def check(view: View) -> Iterator[Flag]:
    """An age that nobody said while another one was, or a sex that the note's own pronouns deny."""
    text = view.piece.text
    if view.piece.section in {"family", "social"} or _RELATIVES.search(text[:60]):
        return
    for span in numbers.spans(text):
        if (
            _AGE_AFTER.match(text, span.end)
            and span.start < _STARTS
            and not _RELATIVES.search(text[max(0, span.start - 40) : span.start])
        ):
            said = ages(view)
            heard = {value for values, _ in said for value in values}
            if said and not span.values & heard:
                yield view.flag(
                    NAME, Severity.HIGH, f"Age {text[span.start : span.end]} was not said.", [turn for _, turn in said]
                )
                return
    found = _SEX.search(text[:_STARTS])
    if found is not None:
        male = found[1].casefold() in _MALE
        if (other := _sex_of(view.whole, view.talk.transcript.source)) is not None and other != male:
            words = "pronouns" if _said_sex(view.talk.transcript.source) is None else "the conversation"
            yield view.flag(NAME, Severity.HIGH, f"{found[1]}: {words} say otherwise.", [])


def ages(view: View) -> list[tuple[frozenset[str], int]]:
    """(readings, turn) of every age that was said of the patient."""
    found = []
    for turn, reading in enumerate(view.talk.index.turns):
        for span in reading.numbers:
            before = reading.text[max(0, span.start - 40) : span.start]
            after = _AGE_AFTER.match(reading.text, span.end) is not None
            asked = (
                turn
                and re.search(r"\bhow old|your age|turn(?:ed|ing)\b", view.talk.index.turns[turn - 1].text) is not None
            )
            told = (
                re.search(
                    r"\b(?:you're|you are|you were|i'm|i am|turned|turning|age)(?: now)? $", before, re.IGNORECASE
                )
                is not None
            )
            if (
                after or (told and 0 < _least(span.values) < 110) or (asked and span.start < 40)
            ) and not _RELATIVES.search(before):
                found.append((span.values, turn))
    return found


def _least(values: frozenset[str]) -> float:
    return min((float(v) for v in values if v.replace(".", "", 1).isdigit()), default=0.0)


@lru_cache(maxsize=8)
def _said_sex(source: str) -> bool | None:
    """True if a male, False if a female patient was said in words of age or sex, None if neither or both."""
    found = {m[1].casefold() in _MALE for m in _SEX.finditer(source.replace(" -", "-"))}
    return found.pop() if len(found) == 1 else None


@lru_cache(maxsize=8)
def _sex_of(note: str, source: str) -> bool | None:
    """True for a male, False for a female patient: as said, or else as the pronouns of the note have it, clearly."""
    said = _said_sex(source)
    if said is not None:
        return said
    his, her = len(_HIS.findall(note)), len(_HER.findall(note))
    if his + her < 3 or min(his, her) * 4 > max(his, her):
        return None
    return his > her
