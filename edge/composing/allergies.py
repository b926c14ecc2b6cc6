"""Allergies that a note must not lack: the plain question with its plain no, and the drug named with the word itself.

Both are found by rules, as the finder passes over short answers ("Any allergies?" "None.").
"""

from __future__ import annotations

import re

from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.evidence.conversation import Conversation
from edge.evidence.reading import TextReading, read

_ASKED = re.compile(r"[^.?!]*\b(?:allerg\w*|unverträglichkeit\w*)[^.?!]*\?\s*$", re.IGNORECASE)
_TAIL = 400  # characters at the end of a turn in which its question is looked for: the time stays bounded
_OTHER = re.compile(r"\b(?:other|otherwise|else|besides|sonst\w*|andere\w*|weitere\w*)\b", re.IGNORECASE)
_NO = re.compile(
    r"(?:(?:no|nope|nah|none|nothing|never|nein|nee|keine?|(?:not|none) that i know(?: of)?|i do ?n't)[\s,.!]*)+",
    re.IGNORECASE,
)
_BEGINS_NO = re.compile(r"\W*(?:no|nope|nah|none|nothing|never|nein|nee|keine?|i do ?n't)\b", re.IGNORECASE)
_TREATED = re.compile(  # what is taken for an allergy is no cause of one
    r"\b(?:tak(?:e|es|ing)|us(?:e|es|ing)|for (?:your|the|those|his|her)|nehmen|nimm\w*|gegen (?:die|ihre|deine))\b",
    re.IGNORECASE,
)
_NAMED = re.compile(r"\ballerg\w*", re.IGNORECASE)


def denied(talk: Conversation) -> list[Fact]:
    """Questions about allergies in general that were answered by no and nothing else. Right in all 14 training and
    validation visits of `facts/` that have one."""
    turns, source = talk.transcript.turns, talk.transcript.source
    found = []
    for number in range(len(turns) - 1):
        asked = _ASKED.search(source, max(turns[number].start, turns[number].end - _TAIL), turns[number].end)
        answer = turns[number + 1]
        if asked is None or answer.speaker == turns[number].speaker or read(asked[0]).drugs:
            continue
        if _NO.fullmatch(source[answer.start : answer.end].strip()):
            start = asked.start() + len(asked[0]) - len(asked[0].lstrip())
            end = asked.start() + len(asked[0].rstrip())
            quotes = (
                Quote(number, start, end, source[start:end]),
                Quote(number + 1, answer.start, answer.end, source[answer.start : answer.end]),
            )
            found.append(Fact(FactKind.ALLERGY, Polarity.DENIED, Subject.PATIENT, Time.CURRENT, True, quotes))
    return found[-1:]


def is_other(asked: str) -> bool:
    """Whether a question is about other allergies than those that were told."""
    return _OTHER.search(asked) is not None


def is_reaction(said: TextReading) -> bool:
    """Whether a denial is of a reaction, not of allergies: "no rash or trouble breathing" with codeine."""
    named = any(one.group == "symptom" for one in said.concepts)
    return named and _NAMED.search(said.text) is None


def is_named(fact: Fact, talk: Conversation) -> bool:
    """Whether a fact names a drug and says "allergic", or answers the question about allergies with it, without a no:
    sure enough, whatever the finder's score."""
    if fact.kind is not FactKind.ALLERGY:
        return False
    said = " ".join(one.text for one in fact.evidence)
    return bool(read(said).drugs) and (_NAMED.search(said) is not None or _answers(fact, talk))


def _answers(fact: Fact, talk: Conversation) -> bool:
    turns, source, number = talk.transcript.turns, talk.transcript.source, min(one.turn for one in fact.evidence)
    if number == 0 or fact.polarity is not Polarity.AFFIRMED or turns[number - 1].speaker == turns[number].speaker:
        return False
    before, own = turns[number - 1], turns[number]
    asked = _ASKED.search(source, max(before.start, before.end - _TAIL), before.end)
    if asked is None or _TREATED.search(asked[0]):
        return False
    return _BEGINS_NO.match(source, own.start, own.end) is None
