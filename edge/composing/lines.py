"""Facts as lines of a note, without a language model: medications, allergies, family, vitals, results, orders.

Every line is made of one fact and of nothing else, so that it has its source by construction: names by the lexicon,
values as they stand after corrections ("twenty, no, forty" is 40), and where no rule fits the words as they were said,
without fillers: the patient's in quotation marks, others' after their name. A unit is written only where one was said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from edge.composing import age, allergies, answers, context, medicines, readable, results, spoken
from edge.composing.words import Words
from edge.composing.words import words as words_in
from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.contract.transcript import Transcript, Turn
from edge.evidence.checks.duration import durations
from edge.evidence.checks.frequency import frequencies
from edge.evidence.conversation import Conversation
from edge.evidence.links import quote
from edge.evidence.reading import TextReading, read, sentences
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
_ACTION_BEFORE = 50  # characters between a word of change and the name that it is about
_LEAST_WORDS = 3  # of a line that names nothing; fewer say nothing alone
_ON_DAY = re.compile(r"on \w+day", re.IGNORECASE)  # one day, but of drugs that are taken once a week
_WEEKLY = frozenset({"methotrexate", "alendronate", "risedronate", "semaglutide", "dulaglutide", "ergocalciferol"})
# What a plan does not do, or only under a condition.
_NOT_DONE = re.compile(
    r"\b(?:was going to|were going to|wouldn't|rather not|no plans? to|not (?:now|today|yet)\b|"
    r"(?:never|not|don't|won't|can't|wo n't|do n't|ca n't) (?:\w+ ){0,4}"
    r"(?:raise|increase|bump|change|start|stop|add|go up))\b",
    re.IGNORECASE,
)
_GIVEN = re.compile(
    r"\b(?:(?:is|was|are|were|been) (?:already )?(?:done|given)|(?:i|we|she|he|they) (?:already )?gave you|"
    r"wurde gegeben)\b",
    re.IGNORECASE,
)
_CONDITIONAL = re.compile(
    r"^(?:\W|and|so|but|then)*(?:then we(?:'d| would)|if|in case|maybe|we (?:could|might|may)|whether)\b", re.IGNORECASE
)
_OR = re.compile(r"\W*(?:or|oder)\b", re.IGNORECASE)
_DASH = " – "  # between quotes that do not follow one another
_MARKS = "“”„"  # around the patient's own words
_ACTIONS = (
    (
        "stop",
        r"(?<!then )(?<!then just )(?<!not )(?<!n't )"
        r"\b(?:stop(?! them\b)|discontinue|quit|come off|off of|get rid of|no more|absetzen)\b",
    ),
    ("increase", r"\b(?:increas\w*|go up|bump\w*|rais\w*|up to|higher|erhöh\w*)\b"),
    ("decrease", r"\b(?:decreas\w*|reduc\w*|lower\w*|cut|cutting|go down|comes down|half of|senken|reduzier\w*)\b"),
    ("continue", r"\b(?:continue|keep|stay on|same|refill|leave|weiter)\b"),
    (
        "start",
        r"\b(?:start|begin|add|put you on|prescribe|try|send in|call in|give you|new|beginnen|"
        r"want you (?:to take|on))\b",
    ),
)
_TIMES = re.compile(
    r"\b(?:in the mornings?|every morning|at (?:bedtime|night)|before bed|nightly|in the evenings?|every evening|"
    r"with (?:food|breakfast|dinner)|"
    r"as needed|when needed|prn)\b",
    re.IGNORECASE,
)
_DAYTIME = re.compile(r".*(?:morning|night|evening|bed).*|nightly", re.IGNORECASE)
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
_TO = frozenset({"increase", "decrease"})  # actions that lead to a dose
_PER_BEFORE = re.compile(r"\b(?:per|pro)\s*$", re.IGNORECASE)
_PER_BEHIND = re.compile(r"\s*(?:per|pro|in (?:each|every))\b", re.IGNORECASE)
_SALT = re.compile(
    r" (?:sulfate|sulphate|succinate|tartrate|hydrochloride|besylate|citrate|acetate|sodium|fumarate|gluconate|"
    r"hctz|valsartan)\b",
    re.IGNORECASE,
)
_YEARS = range(1950, 2100)
_LEAST_BARE = 5  # a smaller number beside a drug without a unit counts tablets or times
_AGE_BEFORE = re.compile(
    r"\b(?:(?:when|until|till|since|before) (?:i|he|she|you|they) (?:was|were|turned)|age(?: of)?|aged|als ich|mit) $",
    re.IGNORECASE,
)
_TAKEN_BEFORE = re.compile(r"\b(?:it's|it is|take|taking) (?:the |an? |about )?$", re.IGNORECASE)
_CLOCK = re.compile(  # "at two in the morning" is no time of taking
    r"\b(?:at|um) (?:\d[\d:]*|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)(?: o'clock)? $",
    re.IGNORECASE,
)
_ALIKE = 8  # times that one dose of a drug may be another
_SIZE = re.compile(  # of what a picture shows, or of time
    r"[ -]*(?:times|minutes?|hours?|days?|weeks?|months?|years?|centimeters?|millimeters?|cm|mm|inch(?:es)?)\b",
    re.IGNORECASE,
)
_BEHIND_TEST = 35  # characters between a test's name and its value
_BESIDE = 30  # characters between a drug's name and a dose without a unit
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
    reading = read(_said(fact.evidence))
    rule = _RULES.get(fact.kind)
    if fact.kind in {FactKind.SYMPTOM, FactKind.HISTORY} and fact.polarity is Polarity.DENIED:
        rule = _denied
    made = rule(fact, reading, words) if rule else ""
    empty = len(reading.words) < _LEAST_WORDS and not (reading.numbers or reading.drugs or reading.concepts)
    return made or ("" if empty else _plain(fact, turns, words))


def kept(fact: Fact) -> list[Quote]:
    """The quotes that a line is made of, in order of place."""
    return _kept(fact.evidence)


def _said(quotes: Sequence[Quote]) -> str:
    """The words of the quotes, a dash between two that do not follow one another in a turn."""
    return _DASH.join(one.text for one in _kept(quotes))


def _kept(quotes: Sequence[Quote]) -> list[Quote]:
    """The quotes in order of place, each once, one that lies within another left out, and a unit alone."""
    quotes = [one for one in quotes if units.DOSE.fullmatch(one.text) is None]
    kept = {
        (one.start, one.end): one for one in quotes if not any(one != other and within(one, other) for other in quotes)
    }
    return [kept[place] for place in sorted(kept)]


def within(one: Quote, other: Quote) -> bool:
    """Whether a quote stands in another, or is the same."""
    return other.start <= one.start and one.end <= other.end


def _plain(fact: Fact, turns: Sequence[Turn], words: Words) -> str:
    """What was said: the patient's own words in quotation marks, others' after their name; the doctor's own words as a
    record writes them (edge.composing.spoken) and questions that are answered need none."""
    parts: list[str] = []
    before = ""
    kept = _kept(fact.evidence)
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


def _dose(reading: TextReading) -> str:
    """The last number before a unit that stands, its volume behind it ("720 mg (9 mL)"), or the last bare one
    beside the drug's name or in later words about it, without a unit; "" where it was asked ("is it ten or …?")."""
    numbers = [one for one in readable.standing(reading) if not _is_strength(reading.text, one[1], one[2])]
    doses: dict[bool, str] = {}  # whether it is a volume
    for value, _, end in reversed(numbers):
        unit = units.DOSE.match(reading.text, end)
        if unit is not None and not _is_strength(reading.text, unit.start(), unit.end()):
            name = units.written(unit[1])
            doses.setdefault(name == "mL", f"{value} {name}")
    if doses:
        volume = f" ({doses[True]})" if len(doses) == 2 else doses.get(True, "")
        return doses.get(False, "") + volume
    bare = [one for one in numbers if not _counts(reading, one[1]) and not _is_age(reading.text, one[1])]
    bare = [one for one in bare if readable.least(one[0]) >= _LEAST_BARE and readable.least(one[0]) not in _YEARS]
    near = [one for one in bare if _beside_drug(reading, one[1], one[2])]
    if near and _DASH in reading.text[near[-1][2] : bare[-1][1]]:
        return bare[-1][0]
    return near[-1][0] if near and _OR.match(reading.text, near[-1][2]) is None else ""


