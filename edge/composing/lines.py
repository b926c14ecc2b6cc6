"""Facts as lines of a note, without a language model: medications, allergies, family, vitals, results, orders.

Every line is made of one fact and of nothing else, so that it has its source by construction: names by the lexicon,
values as they stand after corrections ("twenty, no, forty" is 40), and where no rule fits the words as they were said,
without fillers: the patient's in quotation marks, others' after their name. A unit is written only where one was said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from edge.composing import (
    age,
    allergies,
    answers,
    context,
    denials,
    doses,
    medicines,
    quotes,
    readable,
    results,
    spoken,
)
from edge.composing.words import Words
from edge.composing.words import words as words_in
from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject
from edge.contract.transcript import Transcript, Turn
from edge.evidence.checks.duration import durations
from edge.evidence.conversation import Conversation
from edge.evidence.links import quote
from edge.evidence.reading import TextReading, read
from edge.terms import units

ENGLISH = words_in("en")
# How a doctor says what is planned: the plan begins behind it.
_LEAD = re.compile(
    r"^(?:(?:and|so|but|then|also|now),? )*"
    r"(?:(?:i|we)(?:'d| would) (?:also )?like (?:for )?(?:you )?to"
    r"|(?:i|we) (?:also )?(?:want|need) (?:you )?to|i(?:'m| am) (?:also )?(?:going to|gonna)"
    r"|we(?:'re| are) (?:also )?(?:going to|gonna)|(?:i|we)(?:'ll| will)(?: also)?|let's|i (?:also )?wanna)"
    r"(?: go ahead and)? (?=[a-z])(?!(?:not|never|be|have|probably|just|only|maybe|see|talk|get|do|go|give|put)\b)",
    re.IGNORECASE,
)
_ASSENT = re.compile(
    r"(?:(?:sure|okay|ok|yes|yeah|yep|right|good|great|perfect|sounds good|all right|alright|thank you|thanks|mhm|"
    r"uh-huh|got it|ja|gut|genau|in ordnung|danke)[ ,.!]*)+",
    re.IGNORECASE,
)
_LEAST_WORDS = 3  # of a line that names nothing; fewer say nothing alone
_MARKS = "“”„"  # around the patient's own words
_TO_SOMETHING = re.compile(r"\b(?:allerg\w*|react\w*) (?:to|gegen|auf) (?!any|medic|drug|medikament)", re.IGNORECASE)
_SIZE = re.compile(  # of what a picture shows, or of time
    r"[ -]*(?:times|minutes?|hours?|days?|weeks?|months?|years?|centimeters?|millimeters?|cm|mm|inch(?:es)?)\b",
    re.IGNORECASE,
)
# Tests that give one value; of the others a number says where, when or how much of what.
_VALUE_NAMES = (
    "a1c glucose blood_pressure pulse oxygen respiratory_rate weight temperature height bmi lipid ldl hdl creatinine "
    "potassium sodium hemoglobin tsh psa ejection_fraction"
)
_VALUES = frozenset(_VALUE_NAMES.split())
_KIND_BEFORE = re.compile(
    r"\b(?:iron|transferrin|estimated|geschätzte\w*|fasting|total|mean|average) $", re.IGNORECASE
)  # "iron saturation" is not oxygen's
_FINDING = re.compile(r"\b(?:negative|positive|type is|show(?:s|ed)|with|without)\b", re.IGNORECASE)
_BEHIND_TEST = 35  # characters between a test's name and its value
_REACTION = frozenset(
    {"hives", "rash", "anaphylaxis", "edema", "itching", "dyspnea", "nausea", "vomiting", "diarrhea", "cough"}
)
_OWN = re.compile(r"\b(?:i've|i have|i had|i got|i'm|ich habe|ich hatte|ich bin)\b", re.IGNORECASE)
_BROKE = re.compile(r"br(?:oke|eak)\w*|injur\w*", re.IGNORECASE)
_REPEATED = re.compile(r"\b(?:once|twice|times|every|each|after|over the|alle|jede\w*|nach) $", re.IGNORECASE)
_IF = re.compile(r"\b(?:if|unless|wenn|falls)\b", re.IGNORECASE)
_NO_DATE = re.compile(r"(?:next|this|last|per|each|every|diese\w*) ", re.IGNORECASE)  # "next week" is no span
_ALIKE = 0.12  # of a time: "seven days, in a week"
_PRESSURE = re.compile(r"\s*(?:over|/|zu)\s*$", re.IGNORECASE)


_ASKED = re.compile(r"[\w ,]{0,12}\?")
_ASKED_KINDS = frozenset(
    {
        FactKind.SYMPTOM, FactKind.HISTORY, FactKind.FAMILY, FactKind.SOCIAL, FactKind.MEDICATION, FactKind.ALLERGY,
        FactKind.COMPLAINT,
    }
)  # fmt: skip
_ASKING = re.compile(  # how a question begins that a recogniser wrote without its mark
    r"(?:Doctor: )?(?:(?:and|so|okay|or|well|sorry [\w ]{0,20}),? )*"
    r"(?:any(?:body|one|thing)?|do|does|did|have|has|had|are|is|was|were|family|ever|nobody|haben|hatten|hat|sind|ist|"
    r"gibt|irgend\w*|noch)\b",
    re.IGNORECASE,
)
_HEDGED = re.compile(  # words that say themselves how sure somebody is
    r"\b(?:may|might|could|possibl\w*|probabl\w*|perhaps|maybe|likel\w*|unlikely|ruled? out|suspect\w*|suspicion|"
    r"concern\w*|worr\w+|appears|seems|suggest\w*|i think|i really think|you think|thinking|think so|no idea|"
    r"fairly sure|looks? like|sounds like|usually|vielleicht|möglich\w*|wahrscheinlich|vermutlich|weiß (?:ich )?nicht|"
    r"könnte\w*|kann auch)\b|"
    r"(?:\bnot|n't) (?:be )?(?:\w+ )?(?:sure|certain|know|tell|say|expect|think|confirmed|proven)\b",
    re.IGNORECASE,
)
_FIRST_WORDS = re.compile(r"(?:\S+\s+){0,24}\S+")
_ANSWER = 15  # words of an answer that is shown beside its question


@dataclass(frozen=True)
class Line:
    """One line and the fact that it states. verbatim: nothing but what was said, without fillers."""

    text: str
    fact: Fact
    verbatim: bool = False


def lines(
    facts: Iterable[Fact], kinds: Sequence[FactKind], turns: Sequence[Turn] = (), words: Words = ENGLISH
) -> list[Line]:
    """Lines of the facts of these kinds in order of place; the same line, or one whose words stand in another, is
    written once. turns: of the conversation, for the names of who spoke."""
    found: dict[str, Line] = {}
    for fact in facts:
        if fact.kind in kinds and (text := line(fact, turns, words)):
            found.setdefault(text.casefold(), Line(text, fact, text == _plain(fact, turns, words)))
    return [one for one, again in zip(found.values(), _repeated(list(found)), strict=True) if not again]


def _repeated(texts: Sequence[str]) -> Iterator[bool]:
    """Whether each text stands, without marks at its ends, in another. All are searched as one, for there may be
    thousands; a line break, which none of them holds, keeps them apart."""
    every, start = "\n".join(texts), 0
    for text in texts:
        words, end = text.strip(f".{_MARKS}"), start + len(text)
        yield every.find(words, 0, max(0, start - 1)) >= 0 or every.find(words, end + 1) >= 0
        start = end + 1


def line(fact: Fact, turns: Sequence[Turn] = (), words: Words = ENGLISH) -> str:
    """The line of one fact, "" if nothing is left of its words."""
    reading = read(quotes.words(fact.evidence))
    rule = _RULES.get(fact.kind)
    made = rule(fact, reading, words) if rule else ""
    if fact.kind in {FactKind.SYMPTOM, FactKind.HISTORY} and fact.polarity is Polarity.DENIED:
        made = denials.line(fact, turns, words)
    empty = len(reading.words) < _LEAST_WORDS and not (reading.numbers or reading.drugs or reading.concepts)
    return made or ("" if empty else _plain(fact, turns, words))


def _plain(fact: Fact, turns: Sequence[Turn], words: Words) -> str:
    """What was said: the patient's own words in quotation marks, others' after their name; the doctor's own words as a
    record writes them (edge.composing.spoken) and questions that are answered need none."""
    parts: list[str] = []
    before = ""
    kept = quotes.kept(fact.evidence)
    for at, one in enumerate(kept):
        said = readable.clean(one.text)
        if fact.kind in spoken.PLANNED:
            said = said if _ASSENT.fullmatch(said) is None else ""
            said = readable.START.sub(lambda found: found[0].upper(), _LEAD.sub("", said))
        speaker = turns[one.turn].speaker if one.turn < len(turns) else ""
        if speaker == "Doctor" and words.language == "en":
            said = spoken.recorded(said, fact.kind)
        asked = said.endswith(("?", ":")) and at + 1 < len(kept)
        if said:
            parts.append(_by(speaker, said, words, named=speaker != before and not asked, kind=fact.kind))
        before = speaker
    if not parts:
        return ""
    text = parts[0]
    for part in parts[1:]:
        text = f"{text} {part}" if text.endswith(("?", ":")) else f"{text.rstrip('.! ')} – {part}"
    unsure = fact.polarity is Polarity.UNCERTAIN and _HEDGED.search(text) is None
    prefix = words.possible if unsure else ""
    if fact.polarity is Polarity.DENIED and before not in denials.PATIENTS and _is_asked(fact, text):
        prefix = words.denied  # a question whose answer is not there
    if fact.subject is Subject.FAMILY and fact.kind is not FactKind.FAMILY:
        prefix += words.family
    return f"{prefix}{text}{'' if text.rstrip(_MARKS)[-1:] in '.?!' else '.'}"


def _is_asked(fact: Fact, said: str) -> bool:
    """Whether the words of a denied fact ask, with or without a question mark, and deny nothing themselves."""
    asks = fact.kind in _ASKED_KINDS or _ASKING.match(said) is not None
    return asks and denials.NEGATIVE.search(said) is None


def _by(speaker: str, said: str, words: Words, *, named: bool, kind: FactKind) -> str:
    """Words with who said them."""
    if speaker == "Patient":
        return words.own.format(said if said[-1] in ".?!" else f"{said}.")
    if not speaker or not named or (speaker == "Doctor" and _is_record(said, kind, words)):
        return said
    return f"{words.speaker(speaker)}: {said}"


def _is_record(said: str, kind: FactKind, words: Words) -> bool:
    """Whether the doctor's words need no name before them: findings and plans are the doctor's, and in a history what
    speaks to nobody is the record's."""
    if kind in spoken.FOUND or kind in spoken.PLANNED:
        return True
    return words.language == "en" and kind in spoken.TOLD and "?" not in said and spoken.SPEECH.search(said) is None


