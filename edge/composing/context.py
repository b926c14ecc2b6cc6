"""What a fact needs beside its own words to be read alone: the question it answers, the side put right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.contract.transcript import Transcript
from edge.evidence.conversation import Conversation
from edge.evidence.links import quote
from edge.evidence.reading import read

# Kinds whose words name what they are about only in the question.
_ASKED_KINDS = frozenset({FactKind.SYMPTOM, FactKind.HISTORY, FactKind.COMPLAINT, FactKind.SOCIAL, FactKind.FAMILY})
_OPENING = 12  # characters before an answer in its turn
_TAIL = 400  # characters at the end of a turn in which its question is looked for: the time stays bounded
_QUESTION = 14  # words of a question that is shown
_DOSE_ASKED = re.compile(r"(?:[^.?!]*[.!])?[^.?!]*\b(?:dose|how much)\b[^.?!]*\?\s*$", re.IGNORECASE)
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
_SIDE_OF = re.compile(r"\b(left|right) ((?:\w+ )?\w+)\b", re.IGNORECASE)
_PAIRED = "side|knee|ear|eye|arm|leg|hip|shoulder|foot|hand|ankle|wrist|elbow|breast"
_WHERE = re.compile(
    rf"\b(?:where (?:is|was|does) (?:it|that|the)\b|which (?:one|{_PAIRED})\b)[^.?!]*\?\s*$", re.IGNORECASE
)
_WHICH = re.compile(rf"\bwhich ({_PAIRED})\b[^.?!]*\?\s*$", re.IGNORECASE)
_PLACED = frozenset({FactKind.COMPLAINT, FactKind.SYMPTOM})
_PUT_RIGHT_IN = 300  # characters behind a quote in which its side is put right: the time stays bounded
_SAID_AGAIN = 25  # words until a thing is named again with the right side
_SPOKEN_TO = re.compile(r"(?:^|(?<=[.?!,] ))(?:so, |okay, )?(?:mom|mum|mama|mommy|dad|daddy|papa),", re.IGNORECASE)
_ANIMAL = re.compile(r"\b(?:dog|cat|puppy|kitten|labrador|hund|katze|welpe)\b", re.IGNORECASE)
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


def is_animal(fact: Fact) -> bool:
    """Whether a fact of the family is about an animal that is kept: "The dog! He's on twelve units twice a day."."""
    return fact.kind is FactKind.FAMILY and _ANIMAL.search(fact.evidence[0].text) is not None


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


def with_dose_question(fact: Fact, talk: Conversation) -> Fact:
    """A dose that names no drug with the question that it answers, and what stands before the question: "Now, your own
    thyroid. What's your dose?"."""
    first = fact.evidence[0]
    turns = talk.transcript.turns
    if fact.kind is not FactKind.MEDICATION or not first.turn or any(read(one.text).drugs for one in fact.evidence):
        return fact
    before = turns[first.turn - 1]
    found = _DOSE_ASKED.search(talk.transcript.source, max(before.start, before.end - _TAIL), before.end)
    if found is None or first.start - turns[first.turn].start > _OPENING or read(found[0]).drugs:
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


def put_right(fact: Fact, talk: Conversation) -> Fact:
    """The fact without a sentence whose side is put right in the same turn, where what it is about is said again with
    the right one: "She said the left shoulder blade … it's on the right … Right shoulder blade." is the last."""
    source = talk.transcript.source
    kept: list[Quote] = []
    for one in fact.evidence:
        turn = talk.transcript.turns[one.turn]
        end = min(turn.end, one.end + _PUT_RIGHT_IN)
        named = _SIDE_OF.search(source, one.start, end)
        again = _again(named, source, end) if named is not None and named.start() < one.end else None
        first = _sentence_of(source, turn.start, named.start()) if named is not None and again is not None else None
        if first is None or again is None or len(source[first : again[0]].split()) > _SAID_AGAIN:
            kept.append(one)
        else:
            kept.append(Quote(one.turn, *again, source[slice(*again)]))
    return replace(fact, evidence=tuple(kept))


def _again(named: re.Match[str], source: str, end: int) -> tuple[int, int] | None:
    """Where the same thing is named with the other side behind words that put the side right."""
    other = "right" if _side(named[1]) == "left" else "left"
    right = _PUT_RIGHT.search(source, named.end(), end)
    if right is None or _side(right[1]) != other:
        return None
    found = re.compile(rf"\b{other} {re.escape(named[2])}\b", re.IGNORECASE).search(source, right.start(), end)
    return found.span() if found is not None else None


def _sentence_of(source: str, start: int, at: int) -> int:
    """Where the sentence begins that holds a place of a turn."""
    return max([start, *(source.rfind(mark, start, at) + 1 for mark in ".?!")])


def with_place(facts: Sequence[Fact], talk: Conversation) -> list[Fact]:
    """The facts, an answer to "Where is it?" or "Which knee?" with the complaint that was asked about."""
    found: list[Fact] = []
    for fact in facts:
        before = found[-1] if found else None
        if before is not None and _is_place_of(before, fact, talk):
            found[-1] = replace(before, evidence=(*before.evidence, *fact.evidence))
        else:
            found.append(fact)
    return found


def _is_place_of(before: Fact, fact: Fact, talk: Conversation) -> bool:
    first = fact.evidence[0]
    near = first.turn - before.evidence[-1].turn <= _REACH and len(first.text.split()) <= _SHORT
    return {before.kind, fact.kind} <= _PLACED and near and _asked_where(talk, first.turn)


def sides(facts: Sequence[Fact], talk: Conversation) -> list[Fact]:
    """Answers to "Which knee?" that name the knee with its side, and that no fact has."""
    turns, source = talk.transcript.turns, talk.transcript.source
    quotes = [quoted for fact in facts for quoted in fact.evidence]
    found = []
    for number, (before, answer) in enumerate(pairwise(turns), 1):
        asked = _WHICH.search(source, max(before.start, before.end - _TAIL), before.end)
        if asked is None or before.speaker == answer.speaker:
            continue
        named = list(re.finditer(rf"\b(?:left|right) {asked[1]}\b", source[answer.start : answer.end], re.IGNORECASE))
        if len({one[0].casefold() for one in named}) == 1:
            at = answer.start + named[-1].start()
            if any(one.start <= at < one.end for one in quotes):
                continue
            start = _sentence_of(source, answer.start, at)
            start += len(source[start:at]) - len(source[start:at].lstrip())
            said = Quote(number, start, answer.start + named[-1].end(), source[start : answer.start + named[-1].end()])
            found.append(Fact(FactKind.SYMPTOM, Polarity.AFFIRMED, Subject.PATIENT, Time.CURRENT, True, (said,)))
    return found


def _asked_where(talk: Conversation, turn: int) -> bool:
    """Whether a turn answers where something is."""
    turns = talk.transcript.turns
    if not turn or turns[turn - 1].speaker == turns[turn].speaker:
        return False
    before = turns[turn - 1]
    return _WHERE.search(talk.transcript.source, max(before.start, before.end - _TAIL), before.end) is not None


def _side(word: str) -> str:
    return "left" if word[0].casefold() == "l" else "right"
