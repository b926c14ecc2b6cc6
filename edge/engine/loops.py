"""Loop detection: small models repeat themselves ("a 19-year-old male who is a 19-year-old male who is …").

Three signs. A block of tokens that stands three times in a row at the end of the answer; short blocks need more
repeats, so that "2+ 2+ 2+" or a row of dashes is not taken for one. A line that stands three times anywhere, its number
aside ("Problem 4: …", "Problem 5: …"), which no clinical note has use for. And counting: numbers of a list with nothing
beside them ("1. 2. 3. 4. 5."). And dullness: a list that grows and says nothing new ("flexed down and twisted down and
bent down and …"), or one sentence beginning that stands too often.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from itertools import pairwise

MAX_PERIOD = 120  # tokens; longer repeats (a whole section written again) are found line by line
MIN_LOOP = 18  # tokens that the repeated blocks must cover together
WINDOW = 32  # words of one sentence that are looked at for anything new
NEW = 0.45  # share of them that must be different; people's notes: 0.5 at the least in 24 words of 860 parts
REACH = 4000  # characters back in which sentences with one beginning are counted
BEGINNINGS = 8  # sentences of one part that begin with the same three words; people's: 9 once, headings of a plan
MIN_WORDS = 4  # shorter lines ("Denies fever.", a heading) may recur
_TAIL = 201  # characters in which counting is looked for, and one before
_CONTEXT = 8
_SENTENCE_END = re.compile(r"(?<!\b\w)(?<!\b[A-Z]r)(?<!\bMrs)[.!?](?=\s|$)|\n")
_EMPTY_ITEMS = re.compile(r"(?:(?<!\S)\d{1,4}[.)](?:\s+|$)){5,}$")
_NUMBERING = re.compile(r"^\W*(?:\w+\W+)?\d+\s*[.:)]\s*")


def loop_start(ids: Sequence[int], since: int = 0) -> int | None:
    """Return the index where the first repeat of a loop begins (one copy stays before it), or None.

    since: what stands before this index is not looked at.

    Called after each token, it finds a loop as soon as its third copy is complete. Cost: O(MAX_PERIOD) for ordinary
    text however long, since most periods fail at their first comparison.
    """
    n = len(ids)
    for period in range(1, min(MAX_PERIOD, (n - since) // 3) + 1):
        copies = max(3, -(-MIN_LOOP // period))
        span = copies * period
        if span > n - since or ids[n - 1] != ids[n - 1 - period]:
            continue
        if all(ids[i] == ids[i - period] for i in range(n - span + period, n)):
            start = n - span + period
            while start - period > since and ids[start - 1] == ids[start - 1 - period]:
                start -= 1  # the loop may have begun inside an earlier, partly overlapping copy
            return start
    return None


def sentence_end(text: str) -> int:
    """Return the offset after the last whole sentence or line of text, or its length if it holds none.

    A loop is cut in mid-sentence ("He was seen twice. He"); the stump says nothing and is left out.
    """
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return ends[-1] if ends else len(text)


def counting(text: str) -> int | None:
    """Return the offset from which text only counts on, if it ends in five empty items of a list or more."""
    found = _EMPTY_ITEMS.search(text, max(0, len(text) - 200)) if text.rstrip().endswith((".", ")")) else None
    if found is None:
        return None
    numbers = [int(digits) for digits in re.findall(r"\d+", found.group())]
    return found.start() if all(b == a + 1 for a, b in pairwise(numbers)) else None


class Watch:
    """Looks for loops in free text while it is written: work for a piece hangs on the piece, not on what was before."""

    def __init__(self) -> None:
        self._length = 0
        self._tail = ""
        self._lines = _Lines()
        self._sentences = _Sentences()

    def take(self, added: str) -> int | None:
        """Take what was written next; the offset in the whole answer from which it says nothing new, or None."""
        if not added:
            return None
        text, before = self._tail + added, self._length - len(self._tail)
        self._length += len(added)
        self._tail = text[-_TAIL:]
        cut = counting(text)
        cut = cut + before if cut is not None else None
        line = self._lines.take(added)
        dull = self._sentences.take(added)
        if cut is None and added.endswith("\n"):
            cut = line
        return dull if cut is None else cut


class _Lines:
    """Whole lines and how often each stands there, its number aside."""

    def __init__(self) -> None:
        self._line: list[str] = []  # of the line being written, in pieces
        self._end = 0  # offset after the last whole line
        self._seen: dict[str, int] = {}
        self._fresh = 0  # offset after the last line that was new
        self._found: int | None = None

    def take(self, added: str) -> int | None:
        """The offset from which the text repeats lines, once a whole line stands three times.

        Text after the second copy is kept as long as it says anything new.
        """
        *whole, rest = added.split("\n")
        for part in whole:
            self._enter("".join((*self._line, part)))
            self._line.clear()
        self._line.append(rest)
        return self._found

    def _enter(self, line: str) -> None:
        self._end += len(line) + 1
        key = " ".join(_NUMBERING.sub("", line).casefold().split())
        if len(key.split()) < MIN_WORDS:
            return
        self._seen[key] = self._seen.get(key, 0) + 1
        if self._seen[key] == 1:
            self._fresh = self._end
        elif self._seen[key] >= 3 and self._found is None:
            self._found = self._fresh


class _Sentences:
    """The sentence being written, and how those of the last REACH characters began."""

    def __init__(self) -> None:
        self._length = 0  # of the text that was looked at
        self._piece: list[str] = []  # text since then: its last word may be unfinished
        self._context = ""  # what stands before it, for the marks of a sentence's end
        self._start = 0  # offset of the sentence
        self._first: list[str] = []  # its first three words
        self._count = 0
        self._last: deque[str] = deque(maxlen=WINDOW)
        self._begun: deque[tuple[int, list[str]]] = deque()

    def take(self, added: str) -> int | None:
        """Where the last sentence begins, if it grows without new words or BEGINNINGS sentences begin as it does."""
        found = None
        if added[0].isspace():
            self._look()
            found = self._dull()
        self._piece.append(added)
        return found

    def _look(self) -> None:
        """Take the words of the piece; it ends with a word."""
        piece = "".join(self._piece)
        text, at = self._context + piece, len(self._context)
        for match in _SENTENCE_END.finditer(text, at):
            self._words(text[at : match.end()])
            at = match.end()
            self._begun.append((self._length + at - len(self._context), self._first))
            self._start = self._begun[-1][0]
            self._first, self._count = [], 0
            self._last.clear()
        self._words(text[at:])
        self._length += len(piece)
        self._context = text[-_CONTEXT:]
        self._piece.clear()
        while self._begun and self._begun[0][0] < self._length - REACH:
            self._begun.popleft()

    def _words(self, text: str) -> None:
        said = text.casefold().split()
        self._first = (self._first + said)[:3] if len(self._first) < 3 else self._first
        self._count += len(said)
        self._last.extend(said)

    def _dull(self) -> int | None:
        if self._count >= WINDOW and len(set(self._last)) < NEW * WINDOW:
            return self._start
        if self._count != 3 or not self._first[0][0].isalpha() or self._first[-1].endswith(":"):
            return None
        return self._start if sum(first == self._first for _, first in self._begun) >= BEGINNINGS - 1 else None
