"""Whose dose it is: a dose, a change or a stop that names no drug belongs to the drug that was spoken of.

"We'll start atorvastatin, ten." "Let's do twenty milligrams at bedtime." is one order. A fact is joined to a drug only
if hardly anything but a dose, a time and words of taking is said in it, the drug was named in the same turn or at most
three turns before, and no other substance was spoken of in between. Right for 46 of 51 facts without a name that it
joins in the training and validation visits; 74 more have a drug that it does not dare to name, and stay as they were
said (docs/evidence.md).
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import resources

from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.contract.transcript import Transcript
from edge.evidence.conversation import Conversation
from edge.evidence.links import quote
from edge.evidence.reading import read
from edge.terms.drugs import DrugSpan

DRUG_KINDS = frozenset({FactKind.MEDICATION, FactKind.PLAN_MEDICATION})
_BACK = 3  # turns between a drug's name and its dose
_MOST_QUOTES = 20  # of one drug: the first, which names it, and the last
_RIGHT_BEHIND = 12  # characters between a name and its dose in a list
_CHANGE = re.compile(r"\b(?:stop\w*|start\w*|instead|switch\w*|then|after|absetzen|statt|dann)\b", re.IGNORECASE)
_UNKNOWN = 2  # words of a dose that are none of those below
_IT = re.compile(r"\b(?:it|that|this|one|ihn|es|sie|davon)\b", re.IGNORECASE)
_STOPPED = re.compile(
    r"\b(?:stop\w*|quit|off|done|gone|finished|discontinu\w*|no longer|not any ?more|anymore|came? off|weaned|"
    r"abgesetzt|aufgehört|weggelassen|beendet)\b",
    re.IGNORECASE,
)
_MEASURED = re.compile(
    r"\b(?:pressure|sugars?|levels?|weigh\w*|pulse|rate|temp\w*|scan|test|blutdruck|zucker|gewicht|puls)\b",
    re.IGNORECASE,
)
_ANOTHERS = re.compile(
    r"\b(?:husband|wife|mother|father|brother|sister|son|daughter|friend|buddy|mann|frau|mutter|vater|bruder|"
    r"schwester|sohn|tochter|freund\w*)(?:'s|’s)?\b",
    re.IGNORECASE,
)
_CORRECTED = 6  # turns in which a wrong name is put right
_BEHIND = 60  # characters behind a name in which it is taken back
_ANSWER = 15  # words of a turn that says what "that" was
_MEANT_IN = 5  # turns in which another name is asked for
_MEANT = re.compile(r"\b(?:(?:do|did) you mean|could it be|(?:do|are) you thinking of) ([\w -]{3,40})", re.IGNORECASE)
_ANOTHER = re.compile(
    r"^(?:'s| is)? (?:a |something )?(?:completely |totally |whole )?(?:different|another|else)\b", re.IGNORECASE
)
_NAME = re.compile(r"(?<![.?!…] )(?<!\n)(?<=\s)(?<!\] )[A-ZÄÖÜ][\wäöüß-]{3,}")
_CORRECTS = re.compile(
    r"\s*[.,…-]*\s*(?:um,? |uh,? )?(?:no|sorry|wait|actually|scratch that|nein|quatsch|halt)\b"
    r"(?:[^.?!]{0,60}[.?!…]+){1,2}",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


@cache
def _tables() -> dict[str, list[str]]:
    return tomllib.loads(resources.files("edge.composing").joinpath("medicines.toml").read_text(encoding="utf-8"))


@cache
def _plain() -> frozenset[str]:
    return frozenset(_tables()["plain"])


@cache
def _other() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(_tables()['other'])})\b", re.IGNORECASE)


def joined(facts: Sequence[Fact], talk: Conversation) -> list[Fact]:
    """The facts in order of place, those about one drug that follow each other made one, what names no drug joined to
    the drug that it is about; a drug that was said to be another one ("not hydralazine") is none, nor another's."""
    found: list[Fact] = []
    last: dict[tuple[FactKind, str], int] = {}
    for fact in _each(facts):
        drugs = read(_words(fact)).drugs
        if any(_denied_later(talk, drug.generic, fact.evidence[0].turn) for drug in drugs):
            continue
        if fact.kind not in DRUG_KINDS:
            found.append(fact)
            continue
        if fact.subject is not Subject.PATIENT:
            continue
        ended = _STOPPED.search(_words(fact)) is not None
        if fact.time is Time.STOPPED and not ended:
            fact = replace(fact, time=Time.CURRENT)  # a missed dose is no stop
        elif fact.time is Time.PAST and ended:
            fact = replace(fact, time=Time.STOPPED)
        fact = _with_correction(fact, talk.transcript)
        names = {drug.generic for drug in drugs}
        if not names and (name := _antecedent(fact, talk)) is not None:
            fact = replace(fact, evidence=(name[1], *fact.evidence), critical=True)
            names = {name[0]}
        generic = next(iter(names)) if len(names) == 1 else ""
        before = _before(last, found, fact, generic, bool(drugs)) if generic else None
        if before is not None:
            found[before] = _one(found[before], fact)
            continue
        fact = _with_reason(fact, len(names), bool(drugs), talk.transcript)
        if generic:
            last[fact.kind, generic] = len(found)
        found.append(fact)
    return found


