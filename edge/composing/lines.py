"""Facts as lines of a note, without a language model: medications, allergies, family, vitals, results, orders.

Every line is made of one fact and of nothing else, so that it has its source by construction: names by the lexicon,
values as they stand after corrections ("twenty, no, forty" is 40), and where no rule fits the words as they were said,
without fillers: the patient's in quotation marks, others' after their name. A unit is written only where one was said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from edge.composing import age, allergies, answers, context, doses, medicines, quotes, readable, results, spoken
from edge.composing.words import Words
from edge.composing.words import words as words_in
from edge.contract.facts import Fact, FactKind, Polarity, Subject
from edge.contract.transcript import Transcript, Turn
from edge.evidence.checks.duration import durations
from edge.evidence.conversation import Conversation
from edge.evidence.links import quote
from edge.evidence.reading import TextReading, read
from edge.terms import units
from edge.terms.concepts import ConceptSpan

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
_ITEMS = re.compile(r",\s*(?:or\s+|and\s+)?|\s+(?:or|and|oder|und)\s+", re.IGNORECASE)
_BUT = re.compile(r"\b(?:but|except|only|aber|außer|nur)\b", re.IGNORECASE)
_ANY = re.compile(r"(?:(?:and|or|okay|so|und|oder)[, ]+)*(?:any|irgendwelche) ([^?!.]{3,120})\?", re.IGNORECASE)
_LIST = re.compile(r"([^?!.]{3,120})\?")
_ALONE = re.compile(r"\s*(?:[,.?!;–]|or\b|and\b|$)", re.IGNORECASE)
_CLAUSE = re.compile(r"\b(?:do|does|did|is|are|was|were|have|has|had|can|ist|sind|haben|hat)\b", re.IGNORECASE)
_YOUR = re.compile(r"\byour\b", re.IGNORECASE)
_BARE_NO = re.compile(
    r"(?:(?:no|nope|nah|none|nothing|neither|not at all|never|nein|nee|keine?)[\s,.!]*)+", re.IGNORECASE
)
_TO_SOMETHING = re.compile(r"\b(?:allerg\w*|react\w*) (?:to|gegen|auf) (?!any|medic|drug|medikament)", re.IGNORECASE)
_SIZE = re.compile(  # of what a picture shows, or of time
    r"[ -]*(?:times|minutes?|hours?|days?|weeks?|months?|years?|centimeters?|millimeters?|cm|mm|inch(?:es)?)\b",
    re.IGNORECASE,
)
_BEHIND_TEST = 35  # characters between a test's name and its value
_REACTION = frozenset(
    {"hives", "rash", "anaphylaxis", "edema", "itching", "dyspnea", "nausea", "vomiting", "diarrhea", "cough"}
)
_PRESSURE = re.compile(r"\s*(?:over|/|zu)\s*$", re.IGNORECASE)


_ASKED = re.compile(r"[\w ,]{0,12}\?")
_ANSWER = 15  # words of an answer that is shown beside its question


_NEGATIVE = re.compile(
    r"\b(?:no|not|none|never|nothing|nope|without|neither|nor|negative|kein\w*|nicht|nie|nein|ohne)\b|n't\b",
    re.IGNORECASE,
)


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
    if fact.kind in {FactKind.SYMPTOM, FactKind.HISTORY} and fact.polarity is Polarity.DENIED:
        rule = _denied
    made = rule(fact, reading, words) if rule else ""
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
    prefix = words.possible if fact.polarity is Polarity.UNCERTAIN else ""
    if fact.polarity is Polarity.DENIED and fact.kind not in spoken.PLANNED and _NEGATIVE.search(text) is None:
        prefix = words.denied
    if fact.subject is Subject.FAMILY and fact.kind is not FactKind.FAMILY:
        prefix += words.family
    return f"{prefix}{text}{'' if text.rstrip(_MARKS)[-1:] in '.?!' else '.'}"


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
        return words.no_other_allergies if allergies.is_other(reading.text) else words.no_allergies
    if not reading.drugs:
        return ""
    drug = reading.drugs[0]
    name = reading.text[drug.start : drug.end]
    reactions = [reading.text[c.start : c.end] for c in reading.concepts if c.name in _REACTION]
    with_what = f": {', '.join(dict.fromkeys(reactions))}" if reactions else ""
    return f"{name[:1].upper() + name[1:]}{with_what}."


def _family(fact: Fact, reading: TextReading, words: Words) -> str:
    relatives = [c for c in reading.concepts if c.group == "relative"]
    named = [reading.text[c.start : c.end] for c in reading.concepts if c.group in {"condition", "symptom"}]
    if not named or fact.polarity is Polarity.DENIED or len({one.name for one in relatives}) != 1:
        return ""
    first = relatives[0]
    if reading.text[first.end : first.end + 1] == "," or _NEGATIVE.search(reading.text) is not None:
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
    name = reading.text[labels[0].start : labels[0].end]
    after = [one for one in numbers if one[1] >= labels[0].end]
    if not after or after[0][1] - labels[0].end > _BEHIND_TEST or _SIZE.match(reading.text, after[0][2]) is not None:
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
    spans = durations(reading.text)
    if not spans:
        return ""
    start, end = spans[0][2], spans[0][3]
    return words.follow_up.format(" ".join(reading.text[start:end].split()))


def _denied(fact: Fact, reading: TextReading, words: Words) -> str:
    """ "Any chest pain, sweats?" "No." is "Denies chest pain, sweats."; what an answer adds is no part of it."""
    asked, dash, answer = reading.text.partition(" – ")
    concepts = [
        c for c in reading.concepts if c.group in {"symptom", "condition"} and (not dash or c.end <= len(asked))
    ]
    first = {c.name: c for c in reversed(concepts)}  # each once, as it was said first
    named = [words.terms.get(c.name) or _noun(reading.text, c, words) for c in reversed(first.values())]
    if concepts and len(concepts) >= len(_ITEMS.split(asked)) and _BUT.search(reading.text) is None:
        return words.denies.format(", ".join(doses.longest([_lower(name, words) for name in named])))
    pattern = _LIST if concepts and concepts[0].start == 0 else _ANY
    found = pattern.fullmatch(asked.strip()) if _BARE_NO.fullmatch(answer.strip()) else None
    if found is None or _CLAUSE.search(found[1]) is not None:
        return ""  # the words as they were said
    listed = _YOUR.sub("the", readable.figures(found[1]))
    return words.denies.format(listed[:1].lower() + listed[1:] if words.language == "en" else listed)


def is_measured(fact: Fact) -> bool:
    """Whether a value stands right behind the name of what was measured ("A1c. Eight point four."): sure, whatever the
    finder's score."""
    if fact.kind not in {FactKind.RESULT, FactKind.VITAL}:
        return False
    reading = read(quotes.words(fact.evidence))
    tests = [one for one in reading.concepts if one.group == "test"]
    return any(0 <= number.start - one.end < _BEHIND_TEST for one in tests for number in reading.numbers)


