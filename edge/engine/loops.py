"""Loop detection: small models repeat themselves ("a 19-year-old male who is a 19-year-old male who is …").

Three signs. A block of tokens that stands three times in a row at the end of the answer; short blocks need more
repeats, so that "2+ 2+ 2+" or a row of dashes is not taken for one. A line that stands three times anywhere, its number
aside ("Problem 4: …", "Problem 5: …"), which no clinical note has use for. And counting: numbers of a list with nothing
beside them ("1. 2. 3. 4. 5."). And dullness: a list that grows and says nothing new ("flexed down and twisted down and
bent down and …"), or one sentence beginning that stands too often.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

MAX_PERIOD = 120  # tokens; longer repeats (a whole section written again) are found line by line
MIN_LOOP = 18  # tokens that the repeated blocks must cover together
WINDOW = 32  # words of one sentence that are looked at for anything new
NEW = 0.45  # share of them that must be different; people's notes: 0.5 at the least in 24 words of 860 parts
BEGINNINGS = 8  # sentences of one part that begin with the same three words; people's: 9 once, headings of a plan
MIN_WORDS = 4  # shorter lines ("Denies fever.", a heading) may recur
_SENTENCE_END = re.compile(r"(?<!\b\w)(?<!\b[A-Z]r)(?<!\bMrs)[.!?](?=\s|$)|\n")
_EMPTY_ITEMS = re.compile(r"(?:(?<!\S)\d{1,4}[.)](?:\s+|$)){5,}$")
_NUMBERING = re.compile(r"^\W*(?:\w+\W+)?\d+\s*[.:)]\s*")


def loop_start(ids: Sequence[int]) -> int | None:
    """Return the index where the first repeat of a loop begins (one copy stays before it), or None.

    Called after each token, it finds a loop as soon as its third copy is complete. Cost: O(MAX_PERIOD) for ordinary
    text, since most periods fail at their first comparison.
    """
    n = len(ids)
    for period in range(1, min(MAX_PERIOD, n // 3) + 1):
        copies = max(3, -(-MIN_LOOP // period))
        span = copies * period
        if span > n or ids[n - 1] != ids[n - 1 - period]:
            continue
        if all(ids[i] == ids[i - period] for i in range(n - span + period, n)):
            start = n - span + period
            while start - period > 0 and ids[start - 1] == ids[start - 1 - period]:
                start -= 1  # the loop may have begun inside an earlier, partly overlapping copy
            return start
    return None


def sentence_end(text: str) -> int:
    """Return the offset after the last whole sentence or line of text, or its length if it holds none.

    A loop is cut in mid-sentence ("He was seen twice. He"); the stump says nothing and is left out.
    """
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return ends[-1] if ends else len(text)


def repeated_line(text: str) -> int | None:
    """Return the offset from which text repeats lines that stand before it, once a whole line stands three times.

    Text after the second copy is kept as long as it says anything new.
    """
    lines = text.split("\n")
    whole = lines[:-1]  # the last line is still being written
    seen: dict[str, int] = {}
    fresh = 0  # number of lines up to the last one that is new
    for number, line in enumerate(whole, start=1):
        key = " ".join(_NUMBERING.sub("", line).casefold().split())
        if len(key.split()) < MIN_WORDS:
            continue
        seen[key] = seen.get(key, 0) + 1
        if seen[key] == 1:
            fresh = number
        elif seen[key] >= 3:
            return sum(len(kept) + 1 for kept in lines[:fresh])
    return None


def counting(text: str) -> int | None:
    """Return the offset from which text only counts on, if it ends in five empty items of a list or more."""
    found = _EMPTY_ITEMS.search(text, max(0, len(text) - 200)) if text.rstrip().endswith((".", ")")) else None
    if found is None:
        return None
    numbers = [int(digits) for digits in re.findall(r"\d+", found.group())]
    return found.start() if all(b == a + 1 for a, b in pairwise(numbers)) else None


def dull(text: str) -> int | None:
    """Return the offset from which a text says nothing new, called as a word ends: the last sentence grows without new
    words, or BEGINNINGS sentences begin with the same three. The offset is where that sentence begins."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text, max(0, len(text) - 4000))]
    start = ends[-1] if ends else 0
    last = text[start:].casefold().split()
    if len(last) >= WINDOW and len(set(last[-WINDOW:])) < NEW * WINDOW:
        return start
    if len(last) != 3 or not last[0][0].isalpha() or last[-1].endswith(":"):
        return None
    begun = [text[a:b].casefold().split()[:3] for a, b in pairwise([0, *ends])]
    return start if begun.count(last) >= BEGINNINGS - 1 else None