def _each(facts: Sequence[Fact]) -> Iterator[Fact]:
    """The facts, a list of drugs each with its own dose ("losartan fifty and rosuvastatin ten") as one fact a drug."""
    for fact in facts:
        last = fact.evidence[-1]
        drugs = read(last.text).drugs if fact.kind in DRUG_KINDS and len(fact.evidence) == 1 else []
        if len(drugs) < 2:
            yield fact
            continue
        ends = [*(one.start for one in drugs[1:]), len(last.text)]
        parts = [last.text[one.start : end].rstrip(" ,;") for one, end in zip(drugs, ends, strict=True)]
        whole = len({one.generic for one in drugs}) == len(drugs) and _CHANGE.search(last.text) is None
        if not whole or not all(_dosed(one, part) for one, part in zip(drugs, parts, strict=True)):
            yield fact
            continue
        for one, part in zip(drugs, parts, strict=True):
            start = last.start + one.start
            yield replace(fact, evidence=(replace(last, start=start, end=start + len(part), text=part),))


def _dosed(drug: DrugSpan, part: str) -> bool:
    """Whether a number stands right behind the name that a part begins with."""
    numbers = read(part[drug.end - drug.start :]).numbers
    return bool(numbers) and numbers[0].start < _RIGHT_BEHIND


def _before(
    last: Mapping[tuple[FactKind, str], int], found: Sequence[Fact], fact: Fact, generic: str, named: bool
) -> int | None:
    """Where the fact stands that this one goes on with: of its own kind, or, if it names no drug, the last of either
    kind ("in the morning, then" answers an order)."""
    kinds = (fact.kind,) if named else tuple(DRUG_KINDS)
    places = [last[kind, generic] for kind in kinds if (kind, generic) in last]
    near = [at for at in places if _follows(found[at], fact)]
    return max(near, key=lambda at: found[at].evidence[-1].start) if near else None


def _words(fact: Fact) -> str:
    return " – ".join(one.text for one in fact.evidence)


def _antecedent(fact: Fact, talk: Conversation) -> tuple[str, Quote] | None:
    """The drug that a fact without a name is about, and the words that name it; None where it is not sure."""
    if fact.polarity is Polarity.UNCERTAIN or not _only_dose(_words(fact)):
        return None
    first = fact.evidence[0]
    transcript = talk.transcript
    for number in range(first.turn, max(-1, first.turn - _BACK - 1), -1):
        turn = transcript.turns[number]
        spans = [one for one in talk.index.turns[number].drugs if turn.start + one.end <= first.start]
        since = turn.start + spans[-1].end if spans else turn.start
        between = transcript.source[since : first.start]
        if _other().search(between) or any(not _known(one[0]) for one in _NAME.finditer(between)):
            return None
        if spans:
            name = spans[-1].generic
            if _denied_later(talk, name, number) or _ANOTHERS.search(transcript.source, turn.start, since) is not None:
                return None
            start = _clause(transcript.source, turn.start, turn.start + spans[-1].start)
            return name, Quote(number, start, since, transcript.source[start:since])
    return None


