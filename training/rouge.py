"""ROUGE as the field reports it: rouge-score 0.1.2, F1 x 100, mean over notes, newlines kept for Lsum.

Published ACI-Bench figures use no stemming, and their "ROUGE-L" is Lsum; tests/unit/test_training_published.py holds
this module against them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import islice
from typing import Any

KINDS = ("rouge1", "rouge2", "rougeL", "rougeLsum")
# Longest-common-subsequence tables grow with the product of lengths; a runaway answer must not take hours.
MAX_WORDS = 5000
_WORD = re.compile(r"\S+")


@cache
def _scorer(stem: bool, kinds: tuple[str, ...]) -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(list(kinds), use_stemmer=stem)


def score(reference: str, candidate: str, stem: bool = False, kinds: tuple[str, ...] = KINDS) -> dict[str, float]:
    """F1 x 100 of each kind for one pair. An empty candidate scores 0; one beyond MAX_WORDS is cut there and so
    loses precision by its 5,000 words only."""
    candidate = _cut(candidate)
    if not candidate.strip() or not reference.strip():
        return dict.fromkeys(kinds, 0.0)
    found = _scorer(stem, kinds).score(reference, candidate)
    return {kind: 100 * float(found[kind].fmeasure) for kind in kinds}


def _cut(text: str) -> str:
    """The first MAX_WORDS words as they stand, line breaks included."""
    last = next(islice(_WORD.finditer(text), MAX_WORDS - 1, None), None) if len(text) > MAX_WORDS else None
    return text[: last.end()] if last else text


def scores(references: Sequence[str], candidates: Sequence[str], stem: bool = False) -> list[dict[str, float]]:
    """score() of every pair, in order."""
    return [score(r, c, stem) for r, c in zip(references, candidates, strict=True)]