def _allergy(fact: Fact, reading: TextReading, words: Words) -> str:
    if fact.polarity is Polarity.DENIED:
        names = ", ".join(reading.text[d.start : d.end] for d in reading.drugs)
        if not names and _TO_SOMETHING.search(reading.text) is not None:
            return ""
        if names:
            return words.no_allergy.format(names)
        if allergies.is_reaction(reading):
            return ""
        return words.no_other_allergies if allergies.is_other(reading.text) else words.no_allergies
    if not reading.drugs:
        return ""
    drug = reading.drugs[0]
    name = reading.text[drug.start : drug.end]
    reactions = [reading.text[c.start : c.end] for c in reading.concepts if c.name in _REACTION]
    with_what = f": {', '.join(dict.fromkeys(reactions))}" if reactions else ""
    return f"{name[:1].upper() + name[1:]}{with_what}."


def _family(fact: Fact, reading: TextReading, words: Words) -> str:
    """ "Father: heart attack at 49." of the conditions of one relative; other stories stay as they were told."""
    relatives = [c for c in reading.concepts if c.group == "relative"]
    conditions = [c for c in reading.concepts if c.group == "condition"]
    named = [reading.text[c.start : c.end] for c in conditions]
    if not named or fact.polarity is Polarity.DENIED or len({one.name for one in relatives}) != 1:
        return ""
    first = relatives[0]
    if _OWN.search(reading.text, first.end) is not None or any(_BROKE.fullmatch(one) for one in named):
        return ""  # the patient's own, or an accident
    if len({one.name for one in reading.concepts if one.group == "symptom"}) > 1:
        return ""
    if reading.text[first.end : first.end + 1] == "," or denials.NEGATIVE.search(reading.text) is not None:
        return ""  # somebody is spoken to, or something is not so
    age = re.search(r"\bat (?:age )?([\w-]+)", reading.text)
    numbers = readable.standing(reading) if age is not None else []
    ages = [value for value, start, _ in numbers if age is not None and age.start() < start < age.end()]
    what = ", ".join(dict.fromkeys(named))
    when = words.at.format(ages[0]) if ages else ""
    return f"{words.relative(relatives[0].name)}: {what}{when}."