def _is_strength(text: str, start: int, end: int) -> bool:
    """Whether a number is part of a strength and no dose: "400 per 5 mL"."""
    return _PER_BEHIND.match(text, end) is not None or _PER_BEFORE.search(text[max(0, start - 8) : start]) is not None


def _days(reading: TextReading, words: Words) -> str:
    """How long a drug is to be taken: "for 10 days"."""
    text = readable.figures(reading.text[reading.drugs[0].start :])  # what stands before the name is about another one
    said = [text[start:end] for _, unit, start, end in durations(text) if unit in {"day", "week"}]
    kept = [one for one in said if re.match(r"\d|[a-z]+\b", one) and not re.match(r"(?:a|per|each|every|one)\b", one)]
    return words.for_.format(kept[-1]) if kept else ""


def _is_age(text: str, start: int) -> bool:
    """Whether a number says when in life: "when I was twenty"."""
    return _AGE_BEFORE.search(text, max(0, start - 30), start) is not None


def _beside_drug(reading: TextReading, start: int, end: int) -> bool:
    """Whether a bare number stands right behind or before a drug's name ("lisinopril, the twenty") or behind a word of
    taking ("it's a hundred"); no pressure."""
    if _PRESSURE.match(reading.text[end : end + 6] + " ") or re.match(
        r" ?(?:over|/|zu)\b", reading.text[end : end + 6]
    ):
        return False
    if len({one.generic for one in reading.drugs}) == 1 and _TAKEN_BEFORE.search(reading.text, 0, start) is not None:
        return True
    return any(0 <= start - d.end < _BESIDE or 0 <= d.start - end < 12 for d in reading.drugs)


