"""Who speaks: the label that opens a line, in every style that transcripts have, and which labels are speakers.

A line may open with a bullet, a number and a time; then comes the label: "Doctor:", "[doctor]", "**Doctor:**",
"(speaker 0)", "Doctor -> ", "Miriam Vance  0:03" on a line of its own. What a label is in one line, only all lines of
the text decide: "Blood pressure: 120/80" is none, however often it stands there.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from edge.contract.transcript import role
from edge.reading import vocabulary
from edge.reading.scan import clock

UNKNOWN = "Unknown"  # opens a turn of whom the source does not name, among others that it names
WINDOW = 90  # characters at the head of a line in which a label ends
_LONGEST = 60
_WORDS = 6
_MOST = 12  # speakers of one conversation, where none has a known name
_MARKS = "*_`"  # emphasis of Markdown
_BULLETS = "-*•–—>#·▪●○»@|"
_ARROWS = ("->", "=>", ">>", "→", " - ", " – ", " — ", " = ", "|", "\t", ";", "  ")
_IN_NAME = set(" ._'’()-,&/@+")
_HINT = re.compile(r"[:：\[(<{【>→|\t–—*_=;-]|  ")
_SPAN = re.compile(  # "[3.20s - 7.00s]", "(3.2 --> 7.0)": seconds
    r"[\[(](\d{1,6}(?:\.\d{1,3})?) ?s? {0,2}(?:-->|-|–) {0,2}\d{1,6}(?:\.\d{1,3})? ?s?[\])]:?[ \t]{0,4}"
)
_DIARISED = re.compile(
    r"(?:unknown speaker|unbekannter sprecher|(?:speaker|spk|sprecher|sprecherin|person|channel|voice|participant"
    r"|teilnehmer|teilnehmerin|s|unknown speaker|hablante|locuteur)[ _-]?(?:\d{1,3}|[a-h]))",
    re.IGNORECASE,
)
_TITLE = re.compile(
    r"(?:dr|doctor|prof|professor|mr|mrs|ms|miss|herr|frau|nurse|sister|schwester|pfleger|señor|señora|sr|sra)\b\.?\s+"
    r"(?=\w)",
    re.IGNORECASE,
)
_PARTICLES = {
    "de",
    "del",
    "della",
    "da",
    "di",
    "van",
    "von",
    "vom",
    "zu",
    "der",
    "den",
    "la",
    "le",
    "el",
    "bin",
    "al",
    "y",
}
_VITALS = re.compile(
    r"\b(?:BP|RR|HR|R|T|P|AF|HF|SpO2|SaO2|O2|Temp|Wt|Ht|BMI|Puls|Pulse|Sat|Sats|Resp|Weight|Height)\b[ .:=]{1,4}\d"
)


@dataclass(frozen=True, slots=True)
class Head:
    """What opens a line. label: "" if nothing that could be one. words: offset in the line after it.

    style: "bracket", "colon", "tight" (nothing between colon and words), "paren", "angle", "arrow", "alone" (the line
    is the label). seconds: the time in the line's head, or None. after_time: offset after the time alone.
    marked: a heading sign or emphasis stands before the label.
    """

    label: str = ""
    style: str = ""
    words: int = 0
    seconds: float | None = None
    after_time: int = 0
    marked: bool = False


_NOTHING = Head()
_LETTERS = ({"Q", "A"}, {"A", "B"})  # question and answer, two people: where both open lines again and again
_PICTURE = ("So", "Sk", "Mn", "Cf")  # categories of Unicode


def diarised(label: str) -> bool:
    """True for the names that recognisers give to voices: "SPEAKER_00", "Speaker A", "spk_0", "Unknown Speaker"."""
    return _DIARISED.fullmatch(" ".join(label.split())) is not None


def titled(label: str) -> bool:
    """True for "Dr. Patel", "Mrs Jones", "Herr Bär", "Nurse Kelly"."""
    return _TITLE.match(label.strip()) is not None and not vocabulary.is_heading(label)


def known(label: str) -> bool:
    """True if a label is a speaker by itself: a role, a voice's name, a title with a name."""
    if label == UNKNOWN:
        return True
    return not vocabulary.is_heading(label) and (role(label) is not None or diarised(label) or titled(label))


