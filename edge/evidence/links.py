"""Which turns a statement stands on: shared concepts, drugs, numbers and words, weighed by how rare they are.

The score of a link is the share of what the statement says, by weight, that the turn holds, the question before a
short answer read with it: between 0 and 1. Rare things weigh more (inverse document frequency over the turns;
Robertson and Spärck Jones 1976). Which turn comes first is decided by a linear ranking over a few features
(link_weights.toml: fitted on the training visits by softmax over the turns, Cao et al. 2007), as a plan is spoken
late and by the doctor.
"""

from __future__ import annotations

import math
import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from edge.contract.facts import Quote, SourceLink
from edge.contract.transcript import Transcript
from edge.evidence.reading import TextReading, read
from edge.evidence.statements import Piece, body

Vector = NDArray[np.float64]

FEATURES = ("held", "held here", "numbers", "named", "problem", "length", "question", "near", "focus")
PER_SECTION = ("place", "doctor", "length")
SECTIONS = (
    "complaint", "history", "past", "medications", "allergies", "family", "social", "ros", "exam", "vitals", "results",
    "assessment", "plan", "assessment_plan", "",
)  # fmt: skip
LEAST = 0.1  # under this share a turn is no source at all
SUPPORTS = 0.2  # from this share on a turn supports a statement
_KIND_WEIGHT = {"c": 1.6, "d": 2.2, "n": 1.3, "w": 1.0}
_SHORT = 8  # words: a turn that is only an answer
LONGEST = 2_000  # characters of a quote: of a turn that is longer, the part that says most of a statement
_WORD = 40  # characters of a word at most
_TRIED = 50  # places of a long turn that are looked at for that
_NEAR = 0.55  # what the question counts for its answer, and the answer for its question
_REACH = 4.0  # turns: how far the pull of the statement before goes
_QUESTION = re.compile(r"\?|^(?:do|does|did|have|has|are|is|any|how|what|when|where|can|could)\b")


