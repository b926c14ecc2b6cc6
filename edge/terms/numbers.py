"""Numbers as people say and write them: figures, English and German number words, and every way a row can be read.

"one fifty-two" is 152 (figures one after the other), "two hundred and five" 205, "four point two" 4.2; a row of words
may have several readings ("twenty five" is 25 and 20 and 5), so a number counts as said if any reading gives it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

_ENGLISH = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_ENGLISH_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_MULTIPLIERS = frozenset({"hundred", "thousand"})
_OTHER = {"oh": 0, "o": 0, "a": 1, "an": 1, "once": 1, "single": 1, "twice": 2, "couple": 2, "both": 2, "dozen": 12}
_GERMAN = (
    "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
    "achtzehn neunzehn"
)
_GERMAN_TENS = "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig"
_NUMERAL = re.compile(r"(?<![\w.])\d[\d.,]*\d|\d")
_TOKEN = re.compile(r"\d[\d.,]*\d|\d|[^\W\d_]+|[%µ/]")
_JOINERS = frozenset({"hundred", "thousand", "point", "and", "half", "komma"})
_SINGLE = f"{_ORDINALS} once single twice both couple dozen einmal zweimal dreimal viermal"
_ALONE = frozenset(_SINGLE.split())  # never part of a longer number
_NO_NUMBER = frozenset(f"a an o oh single both {_ORDINALS}".split())
_NAMED_ORDINALS = frozenset(_ORDINALS.split())
_ARTICLES = frozenset({"a", "an", "ein", "eine", "einen", "einer"})  # before a number: "so eine fünf"
_POINTING = f"{_ORDINALS} the this that which another other each every any right left no bad good big"
_POINTS = frozenset(_POINTING.split())  # words that make "one" a pronoun
_LONGEST = 5  # figures that a row of words makes: a year, a dose; longer rows are two numbers
_MAX_RUN = 8
_MAX_DIGITS = 40  # a runaway answer may hold thousands, which is no number to anybody


@dataclass(frozen=True)
class NumberSpan:
    """A row of number words or one numeral: text[start:end]; values: its readings as one number, canonical."""

    start: int
    end: int
    values: frozenset[str]


@cache
def word_values() -> dict[str, int]:
    """Number word, case folded -> value."""
    values = {word: i for i, word in enumerate(_ENGLISH.split())} | _OTHER
    values |= {word: 20 + 10 * i for i, word in enumerate(_ENGLISH_TENS.split())}
    values |= {word: i for i, word in enumerate(_ORDINALS.split())}
    units = _GERMAN.split()
    german = {word: i for i, word in enumerate(units)} | {"eine": 1, "einen": 1, "eins": 1, "einmal": 1, "zweimal": 2}
    for i, tens in enumerate(_GERMAN_TENS.split()):
        german[tens] = 20 + 10 * i
        german |= {f"{unit}und{tens}": 20 + 10 * i + n for n, unit in enumerate(units[1:10], 1)}
    german |= _german_hundreds(german, units)
    values |= {"dreimal": 3, "viermal": 4} | german
    return {word.casefold(): value for word, value in values.items()}  # "ß" folds to "ss"


def _german_hundreds(small: dict[str, int], units: list[str]) -> dict[str, int]:
    """ "hundertzwanzig", "vierhundert", "tausend", "tausenddreihundert": one word each in German."""
    below = {word: n for word, n in small.items() if 0 < n < 100 and not word.startswith("eine") and "mal" not in word}
    found: dict[str, int] = {"tausend": 1000}
    for n, unit in enumerate(["", *units[1:10]]):
        hundred = f"{unit}hundert"
        value = 100 * max(1, n)
        found[hundred] = value
        found[f"tausend{hundred}"] = found[f"eintausend{hundred}"] = 1000 + value
        found |= {f"{hundred}{word}": value + more for word, more in below.items()}
        if unit:
            found[f"{unit}tausend"] = 1000 * n
    return found


def ordinals(text: str) -> set[str]:
    """The numbers that ordinals in words stand for: "the twenty third of May" 23 and 3, "third" 3."""
    values, found, before = word_values(), set[str](), ""
    for token in _TOKEN.finditer(text):
        word = token[0].casefold()
        if word in _NAMED_ORDINALS:
            value = values[word]
            tens = values.get(before, 0)
            found |= {str(value)} | ({str(tens + value)} if tens in range(20, 100, 10) and value < 10 else set())
        before = word
    return found


def canonical(number: str) -> str:
    """One spelling a number: "1,200" -> 1200, "4,2" -> 4.2, "07" -> 7, "5.0" -> 5."""
    number = number.strip(".,")
    number = re.sub(r",(?=\d{3}(?:\D|$))", "", number).replace(",", ".")
    whole, _, part = number.partition(".")
    if "." in part:  # a date such as 04.03.2024 stays as it stands
        return number
    part = part.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{part}" if part else "")


def readings(text: str) -> set[str]:
    """Every number that a text can be said to hold: its numerals and all readings of its number words."""
    found: set[str] = set()
    for numeral in _NUMERAL.findall(text):
        found.add(canonical(numeral))
        found |= {canonical(part) for part in re.split(r"[.,]", numeral) if part}
    for words in _runs([t.casefold() for t in _TOKEN.findall(text)]):
        for i in range(len(words)):
            for j in range(i + 1, min(len(words), i + _MAX_RUN) + 1):
                found |= read_words(words[i:j])
    return found


def spans(text: str) -> list[NumberSpan]:
    """Every number of a text with its place. A row of words is one span with the readings of the whole row, and of its
    parts where a figure may follow a round number ("six hundred three times"); "a", "an",
    "oh" and ordinals alone are no numbers."""
    tokens = [(m.start(), m.end(), m[0].casefold()) for m in _TOKEN.finditer(text)]
    found: list[NumberSpan] = []
    for places in _rows(text, tokens):
        words = [word for _, _, word in places]
        if len(words) > 1 or words[0] not in _NO_NUMBER:
            found += _pieces(places, words)
    return _with_points(text, found)


def _with_points(text: str, found: list[NumberSpan]) -> list[NumberSpan]:
    """Readings that a recogniser's full stop hides: ".7", and "ninety eight . two" beside the two numbers."""
    joined = []
    for at, span in enumerate(found):
        values = set(span.values)
        if text[span.start - 1 : span.start] == "." and not text[max(0, span.start - 2) : span.start - 1].strip():
            values |= {f"0.{value}" for value in span.values}
        following = found[at + 1] if at + 1 < len(found) else None
        if (
            following is not None
            and text[span.end : following.start].replace(" ", "") == "."
            and len(min(following.values)) < 3
        ):
            values |= {canonical(f"{a}.{b}") for a in span.values for b in following.values if "." not in a + b}
        joined.append(NumberSpan(span.start, span.end, frozenset(values)))
    return joined


