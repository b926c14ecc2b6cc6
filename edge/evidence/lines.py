"""Facts as lines of a note, without a language model: medications, allergies, family, vitals, results, orders.

Every line is made of one fact and of nothing else, so that it has its source by construction: names by the lexicon,
values as they stand after corrections ("twenty, no, forty" is 40), and where no rule fits the words as they were said,
without fillers. A list without facts is "None."
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.evidence.checks.dose import UNIT
from edge.evidence.checks.duration import durations
from edge.evidence.checks.frequency import frequencies
from edge.evidence.conversation import Conversation
from edge.evidence.links import quote
from edge.evidence.reading import TextReading, read
from edge.evidence.view import RETRACTED

NONE = "None."
LISTS = ("medications", "allergies", "family_history", "results", "orders", "vitals")
_FILLERS = re.compile(
    r"\b(?:uh|um|hmm|mm|okay|ok|you know|i mean|kind of|sort of|like|well|so|let's see|right|alright|all right|yeah|äh|"
    r"ähm)\b ?,? ?",
    re.IGNORECASE,
)
_TWICE = re.compile(r"\b(\w+)(?:[ ,.…-]+\1\b)+", re.IGNORECASE)
_SPACED = re.compile(r"\s+(?=[,.?!;:])")
_UNITS = {
    "milligram": "mg", "milligrams": "mg", "mgs": "mg", "microgram": "mcg", "micrograms": "mcg",
    "µg": "mcg", "gram": "g", "grams": "g",
    "milliliter": "mL", "milliliters": "mL", "percent": "%", "milligramm": "mg", "mikrogramm": "mcg",
}  # fmt: skip
_ACTIONS = (
    ("Stop", r"\b(?:stop|discontinue|quit|come off|off of|get rid of|no more|absetzen)\b"),
    ("Increase", r"\b(?:increase|go up|bump|raise|up to|higher|erhöhen)\b"),
    ("Decrease", r"\b(?:decrease|reduce|lower|cut|go down|half of|senken|reduzieren)\b"),
    ("Continue", r"\b(?:continue|keep|stay on|same|refill|leave|weiter)\b"),
    (
        "Start",
        r"\b(?:start|begin|add|put you on|prescribe|try|send in|call in|give you|new|beginnen|"
        r"want you (?:to take|on))\b",
    ),
)
_WAYS = {
    "1": "once daily", "2": "twice daily", "3": "three times daily", "4": "four times daily", "6": "every 4 hours",
    "week": "weekly", "month": "monthly", "other day": "every other day",
}  # fmt: skip
_TIMES = re.compile(
    r"\b(?:in the mornings?|every morning|at (?:bedtime|night)|before bed|nightly|in the evenings?|every evening|"
    r"with (?:food|breakfast|dinner)|"
    r"as needed|when needed|prn)\b",
    re.IGNORECASE,
)
_UNITS_TAKEN = frozenset({"insulin", "glargine", "lispro", "aspart"})
_BESIDE = 30  # characters between a drug's name and a dose without a unit
_REACTION = frozenset(
    {"hives", "rash", "anaphylaxis", "edema", "itching", "dyspnea", "nausea", "vomiting", "diarrhea", "cough"}
)
_OVER = re.compile(r"\b(\d{2,3}) (?:over|zu) (\d{2,3})\b")
_PRESSURE = re.compile(r"\s*(?:over|/|zu)\s*$", re.IGNORECASE)


_DRUG_KINDS = frozenset({FactKind.MEDICATION, FactKind.PLAN_MEDICATION})
_JOIN = 2  # turns between a drug's name and its dose
_CORRECTED = 6  # turns in which a wrong name is put right
_ANOTHER = re.compile(
    r"^(?:'s| is)? (?:a |something )?(?:completely |totally |whole )?(?:different|another|else)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Line:
    """One line and the fact that it states."""

    text: str
    fact: Fact


def lines(facts: Iterable[Fact], kinds: Sequence[FactKind]) -> list[Line]:
    """Lines of the facts of these kinds in order of place; the same line is written once."""
    found: dict[str, Line] = {}
    for fact in facts:
        if fact.kind in kinds and (text := line(fact)):
            found.setdefault(text.casefold(), Line(text, fact))
    return list(found.values())


def line(fact: Fact) -> str:
    """The line of one fact, "" if nothing is left of its words."""
    said = _said(fact.evidence)
    reading = read(said)
    made = ""
    if fact.kind in {FactKind.MEDICATION, FactKind.PLAN_MEDICATION}:
        made = _medication(fact, reading)
    elif fact.kind is FactKind.ALLERGY:
        made = _allergy(fact, reading)
    elif fact.kind is FactKind.FAMILY:
        made = _family(fact, reading)
    elif fact.kind in {FactKind.VITAL, FactKind.RESULT}:
        made = _measured(reading)
    elif fact.kind is FactKind.FOLLOW_UP:
        made = _follow_up(reading)
    elif fact.kind is FactKind.SYMPTOM and fact.polarity is Polarity.DENIED:
        made = _denied(reading)
    return made or _plain(fact, said)


def _said(quotes: Sequence[Quote]) -> str:
    """The quotes in order of place, one that lies within another left out."""
    kept = [one for one in quotes if not any(_within(one, other) for other in quotes)]
    return " ".join(one.text for one in sorted(kept, key=lambda one: one.start))


def _within(one: Quote, other: Quote) -> bool:
    return one != other and other.start <= one.start and one.end <= other.end


def clean(said: str) -> str:
    """Words as they were said without fillers and doubled words, spaces before marks closed, first letter raised."""
    text = _TWICE.sub(r"\1", _FILLERS.sub("", " ".join(figures(said).split())))
    text = _SPACED.sub("", " ".join(text.split())).strip(" ,.-…")
    return text[:1].upper() + text[1:]


def figures(said: str) -> str:
    """Words with their numbers in figures: "sixteen point three kilos" is "16.3 kilos", pressures with a stroke.

    Numbers under ten in one word stay, as they are as often no numbers at all; one that was taken back is left out.
    """
    reading = read(said)
    standing = {start for _, start, _ in _standing(reading)}
    text, after = "", 0
    for span in reading.numbers:
        words = said[span.start : span.end]
        value = _value(words, span.values)
        if span.start not in standing:
            text, after = text + said[after : span.start], span.end
        elif not words[0].isdigit() and (len(words.split()) > 1 or "-" in words or _least(value) >= 10):
            text, after = text + said[after : span.start] + value, span.end
    return _OVER.sub(r"\1/\2", text + said[after:])


def _plain(fact: Fact, said: str) -> str:
    text = clean(said)
    if not text:
        return ""
    prefix = {Polarity.DENIED: "Denied: ", Polarity.UNCERTAIN: "Possible: "}.get(fact.polarity, "")
    if fact.subject is Subject.FAMILY and fact.kind is not FactKind.FAMILY:
        prefix += "Family: "
    return f"{prefix}{text}."


def _standing(reading: TextReading) -> list[tuple[str, int, int]]:
    """(value, start, end) of the numbers that were not taken back."""
    spans = reading.numbers
    found = []
    for at, span in enumerate(spans):
        following = spans[at + 1] if at + 1 < len(spans) else None
        between = reading.text[span.end : following.start] if following else "…" * 40
        if following is None or len(between) >= 40 or RETRACTED.match(between) is None:
            found.append((_value(reading.text[span.start : span.end], span.values), span.start, span.end))
    return found


def _value(words: str, values: frozenset[str]) -> str:
    """The likeliest reading of a number: the longest; of four words that make no year, a pair ("24/26")."""
    best = max(values, key=lambda value: (len(value), value))
    parts = re.split(r"[\s-]+", words)
    if (
        len(parts) == 4
        and len(best) == 4
        and best.isdecimal()
        and best[:2] not in {"19", "20"}
        and not {"hundred", "thousand", "point"} & set(parts)
    ):
        return f"{best[:2]}/{best[2:]}"
    return best


def _dose(reading: TextReading) -> str:
    """The last number before a unit that stands, or the last bare one of three figures or of tens."""
    numbers = _standing(reading)
    for value, _, end in reversed(numbers):
        if (unit := UNIT.match(reading.text, end)) is not None:
            word = unit[0].strip(" -").casefold()
            return f"{value} {_UNITS.get(word, word)}"
    near = [value for value, start, end in numbers if _beside_drug(reading, start, end) and not _counts(reading, start)]
    unit_of = "units" if any(drug.generic in _UNITS_TAKEN for drug in reading.drugs) else "mg"
    return f"{near[-1]} {unit_of}" if near and _least(near[-1]) >= 2 else ""


def _beside_drug(reading: TextReading, start: int, end: int) -> bool:
    """Whether a bare number stands right behind or before a drug's name: "lisinopril, the twenty"."""
    return any(0 <= start - d.end < _BESIDE or 0 <= d.start - end < 12 for d in reading.drugs)


