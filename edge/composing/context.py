"""What a fact needs beside its own words to be read alone: the question it answers, the side put right."""

from __future__ import annotations

import re
from dataclasses import replace

from edge.contract.facts import Fact, FactKind, Quote, Subject
from edge.contract.transcript import Transcript
from edge.evidence.conversation import Conversation
from edge.evidence.links import quote
from edge.evidence.reading import read

# Kinds whose words name what they are about only in the question.
_ASKED_KINDS = frozenset({FactKind.SYMPTOM, FactKind.HISTORY, FactKind.COMPLAINT, FactKind.SOCIAL, FactKind.FAMILY})
_OPENING = 12  # characters before an answer in its turn
_TAIL = 400  # characters at the end of a turn in which its question is looked for: the time stays bounded
_QUESTION = 14  # words of a question that is shown
_LAST = re.compile(r"[^.?!]*\?\s*$")
_SIDE = re.compile(r"\b(left|right|links?|rechts?|linke\w?|rechte\w?)\b", re.IGNORECASE)
_NOT_A_SIDE = re.compile(
    r"\b(?:all right|alright|right(?= away| now|,|\.|\?)|(?:was|i've|been|have) left)\b", re.IGNORECASE
)
_PUT_RIGHT = re.compile(
    r"(?:\b(?:no|wait|sorry|hang on|oh|actually|nein|doch|quatsch)\b[^?!]{0,60}?|\bit's (?:on )?|\bes ist )"
    r"\b(?:the |your |my |das |die |der )?(left|right|linke\w?|rechte\w?|links|rechts)\b(?: one| side)?",
    re.IGNORECASE,
)
_SPOKEN_TO = re.compile(r"(?:^|(?<=[.?!,] ))(?:so, |okay, )?(?:mom|mum|mama|mommy|dad|daddy|papa),", re.IGNORECASE)
_REACH = 3  # turns in which a side is put right
_SHORT = 14  # words of a turn that puts it right


def to_mark(fact: Fact, transcript: Transcript) -> Fact:
    """The fact with the question mark behind a quote that ends before it."""
    source = transcript.source
    marked = tuple(
        replace(one, end=one.end + 1, text=f"{one.text}?") if source[one.end : one.end + 1] == "?" else one
        for one in fact.evidence
    )
    return fact if marked == fact.evidence else replace(fact, evidence=marked)


def of_patient(fact: Fact) -> Fact:
    """A fact taken for a relative's because the relative was spoken to ("Mom, this is an ear infection") as the
    patient's."""
    said = fact.evidence[0].text
    relatives = [one for one in read(said).concepts if one.group == "relative"]
    if fact.kind is FactKind.FAMILY and len(relatives) == len(_SPOKEN_TO.findall(said)) == 1:
        return replace(fact, kind=FactKind.DIAGNOSIS, subject=Subject.PATIENT)
    return fact


def with_question(fact: Fact, talk: Conversation) -> Fact:
    """The fact with the question that it answers, if its own words name nothing: "Both." to "In the calves?"."""
    first = fact.evidence[0]
    turns = talk.transcript.turns
    alone = len(fact.evidence) == 1 and fact.kind in _ASKED_KINDS and first.turn > 0
    if not alone or first.start - turns[first.turn].start > _OPENING or _names(first.text):
        return fact
    before = turns[first.turn - 1]
    found = _LAST.search(talk.transcript.source, max(before.start, before.end - _TAIL), before.end)
    if before.speaker == turns[first.turn].speaker or found is None or len(found[0].split()) > _QUESTION:
        return fact
    start = found.start() + len(found[0]) - len(found[0].lstrip())
    asked = Quote(first.turn - 1, start, found.start() + len(found[0].rstrip()), found[0].strip())
    return replace(fact, evidence=(asked, *fact.evidence))


def _names(text: str) -> bool:
    """Whether the words name a symptom, a condition, a test, a relative or a drug."""
    reading = read(text)
    return bool(reading.drugs) or any(one.group != "word" for one in reading.concepts)


def with_side(fact: Fact, talk: Conversation) -> Fact:
    """The fact with the words that put its side right: "the left ankle" – "It's the right one"."""
    last = fact.evidence[-1]
    sides = {_side(one[1]) for one in _SIDE.finditer(_NOT_A_SIDE.sub("", last.text))}
    if len(sides) != 1:
        return fact
    turns = talk.transcript.turns
    for number in range(last.turn, min(last.turn + _REACH + 1, len(turns))):
        turn = turns[number]
        start = last.end if number == last.turn else turn.start
        if number != last.turn and len(turn.text.split()) > _SHORT:
            break
        found = _PUT_RIGHT.search(talk.transcript.source, start, turn.end)
        if found is not None and _side(found[1]) not in sides:
            begin = found.start() if number == last.turn else turn.start
            said = quote(talk.transcript, number)
            more = replace(said, start=begin, end=found.end(), text=talk.transcript.source[begin : found.end()])
            return replace(fact, evidence=(*fact.evidence, more))
    return fact


def _side(word: str) -> str:
    return "left" if word[0].casefold() == "l" else "right"
