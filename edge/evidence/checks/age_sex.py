"""Age and sex: those of the patient are as they were said, and the note does not contradict itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from edge.evidence.view import Conversation, Flag, Severity, View
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
_ASKS_AGE = re.compile(r"\bhow old|your age|turn(?:ed|ing)\b|wie alt", re.IGNORECASE)
_TELLS_AGE = re.compile(
    r"\b(?:you're|you are|you were|i'm|i am|turned|turning|age|sie sind|ich bin)(?: now| jetzt)? $", re.IGNORECASE
)
_NO_AGE = re.compile(  # what a number before it counts
    r"[\s-]*(?:and [\w-]+ )?(?:weeks?|wochen|days?|tage|mo\b|months?|monate|percent|pounds?|kilos?|milligrams?|mg|"
    r"minutes?|hours?|stunden|in (?:the|my)|of\b|times|over\b|hundred|feet|pack|on the|to\b|"
    r"(?:years?|yrs?|jahren?)\s+(?!of age|old|young|alt|and|und|now|jetzt|today|heute)[^\W\d_])",  # "years out"
    re.IGNORECASE,
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
            said = view.talk.once(ages, None)
            if said and not span.values & view.talk.once(_heard, None):
                message = f"Age {text[span.start : span.end]} was not said."
                yield view.flag(NAME, Severity.HIGH, message, (one.turn for one in said))
                return
    found = _SEX.search(text[:_STARTS])
    if found is not None:
        male = found[1].casefold() in _MALE
        if (other := _sex_of(view.whole, view.talk.transcript.source)) is not None and other != male:
            words = "pronouns" if _said_sex(view.talk.transcript.source) is None else "the conversation"
            yield view.flag(NAME, Severity.HIGH, f"{found[1]}: {words} say otherwise.", [])


@dataclass(frozen=True)
class SaidAge:
    """An age that was said: its readings ("54"), the turn, and its place in the turn's text. clear: "you are" or an
    answer to "how old", which is nobody else's age."""

    values: frozenset[str]
    turn: int
    start: int
    end: int
    clear: bool = True


def ages(talk: Conversation, _: None = None) -> list[SaidAge]:
    """Every age that was said of the patient, in order."""
    found = []
    for turn, reading in enumerate(talk.index.turns):
        asked = turn > 0 and _ASKS_AGE.search(talk.index.turns[turn - 1].text) is not None
        for at, span in enumerate(reading.numbers):
            before = re.split(r"[.?!]", reading.text[max(0, span.start - 40) : span.start])[-1]
            after = _AGE_AFTER.match(reading.text, span.end) is not None
            small = 0 < _least(span.values) < 110 and not counts_else(reading.text, span.end)
            clear = small and (_TELLS_AGE.search(before) is not None or (asked and at == 0 and span.start < 40))
            if (after or clear) and not _RELATIVES.search(before):
                found.append(SaidAge(span.values, turn, span.start, span.end, clear))
    return found


def counts_else(text: str, end: int) -> bool:
    """Whether a number that ends there counts something other than years of age."""
    return _NO_AGE.match(text, end) is not None


def _heard(talk: Conversation, _: None) -> frozenset[str]:
    return frozenset(value for one in talk.once(ages, None) for value in one.values)


def _least(values: frozenset[str]) -> float:
    return min((float(v) for v in values if v.replace(".", "", 1).isdecimal()), default=0.0)


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