def _measured(fact: Fact, reading: TextReading, words: Words) -> str:
    labels = [c for c in reading.concepts if c.group == "test"]
    numbers = readable.standing(reading)
    if len(labels) != 1 or not numbers or len(quotes.kept(fact.evidence)) > 1:
        return ""
    label = labels[0]
    others = [
        c
        for c in reading.concepts
        if c.group not in {"word", "body"} and c != label and c.name != "high_blood_pressure"
    ]
    if label.name not in _VALUES or others or _FINDING.search(reading.text) is not None:
        return ""  # what a picture showed, or another finding beside the value
    kind_of = _KIND_BEFORE.search(reading.text, 0, label.start)
    name = reading.text[kind_of.start() if kind_of is not None else label.start : label.end]
    after = [one for one in numbers if one[1] >= label.end]
    if not after or after[0][1] - label.end > _BEHIND_TEST or _SIZE.match(reading.text, after[0][2]) is not None:
        return ""
    value, _, end = after[0]
    value = readable.temperature(value, reading)
    if len(after) > 1 and _PRESSURE.match(reading.text[end : after[1][1]]):
        value, end = f"{value}/{after[1][0]}", after[1][2]
    unit = units.DOSE.match(reading.text, end) or units.WEIGHT.match(reading.text, end)
    if len(after) > (2 if "/" in value else 1):
        return ""  # which number is the value, is for the reader
    word = units.written(unit[1]) if unit else ""
    return f"{name[:1].upper() + name[1:]} {value}{' ' if word and word != '%' else ''}{word}."


