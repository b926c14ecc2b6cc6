"""What is said about a piece of clinical text: whether it is so, when, and of whom. English and German, by rules.

ConText (Harkema, Dowling, Thornblade, Chapman 2009): cue phrases with a direction, scopes that end at a conjunction,
a new clause or the sentence; phrases that only look like a cue. Added: cues inside the piece itself (an entry of a
report is often "denies fever"), lists after a determiner, the heading above, and the relation by name.
The lists are cues/*.toml, the rules that join them are here.
"""

from __future__ import annotations

import re

from edge.clinical.cues import ContextCue, lexicon, tokens
from edge.clinical.language import language as language_of
from edge.clinical.scope import BACK, FAR, ScopeLine, acts_before, between, closes, distance, leads
from edge.clinical.sections import Headings
from edge.clinical.sentences import sentence
from edge.clinical.subject import subject_of
from edge.contract.facts import Attributes, Polarity, Time

_YEAR = re.compile(r"(?<![\d.,/])(?:19[3-9]\d|20[0-4]\d)(?![\d.,]*\d)(?!\s*(?:mg|ml|g|/|kcal|IE|IU|m\b))")
_TIMES = {"past": Time.PAST, "planned": Time.PLANNED, "stopped": Time.STOPPED, "conditional": Time.CONDITIONAL}
_PLAN_KEYS = frozenset({"plan"})
_HISTORY = ("history", "hx", "anamnes", "bekannt")
_REASONS = frozenset(
    ("wegen", "aufgrund", "infolge", "nach", "unter", "im rahmen", "because", "due to", "since", "secondary to", "weil")
)


class Context:
    """Answers for many places of one text; what was worked out for a sentence is kept.

    language: "en" or "de", "" to find out (English where neither is told).
    """

    def __init__(self, text: str, language: str = "", headings: Headings | None = None) -> None:
        found = language or language_of(text)
        self._text = text
        self._languages = (found,) if found in ("en", "de") else ("en", "de")
        self._headings = headings or Headings(text)
        self._lines: dict[tuple[int, int], ScopeLine] = {}

    def at(self, start: int, end: int) -> Attributes:
        """Attributes of the characters [start, end)."""
        line = self._line(start, end)
        low, high = start - line.offset, end - line.offset
        heading = self._headings.key(start)
        subject, relative = subject_of(line, low, high, heading)
        polarity, cue = _polarity(line, low, high)
        return Attributes(polarity, subject, relative, _time(line, low, high, heading), cue)

    def _line(self, start: int, end: int) -> ScopeLine:
        bounds = sentence(self._text, start, end)
        if bounds not in self._lines:
            text = self._text[bounds[0] : bounds[1]]
            words = tokens(text)
            cues = [cue for name in self._languages for cue in lexicon(name).find(words)]
            chronic = tuple(lexicon(name).chronic for name in self._languages)
            self._lines[bounds] = ScopeLine(bounds[0], text, words, cues, chronic, "de" in self._languages)
        return self._lines[bounds]


def attributes(text: str, start: int, end: int, language: str = "") -> Attributes:
    """Attributes of one piece of a text; for several pieces make one Context."""
    return Context(text, language).at(start, end)


def _polarity(line: ScopeLine, start: int, end: int) -> tuple[Polarity, str]:
    """Polarity, and the cue that decided as it is written. The nearest cue decides; of two as near, the negation."""
    best: tuple[int, int, ContextCue] | None = None
    for cue in line.cues:
        if cue.kind in ("negation", "uncertain") and (far := distance(line, cue, start, end)) is not None:
            rank = (far, 0 if cue.kind == "negation" else 1)
            if best is None or rank < best[:2]:
                best = (*rank, cue)
    if best is None:
        return Polarity.AFFIRMED, ""
    kind = Polarity.DENIED if best[2].kind == "negation" else Polarity.UNCERTAIN
    return kind, line.text[best[2].start : best[2].end]


def _time(line: ScopeLine, start: int, end: int, heading: str) -> Time:
    best: tuple[int, int, Time] | None = None
    order = ("stopped", "conditional", "planned", "past")
    for cue in line.cues:
        if cue.kind in _TIMES and (far := _reach(line, cue, start, end)) is not None:
            rank = (far, order.index(cue.kind))
            if cue.kind == "past" and _lasting(line, cue, start, end):
                continue
            if best is None or rank < best[:2]:
                best = (*rank, _TIMES[cue.kind])
    if best is not None:
        return best[2]
    piece = line.text[start:end]
    if heading == "history" and _YEAR.search(piece):
        return Time.PAST
    return Time.PLANNED if heading in _PLAN_KEYS else Time.CURRENT


def _lasting(line: ScopeLine, cue: ContextCue, start: int, end: int) -> bool:
    """A chronic condition "in the history" goes on."""
    phrase = line.text[cue.start : cue.end].casefold()
    if not any(word in phrase for word in _HISTORY):
        return False
    return any(chronic.search(line.text, start, end) for chronic in line.chronic)


def _reach(line: ScopeLine, cue: ContextCue, start: int, end: int) -> int | None:
    """As distance, for cues of time, which reach across a list and may stand anywhere in the piece."""
    if start <= cue.start and cue.end <= end:
        if line.text.count("(", start, cue.start) > line.text.count(")", start, cue.start):
            return None
        if cue.kind == "past" and cue.side == "after":
            return None if any(t.text == "," for t in between(line, start, cue.start)[0]) else 0
        if cue.side == "before" and cue.kind in ("past", "stopped"):
            return 0 if leads(line, cue, start, end) else None
        return 0
    if cue.side == "before":
        if cue.end > start:
            return None
        words, cues = between(line, cue.end, start)
        cues += [c for c in line.cues if c.start == start]  # the piece may itself begin with what ends a scope
        if any(c.kind == "any" for c in cues) or any(t.text in (";", "?", "!") for t in words) or len(words) > FAR:
            return None
        if cue.kind == "past" and any(t.text in (":", "with", "mit") for t in words):
            return None
        comma = [t.start for t in words if t.text == ","]
        if comma and (cue.kind == "stopped" or any(c.kind == "clause" and c.start > comma[0] for c in cues)):
            return None
        return len(words) if acts_before(line, cue) else None
    if cue.start < end:
        return None
    words, cues = between(line, end, cue.start)
    ends = [c for c in cues if c.kind == "any" and line.text[c.start : c.end].casefold() not in _REASONS]
    if any(t.text in (";", "?", "!", ",") for t in words) or ends or len(words) > BACK:
        return None
    both = any(c.side == "before" and (c.start, c.end, c.kind) == (cue.start, cue.end, cue.kind) for c in line.cues)
    return None if both and not closes(line, cue) else len(words)