def _noun(text: str, concept: ConceptSpan, words: Words) -> str:
    """A name as it was said, or the concept's where one short word was said alone: "numb" is numbness. English."""
    said = text[concept.start : concept.end]
    alone = said.isalpha() and _ALONE.match(text, concept.end) is not None
    short = len(said) < len(concept.name) and "_" not in concept.name
    return concept.name if words.language == "en" and alone and short else said


def is_plain_denial(fact: Fact) -> bool:
    """Whether a symptom was asked for and denied with no and nothing else: sure, whatever the finder's score."""
    asked = fact.kind is FactKind.SYMPTOM and fact.polarity is Polarity.DENIED and len(fact.evidence) > 1
    return asked and any(_BARE_NO.fullmatch(one.text.strip()) for one in fact.evidence)


def _lower(name: str, words: Words) -> str:
    """A word inside a sentence; German nouns keep their capital."""
    return name if words.language == "de" else name.casefold()


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
        if len(fact.evidence) > 1 or not asked:
            yield fact
        elif last.turn + 1 < len(transcript.turns):
            turn, answer = transcript.turns[last.turn], transcript.turns[last.turn + 1]
            if answer.speaker != turn.speaker and len(answer.text.split()) <= _ANSWER:
                yield replace(fact, evidence=(last, quote(transcript, last.turn + 1)))