@dataclass(frozen=True)
class Index:
    """The turns of a conversation by what they hold. postings: feature -> {turn: share}, 1 in the turn itself."""

    transcript: Transcript
    turns: tuple[TextReading, ...]
    postings: dict[str, dict[int, float]]
    rarity: dict[str, float]
    mass: Vector  # shape (turns,): summed weights of what each turn holds in its own words
    fixed: Vector  # shape (turns, 4): place 0 to 1, doctor, length, question

    def weight(self, feature: str) -> float:
        """How much a feature of a statement counts; one that no turn holds counts most."""
        return _KIND_WEIGHT[feature[0]] * self.rarity.get(feature, math.log(1 + len(self.turns)))

    def shares(self, features: Iterable[str], least: float = 0.0) -> Vector:
        """For every turn the share, by weight, of these features that it holds. shape (turns,), 0 to 1.

        least: only what a turn holds at least so well counts (1: in its own words).
        """
        total, found = 0.0, np.zeros(len(self.turns))
        for feature in features:
            weight = self.weight(feature)
            total += weight
            if feature in self.postings:
                turns, shares = self._where(feature, least)
                found[turns] += weight * shares
        return found / total if total else found

    @cached_property
    def quotes(self) -> list[Quote]:
        """Every turn as a quote, one object for all statements that stand on it."""
        return [quote(self.transcript, turn) for turn in range(len(self.turns))]

    def passage(self, turn: int, features: Iterable[str]) -> Quote:
        """The turn as a quote; of one that is longer than LONGEST, the part around that holds most of the features."""
        whole = self.quotes[turn]
        if len(whole.text) <= LONGEST:
            return whole
        places, text = self._places(turn), self.turns[turn].text
        held = sorted((f for f in set(features) if f in places), key=lambda f: (len(places[f]), f))
        best, first = -1.0, 0
        for at in places[held[0]][:_TRIED] if held and text == whole.text else ():
            low = max(0, at - LONGEST // 2)
            mass = sum(
                self.weight(f) for f in held if bisect_left(places[f], low + LONGEST) > bisect_left(places[f], low)
            )
            if mass > best:
                best, first = mass, low
        start = 0 if first == 0 else text.find(" ", first, first + _WORD) + 1 or first  # not within a word
        end = (
            max(text.rfind(" ", start, start + LONGEST), start + LONGEST - _WORD)
            if start + LONGEST < len(text)
            else None
        )
        part = whole.text[start:end]
        return Quote(turn, whole.start + start, whole.start + start + len(part), part)

    def _places(self, turn: int) -> dict[str, list[int]]:
        """Of every feature of a long turn where it stands, in order."""
        if turn not in self._long:
            found: dict[str, list[int]] = {}
            for feature, at in sorted(self.turns[turn].places, key=lambda one: one[1]):
                found.setdefault(feature, []).append(at)
            self._long[turn] = found
        return self._long[turn]

    @cached_property
    def _long(self) -> dict[int, dict[str, list[int]]]:
        return {}

    def holding(self, feature: str) -> NDArray[np.int64]:
        """Turns that hold a feature in their own words, each once, in no order. shape (n,)."""
        return self._where(feature, 1.0)[0]

    @cached_property
    def _arrays(self) -> dict[tuple[str, float], tuple[NDArray[np.int64], Vector]]:
        return {}

    def _where(self, feature: str, least: float) -> tuple[NDArray[np.int64], Vector]:
        """(turns, shares) that hold a feature at least so well, as arrays of one length; made when first asked for."""
        kept = self._arrays
        if (feature, least) not in kept:
            held = [(turn, share) for turn, share in self.postings.get(feature, {}).items() if share >= least]
            turns = np.array([turn for turn, _ in held], dtype=np.int64)
            kept[feature, least] = turns, np.array([share for _, share in held], dtype=np.float64)
        return kept[feature, least]


def index(transcript: Transcript) -> Index:
    """Read every turn once."""
    turns = tuple(read(turn.text) for turn in transcript.turns)
    postings: dict[str, dict[int, float]] = {}
    for number, turn in enumerate(turns):
        for feature in turn.features:
            postings.setdefault(feature, {})[number] = 1.0
    rarity = {f: math.log(1 + len(turns) / len(held)) for f, held in postings.items()}
    for number in range(len(turns)):
        for other in _neighbours(turns, number):
            for feature in turns[other].features:
                held = postings[feature]
                held[number] = max(held.get(number, 0.0), _NEAR)
    last = max(1, len(turns) - 1)
    fixed = np.array(
        [
            (
                number / last,
                float(spoken.speaker == "Doctor"),
                math.log1p(len(turn.words)) / 5,
                float(_QUESTION.search(turn.text) is not None),
            )
            for number, (turn, spoken) in enumerate(zip(turns, transcript.turns, strict=True))
        ]
    ).reshape(-1, 4)
    mass = np.array([sum(_KIND_WEIGHT[f[0]] * rarity[f] for f in turn.features) for turn in turns])
    return Index(transcript, turns, postings, rarity, mass, fixed)


def _neighbours(turns: Sequence[TextReading], number: int) -> list[int]:
    found = []
    if number and len(turns[number].words) <= _SHORT:
        found.append(number - 1)
    if number + 1 < len(turns) and len(turns[number + 1].words) <= _SHORT:
        found.append(number + 1)
    return found


@cache
def weights() -> Vector:
    """Weights of the ranking: shape (FEATURES + PER_SECTION x SECTIONS,)."""
    raw = tomllib.loads(resources.files("edge.evidence").joinpath("link_weights.toml").read_text(encoding="utf-8"))
    shared = [raw["turn"][name] for name in FEATURES]
    return np.array(shared + [raw["section"][name][part] for part in PER_SECTION for name in SECTIONS])


def table(held: Index, pieces: Sequence[Piece]) -> list[Vector]:
    """For every statement the ranking features of every turn. shape (turns, FEATURES + PER_SECTION x SECTIONS)."""
    found = []
    for rows, section in _shared(held, pieces):
        every = np.zeros((len(held.turns), len(FEATURES) + len(PER_SECTION) * len(SECTIONS)))
        every[:, : len(FEATURES)] = rows
        for part in range(len(PER_SECTION)):
            every[:, len(FEATURES) + part * len(SECTIONS) + section] = held.fixed[:, part]
        found.append(every)
    return found


def _shared(held: Index, pieces: Sequence[Piece]) -> Iterator[tuple[Vector, int]]:
    """For every statement the ranking features of every turn that all sections share, and the number of its section.

    shape (turns, FEATURES). One at a time: a long note and a long conversation would fill the memory.
    """
    near: int | None = None
    problem: list[str] = []
    section = ""
    for piece in pieces:
        if piece.section != section:
            near, problem, section = None, [], piece.section
        features = list(read(body(piece)).features)
        if section in {"assessment_plan", "plan"} and not piece.label and len(piece.text.split()) <= 6:
            problem = features  # a line that names the problem, for the lines under it
        rows = _rows(held, features, problem, near)
        yield rows, SECTIONS.index(section)
        best = int(np.argmax(rows[:, 0]))
        near = best if rows[best, 0] > 0.3 else near


def _rows(held: Index, features: list[str], problem: list[str], near: int | None) -> Vector:
    turns = len(held.turns)
    rows = np.zeros((turns, len(FEATURES)))
    rows[:, 0] = held.shares(features)
    rows[:, 1] = held.shares(features, 1.0)
    rows[:, 2] = held.shares(f for f in features if f[0] == "n")
    rows[:, 3] = held.shares(f for f in features if f[0] in "cd")
    rows[:, 4] = held.shares(problem)
    rows[:, 5], rows[:, 6] = held.fixed[:, 2], held.fixed[:, 3]
    total = sum(held.weight(f) for f in features)
    rows[:, 8] = rows[:, 1] * total / np.maximum(held.mass, 1.0)
    if near is not None:
        rows[:, 7] = np.exp(-np.abs(np.arange(turns) - near) / _REACH)
    return rows


def link(held: Index, pieces: Sequence[Piece], limit: int = 3) -> list[tuple[SourceLink, ...]]:
    """For every statement the turns that it stands on, best first; at most limit, none under LEAST."""
    found = []
    shared, sections = weights()[: len(FEATURES)], weights()[len(FEATURES) :].reshape(len(PER_SECTION), len(SECTIONS))
    placed = held.fixed[:, : len(PER_SECTION)] @ sections  # what a turn is worth to each section, whatever it holds
    for piece, (rows, section) in zip(pieces, _shared(held, pieces), strict=True):
        order = _first(rows @ shared + placed[:, section], limit + 2)
        best = [int(turn) for turn in order if rows[turn, 0] >= LEAST]
        said = read(body(piece)).features if any(len(held.quotes[t].text) > LONGEST for t in best[:limit]) else ()
        found.append(tuple(SourceLink(held.passage(t, said), round(float(rows[t, 0]), 3)) for t in best[:limit]))
    return found


def _first(scores: Vector, count: int) -> NDArray[np.int64]:
    """The places of the highest scores, best first, the earlier of two that are equal. shape (count or fewer,)."""
    least = np.partition(scores, -count)[-count] if len(scores) > count else -np.inf
    kept = np.flatnonzero(scores >= least)
    return kept[np.argsort(-scores[kept], kind="stable")][:count]


def quote(transcript: Transcript, turn: int) -> Quote:
    """A whole turn as a quote of the source."""
    one = transcript.turns[turn]
    return Quote(turn, one.start, one.end, transcript.source[one.start : one.end])