def _counts(reading: TextReading, start: int) -> bool:
    """Whether a number counts times, days or pieces."""
    after = reading.text[start : start + 40]
    return (
        re.match(
            r"[\w-]+(?: [\w-]+)?\s+(?:times|days?|weeks?|months?|years?|hours?|minutes?|tablets?|pills?|"
            r"puffs?|pounds?|degrees|o'clock|of the)\b",
            after,
        )
        is not None
    )


def _medication(fact: Fact, reading: TextReading, words: Words) -> str:
    if not reading.drugs or len({drug.generic for drug in reading.drugs}) > 1:
        return ""  # whose dose it is, is for the reader
    if fact.kind is FactKind.PLAN_MEDICATION:
        if _NOT_DONE.search(reading.text) is not None:
            return ""
        reading = _unconditional(reading)
    drug = reading.drugs[0]
    salt = _SALT.match(reading.text, drug.end)
    name = reading.text[drug.start : salt.end() if salt else drug.end]
    name = name[:1].upper() + name[1:]
    lone = next((units.written(one.text) for one in fact.evidence if units.DOSE.fullmatch(one.text)), "")
    taken = _taken(reading, words, lone)
    if taken and _has_others_dose(reading, drug.end):
        return ""
    text = f"{name} {taken}".strip()
    if fact.time in {Time.STOPPED, Time.PAST} and fact.kind is FactKind.MEDICATION:
        reasons = [reading.text[c.start : c.end] for c in reading.concepts if c.group == "symptom"]
        why = f" ({', '.join(_longest(reasons))})" if reasons else ""
        text = f"{name} {_dose(reading)}".strip() if fact.time is Time.STOPPED else text
        return (words.stopped if fact.time is Time.STOPPED else words.took).format(text, why)
    if fact.polarity is Polarity.DENIED:
        return words.not_taken.format(text) if fact.kind is FactKind.MEDICATION else ""
    if fact.kind is FactKind.PLAN_MEDICATION and _GIVEN.search(reading.text) is not None:
        return words.given.format(text)
    if fact.kind is FactKind.PLAN_MEDICATION:
        taken = f"{taken} {_days(reading, words)}".strip()
        action = _action(reading)
        if not action or (action == "plan" and not taken):
            return ""  # a bare name, or a stop and a start, say less than what was said
        taken = "" if action == "stop" else taken
        pattern = words.actions[f"{action}_to" if action in _TO and taken[:1].isdigit() else action]
        return " ".join(pattern.format(name, taken).split()).replace(" .", ".")
    return f"{text}."


