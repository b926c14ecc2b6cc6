"""Items of lists in German reports that a model left out between two that it has.

German findings and therapies are lists: "Affekt gedrückt, Schwingungsfähigkeit reduziert, Antrieb vermindert". A clause
reaches to a comma, a semicolon or the end of its sentence; a comma in brackets or in a number ends none.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge.clinical.sentences import stops

_MARK = re.compile(r"[(\[]|[)\]]|[,;](?=\s)|\n")
_LEAD = re.compile(r"\s*(?:(?:[-*•–·>#|]|\(?\d{1,2}[.)])\s+)?(?:[^\W\d_][\w/.()& -]{0,38}?[ \t]*:[ \t]+)?")
_WORD = re.compile(r"[^\W\d_]{3}")
_LONGEST = 400  # characters of a bracket: one that is never closed hides no more


@dataclass(frozen=True)
class Clause:
    """text[start:end], without a bullet or a title before it ("VE:"). sentence: number of its sentence."""

    start: int
    end: int
    sentence: int


def clauses(text: str) -> list[Clause]:
    """The clauses of a text in order of place. The work grows with the length of the text."""
    cuts = sorted([(at, False) for at in _commas(text)] + [(at, True) for at in stops(text)])
    found, begin, sentence = [], 0, 0
    for at, ends in [*cuts, (len(text), True)]:
        lead = _LEAD.match(text, begin, at)
        start = lead.end() if lead else begin
        end = start + len(text[start:at].rstrip())
        if end > start:
            found.append(Clause(start, end, sentence))
        begin, sentence = max(begin, at + 1), sentence + ends
    return found


def _commas(text: str) -> Iterator[int]:
    """Places of commas and semicolons outside brackets."""
    depth, opened = 0, 0
    for match in _MARK.finditer(text):
        sign, at = match[0], match.start()
        if depth and (at - opened > _LONGEST or sign == "\n"):
            depth = 0
        if sign in "([":
            depth, opened = depth + 1, at
        elif sign in ")]":
            depth = max(0, depth - 1)
        elif sign != "\n" and not depth:
            yield at


def left_out(text: str, placed: Sequence[tuple[str, int, int]], keys: frozenset[str]) -> list[tuple[str, int, int]]:
    """(key, start, end) of clauses that carry no phrase while those beside them in their sentence have one of a key.

    placed: key, start and end of phrases. A last clause is no item of the list: it often tells of something else.
    """
    every = clauses(text)
    touched, held = _phrases_in(every, placed)
    found: list[tuple[str, int, int]] = []
    for at, one in enumerate(every):
        after = held[at + 1] if at + 1 < len(every) and every[at + 1].sentence == one.sentence else None
        if after is None or touched[at] or not _WORD.search(text, one.start, one.end):
            continue
        before = held[at - 1] if at and every[at - 1].sentence == one.sentence else after
        found += [(key, one.start, one.end) for key in sorted(before & after & keys)]
    return found


def _phrases_in(every: Sequence[Clause], placed: Sequence[tuple[str, int, int]]) -> tuple[list[bool], list[set[str]]]:
    """For each clause whether a phrase touches it, and the keys of those that take up at least half of it."""
    starts = [one.start for one in every]
    touched, held = [False] * len(every), [set[str]() for _ in every]
    for key, start, end in placed:
        at = max(0, bisect_right(starts, start) - 1)
        while at < len(every) and every[at].start < end:
            shared = min(end, every[at].end) - max(start, every[at].start)
            touched[at] = touched[at] or shared > 0
            if 2 * shared >= every[at].end - every[at].start:
                held[at].add(key)
            at += 1
    return touched, held