def name_like(label: str) -> bool:
    """True for two words or more as names are written: "Peter Bell", "Vance, Miriam", "Miriam Vance, MD (she/her)"."""
    words = [word for word in re.split(r"[\s,]+", label.split("(")[0]) if word]
    if not 2 <= len(words) <= 5 or vocabulary.is_heading(label):
        return False
    return all(word[:1].isupper() or word.casefold() in _PARTICLES for word in words) and not label.isupper()


def head(line: str) -> Head:
    """Read what opens a line. Takes a bounded number of steps whatever the line's length."""
    opening = line[:WINDOW].lstrip()
    if not _HINT.search(opening) and not opening[:1].isdigit() and len(line) > _LONGEST:
        return _NOTHING
    at = len(line[: WINDOW * 4]) - len(line[: WINDOW * 4].lstrip())
    begin, marked = _decoration(line, at)
    begin, seconds = _time(line, begin)
    after_time = begin if seconds is not None else 0
    while begin < len(line) and line[begin] in _MARKS:
        begin, marked = begin + 1, True
    found = _enclosed(line, begin) or _before_colon(line, begin) or _before_arrow(line, begin) or _alone(line, begin)
    if found is None:
        return Head(words=after_time, seconds=seconds, after_time=after_time) if after_time else _NOTHING
    label, style, words, own = found
    return Head(label, style, _skip(line, words), own if own is not None else seconds, after_time, marked)


def _skip(line: str, at: int) -> int:
    """Offset of the first character that is neither space nor a closing emphasis."""
    end = min(len(line), at + _LONGEST)
    closing = at
    while closing < end and line[closing] in _MARKS:
        closing += 1
    if closing > at and (closing == len(line) or line[closing].isspace() or closing - at > 1):
        at = closing
    while at < len(line) and line[at].isspace() and at < end:
        at += 1
    return at


def _decoration(line: str, at: int) -> tuple[int, bool]:
    """Skip bullets, quotation and heading signs and the number of a list; say whether a heading sign was there."""
    at = _pictures(line, at)
    end, begin = min(len(line), at + 12), at
    heading = line[at : at + 1] == "#"
    while at < end and line[at] in _BULLETS:
        at += 1
    if at > begin and at < len(line) and not line[at].isspace() and line[at - 1] not in ">#»*@|":
        at = begin  # "-5", "–x": no bullet
    if at > begin and line[at - 1] == "*" and at < len(line) and not line[at].isspace():
        at = begin  # emphasis
    while at < end and line[at].isspace():
        at += 1
    digits = at
    while digits < end and line[digits].isdecimal():
        digits += 1
    if at < digits < end and line[digits] in ".)" and line[digits + 1 : digits + 2].isspace():
        at = digits + 2
    return at, heading


def _pictures(line: str, at: int) -> int:
    """Skip emoji and other pictures before a label."""
    after = at
    while (
        after < len(line)
        and after < at + 12
        and (unicodedata.category(line[after]) in _PICTURE or (after > at and line[after].isspace()))
    ):
        after += 1
    return after


def _time(line: str, at: int) -> tuple[int, float | None]:
    """Skip a time or a range of times, bracketed or not, at the head of a line: offset after it, and its begin."""
    opening = line[at : at + 1]
    closing = {"[": "]", "(": ")", "{": "}", "<": ">"}.get(opening, "")
    if closing and (span := _SPAN.match(line, at)) is not None:
        return span.end(), float(span[1])
    first = clock(line, at + 1 if closing else at)
    if first is None:
        return at, None
    seconds, end = first
    for dash in ("-->", "->", "-", "–", "—"):
        gap = end
        while gap < len(line) and gap < end + 3 and line[gap] == " ":
            gap += 1
        if line.startswith(dash, gap):
            after = gap + len(dash)
            while after < len(line) and after < gap + 6 and line[after] == " ":
                after += 1
            second = clock(line, after)
            end = second[1] if second is not None else end
            break
    if closing:
        if line[end : end + 1] != closing:
            return at, None
        end += 1
    elif end < len(line) and not line[end].isspace() and line[end] not in "|":
        return at, None
    for _ in range(8):
        if end < len(line) and (line[end].isspace() or (line[end] in "-–—|:" and line[end + 1 : end + 2].isspace())):
            end += 1
    return end, seconds


