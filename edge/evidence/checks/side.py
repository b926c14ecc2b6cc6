"""Side: left and right are as they were said of the same things."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge.evidence.context import side_marks
from edge.evidence.reading import read
from edge.evidence.statements import split
from edge.evidence.view import Conversation, Flag, Severity, View, clause

NAME = "side"
Mark = tuple[int, int, str]  # start, end, side
_OPPOSITE = {"left": "right", "right": "left"}
_AGAINST = 0.45  # how far, by weight, what the statement says must have been said of the other side; -1 to 1
_BOTH = 0.5  # how far "both" speaks for a side: it is as often "both the pain and …"
_REACH = 70  # characters around a side that say what is on it
_SHOWN = 2  # turns
_BEHIND = 22  # characters between a side and what it is of
_STOPS = re.compile(r"[.;?!,]")
_WELL = re.compile(
    r"\b(?:normal|no|denies|without|intact|compar\w*|contralateral|unlike|nontender|other|clear|strong|equal)\b",
    re.IGNORECASE,
)
_PARTS = (
    "knee hip ankle foot toe leg calf thigh shoulder elbow wrist hand finger thumb arm forearm ear eye breast kidney "
    "lung flank groin heel cheek testicle ovary"
)
_BODY = frozenset(_PARTS.split())
_GENERAL = frozenset({"w:left", "w:right", "c:skin", "c:heart", "c:head", "w:normal"})


def check(view: View) -> Iterator[Flag]:
    """A side on which things stand that were said, by weight, of the other side."""
    marks = [mark for mark in side_marks(view.piece.text) if mark[2] != "both"]
    for start, end, wanted in marks:
        low, high = clause(view.piece.text, start, end)
        others = [m for m in marks if m[0] != start and low <= m[0] < high]
        features = {
            feature
            for feature, at in view.reading.places
            if low <= at < high and abs(at - start) < _REACH and feature[0] != "n" and feature not in _GENERAL
            and all(abs(at - start) <= abs(at - m[0]) for m in others)
        }  # fmt: skip
        well = _WELL.search(view.piece.text) is not None and _named_there(view, features, wanted)
        against = not well and (_against(view, features, wanted) >= _AGAINST or _odd_one_out(view, features, wanted))
        if against or _only_the_other(view, marks, (start, wanted)):
            yield view.flag(
                NAME,
                Severity.HIGH,
                f"{wanted}: the conversation says {_OPPOSITE[wanted]}.",
                _turns(view, features, wanted),
            )
            return


def _named_there(view: View, features: set[str], side: str) -> bool:
    """Whether a side was named in a turn that speaks of these things, as the one that is well often is."""
    return any({side, "both"} & view.talk.once(_named_beside, feature) for feature in features)


def _only_the_other(view: View, marks: Sequence[Mark], mark: tuple[int, str]) -> bool:
    """Whether what stands right behind a side ("right leg", "left great toe") was, in a turn that the statement stands
    on, said right behind the other side, and nowhere of this one or of both."""
    start, wanted = mark
    other, talk = _OPPOSITE[wanted], view.talk
    sources = {link.quote.turn for link in view.sources}
    spoken = talk.once(_behind, None)
    for at, _, feature in _side_first(view.piece.text, marks, view.reading.places):
        here = any((feature, one) in spoken for one in (wanted, "both"))
        if at != start or here or talk.sides.get(feature, Counter())[wanted]:
            continue
        if not sources.isdisjoint(spoken.get((feature, other), ())):
            return True
    return False


def _behind(talk: Conversation, _: None) -> dict[tuple[str, str], set[int]]:
    """Turns in which a feature stands right behind the word for a side."""
    found: dict[tuple[str, str], set[int]] = defaultdict(set)
    for turn, reading in enumerate(talk.index.turns):
        for _at, side, feature in _side_first(reading.text, talk.marks[turn], reading.places):
            found[feature, side].add(turn)
    return dict(found)


def _side_first(text: str, marks: Sequence[Mark], places: Sequence[tuple[str, int]]) -> Iterator[tuple[int, str, str]]:
    """(where the mark begins, side, feature) of everything that stands behind a side with at most a word between."""
    ordered = sorted((at, feature) for feature, at in places if feature[0] != "n" and feature not in _GENERAL)
    for start, end, side in marks:
        first, last = bisect_left(ordered, (end, "")), bisect_left(ordered, (end + _BEHIND, ""))
        for at, feature in ordered[first:last]:
            between = text[end:at]
            if _STOPS.search(between) is not None or len(between.split()) > 1:
                break
            yield start, side, feature


def _named_beside(talk: Conversation, feature: str) -> frozenset[str]:
    """Sides that are named in the turns that hold a feature."""
    return frozenset(named for turn in talk.index.holding(feature).tolist() for _, _, named in talk.marks[turn])


def _against(view: View, features: set[str], wanted: str) -> float:
    total = found = 0.0
    for feature in features:
        counts = view.talk.sides.get(feature)
        if not counts:
            continue
        this, other, both = counts[wanted], counts[_OPPOSITE[wanted]], counts["both"]
        weight = view.talk.index.weight(feature)
        total += weight
        found += weight * (other - 2 * this - _BOTH * both) / (this + other + both)
    return found / total if total else 0.0


def _odd_one_out(view: View, features: set[str], wanted: str) -> bool:
    """Whether a part of the body is on the other side in the rest of the note, and mostly so in the conversation."""
    other = _OPPOSITE[wanted]
    for feature in features:
        if feature[0] != "c" or feature[2:] not in _BODY:
            continue
        note, talk = _sides_of(view.whole).get(feature, Counter()), view.talk.sides.get(feature, Counter())
        if (
            note[wanted] <= 1
            and note[other] >= 2
            and not note["both"]
            and talk[other] >= 2 * talk[wanted] + 2 * talk["both"] + 1
        ):
            return True
    return False


@lru_cache(maxsize=8)
def _sides_of(note: str) -> dict[str, Counter[str]]:
    """Of every concept of a note, how often it stands on which side."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for piece in split(note):
        marks = side_marks(piece.text)
        for concept in read(piece.text).concepts if marks else ():
            near = min(marks, key=lambda mark: abs(mark[0] - concept.start))
            if abs(near[0] - concept.start) < _REACH:
                found[f"c:{concept.name}"][near[2]] += 1
    return found


def _turns(view: View, features: set[str], wanted: str) -> list[int]:
    """Turns that speak of the other side, that of the best link first."""
    turns = view.talk.once(_speak_of, _OPPOSITE[wanted])
    shared = np.zeros(len(view.talk.index.turns), dtype=np.int64)
    for feature in features:
        shared[view.talk.index.holding(feature)] += 1
    best = np.argsort(-shared[turns], kind="stable")[:_SHOWN]
    return [int(turn) for turn in turns[best]]


def _speak_of(talk: Conversation, side: str) -> NDArray[np.int64]:
    """Turns in which a side is named, in order. shape (n,)."""
    found = [turn for turn, marks in enumerate(talk.marks) if any(named == side for _, _, named in marks)]
    return np.array(found, dtype=np.int64)