def _pieces(places: Sequence[tuple[int, int, str]], words: list[str]) -> Iterator[NumberSpan]:
    """The longest readable pieces of a row, from the left."""
    at = 0
    while at < len(words):
        for stop in range(min(len(words), at + _MAX_RUN), at, -1):
            piece = words[at:stop]
            if piece[-1] in {"a", "an", "and", "point", "oh", "o"} or (
                piece[0] in {"a", "an", "and"} and len(piece) == 1
            ):
                continue
            if piece[0] in _ARTICLES and len(piece) > 1 and piece[1] not in {"hundred", "thousand", "couple", "dozen"}:
                continue
            values = {canonical(piece[0])} if len(piece) == 1 and piece[0][0].isdecimal() else read_words(piece)
            if len(piece) > 2 and piece[-2] in {"hundred", "thousand"}:  # "six hundred, three times a day"
                values = values | read_words(piece[:-1]) | read_words(piece[-1:])
            elif len(piece) > 2 and not _JOINERS & set(piece):  # "twenty-four twenty-six"
                values = values | {
                    v for cut in range(1, len(piece)) for part in (piece[:cut], piece[cut:]) for v in read_words(part)
                }
            if len(piece) > 1 and all(len(value) > _LONGEST for value in values):
                continue
            if values:
                yield NumberSpan(places[at][0], places[stop - 1][1], frozenset(values))
                at = stop
                break
        else:
            at += 1