def _unconditional(reading: TextReading) -> TextReading:
    """The words without the sentences behind the drug's name that hold only under a condition."""
    kept = [
        reading.text[start:end]
        for start, end in sentences(reading.text)
        if start <= reading.drugs[0].start or _CONDITIONAL.search(reading.text[start:end]) is None
    ]
    return reading if len(kept) == len(sentences(reading.text)) else read("".join(kept))


def _has_others_dose(reading: TextReading, end: int) -> bool:
    """Whether a substance that the lexicon lacks is named behind the drug, with a number behind it, whose dose it may
    be: "ondansetron, and magnesium four hundred milligrams"."""
    named = medicines.other().search(reading.text, end)
    return named is not None and any(0 <= start - named.end() < _BESIDE for _, start, _ in readable.standing(reading))


def _action(reading: TextReading) -> str:
    """What is to be done with the one drug of a text: the word before its name, else the first behind it; "plan" if
    nobody said, "" if it was named with several."""
    said = sorted(
        (found.start(), name) for name, words in _ACTIONS for found in re.finditer(words, reading.text, re.IGNORECASE)
    )
    before: set[str] = set()
    for drug in reading.drugs:
        near = [name for at, name in said if drug.start - _ACTION_BEFORE <= at < drug.start]
        before |= set(near[-1:])
    if len(before) > 1:
        return ""
    behind = [name for at, name in said if at >= reading.drugs[0].end]
    return next(iter(before), behind[0] if behind else "plan")


def _taken(reading: TextReading, words: Words, unit: str = "") -> str:
    """Dose, how often, when: "40 mg twice daily". unit: of a dose without one."""
    text = reading.text
    often = any(drug.generic in _WEEKLY for drug in reading.drugs)
    ways = [
        one
        for one in frequencies(text)
        if not _is_clock(text, *one[:2]) and (often or not _ON_DAY.fullmatch(text, *one[:2]))
    ]
    said = [one for one in _TIMES.finditer(text) if not _is_clock(text, *one.span())]
    when = [one[0] for one in said if _DAYTIME.fullmatch(one[0])][-1:]
    need = [one[0] for one in said if not _DAYTIME.fullmatch(one[0])][-1:]
    if ways and ways[-1][2] in {"2", "3", "4"}:
        when = []  # "twice a day" and "in the morning" are two doses
    dose = _dose(reading)
    parts = [f"{dose} {unit}" if dose.replace(".", "").isdecimal() and unit else dose]
    parts += [words.ways[ways[-1][2]]] if ways and not ((when or need) and ways[-1][2] == "1") else []
    parts += [one.casefold() for one in (*when, *need)]
    return " ".join(part for part in parts if part)