def _least(value: str) -> float:
    return float(value.split("/")[0])


def _counts(reading: TextReading, start: int) -> bool:
    """Whether a number counts times, days or pieces."""
    after = reading.text[start : start + 40]
    return (
        re.match(
            r"[\w-]+(?: [\w-]+)?\s+(?:times|days?|weeks?|months?|years?|hours?|tablets?|pills?|o'clock|of the)\b", after
        )
        is not None
    )


def _medication(fact: Fact, reading: TextReading) -> str:
    if not reading.drugs:
        return ""
    drug = reading.drugs[0]
    name = reading.text[drug.start : drug.end]
    ways = frequencies(reading.text)
    when = _TIMES.findall(reading.text)
    parts = [name[:1].upper() + name[1:], _dose(reading)]
    parts += [_WAYS[ways[-1][2]]] if ways and not (when and ways[-1][2] == "1") else []
    parts += [when[-1].casefold()] if when else []
    text = " ".join(part for part in parts if part)
    if fact.time is Time.STOPPED and fact.kind is FactKind.MEDICATION:
        reasons = [reading.text[c.start : c.end] for c in reading.concepts if c.group == "symptom"]
        why = f" ({', '.join(dict.fromkeys(reasons))})" if reasons else ""
        return f"{text}: stopped{why}."
    if fact.polarity is Polarity.DENIED:
        return f"Does not take {text}."
    if fact.kind is FactKind.PLAN_MEDICATION:
        action = next((name for name, words in _ACTIONS if re.search(words, reading.text, re.IGNORECASE)), "")
        return f"{action} {text}." if action else f"Plan: {text}."
    return f"{text}."