_Found = tuple[str, str, int, float | None]  # label, style, offset after it, its time


def _enclosed(line: str, at: int) -> _Found | None:
    """A label in brackets: "[doctor]", "[SPEAKER_00]:", "(speaker 0)", "<Doctor>", ""Doctor":"."""
    pairs = {
        "[": ("]", "bracket"), "【": ("】", "bracket"), "(": (")", "paren"), "<": (">", "angle"),
        "{": ("}", "angle"), '"': ('"', "quote"),
    }  # fmt: skip
    if line[at : at + 1] not in pairs:
        return None
    closing, style = pairs[line[at]]
    end = line.find(closing, at + 1, at + _LONGEST)
    label = line[at + 1 : end].strip() if end > 0 else ""
    if not _is_label(label, enclosed=True) or any(sign in label for sign in "[]()<>\n"):
        return None
    if style != "bracket" and not known(label):
        return None
    end += 1
    after = _skip(line, end)
    if line[after : after + 1] in (":", "："):
        end = after + 1
    elif (own := _time(line, after))[1] is not None and own[0] >= len(line.rstrip()):
        return label, "alone", len(line), own[1]
    elif style == "quote" or (
        closing == "]" and end < len(line) and not line[end].isspace() and line[end] not in _MARKS
    ):
        return None
    return label, style, end, None


def _before_colon(line: str, at: int) -> _Found | None:
    end = at
    while True:
        colons = [place for sign in ":：" if (place := line.find(sign, end, at + WINDOW)) >= 0]
        if not colons:
            return None
        colon = min(colons)
        timed = _clock_around(line, at, colon)
        if timed is None:
            break
        begin, seconds, end = timed
        label = line[at:begin].rstrip(" \t([{-–|").strip(_MARKS).strip()
        after = end + (line[end : end + 1] in ("]", ")", "}"))
        rest = _skip(line, after)
        if _is_label(label):
            if line[rest : rest + 1] in (":", "："):
                return label, "colon", rest + 1, seconds
            if rest >= len(line.rstrip()):
                return label, "alone", len(line), seconds
            apart = line[after : after + 2] in ("  ", "\t") or line[after : after + 1] == "\t"
            if (known(label) or name_like(label)) and (after > end or apart):
                return label, "arrow", rest, seconds
        return None
    label = line[at:colon].strip().strip(_MARKS).strip()
    if not _is_label(label):
        return None
    following = line[colon + 1 : colon + 2]
    after = _skip(line, colon + 1)
    if following and not following.isspace() and line[colon] == ":" and after == colon + 1:
        return (label, "tight", colon + 1, None) if following not in "/\\" and not following.isdigit() else None
    return label, "colon", colon + 1, None


def _clock_around(line: str, at: int, colon: int) -> tuple[int, float, int] | None:
    """(begin, seconds, end) of the time that a colon stands in, or None."""
    begin = colon
    while begin > at and colon - begin < 3 and line[begin - 1].isdigit():
        begin -= 1
    found = clock(line, begin) if begin < colon else None
    if found is None:
        return None
    seconds, end = found
    if line[end : end + 3] in (" - ", " – "):
        second = clock(line, end + 3)
        end = second[1] if second is not None else end
    return begin, seconds, end


def _before_arrow(line: str, at: int) -> _Found | None:
    window = line[at : at + WINDOW]
    places = [(place, sign) for sign in _ARROWS if (place := window.find(sign)) > 0]
    for place, sign in sorted(places):
        label = window[:place].strip().strip(_MARKS).strip()
        if not _is_label(label) or (sign == ";" and len(label) < 3) or (sign == "  " and not label.isupper()):
            return None
        return (label, "arrow", at + place + len(sign), None) if known(label) or _is_cell(label, sign) else None
    return None


