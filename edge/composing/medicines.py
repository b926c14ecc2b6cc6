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
from edge.evidence.reading import read, sentences
from edge.terms.drugs import DrugSpan

DRUG_KINDS = frozenset({FactKind.MEDICATION, FactKind.PLAN_MEDICATION})
_BACK = 3  # turns between a drug's name and its dose
_MOST_QUOTES = 20  # of one drug: the first, which names it, and the last
_RIGHT_BEHIND = 12  # characters between a name and its dose in a list
_CHANGE = re.compile(r"\b(?:stop\w*|start\w*|instead|switch\w*|then|after|absetzen|statt|dann)\b", re.IGNORECASE)
_UNKNOWN = 2  # words of a dose that are none of those below
_IT = re.compile(r"\b(?:it|that|this|one|ihn|es|sie|davon)\b", re.IGNORECASE)
_STOPPED = re.compile(
    r"\b(?:stop\w*|quit|discontinu\w*|no longer|not any ?more|anymore|weaned|(?:came|come|took|taken|take|get|got|keep)"
    r"(?: (?:me|you|him|her|us|them))? off|off (?:it|of|that|them)|"
    r"abgesetzt|aufgehört|weggelassen|beendet)\b",
    re.IGNORECASE,
)
_OVER = re.compile(r"\b(?:off|done|gone|finished)\b", re.IGNORECASE)  # said of a complaint, these stop no drug
_USED = re.compile(r"\bused to (?:take|be on|use|have)\b", re.IGNORECASE)
_LEVELS = frozenset({"potassium", "sodium", "calcium", "magnesium", "iron", "testosterone", "vitamin d"})
_OWN = re.compile(r"\b(?:my|your|his|her|mein|dein|ihr) $", re.IGNORECASE)
_MEASURED = re.compile(
    r"\b(?:pressure|sugars?|levels?|weigh\w*|pulse|rate|temp\w*|scan|test|blutdruck|zucker|gewicht|puls)\b",
    re.IGNORECASE,
)
_REASON_BEFORE = 2  # sentences up to the one that stops a drug in which the reason is told
_ANOTHERS = re.compile(
    r"\b(?:husband|wife|mother|father|brother|sister|son|daughter|friend|buddy|mann|frau|mutter|vater|bruder|"
    r"schwester|sohn|tochter|freund\w*)(?:'s|’s)?\b",
    re.IGNORECASE,
)
_CORRECTED = 6  # turns in which a wrong name is put right
_BEHIND = 80  # characters behind a name in which it is taken back
_ANSWER = 15  # words of a turn that says what "that" was
_MEANT_IN = 5  # turns in which another name is asked for
_MEANT = re.compile(r"\b(?:(?:do|did) you mean|could it be|(?:do|are) you thinking of) ([\w -]{3,40})", re.IGNORECASE)
_YES = re.compile(r"\s*(?:yes|yeah|yep|right|that's (?:it|right|the one)|ja|genau)\b", re.IGNORECASE)
_ANOTHER = re.compile(
    r"^(?:'s| is)? (?:a |something )?(?:completely |totally |whole )?(?:different|another|else)\b", re.IGNORECASE
)
_NOT_THAT = re.compile(r"^[^.?!]{0,70}\b(?:it's|it is|that's|that is) not (?:that|it|this)\b", re.IGNORECASE)
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
def other() -> re.Pattern[str]:
    """Substances that the lexicon of drugs does not hold."""
    return re.compile(rf"\b(?:{'|'.join(_tables()['other'])})\b", re.IGNORECASE)


def joined(facts: Sequence[Fact], talk: Conversation) -> list[Fact]:
    """The facts in order of place, those about one drug that follow each other made one, what names no drug joined to
    the drug that it is about; a drug that was said to be another one ("not hydralazine") is none, nor another's."""
    found: list[Fact] = []
    last: dict[tuple[FactKind, str], int] = {}
    apart = list(_each(facts))
    known = _alone(apart)
    for fact in apart:
        drugs = [one for one in read(_words(fact)).drugs if not is_level(_words(fact), one)]
        planned = fact.kind is FactKind.PLAN_MEDICATION  # "not today" is a plan, too
        if not planned and any(talk.once(_denied_later, (drug.generic, fact.evidence[0].turn)) for drug in drugs):
            continue
        if fact.kind not in DRUG_KINDS:
            found.append(fact)
            continue
        if fact.subject is not Subject.PATIENT:
            continue
        ended = _ends(_words(fact))
        effect = not ended and fact.time in {Time.STOPPED, Time.PAST} and _is_effect(_words(fact))
        if fact.kind is FactKind.MEDICATION and _USED.search(_words(fact)) is not None:
            fact = replace(fact, time=Time.STOPPED)
        elif fact.time is Time.STOPPED and not ended:
            fact = replace(fact, time=Time.CURRENT)  # a missed dose is no stop
        elif ended and (fact.time is Time.PAST or fact.polarity is Polarity.DENIED):
            fact = replace(fact, time=Time.STOPPED, polarity=Polarity.AFFIRMED)
        fact = _with_correction(fact, talk.transcript)
        names = {drug.generic for drug in drugs}
        if not names and not effect and (name := _antecedent(fact, talk)) is not None:
            fact = replace(fact, evidence=(name[1], *fact.evidence), critical=True)
            names = {name[0]}
        generic = next(iter(names)) if len(names) == 1 else ""
        before = _before(last, found, fact, generic, bool(drugs)) if generic else None
        if before is not None:
            found[before] = _one(found[before], fact)
            continue
        fact = _with_reason(fact, len(names), bool(drugs), talk.transcript, known)
        if generic:
            last[fact.kind, generic] = len(found)
        found.append(fact)
    return found