def _allergy(fact: Fact, reading: TextReading) -> str:
    if fact.polarity is Polarity.DENIED:
        names = ", ".join(reading.text[d.start : d.end] for d in reading.drugs)
        return f"No allergy to {names}." if names else "No known allergies."
    if not reading.drugs:
        return ""
    drug = reading.drugs[0]
    name = reading.text[drug.start : drug.end]
    reactions = [reading.text[c.start : c.end] for c in reading.concepts if c.name in _REACTION]
    with_what = f": {', '.join(dict.fromkeys(reactions))}" if reactions else ""
    return f"{name[:1].upper() + name[1:]}{with_what}."


def _family(fact: Fact, reading: TextReading) -> str:
    relatives = [c for c in reading.concepts if c.group == "relative"]
    named = [reading.text[c.start : c.end] for c in reading.concepts if c.group in {"condition", "symptom"}]
    if not relatives or not named or fact.polarity is Polarity.DENIED:
        return ""
    age = re.search(r"\bat (?:age )?([\w-]+)", reading.text)
    ages = [value for value, start, _ in _standing(reading) if age is not None and age.start() < start < age.end()]
    what = ", ".join(dict.fromkeys(named))
    when = f" at {ages[0]}" if ages else ""
    return f"{relatives[0].name.replace('_', ' ').capitalize()}: {what}{when}."


def _measured(reading: TextReading) -> str:
    labels = [c for c in reading.concepts if c.group == "test"]
    numbers = _standing(reading)
    if len(labels) != 1 or not numbers:
        return ""
    name = reading.text[labels[0].start : labels[0].end]
    after = [one for one in numbers if one[1] >= labels[0].end] or numbers
    value, _, end = after[0]
    if len(after) > 1 and _PRESSURE.match(reading.text[end : after[1][1]]):
        value, end = f"{value}/{after[1][0]}", after[1][2]
    unit = UNIT.match(reading.text, end)
    word = unit[0].strip(" -").casefold() if unit else ""
    return f"{name[:1].upper() + name[1:]} {value}{' ' if word and word != '%' else ''}{_UNITS.get(word, word)}."


def _follow_up(reading: TextReading) -> str:
    spans = durations(reading.text)
    if not spans:
        return ""
    start, end = spans[0][2], spans[0][3]
    return f"Follow up in {' '.join(reading.text[start:end].split())}."


def _denied(reading: TextReading) -> str:
    named = [reading.text[c.start : c.end] for c in reading.concepts if c.group in {"symptom", "condition"}]
    return f"Denies {', '.join(dict.fromkeys(name.casefold() for name in named))}." if named else ""


def prepared(facts: Sequence[Fact], talk: Conversation) -> list[Fact]:
    """The facts as lists need them: a drug's name and its dose of a later turn are one; a drug that was then said to be
    another one ("not hydralazine") is none; a stopped drug has the words of its turn, which say why."""
    found: list[Fact] = []
    named: dict[FactKind, int] = {}
    for fact in sorted(facts, key=lambda one: one.evidence[0].start):
        drugs = read(_said(fact.evidence)).drugs
        if any(_denied_later(talk, drug.generic, fact.evidence[0].turn) for drug in drugs):
            continue
        if fact.kind not in _DRUG_KINDS:
            found.append(fact)
            continue
        if fact.subject is not Subject.PATIENT:
            continue  # another's medicine is none of this patient's
        before = named.get(fact.kind)
        open_ = before is not None and not _dose(read(_said(found[before].evidence)))
        if (
            not drugs
            and before is not None
            and open_
            and fact.evidence[0].turn - found[before].evidence[-1].turn <= _JOIN
        ):
            found[before] = replace(found[before], evidence=(*found[before].evidence, *fact.evidence), critical=True)
            continue
        if drugs:
            named[fact.kind] = len(found)
        if fact.time is Time.STOPPED and fact.kind is FactKind.MEDICATION:
            fact = replace(fact, evidence=(*fact.evidence, quote(talk.transcript, fact.evidence[0].turn)))
        found.append(fact)
    return found


def _denied_later(talk: Conversation, generic: str, turn: int) -> bool:
    said = talk.by_name.get(generic, ())
    return any(s.what.state == "no" and turn <= s.turn <= turn + _CORRECTED for s in said) or any(
        _ANOTHER.search(talk.index.turns[s.turn].text[s.what.end : s.what.end + 60])
        for s in said
        if turn <= s.turn <= turn + _CORRECTED
    )
