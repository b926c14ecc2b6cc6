"""The score of a candidate: how likely it is a span of its label, from both heads and from what is plain to see.

A logistic regression (weights in tagger.json, fitted on validation): the encoder sees 250 tokens and no numbers; here a
candidate's length, its place in the text, who speaks, and whether it holds a drug, a number or a concept count, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.contract.tagging import TaggerScorer
from edge.tagging.windows import WindowSegment
from edge.terms import concepts, drugs, numbers

_PLAIN = "tokens verdict rival begin before after words drug number concept doctor place place.squared asked long"
_SURE = 1e-4
_LONG_TURN = 40  # words
_AHEAD = 40  # characters after a candidate in which a question mark counts


def features(labels: Sequence[str]) -> list[str]:
    """Names of the features for these labels, in order."""
    plain = _PLAIN.split()
    return plain + [f"{name}:{label}" for name in ("label", "place", "doctor", "words") for label in labels]


@dataclass(frozen=True)
class Heads:
    """What the heads say of a candidate, 0 to 1. tokens: mean over its tokens; verdict: of the span head; rival: the
    most that its tokens have for another label; begin: of its first token; before, after: of the tokens beside it."""

    tokens: float
    verdict: float
    rival: float
    begin: float
    before: float
    after: float


def vector(
    labels: Sequence[str], label: int, heads: Heads, text: str, place: tuple[int, int],
    segments: Sequence[WindowSegment], number: int,
) -> Any:  # fmt: skip
    """Features of one candidate: float64, shape (features,). place: its characters; number: of its segment."""
    start, end = place
    words = text[start:end]
    segment = segments[number]
    length = math.log1p(len(words.split()))
    at = number / max(1, len(segments))
    doctor = float(segment.speaker == "Doctor")
    plain = [
        *(_logit(one) for one in (heads.tokens, heads.verdict, heads.rival, heads.begin, heads.before, heads.after)),
        length, bool(drugs.find(words)), bool(numbers.spans(words)), bool(concepts.find(concepts.words(words))), doctor,
        at, at * at, "?" in text[end : end + _AHEAD], segment.words > _LONG_TURN,
    ]  # fmt: skip
    own = np.zeros((4, len(labels)))
    own[:, label] = 1, at, doctor, length
    return np.concatenate([np.asarray(plain, dtype=np.float64), own.ravel()])


def score(scorer: TaggerScorer, given: Any) -> float:
    """Probability that a candidate with these features is a span of its label."""
    scaled = (given - np.asarray(scorer.mean)) / np.asarray(scorer.scale)
    return float(1 / (1 + np.exp(-np.clip(scaled @ np.asarray(scorer.weights) + scorer.bias, -30, 30))))


def _logit(share: float) -> float:
    return math.log(max(share, _SURE) / max(1 - share, _SURE))