def _is_effect(said: str) -> bool:
    """Whether words tell how somebody felt: "I was queasy the first weeks"."""
    return any(one.group == "symptom" for one in read(said).concepts)


def _ends(said: str) -> bool:
    """Whether words say that a drug was stopped: "it's gone", but not "I was queasy at first, that's gone"."""
    if _STOPPED.search(said) is not None:
        return True
    for start, end in sentences(said):
        if _OVER.search(said, start, end) is not None and not _is_effect(said[start:end]):
            return True
    return False


def only_drug(fact: Fact) -> str:
    """The drug that a fact is about, "" if it names none or several."""
    names = {drug.generic for drug in read(_words(fact)).drugs} if fact.kind in DRUG_KINDS else set()
    return next(iter(names)) if len(names) == 1 else ""


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
        apart = len({one.generic for one in drugs}) == len(drugs)
        if apart and fact.time is Time.STOPPED and (clauses := _ended_apart(last, drugs)):
            yield from (replace(fact, evidence=(one,)) for one in clauses)
            continue
        whole = apart and _CHANGE.search(last.text) is None
        if not whole or not all(_dosed(one, part) for one, part in zip(drugs, parts, strict=True)):
            yield fact
            continue
        for one, part in zip(drugs, parts, strict=True):
            start = last.start + one.start
            yield replace(fact, evidence=(replace(last, start=start, end=start + len(part), text=part),))


def _ended_apart(said: Quote, drugs: Sequence[DrugSpan]) -> list[Quote]:
    """What was said of each drug where each was stopped in a clause of its own: "tamoxifen was stopped, you had the
    Eliquis for six months, and that's finished"; none if not."""
    starts = [0, *(_clause(said.text, 0, one.start) for one in drugs[1:])]
    parts = [said.text[a:b].rstrip(" ,;") for a, b in zip(starts, [*starts[1:], len(said.text)], strict=True)]
    if not all(_ends(part) and len(read(part).drugs) == 1 for part in parts):
        return []
    return [
        replace(said, start=said.start + at, end=said.start + at + len(part), text=part)
        for at, part in zip(starts, parts, strict=True)
    ]


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
    if fact.polarity is Polarity.UNCERTAIN or not only_dose(_words(fact)):
        return None
    first = fact.evidence[0]
    transcript = talk.transcript
    for number in range(first.turn, max(-1, first.turn - _BACK - 1), -1):
        turn = transcript.turns[number]
        spans = [one for one in talk.index.turns[number].drugs if turn.start + one.end <= first.start]
        since = turn.start + spans[-1].end if spans else turn.start
        between = transcript.source[since : first.start]
        if other().search(between) or any(not _known(one[0]) for one in _NAME.finditer(between)):
            return None
        if spans:
            name = spans[-1].generic
            if (meant := _meant(talk, name, number)) is not None:
                return meant
            if (
                talk.once(_denied_later, (name, number))
                or _ANOTHERS.search(transcript.source, turn.start, since) is not None
            ):
                return None
            start = _clause(transcript.source, turn.start, turn.start + spans[-1].start)
            return name, Quote(number, start, since, transcript.source[start:since])
    return None


def _known(word: str) -> bool:
    """Whether a word with a capital within a sentence is no name of a drug that the lexicon lacks."""
    return word.casefold() in _plain() or bool(read(word).drugs)


def only_dose(said: str) -> bool:
    """Whether hardly anything is said but a dose, a time and words of taking, with a number or "it"."""
    if other().search(said) is not None or _MEASURED.search(said) is not None:
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
    time, polarity = before.time if fact.time is Time.PAST else fact.time, fact.polarity
    if before.time is Time.STOPPED and polarity is Polarity.DENIED:  # "it gave me nightmares, I stopped." "Not again."
        time, polarity = before.time, before.polarity
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


