"""Which turns a statement stands on: shared concepts, drugs, numbers and words, weighed by how rare they are.

Scores are between 0 and 1: the share of what the statement says, by weight, that a turn and its neighbours hold. Rare
things weigh more (inverse document frequency over the turns; Robertson & Spärck Jones 1976). A short answer is read
together with the question before it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.contract.facts import Quote, SourceLink
from edge.contract.transcript import Transcript
from edge.evidence.reading import Reading, read

_KIND_WEIGHT = {"c": 1.6, "d": 2.2, "n": 1.3, "w": 1.0}
_SHORT = 8  # words: a turn that is only an answer
LEAST = 0.2  # under this a turn supports nothing
_NEAR = 0.55  # what the question counts for its answer, and the answer for its question


@dataclass
class Index:
    """The turns of a conversation by what they hold."""

    turns: list[Reading]
    postings: dict[str, dict[int, float]]
    weights: dict[str, float]

    @property
    def size(self) -> int:
        """How many turns."""
        return len(self.turns)


def index(transcript: Transcript) -> Index:
    """Read every turn once."""
    turns = [read(turn.text) for turn in transcript.turns]
    postings: dict[str, dict[int, float]] = {}
    for number, turn in enumerate(turns):
        for feature in turn.features:
            postings.setdefault(feature, {})[number] = 1.0
    weights = {f: math.log(1 + len(turns) / len(held)) for f, held in postings.items()}
    for number in range(len(turns)):
        for other in _neighbours(turns, number):
            for feature in turns[other].features:
                held = postings[feature]
                held[number] = max(held.get(number, 0.0), _NEAR)
    return Index(turns, postings, weights)


def _neighbours(turns: Sequence[Reading], number: int) -> list[int]:
    found = []
    if number and len(turns[number].words) <= _SHORT:
        found.append(number - 1)
    if number + 1 < len(turns) and len(turns[number + 1].words) <= _SHORT:
        found.append(number + 1)
    return found


def scores(held: Index, features: Sequence[str]) -> NDArray[np.float64]:
    """For every turn the share, by weight, of these features that it holds. shape (turns,), 0 to 1."""
    total = 0.0
    found = np.zeros(held.size)
    missing = math.log(1 + held.size)
    for feature in features:
        weight = _KIND_WEIGHT[feature[0]] * held.weights.get(feature, missing)
        total += weight
        for turn, share in held.postings.get(feature, {}).items():
            found[turn] += weight * share
    return found / total if total else found


def link(held: Index, transcript: Transcript, features: Sequence[str], limit: int = 3) -> tuple[SourceLink, ...]:
    """The turns that hold most of these features, best first; at most limit, none under LEAST."""
    found = scores(held, features)
    order = [int(n) for n in np.argsort(-found, kind="stable")[:limit] if found[n] >= LEAST]
    return tuple(SourceLink(quote_of(transcript, n), round(float(found[n]), 3)) for n in order)


def quote_of(transcript: Transcript, turn: int) -> Quote:
    """A whole turn as a quote of the source."""
    one = transcript.turns[turn]
    return Quote(turn, one.start, one.end, transcript.source[one.start : one.end])
