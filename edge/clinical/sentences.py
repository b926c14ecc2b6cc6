"""The sentence that a piece of clinical text stands in: abbreviations, bullets, tables and wrapped lines considered.

Lazy: looks at most twice WINDOW characters to either side, so that a line of any length costs the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge.clinical.words import words as _set

WINDOW = 300
_ABBREVIATIONS = _set(
    # German
    "abd abs allg anam anamn ant art ausr bakt bds beid bek bes betr bez bzgl bzw ca chron cont diagn diff dist ehem ",
    "einschl entspr erg evtl exsp ext fam fragl geb gel ggf ggfs gyn inkl insb insges int intrav ital jew kard klin ",
    "kons kontr lat li lt lok max min mind mögl neg neurol nr o op orient path pat post postop prim prof prox ",
    "präop re rezid rö s sek sog sono spez st stat str tab tbl tgl therap u unauff unbek urspr v va vd verd vgl vorl ",
    "wdh wg wö wo z zn zust zt std tägl stdl mon jh kap amb stp reduz fl pck ",
    # English
    "dr mr mrs ms vs approx dept fig no pt e i m d h r l hx hosp incl temp est resp appt wk wks yr yrs mo mos sig ",
    "avg inc ed al ref gen mod sev",
)
_STOP = re.compile(r"([^\s.!?]*)[.!?][\"')\]]?(?=\s)|\n")
_POSSIBLE = re.compile(r"[.!?](?=[\"')\]]?\s)|\n")
_BREAK = re.compile(r"[\s.!?]")
_LONGEST_WORD = 60  # characters
_MIXED = re.compile(r"[a-zäöüß]+[A-Z]")
_BULLET = re.compile(r"\s*(?:[-*•–#>]|\(?\d{1,2}[.)])\s")
_HEADED = re.compile(r"\s*[^\W\d_][\w./ -]{0,30}:")


# Abbreviations with which a phrase ends, so that its point belongs to it: "in 6 Wo.", "i. v.", "bds."
_ENDS_PHRASE = _set(
    "wo mon j std min bds bed v c o b m i u tgl verst unauff neg pos norm path pathol reduz erg ca re li wö abd max ",
    "postop bek pat p wdh ext",
)


def with_point(text: str, end: int) -> int:
    """The end of a phrase with the point of its last abbreviation, where a model left it out."""
    if end >= len(text) or text[end] != "." or end < 1:
        return end
    start = end
    while start > 0 and text[start - 1].isalpha() and end - start < 8:
        start -= 1
    return end + 1 if text[start:end].casefold() in _ENDS_PHRASE else end


def sentence(text: str, start: int, end: int) -> tuple[int, int]:
    """Bounds of the sentence or line of text around [start, end)."""
    # In steps, so that the pieces of one endless line share a few stretches of it.
    low, high = max(0, start // WINDOW - 1) * WINDOW, min(len(text), (end // WINDOW + 2) * WINDOW)
    left, right = low, high
    for match in _STOP.finditer(text, low, high):
        mark = match.start() if match[0] == "\n" else match.start() + len(match[1])
        if match.end() <= start and _ends(text, match):
            left = match.end()
        elif mark >= end - 1 and _ends(text, match):
            right = max(match.end(), end)
            break
    return left, right


def stops(text: str) -> Iterator[int]:
    """Places of the marks and line breaks at which sentences of a text end, in order."""
    for mark in _POSSIBLE.finditer(text):
        start = mark.start()
        while mark[0] != "\n" and start > max(0, mark.start() - _LONGEST_WORD) and not _BREAK.match(text[start - 1]):
            start -= 1
        match = _STOP.match(text, start)
        if match is not None and _ends(text, match):
            yield mark.start()


def _ends(text: str, match: re.Match[str]) -> bool:
    if match[0] == "\n":
        return not _wrapped(text, match.start())
    word, after = match[1].casefold(), text[match.end() : match.end() + 24].lstrip(" \t\"'(")
    mark = text[match.start() + len(match[1])]
    if not after or after[0] == "\n" or mark != ".":
        return mark != "." or not (after and after[0] == "\n" and _wrapped(text, text.index("\n", match.end())))
    if after[0].islower() and not _MIXED.match(after):  # "tTG negative" begins a sentence
        return False
    if word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha()):
        return match[1].isupper() and len(word) == 1  # "hepatitis C. The": a letter that ends a sentence
    if word.isdigit() and len(word) <= 2:  # "am 3. März", "1. Diagnose"
        return not re.match(
            r"(?:Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez|Tag|Woche|Mal|Monat|Grad|postop)", after
        )
    return True


def _wrapped(text: str, at: int) -> bool:
    """Whether the line break at this place lies within a sentence."""
    begin = text.rfind("\n", max(0, at - WINDOW), at) + 1
    line, rest = text[begin:at].rstrip(), text[at + 1 : at + 1 + WINDOW]
    following = rest.split("\n", 1)[0]
    if not line or not following.strip() or "\t" in following or _BULLET.match(following):
        return False
    if following.lstrip()[0].islower():
        return line[-1] not in ".:;!?" or len(line) > 50
    return (
        len(line) >= 60 and line[-1] not in ".:;!?" and not _HEADED.match(following) and "  " not in following.strip()
    )