def _with_reason(fact: Fact, names: int, said: bool, transcript: Transcript, known: frozenset[str]) -> Fact:
    """A stopped drug with the words of its turn, which say why, or, if no drug is named, of the turn before.

    names: how many drugs it is about; said: whether its own words name them; known: drugs that have facts of their own.
    """
    if fact.time is not Time.STOPPED or fact.kind is not FactKind.MEDICATION:
        return fact
    turn = fact.evidence[-1].turn
    if said and names == 1:
        return replace(fact, evidence=(*fact.evidence, _about_it(fact.evidence[-1], transcript, known)))
    if not names and turn and len(transcript.turns[turn - 1].text.split()) <= _ANSWER:  # what "that" was
        return replace(fact, evidence=(*fact.evidence, quote(transcript, turn - 1)))
    return fact


def _alone(facts: Sequence[Fact]) -> frozenset[str]:
    """Drugs that are the only one of a fact."""
    named = [{one.generic for one in read(_words(fact)).drugs} for fact in facts if fact.kind in DRUG_KINDS]
    return frozenset(next(iter(one)) for one in named if len(one) == 1)


def is_level(said: str, drug: DrugSpan) -> bool:
    """Whether a name is what the blood holds: "my potassium went up"."""
    return drug.generic in _LEVELS and _OWN.search(said, max(0, drug.start - 10), drug.start) is not None


def _about_it(said: Quote, transcript: Transcript, known: frozenset[str]) -> Quote:
    """The sentences of a turn around what was said of a drug, up to those that name another one that is known."""
    turn = transcript.turns[said.turn]
    others = known - {drug.generic for drug in read(said.text).drugs}
    start, end = said.start, said.end
    around = [(turn.start + a, turn.start + b) for a, b in sentences(transcript.source[turn.start : turn.end])]
    for first, last in reversed([one for one in around if one[0] < said.start][-_REASON_BEFORE:]):
        if {drug.generic for drug in read(transcript.source[first:last]).drugs} & others:
            break
        start = min(start, first)
    for first, last in [one for one in around if one[1] > said.end]:
        if {drug.generic for drug in read(transcript.source[first:last]).drugs} & others:
            break
        end = max(end, last)
    words = transcript.source[start:end]
    start += len(words) - len(words.lstrip())
    return Quote(said.turn, start, end, transcript.source[start:end].rstrip())


def _denied_later(talk: Conversation, key: tuple[str, int]) -> bool:
    """Whether a drug, by its name and a turn, was said not to be meant: "not hydralazine", "something else", "do you
    mean Zyrtec?"."""
    generic, turn = key
    named = talk.by_name.get(generic, ())
    first, last = (bisect_left(named, one, key=lambda s: s.turn) for one in (turn, turn + _CORRECTED + 1))
    said = named[first:last]
    if any(s.what.state == "no" and s.answer is None for s in said):
        return True
    turns = talk.index.turns
    behind = [turns[s.turn].text[s.what.end : s.what.end + _BEHIND] for s in said]
    if any(_ANOTHER.search(text) or _NOT_THAT.search(text) for text in behind):
        return True
    return talk.once(_asked_for, key) is not None


def _meant(talk: Conversation, generic: str, turn: int) -> tuple[str, Quote] | None:
    """The one drug that was meant in place of another ("Do you mean Zyrtec?" "Zyrtec, yes."), and the words that name
    it; None if the answer does not confirm it."""
    asked = talk.once(_asked_for, (generic, turn))
    turns = talk.index.turns
    if asked is None or asked[1].turn + 1 >= len(turns):
        return None
    answer = turns[asked[1].turn + 1]
    sure = _YES.match(answer.text) is not None or any(drug.generic == asked[0] for drug in answer.drugs)
    return asked if sure else None


def _asked_for(talk: Conversation, key: tuple[str, int]) -> tuple[str, Quote] | None:
    """The one drug that was asked for in place of another, which was named just before, and the words that name it.
    key: the other's name and a turn."""
    generic, turn = key
    turns = talk.transcript.turns
    named = {one.turn for one in talk.by_name.get(generic, ())}
    for number in range(turn, min(turn + _MEANT_IN, len(turns))):
        for found in _MEANT.finditer(talk.index.turns[number].text) if named & {number - 1, number} else ():
            drugs = read(found[1]).drugs
            names = {drug.generic for drug in drugs}
            if len(names) == 1 and names != {generic}:
                start = turns[number].start + found.start(1) + drugs[0].start
                end = turns[number].start + found.start(1) + drugs[0].end
                return drugs[0].generic, Quote(number, start, end, talk.transcript.source[start:end])
    return None