def _rows(text: str, tokens: Sequence[tuple[int, int, str]]) -> Iterator[list[tuple[int, int, str]]]:
    """Rows of number words that may be one number: no mark but a hyphen between, no numeral after another."""
    values = word_values()
    row: list[tuple[int, int, str]] = []
    for index, token in enumerate(tokens):
        word = token[2]
        following = tokens[index + 1][2] if index + 1 < len(tokens) else ""
        counts = (word in values or word[0].isdecimal()) and not (
            word == "one" and index and tokens[index - 1][2] in _POINTS and following not in values
        )
        opens = word in {"point", "komma"} and (following in values or following[:1].isdecimal())
        if row and (counts or word in _JOINERS) and _two(text[row[-1][1] : token[0]], row[-1][2], word):
            yield row
            row = []
        if counts or opens or (row and word in _JOINERS):
            row.append(token)
        elif row:
            yield row
            row = []
    if row:
        yield row


def _two(between: str, before: str, word: str) -> bool:
    """Whether two number words that follow one another are two numbers: a mark between, two numerals, "twice"."""
    if between.strip(" -\t"):
        return True
    if word[0].isdecimal():
        return before not in {"point", "komma"}
    if before[0].isdecimal():
        return word not in _JOINERS
    if before in {"a", "couple"} and word in {"couple", "of", "dozen"}:
        return False
    return (
        word in _ALONE or before in _ALONE or (("." in before or "," in before) and word not in {"hundred", "thousand"})
    )


def _runs(words: list[str]) -> Iterator[list[str]]:
    """Rows of number words, for every reading of every part."""
    values = word_values()
    run: list[str] = []
    for word in [*words, ""]:
        joins = run and word in _JOINERS
        if word in values or is_numeral(word) or joins:
            run.append(word)
        elif run:
            yield run
            run = []


def is_numeral(word: str) -> bool:
    """Figures that can be read as one number; "³" is a digit, too, but stands for none."""
    return word.isdecimal() and len(word) <= _MAX_DIGITS


def read_words(words: list[str]) -> set[str]:
    """Readings of one stretch of number words as one number, canonical; empty if there is none."""
    half = len(words) // 2
    if words[:half] == words[half:] and _MULTIPLIERS & set(words):  # "five hundred, five hundred milligrams"
        words = words[:half]
    if words[0] in {"point", "komma"} and len(words) > 1:
        words = ["zero", *words]
    for mark in ("point", "komma"):
        if words.count(mark) == 1 and 0 < (at := words.index(mark)) < len(words) - 1:
            whole, part = read_words(words[:at]), digits(words[at + 1 :])
            return {canonical(f"{w}.{part}") for w in whole} if part else set()
    if "point" in words or "komma" in words:
        return set()
    for word, count in (("couple", "2"), ("dozen", "12")):
        if word in words:
            return {count} if words in ([word], ["a", word]) else set()
    if words[-1] == "half" and len(words) > 2:
        return {f"{w}.5" for w in read_words(words[:-2])} if words[-2] in {"and", "a"} else set()
    found = set()
    if (row := digits(words)) is not None:
        found.add(canonical(row))
    if (value := whole_number(words)) is not None:
        found.add(str(value))
    return found


def digits(words: list[str]) -> str | None:
    """Words read as figures one after the other: "one fifty two" -> 152."""
    values = word_values()
    text, tens = "", False
    for word in words:
        if is_numeral(word):
            text, tens = text + word, False
        elif word in values:
            value = values[word]
            text = text[:-1] + str(value) if tens and 0 < value < 10 else text + str(value)
            tens = value in range(20, 100, 10)
        else:
            return None
    return text


def whole_number(words: list[str]) -> int | None:
    """Words read as one number: "two hundred and five" -> 205; None if they are none."""
    values = word_values()
    total, part = 0, 0
    for word in words:
        if word == "hundred":
            part = max(part, 1) * 100
        elif word == "thousand":
            total, part = total + max(part, 1) * 1000, 0
        elif word == "and":
            continue
        elif is_numeral(word) or word in values:
            value = int(word) if is_numeral(word) else values[word]
            if part % 100 and not (part % 100 in range(20, 100, 10) and value < 10):
                return None
            part += value
        else:
            return None
    return total + part