def _years(fact: Fact, reading: TextReading, words: Words) -> str:
    """ "54 years old" of a number that is the patient's age (edge.composing.age)."""
    numbers = readable.standing(reading)
    alone = len(numbers) == 1 and numbers[0][1:] == (0, len(reading.text))
    return words.years_old.format(numbers[0][0]) if alone else ""


def _follow_up(fact: Fact, reading: TextReading, words: Words) -> str:
    """ "Follow up in two weeks" of the one time that was named; "" for several, a condition or a habit ("every")."""
    spans: list[tuple[float, int, int]] = []
    for days, _, start, end in durations(reading.text):
        if _REPEATED.search(reading.text, max(0, start - 12), start) is not None:
            return ""
        if spans and start < spans[-1][2]:  # "one to two weeks"
            spans[-1] = (spans[-1][0], spans[-1][1], max(end, spans[-1][2]))
        else:
            spans.append((days, start, end))
    if not spans or any(abs(one[0] - spans[0][0]) > _ALIKE * spans[0][0] for one in spans):
        return ""
    _, start, end = spans[0]
    when = " ".join(reading.text[start:end].split())
    if _IF.search(reading.text, 0, start) is not None or _NO_DATE.match(when) is not None:
        return ""
    return words.follow_up.format(when)


def is_measured(fact: Fact) -> bool:
    """Whether a value stands right behind the name of what was measured ("A1c. Eight point four."): sure, whatever the
    finder's score."""
    if fact.kind not in {FactKind.RESULT, FactKind.VITAL}:
        return False
    reading = read(quotes.words(fact.evidence))
    tests = [one for one in reading.concepts if one.group == "test"]
    return any(0 <= number.start - one.end < _BEHIND_TEST for one in tests for number in reading.numbers)