def _is_clock(text: str, start: int, end: int) -> bool:
    """Whether a time of day belongs to a time of the clock."""
    return (
        _DAYTIME.fullmatch(text[start:end]) is not None and _CLOCK.search(text, max(0, start - 20), start) is not None
    )


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
    if len(labels) != 1 or not numbers or len(_kept(fact.evidence)) > 1:
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
        return words.denies.format(", ".join(_longest([_lower(name, words) for name in named])))
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
    reading = read(_said(fact.evidence))
    tests = [one for one in reading.concepts if one.group == "test"]
    return any(0 <= number.start - one.end < _BEHIND_TEST for one in tests for number in reading.numbers)


def _noun(text: str, concept: ConceptSpan, words: Words) -> str:
    """A name as it was said, or the concept's where one short word was said alone: "numb" is numbness. English."""
    said = text[concept.start : concept.end]
    alone = said.isalpha() and _ALONE.match(text, concept.end) is not None
    short = len(said) < len(concept.name) and "_" not in concept.name
    return concept.name if words.language == "en" and alone and short else said


def _longest(names: Sequence[str]) -> list[str]:
    """The names, each once, without those that stand in another."""
    return [one for one in dict.fromkeys(names) if not any(one != other and one in other for other in names)]


def is_plain_denial(fact: Fact) -> bool:
    """Whether a symptom was asked for and denied with no and nothing else: sure, whatever the finder's score."""
    asked = fact.kind is FactKind.SYMPTOM and fact.polarity is Polarity.DENIED and len(fact.evidence) > 1
    return asked and any(_BARE_NO.fullmatch(one.text.strip()) for one in fact.evidence)


def _lower(name: str, words: Words) -> str:
    """A word inside a sentence; German nouns keep their capital."""
    return name if words.language == "de" else name.casefold()


_RULES: dict[FactKind, Callable[[Fact, TextReading, Words], str]] = {
    FactKind.DEMOGRAPHIC: _years,
    FactKind.MEDICATION: _medication,
    FactKind.PLAN_MEDICATION: _medication,
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
    return [*([first] if first else []), *with_units(taken)]


def with_units(facts: Sequence[Fact]) -> list[Fact]:
    """The facts, a bare dose with the unit that was said of the same drug elsewhere as a quote of its own, if it was
    always the same one and the doses are of a size: "furosemide, forty milligrams … cut it to twenty"."""
    said: dict[str, list[tuple[str, float, Quote]]] = {}
    for fact in facts:
        if fact.kind in medicines.DRUG_KINDS and (generic := medicines.only_drug(fact)):
            said.setdefault(generic, []).extend(_doses_said(fact))
    return [_with_unit(fact, said.get(medicines.only_drug(fact), ())) for fact in facts]


def _doses_said(fact: Fact) -> Iterator[tuple[str, float, Quote]]:
    """(unit, value, the unit's words) of every dose with a unit right behind the drug's name, or in a few words that
    name nothing else."""
    for one in fact.evidence:
        reading = read(one.text)
        few = not reading.drugs and medicines.only_dose(one.text)
        for number, first, end in readable.standing(reading):
            unit = units.DOSE.match(one.text, end)
            if unit is not None and (few or any(0 <= first - drug.end < _BESIDE for drug in reading.drugs)):
                place = replace(one, start=one.start + unit.start(1), end=one.start + unit.end(1), text=unit[1])
                yield units.written(unit[1]), readable.least(number), place


def _with_unit(fact: Fact, said: Sequence[tuple[str, float, Quote]]) -> Fact:
    units = {unit for unit, _, _ in said}
    if len(units) != 1 or units == {"mL"} or any(True for _ in _doses_said(fact)):
        return fact
    dose = _dose(read(_said(fact.evidence)))
    if not dose.replace(".", "").isdecimal():
        return fact
    alike = [quoted for _, value, quoted in said if value / _ALIKE <= readable.least(dose) <= value * _ALIKE]
    return replace(fact, evidence=(*fact.evidence, alike[0])) if alike else fact


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