def _is_cell(label: str, sign: str) -> bool:
    """True for a name that stands in the column of a table before the words."""
    return sign in ("\t", "|") and name_like(label)


def _alone(line: str, at: int) -> _Found | None:
    """A line that is nothing but a role, a voice's name or a title with a name."""
    if len(line) - at > _LONGEST:
        return None
    label = line[at:].strip().strip(_MARKS).strip()
    if not _is_label(label) or label[-1] in ".,-" or len(label.split()) > 4:
        return None
    is_name = titled(label) or name_like(label) or diarised(label) or (" " not in label and known(label))
    return (label, "alone", len(line), None) if is_name else None


def _is_label(label: str, enclosed: bool = False) -> bool:
    if not label or len(label) > _LONGEST or not (label[0].isalpha() or (enclosed and label[0].isalnum())):
        return False
    if not all(char.isalnum() or char in _IN_NAME or (enclosed and char not in "\n") for char in label):
        return False
    return len(label.split()) <= _WORDS and not vocabulary.is_sound(label)


def is_vitals(label: str, rest: str) -> bool:
    """True if a label of one or two letters opens a line of measurements: "P: 92 R: 18 BP: 138/84"."""
    return len(label) <= 2 and rest[:1].isdigit() and _VITALS.search(rest[:160]) is not None


@dataclass(frozen=True)
class Speakers:
    """Which labels of a text are speakers, and whether a label alone on its line (without a time) opens a turn."""

    names: frozenset[str]
    alone: bool

    def opens_turn(self, one: Head, line: str) -> bool:
        """True if this head of a line names who speaks in it."""
        if one.label not in self.names or is_vitals(one.label, line[one.words :]):
            return False
        return one.style != "alone" or self.alone or one.seconds is not None or one.marked


def accept(heads: Sequence[tuple[Head, str]]) -> Speakers:
    """The labels of a text that are speakers. heads: what opens each line with words, and the line."""
    seen: Counter[str] = Counter()
    styles: dict[str, str] = {}
    spoken: Counter[str] = Counter()  # lines of a label with words that are no number
    for one, line in heads:
        if one.label:
            seen[one.label] += 1
            styles.setdefault(one.label, one.style)
            spoken[one.label] += not line[one.words : one.words + 1].isdigit()
    sure = {label for label in seen if known(label) and (len(label) > 2 or spoken[label])}
    if seen.keys() >= {"S", "O"}:  # subjective, objective, assessment, plan
        sure -= {"A", "P"}
    for pair in _LETTERS:
        sure |= pair if all(seen[label] >= 2 for label in pair) else set()
    others = {label for label in seen if label not in sure and not vocabulary.is_heading(label)}
    repeated = {
        label
        for label in others
        if seen[label] >= 2
        and (spoken[label] or styles[label] != "arrow")
        and _recurs(label, styles[label], bool(sure), len(seen))
    }
    if not sure and not 2 <= len(repeated) <= _MOST:
        repeated = set()  # headings of a report repeat rarely and stand beside many others
    peers = sure | repeated
    bare = [one for one, _ in heads if one.style == "alone" and one.seconds is None and not one.marked]
    lone = sum(one.label in peers for one in bare)
    labelled = sum(one.label in peers for one, _ in heads)
    once: set[str] = set()
    if peers and sum(bool(one.label) for one, _ in heads) >= 0.9 * len(heads):
        once = {label for label in others - repeated if spoken[label] and _may_be_one(label, styles[label])}
    return Speakers(frozenset(peers | once), 2 * lone > labelled and lone >= 2)


def _recurs(label: str, style: str, beside_known: bool, labels: int) -> bool:
    """True if a label that opens several lines is a speaker. labels: how many different ones the text has."""
    if style in ("alone", "tight"):
        return name_like(label)
    return beside_known or labels == 2 or style != "bracket" or name_like(label)


def _may_be_one(label: str, style: str) -> bool:
    """True if a label that is seen once may be a speaker among others, where nearly every line has one."""
    return style in ("colon", "bracket") and len(label.split()) <= 4 and label[:1].isupper()
