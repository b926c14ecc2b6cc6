"""What is taken, as a line: a drug with its dose, how often and for how long, what is to be done with it, or that it
was stopped or given.

A number is a dose only if it stands beside the drug and nothing else can be meant; a unit is written only where one was
said of the same drug.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from edge.composing import amounts, medicines, quotes, readable, unclear
from edge.composing.words import Words
from edge.contract.facts import Fact, FactKind, Polarity, Quote, Time
from edge.evidence.checks.duration import durations
from edge.evidence.checks.frequency import frequencies
from edge.evidence.reading import TextReading, read, sentences
from edge.terms import units

_ACTION_BEFORE = 50  # characters between a word of change and the name that it is about
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
_TAKEN_FOR = re.compile(r"\b(?:for|against|gegen) (?:the |my |your |his |her |die |den |das )?$", re.IGNORECASE)
_CAUSED = re.compile(  # "it gave me horrible nightmares"
    r"\b(?:it|that|which) (?:just |really |always |also )?(?:gave|gives|made|makes) (?:me|him|her|you) "
    r"(?:the |a |an |some |so |really |very )?(?!(?:stop|quit|go|come|want|take|think|change|feel like|it|this|that|"
    r"prescri)\w*)([^\W\d_][^.,;:?!–…]{2,40}?)(?= (?:and|so|but|when|i|he|she|until|for)\b| ?[.,;:?!–…]|$)",
    re.IGNORECASE,
)
_NOT_OF_TAKING = re.compile(  # a denial of something else: that it helps, that it is needed, that all of it was taken
    r"\b(?:help\w*|work\w*|need\w*|nothing|take care of|enough|reliev\w*|touch\w*|"
    r"i(?:'ve| have)? (?:also |just |been )*(?:took|take|taking)|hilft|geholfen|wirkt)\b",
    re.IGNORECASE,
)
_CONDITIONAL = re.compile(
    r"^(?:\W|and|so|but|then)*(?:then we(?:'d| would)|if|in case|maybe|we (?:could|might|may)|whether)\b", re.IGNORECASE
)
_ACTIONS = (
    (
        "stop",
        r"(?<!then )(?<!then just )(?<!not )(?<!n't )"
        r"\b(?:stop(?! them\b)|discontinue|quit|come off|off of|"
        r"(?:keep|stay|be) (?:(?:her|him|them|you) )?(?:off|away from)|"
        r"get rid of|no more(?! than| on)|absetzen)\b",
    ),
    ("increase", r"\b(?:increas\w*|go up|bump\w*|rais\w*|up to|higher|erhöh\w*)\b"),
    ("decrease", r"\b(?:decreas\w*|reduc\w*|lower\w*|cut|cutting|go down|comes down|half of|senken|reduzier\w*)\b"),
    ("continue", r"\b(?:continue|keep(?! (?:(?:her|him|them|you) )?(?:off|away))|stay on|same|refill|leave|weiter)\b"),
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
_TO = frozenset({"increase", "decrease"})  # actions that lead to a dose
_NONE_OF = re.compile(r"\b(?:no(?: more)?|not|never|without|kein\w*|ohne) (?:the |any )?$", re.IGNORECASE)
_POINT_IN_TIME = re.compile(r"\b(?:at|until|till|by|in|after|bis|ab|nach) $", re.IGNORECASE)  # "until 37 weeks"
_SALT = re.compile(
    r" (?:sulfate|sulphate|succinate|tartrate|hydrochloride|besylate|citrate|acetate|sodium|fumarate|gluconate|"
    r"hctz|valsartan)\b",
    re.IGNORECASE,
)
_CLOCK = re.compile(  # "at two in the morning" is no time of taking
    r"\b(?:at|um) (?:\d[\d:]*|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)(?: o'clock)? $",
    re.IGNORECASE,
)
_ALIKE = 8  # times that one dose of a drug may be another


def _days(reading: TextReading, words: Words) -> str:
    """How long a drug is to be taken: "for 10 days"."""
    text = readable.figures(reading.text[reading.drugs[0].start :])  # what stands before the name is about another one
    spans = [(start, end) for _, unit, start, end in durations(text) if unit in {"day", "week"}]
    said = [text[start:end] for start, end in spans if _POINT_IN_TIME.search(text, max(0, start - 8), start) is None]
    kept = [one for one in said if re.match(r"\d|[a-z]+\b", one) and not re.match(r"(?:a|per|each|every|one)\b", one)]
    return words.for_.format(kept[-1]) if kept else ""


def medication(fact: Fact, reading: TextReading, words: Words) -> str:
    if len(reading.text) > unclear.LONGEST:
        return ""
    if len({drug.generic for drug in reading.drugs}) != 1 or medicines.is_level(reading.text, reading.drugs[0]):
        return ""  # whose dose it is, is for the reader
    if fact.kind is FactKind.PLAN_MEDICATION:
        if fact.time is Time.CONDITIONAL or _NOT_DONE.search(reading.text) is not None:
            return ""
        reading = _unconditional(reading)
    drug = reading.drugs[0]
    if fact.kind is FactKind.PLAN_MEDICATION and _NONE_OF.search(reading.text, max(0, drug.start - 12), drug.start):
        return ""
    salt = _SALT.match(reading.text, drug.end)
    name = reading.text[drug.start : salt.end() if salt else drug.end]
    name = name[:1].upper() + name[1:].removesuffix("'s")
    lone = next((units.written(one.text) for one in fact.evidence if units.DOSE.fullmatch(one.text)), "")
    taken = _taken(reading, words, lone)
    if taken and unclear.may_be_others(reading, drug):
        return ""
    planned = fact.kind is FactKind.PLAN_MEDICATION
    is_unclear = (planned or bool(taken)) and unclear.is_unclear(reading, drug, planned)
    if fact.time in {Time.STOPPED, Time.PAST} and fact.kind is FactKind.MEDICATION:
        return _ended(fact, reading, words, name, "" if is_unclear else taken)
    if fact.polarity is Polarity.DENIED:
        not_taken = fact.kind is FactKind.MEDICATION and _NOT_OF_TAKING.search(reading.text) is None
        return words.not_taken.format(name) if not_taken else ""
    if is_unclear:
        return ""
    if fact.kind is FactKind.PLAN_MEDICATION:
        return _planned(reading, words, name, taken)
    return f"{f'{name} {taken}'.strip()}."


def _ended(fact: Fact, reading: TextReading, words: Words, name: str, taken: str) -> str:
    """A drug that was stopped, with the complaints that are named with it, or that was taken once."""
    start = reading.text.rfind(quotes.DASH, 0, reading.drugs[0].start) + 1
    end = reading.text.find(quotes.DASH, start)  # of the quote that names the drug
    alone = medicines.other().search(reading.text, start, end if end >= 0 else len(reading.text)) is None
    reasons = _reasons(reading) if alone else []
    why = f" ({', '.join(readable.longest(reasons))})" if reasons else ""
    if fact.time is Time.PAST:
        return words.took.format(f"{name} {taken}".strip(), why)
    return words.stopped.format(f"{name} {amounts.dose(reading) if taken else ''}".strip(), why)


def _reasons(reading: TextReading) -> list[str]:
    """What a drug did, as it was said, else the complaints that are named with it and that it was not taken for."""
    if (caused := _CAUSED.search(reading.text)) is not None:
        return [caused[1]]
    named = [one for one in reading.concepts if one.group == "symptom"]
    against = [one for one in named if _TAKEN_FOR.search(reading.text, max(0, one.start - 12), one.start) is not None]
    return [reading.text[one.start : one.end] for one in named if one not in against]


def _planned(reading: TextReading, words: Words, name: str, taken: str) -> str:
    """What is to be done with a drug; "" where a line would say less than what was said."""
    if _GIVEN.search(reading.text) is not None:
        return words.given.format(f"{name} {taken}".strip())
    action = _action(reading)
    if not action or (action == "plan" and not taken):
        return ""  # a bare name, or a stop and a start
    if action in _TO and not taken[:1].isdigit():
        return ""  # more or less of it, but how much, is for the reader
    taken = "" if action == "stop" else f"{taken} {_days(reading, words)}".strip()
    pattern = words.actions[f"{action}_to" if action in _TO else action]
    return " ".join(pattern.format(name, taken).split()).replace(" .", ".")


def _unconditional(reading: TextReading) -> TextReading:
    """The words without the sentences behind the drug's name that hold only under a condition."""
    kept = [
        reading.text[start:end]
        for start, end in sentences(reading.text)
        if start <= reading.drugs[0].start or _CONDITIONAL.search(reading.text[start:end]) is None
    ]
    return reading if len(kept) == len(sentences(reading.text)) else read("".join(kept))


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
    dose = amounts.dose(reading)
    parts = [f"{dose} {unit}" if dose.replace(".", "").isdecimal() and unit else dose]
    parts += [words.ways[ways[-1][2]]] if ways and not ((when or need) and ways[-1][2] == "1") else []
    parts += [one.casefold() for one in (*when, *need)]
    return " ".join(part for part in parts if part)


def _is_clock(text: str, start: int, end: int) -> bool:
    """Whether a time of day belongs to a time of the clock."""
    return (
        _DAYTIME.fullmatch(text[start:end]) is not None and _CLOCK.search(text, max(0, start - 20), start) is not None
    )


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
            if unit is not None and (few or any(0 <= first - drug.end < amounts.BESIDE for drug in reading.drugs)):
                place = replace(one, start=one.start + unit.start(1), end=one.start + unit.end(1), text=unit[1])
                yield units.written(unit[1]), readable.least(number), place


def _with_unit(fact: Fact, said: Sequence[tuple[str, float, Quote]]) -> Fact:
    units = {unit for unit, _, _ in said}
    if len(units) != 1 or units == {"mL"} or any(True for _ in _doses_said(fact)):
        return fact
    dose = amounts.dose(read(quotes.words(fact.evidence)))
    if not dose.replace(".", "").isdecimal():
        return fact
    alike = [quoted for _, value, quoted in said if value / _ALIKE <= readable.least(dose) <= value * _ALIKE]
    return replace(fact, evidence=(*fact.evidence, alike[0])) if alike else fact