_RULES: dict[FactKind, Callable[[Fact, TextReading, Words], str]] = {
    FactKind.DEMOGRAPHIC: _years,
    FactKind.MEDICATION: doses.medication,
    FactKind.PLAN_MEDICATION: doses.medication,
    FactKind.ALLERGY: _allergy,
    FactKind.FAMILY: _family,
    FactKind.VITAL: _measured,
    FactKind.RESULT: _measured,
    FactKind.FOLLOW_UP: _follow_up,
}


def prepared(facts: Sequence[Fact], talk: Conversation) -> list[Fact]:
    """The facts as lists need them: the patient's age first; what was said of one drug is one
    (edge.composing.medicines); a question has its answer, or is none."""
    told = [one for one in allergies.denied(talk) if not any(_same_place(one, fact) for fact in facts)]
    told += [*answers.told(facts, talk), *context.sides(facts, talk)]
    ordered = sorted(
        [*(one for one in facts if not context.is_animal(one)), *told], key=lambda one: one.evidence[0].start
    )
    first = age.said(talk)
    whole = [context.to_mark(context.of_patient(one), talk.transcript) for one in ordered]
    asked = [context.with_question(one, talk) for one in _answered(whole, talk.transcript)]
    sided = [context.with_side(context.put_right(one, talk), talk) for one in asked]
    placed = results.joined(context.with_place(sided, talk), talk.transcript)
    taken = [context.with_dose_question(one, talk) for one in medicines.joined(placed, talk)]
    return [*([first] if first else []), *doses.with_units(taken)]


def _same_place(one: Fact, other: Fact) -> bool:
    turns = {quoted.turn for quoted in one.evidence}
    return one.kind is other.kind and any(quoted.turn in turns for quoted in other.evidence)


def _answered(facts: Iterable[Fact], transcript: Transcript) -> Iterator[Fact]:
    """The facts without bare questions: one that somebody else answers in a few words has the answer beside it."""
    for fact in facts:
        last = fact.evidence[-1]
        asked = last.text.rstrip().endswith("?") or _ASKED.match(transcript.source, last.end) is not None
        turn = transcript.turns[last.turn]
        denied = (
            fact.polarity is Polarity.DENIED and turn.speaker not in denials.PATIENTS and _is_asked(fact, last.text)
        )
        if len(fact.evidence) > 1 or not (asked or denied):
            yield fact
            continue
        answer = transcript.turns[last.turn + 1] if last.turn + 1 < len(transcript.turns) else turn
        if answer.speaker != turn.speaker and len(answer.text.split()) <= _ANSWER:
            yield replace(fact, evidence=(last, quote(transcript, last.turn + 1)))
        elif answer.speaker != turn.speaker and denied:
            yield replace(fact, evidence=(last, _begin(transcript, last.turn + 1)))
        elif denied and not asked:
            yield fact


def _begin(transcript: Transcript, turn: int) -> Quote:
    """The first words of a long answer."""
    said = transcript.turns[turn]
    found = _FIRST_WORDS.match(transcript.source, said.start, said.end)
    end = found.end() if found is not None else said.end
    return Quote(turn, said.start, end, transcript.source[said.start : end])
