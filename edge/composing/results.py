"""Results that need what was said before them: the test that was named, or the value that was newer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from edge.contract.facts import Fact, FactKind
from edge.contract.transcript import Transcript
from edge.evidence.reading import read

_GAP = 40  # characters between two results of one test
_BEFORE = re.compile(
    r"\W*(?:and |but )?(?:it|that|this) (?:was|is|shows?|does show|looks)\b|\W*does show\b", re.IGNORECASE
)
_NEXT_TURN = 1


def joined(facts: Sequence[Fact], transcript: Transcript) -> list[Fact]:
    """The facts without results that name nothing ("No, thirty, not thirteen."); one that goes on with the result
    before ("It was nine point six.", "It does show some wear.") is one with it."""
    found: list[Fact] = []
    for fact in (_without_replies(one, transcript) for one in facts):
        before = found[-1] if found else None
        if fact.kind is not FactKind.RESULT or _names(fact):
            found.append(fact)
        elif before is not None and before.kind is FactKind.RESULT and _goes_on(before, fact, transcript):
            found[-1] = replace(before, evidence=(*before.evidence, *fact.evidence))
        elif any(letter.isalpha() for letter in _left(fact)):
            found.append(fact)
    return found


def _without_replies(fact: Fact, transcript: Transcript) -> Fact:
    """A result without what somebody says to it who names nothing: "Is that good?"."""
    if fact.kind is not FactKind.RESULT or len(fact.evidence) < 2:
        return fact
    kept = tuple(one for one in fact.evidence if transcript.turns[one.turn].speaker == "Doctor" or _says(one.text))
    return replace(fact, evidence=kept) if kept else fact


def _says(text: str) -> bool:
    reading = read(text)
    return bool(reading.numbers or reading.drugs) or any(one.group != "word" for one in reading.concepts)


def _names(fact: Fact) -> bool:
    """Whether a result names a test."""
    return any(one.group == "test" for quote in fact.evidence for one in read(quote.text).concepts)


def _goes_on(before: Fact, fact: Fact, transcript: Transcript) -> bool:
    last, first = before.evidence[-1], fact.evidence[0]
    if last.turn == first.turn:
        return 0 <= first.start - last.end <= _GAP and _BEFORE.match(first.text) is not None
    opens = first.start - transcript.turns[first.turn].start <= 2
    return first.turn - last.turn == _NEXT_TURN and opens and _BEFORE.match(first.text) is not None


def _left(fact: Fact) -> str:
    """The words of a result without numbers and words that say nothing."""
    text = " ".join(quote.text for quote in fact.evidence)
    for one in reversed(read(text).numbers):
        text = text[: one.start] + text[one.end :]
    return re.sub(r"\b(?:no|not|yes|and|so|it|it's|was|is|the|a|okay)\b", "", text, flags=re.IGNORECASE)
