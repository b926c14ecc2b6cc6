"""Short answers that the finder passed over: a symptom that was asked for, and denied or affirmed in the next turn.

What a conversation says of a name is worked out by edge.evidence.conversation, which joins questions to their answers.
On the training, validation and synthetic visits of `facts/` 77 of 80 symptoms denied in this way, which no found fact
names, are denied in the annotation.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from edge.composing import spoken
from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.evidence.conversation import NO, Conversation, Said
from edge.evidence.links import quote
from edge.evidence.reading import read, sentences

_KINDS = {"symptom": FactKind.SYMPTOM, "condition": FactKind.HISTORY}
_TOLD = spoken.TOLD | {FactKind.DIAGNOSIS, FactKind.ALLERGY}  # what an examination finds is another thing
# Habits and names that are asked for in other ways than a symptom: "smoking, alcohol?" "Never smoked. Wine on Fridays."
_LEFT_OUT = frozenset({"smoking", "alcohol", "drugs_illicit", "cancer", "pain", "tenderness"})
_EXAMINED = re.compile(r"\b(?:press|push|palpat\w*|right (?:there|here)|over here|when i)\b", re.IGNORECASE)
_GOES_ON = re.compile(r"\W*\w+\W+(?:i mean|but|well|except|just|only|unless|aber|nur)\b", re.IGNORECASE)
_SHORT = 25  # words of an answer that is quoted whole


def told(facts: Sequence[Fact], talk: Conversation) -> list[Fact]:
    """Facts of symptoms and conditions that were asked for and answered, of which none of the facts speaks."""
    told_of = [one for fact in facts if fact.kind in _TOLD for one in fact.evidence]
    known = {concept.name for one in told_of for concept in read(one.text).concepts}
    asked: dict[tuple[int, int, str], list[Said]] = defaultdict(list)
    for one in talk.said:
        name, asker = one.what.name, talk.transcript.turns[one.turn].speaker
        if one.answer is None or not one.clear or one.what.group not in _KINDS or asker != "Doctor":
            continue
        if name not in _LEFT_OUT and name not in known:
            asked[one.turn, one.answer, one.what.state].append(one)
            known.add(name)
    answered = {one.turn for one in told_of}
    found = [fact for (turn, answer, state), said in asked.items() for fact in _facts(said, turn, answer, state, talk)]
    return [one for one in found if one.polarity is Polarity.DENIED or one.evidence[1].turn not in answered]


def _facts(said: Sequence[Said], turn: int, answer: int, state: str, talk: Conversation) -> Iterator[Fact]:
    text = talk.transcript.turns[answer].text
    if (
        _GOES_ON.match(text) is not None
        or _EXAMINED.search(_sentence(talk, turn, said[-1].what.start).text) is not None
    ):
        return
    start = talk.transcript.turns[turn].start
    if state == "no" and NO.match(text) is not None:
        for group, kind in _KINDS.items():
            own = [one.what for one in said if one.what.group == group]
            if own:
                named = _quote(talk, turn, start + own[0].start, start + own[-1].end)
                yield _fact(kind, Polarity.DENIED, named, _answer(talk, answer, first=True))
    elif state == "yes" and len(said) == 1 and said[0].what.group == "symptom" and len(text.split()) <= _SHORT:
        sentence = _sentence(talk, turn, said[0].what.start)
        if len([one for one in read(sentence.text).concepts if one.group == "symptom"]) == 1:
            yield _fact(FactKind.SYMPTOM, Polarity.AFFIRMED, sentence, _answer(talk, answer, first=False))


def _fact(kind: FactKind, polarity: Polarity, question: Quote, answer: Quote) -> Fact:
    return Fact(kind, polarity, Subject.PATIENT, Time.CURRENT, False, (question, answer))


def _answer(talk: Conversation, turn: int, *, first: bool) -> Quote:
    """The answer: its first sentence, or the whole turn."""
    whole = quote(talk.transcript, turn)
    end = sentences(whole.text)[0][1] if first else len(whole.text)
    return _quote(talk, turn, whole.start, whole.start + end)


def _sentence(talk: Conversation, turn: int, at: int) -> Quote:
    """The sentence of a turn that holds a place in it."""
    start = talk.transcript.turns[turn].start
    text = talk.transcript.source[start : talk.transcript.turns[turn].end]
    first, last = next((a, b) for a, b in sentences(text) if a <= at < b)
    return _quote(talk, turn, start + first, start + last)


def _quote(talk: Conversation, turn: int, start: int, end: int) -> Quote:
    source = talk.transcript.source
    start += len(source[start:end]) - len(source[start:end].lstrip())
    return Quote(turn, start, end, source[start:end].rstrip())