def _known(word: str) -> bool:
    """Whether a word with a capital within a sentence is no name of a drug that the lexicon lacks."""
    return word.casefold() in _plain() or bool(read(word).drugs)


def _only_dose(said: str) -> bool:
    """Whether hardly anything is said but a dose, a time and words of taking, with a number or "it"."""
    if _other().search(said) is not None or _MEASURED.search(said) is not None:
        return False
    reading = read(said)
    numbers = reading.numbers
    named = [(one.start, one.end) for one in numbers]
    named += [(one.start, one.end) for one in reading.concepts if one.group == "symptom"]
    words = [one for one in _WORD.finditer(said) if not any(start <= one.start() < end for start, end in named)]
    others = [one for one in words if one[0].casefold().replace("’", "'") not in _plain()]
    return len(others) <= _UNKNOWN and (bool(numbers) or _IT.search(said) is not None)


def _clause(source: str, start: int, end: int) -> int:
    """Where the clause of source[start:end] begins."""
    marks = [source.rfind(mark, start, end) for mark in ".?!,;"]
    at = max([start - 1, *marks]) + 1
    while at < end and source[at].isspace():
        at += 1
    return at


def _follows(before: Fact, fact: Fact) -> bool:
    """Whether a fact goes on with what was said of the same drug."""
    return fact.evidence[0].turn - before.evidence[-1].turn <= _BACK


def _one(before: Fact, fact: Fact) -> Fact:
    """Two facts of one drug as one: what was said last holds."""
    known = {(one.start, one.end) for one in before.evidence}
    more = tuple(one for one in fact.evidence if (one.start, one.end) not in known)
    time = before.time if fact.time is Time.PAST else fact.time
    polarity = before.polarity if before.polarity is fact.polarity else fact.polarity
    quotes = (*before.evidence, *more)
    quotes = (quotes[0], *quotes[max(1, len(quotes) - _MOST_QUOTES + 1) :])
    return replace(before, evidence=quotes, time=time, polarity=polarity, critical=True)


def _with_correction(fact: Fact, transcript: Transcript) -> Fact:
    """The fact with what takes its last words back at once: "every day... no. Every other day."."""
    last = fact.evidence[-1]
    found = _CORRECTS.match(transcript.source, last.end, transcript.turns[last.turn].end)
    if found is None:
        return fact
    more = replace(last, end=found.end(), text=transcript.source[last.start : found.end()])
    return replace(fact, evidence=(*fact.evidence[:-1], more))


def _with_reason(fact: Fact, names: int, said: bool, transcript: Transcript) -> Fact:
    """A stopped drug with the words of its turn, which say why, or, if no drug is named, of the turn before.

    names: how many drugs it is about; said: whether its own words name them.
    """
    if fact.time is not Time.STOPPED or fact.kind is not FactKind.MEDICATION:
        return fact
    turn = fact.evidence[-1].turn
    if said and names == 1:
        return replace(fact, evidence=(*fact.evidence, quote(transcript, turn)))
    if not names and turn and len(transcript.turns[turn - 1].text.split()) <= _ANSWER:  # what "that" was
        return replace(fact, evidence=(*fact.evidence, quote(transcript, turn - 1)))
    return fact


def _denied_later(talk: Conversation, generic: str, turn: int) -> bool:
    """Whether a drug was said not to be meant: "not hydralazine", "something else", "do you mean Zyrtec?"."""
    named = talk.by_name.get(generic, ())
    first, last = (bisect_left(named, one, key=lambda s: s.turn) for one in (turn, turn + _CORRECTED + 1))
    said = named[first:last]
    if any(s.what.state == "no" and s.answer is None for s in said):
        return True
    turns = talk.index.turns
    if any(_ANOTHER.search(turns[s.turn].text[s.what.end : s.what.end + _BEHIND]) for s in said):
        return True
    meant = [m[1] for n in range(turn, min(turn + _MEANT_IN, len(turns))) for m in _MEANT.finditer(turns[n].text)]
    others = {drug.generic for words in meant for drug in read(words).drugs}
    return bool(others) and generic not in others and bool(said)
