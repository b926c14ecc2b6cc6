"""Words as they were said, readable: without fillers, numbers in figures, and which of several numbers stands.

"Twenty, no, forty" is 40; "ninety-eight six" of a fever is 98.6; "thirty percent. Three-zero." is 30 percent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from edge.evidence.reading import TextReading, read
from edge.evidence.view import NOT, RETRACTED
from edge.terms import units
from edge.terms.numbers import NumberSpan, read_words

# Words that say nothing: anywhere, at the start of a sentence, or between two commas. "Right" may be a side.
_FILLERS = re.compile(
    r"\b(?:uh|um|hmm|mm|you know|i mean|kind of|sort of|äh|ähm)\b ?,? ?"
    r"|(?:^|(?<=[.?!] ))(?:(?:okay|ok|well|so|uh|um|alright|all right|yeah|like|let's see)\b[ ,.]*)+"
    r"|(?<=[,…]) ?(?:okay|ok|like|well|let's see|alright|all right|yeah)(?=,),",
    re.IGNORECASE,
)
_PASSES = 3
_TORN = re.compile(r"\b(gon|wan|got) (na|ta)\b", re.IGNORECASE)  # as some recognisers write them
_APART = re.compile(r"(?<=\w) (?=n't\b)")  # "do n't", as some transcripts have it
_LONE_I = re.compile(r"\bi\b(?=[' ])")
START = re.compile(r"(?:^|(?<=[^.][.?!] ))[a-zäöü]")
_TWICE = re.compile(r"\b(\w+)(?:[ ,.…-]+\1\b)+", re.IGNORECASE)
_SPACED = re.compile(r"\s+(?=[,.?!;:])")
_TAKEN_BACK = re.compile(
    r"[\s,.…-]*(?:no|sorry|wait|scratch that|actually,? no|nein|quatsch)\b[\s]*[,.…]", re.IGNORECASE
)
_ORDINAL = re.compile(r"[- ](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)\b", re.IGNORECASE)
_NO_FIGURES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\w+[ -](?:oh|o)[ -]\w+[ -]\w+",  # figure by figure: "one-oh-two-four"
        r"(?:a )?couple",
        r"zero (?!point|komma).+",  # behind a point that was taken for a full stop: "zero. zero five percent"
        r"one two|two three|three four|four five|five six|six seven|seven eight|eight nine",  # "five six a day"
    )
)
_TENS = frozenset(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"])
# A row of number words whose last one counts: "six hundred | three times", "forty-four | two puffs".
_COUNTED = re.compile(r"(.*?(?:\w+))(?<!ty) (?:one|two|three|four|five|six|seven|eight|nine)", re.IGNORECASE)
_TIMES = re.compile(r" (?:times|tablets?|pills?|puffs?|capsules?|drops|or (?:two|three|four))\b", re.IGNORECASE)
_OVER = re.compile(r"\b(\d{2,3}) (?:over|zu) (\d{2,3})\b")
_TEMPERATURES = frozenset({"temperature", "fever"})
_SPOKEN = range(900, 1100)  # temperatures in tenths of a degree Fahrenheit


_SMALL = re.compile(r"[a-z]", re.IGNORECASE)  # figures that were typed are what they are
# A sentence that is nothing but a number, and a conjunction that a quote ends with.
_LONE_NUMBER = re.compile(r"(?<=[.!?]) \d+(?:\.\d+)?(?:, \d+(?:\.\d+)?)*(?:[.!?]+(?= |$)|$)")
_POINT_BEFORE = re.compile(r"(?:^|\s)\.$")
_VALUE = re.compile(r"^((?:\w+ )?\w+)\. (?=\d)")  # "A1c. 8.4"
_HANGING = re.compile(r"(?<=[.!?]) (?:and|so|but|or|und|aber|oder)[.,]?$", re.IGNORECASE)
# What a filler leaves: a sentence of marks, or a comma before a full stop.
_EMPTY = re.compile(r"(?<=[.?!]) (?:to|and)?(?: ?,)+ ?[.?!]|(?: ?,)+(?= ?[.?!])", re.IGNORECASE)


def clean(said: str) -> str:
    """Words as they were said without fillers, doubled words and numbers said again, spaces before marks closed, first
    letter raised."""
    text = _APART.sub("", _SPACED.sub("", " ".join(figures(said).split())))
    for _ in range(_PASSES):  # a filler may stand behind another
        text = _FILLERS.sub("", text)
    text = _EMPTY.sub("", text)
    text = _HANGING.sub("", " ".join(_TWICE.sub(r"\1", text).split()))
    text = _LONE_NUMBER.sub(lambda found: "" if _again(found, text) else found[0], text).strip(" ,.-…")
    text = _VALUE.sub(lambda found: f"{found[1]} " if _is_test(found[1]) else found[0], text)
    text = _TORN.sub(r"\1\2", _LONE_I.sub("I", text))
    return START.sub(lambda found: found[0].upper(), text)


def _is_test(words: str) -> bool:
    return any(one.group == "test" for one in read(words).concepts)


def _again(found: re.Match[str], text: str) -> bool:
    """Whether a number that stands alone was said before, as a whole or before its point: "16.3 kilos. 16."."""
    before = re.findall(r"\d+(?:\.\d+)?", text[: found.start()])
    known = {*before, *(one.split(".")[0] for one in before)}
    return all(one in known for one in re.findall(r"\d+(?:\.\d+)?", found[0]))


def figures(said: str) -> str:
    """Words with their numbers in figures: "sixteen point three kilos" is "16.3 kilos", pressures with a stroke.

    Numbers under ten in one word stay, as they are as often no numbers at all; one that was taken back is left out.
    """
    reading = read(said)
    stand = {start for _, start, _ in standing(reading)}
    text, after = "", 0
    for at, span in enumerate(reading.numbers):
        end = _end(said, span)
        words = said[span.start : end]
        values = _readings(words) if end < span.end else span.values
        number = value(words, values)
        number = number.replace(".", ",") if "komma" in words.casefold() else number
        number = temperature(number, reading) if _SMALL.search(words) is not None else number
        if _ORDINAL.match(said, end) or any(one.fullmatch(words) for one in _NO_FIGURES):
            continue
        denied = at > 0 and NOT.fullmatch(said[reading.numbers[at - 1].end : span.start])
        if span.start not in stand and not denied:
            following = reading.numbers[at + 1].start if at + 1 < len(reading.numbers) else 0
            corrected = following and _retracted(said[end:following])
            text, after = text + said[after : span.start], following if corrected else end
        elif not words[0].isdigit() and (len(words.split()) > 1 or "-" in words or least(number) >= 10):
            text, after = text + said[after : span.start] + number, end
    return _OVER.sub(r"\1/\2", text + said[after:])


def standing(reading: TextReading) -> list[tuple[str, int, int]]:
    """(value, start, end) of the numbers that were not taken back."""
    spans = reading.numbers
    found = []
    for at, span in enumerate(spans):
        following = spans[at + 1] if at + 1 < len(spans) else None
        between = reading.text[span.end : following.start] if following else ""
        counted = _TIMES.match(between)
        between = between[counted.end() :] if counted is not None else between  # "three times, no, forty"
        unit = units.DOSE.match(between)
        before = reading.text[spans[at - 1].end : span.start] if at else ""
        taken_back = NOT.fullmatch(before) or _TAKEN_BACK.match(between, unit.end() if unit else 0)
        if not taken_back and (following is None or len(between) >= 40 or not _retracted(between)):
            end = _end(reading.text, span)
            words = reading.text[span.start : end]
            values = _readings(words) if end < span.end else span.values
            found.append((_with_point(reading.text, span.start, value(words, values)), span.start, end))
    return found


def _with_point(text: str, start: int, number: str) -> str:
    """A number that was typed with its point alone: ".7" is 0.7."""
    alone = _POINT_BEFORE.search(text, max(0, start - 2), start) is not None
    return f"0.{number}" if alone and number.isdecimal() else number


def _readings(words: str) -> frozenset[str]:
    return frozenset(read_words(re.split(r"[\s-]+", words.casefold())))


def _end(text: str, span: NumberSpan) -> int:
    """Where a number ends whose last word counts times: "six hundred three times a day" is 600."""
    apart = _COUNTED.fullmatch(text, span.start, span.end)
    if apart is None or _TIMES.match(text, span.end) is None or not _readings(apart[1]):
        return span.end
    return apart.end(1)


def _retracted(between: str) -> bool:
    """Whether what stands between two numbers takes the first back."""
    return RETRACTED.match(between) is not None and NOT.fullmatch(between) is None


def value(words: str, values: frozenset[str]) -> str:
    """The likeliest reading of a number: the longest; of four words that make no year, a pair ("24/26")."""
    whole = {one for one in values if "." not in one}
    if whole and re.search(r"[.,]|\b(?:point|komma|half)\b", words, re.IGNORECASE) is None:
        values = frozenset(whole)  # a full stop between two sentences is no point
    best = max(values, key=lambda one: (len(one), one))
    parts = re.split(r"[\s-]+", words)
    if (
        len(parts) == 4
        and {parts[0].casefold(), parts[2].casefold()} <= _TENS
        and len(best) == 4
        and best.isdecimal()
        and best[:2] not in {"19", "20"}
        and not {"hundred", "thousand", "point"} & set(parts)
    ):
        return f"{best[:2]}/{best[2:]}"
    return best


def least(number: str) -> float:
    """A number, or the first of a pair ("24/26")."""
    return float(number.split("/")[0])


def temperature(number: str, reading: TextReading) -> str:
    """ "ninety-eight six" is 98.6 where a temperature is spoken of."""
    if not number.isdecimal() or int(number) not in _SPOKEN:
        return number
    of_heat = any(one.name in _TEMPERATURES for one in reading.concepts)
    return f"{number[:-1]}.{number[-1]}" if of_heat else number


def longest(names: Sequence[str]) -> list[str]:
    """The names, each once, without those that stand in another."""
    return [one for one in dict.fromkeys(names) if not any(one != other and one in other for other in names)]
