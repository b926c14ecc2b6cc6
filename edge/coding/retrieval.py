"""Entries of a classification for a few words: by the words themselves (BM25), by meaning (vectors), and both fused.

The vectors of an edition belong to its terms in the order of its index (edge.terminology): one row a term, int8 with a
scale a row, unit length before rounding. They lie in a coding bundle (edge.coding.encoder).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from edge.terminology.catalogue import Catalogue
from edge.terminology.lexical import match_query

MAX_QUERY = 300  # characters of a query; a sentence that is longer is searched by its beginning
_RANK = 60  # the constant of reciprocal rank fusion (Cormack, Clarke, Büttcher 2009)
_DEPTH = 4  # terms looked at for each entry wanted: an entry has several
_BLOCK = 8192  # rows of vectors multiplied at once: bounds what float32 takes


class TextEncoder(Protocol):
    """Texts as unit vectors."""

    def embed(self, texts: Sequence[str]) -> Any:
        """float32, shape (texts, width)."""


@dataclass(frozen=True)
class TermVectors:
    """Vectors of all terms. rows: int8, shape (terms, width); scales: float32, shape (terms,)."""

    rows: Any = field(repr=False)
    scales: Any = field(repr=False)

    def scores(self, queries: Any) -> Any:
        """Cosine of every query with every term: float32, shape (queries, terms)."""
        found = np.empty((len(queries), len(self.rows)), dtype=np.float32)
        for first in range(0, len(self.rows), _BLOCK):
            part = slice(first, first + _BLOCK)
            found[:, part] = queries @ self.rows[part].astype(np.float32).T
        return found * self.scales


def rounded(vectors: Any) -> TermVectors:
    """Unit vectors as TermVectors: the largest part of each row becomes 127."""
    scales = np.maximum(np.abs(vectors).max(axis=1), 1e-12) / 127
    return TermVectors(np.round(vectors / scales[:, None]).astype(np.int8), scales.astype(np.float32))


@dataclass(frozen=True)
class RetrievedEntry:
    """An entry found. lexical, dense: its rank in each list from 0, None where it is not in it; cosine: -1 to 1."""

    code: str
    score: float
    lexical: int | None = None
    dense: int | None = None
    cosine: float = 0.0


class Retriever:
    """Searches one catalogue; without an encoder and vectors by words alone."""

    def __init__(
        self, catalogue: Catalogue, encoder: TextEncoder | None = None, vectors: TermVectors | None = None
    ) -> None:
        """Raises ValueError if the vectors are not those of the catalogue's terms."""
        self._catalogue, self._encoder, self._vectors = catalogue, encoder, vectors
        self._codes = [code for code, _ in catalogue.terms()] if vectors is not None else []
        if vectors is not None and len(self._codes) != len(vectors.rows):
            raise ValueError(f"{len(vectors.rows)} vectors for {len(self._codes)} terms")

    @property
    def has_dense(self) -> bool:
        """Whether it searches by meaning too."""
        return self._encoder is not None and self._vectors is not None

    def lexical(self, words: str, limit: int) -> list[str]:
        """Codes that share words, best first."""
        words = words[:MAX_QUERY]
        return [hit.code.code for hit in self._catalogue.search(words, limit)] if match_query(words) else []

    def dense(self, texts: Sequence[str], limit: int) -> list[list[tuple[str, float]]]:
        """(code, cosine) nearest in meaning to each text, best first. Raises ValueError without vectors."""
        if self._encoder is None or self._vectors is None:
            raise ValueError("this retriever has no vectors")
        if not texts:
            return []
        scores = self._vectors.scores(self._encoder.embed([text[:MAX_QUERY] for text in texts]))
        return [self._nearest(row, limit) for row in scores]

    def _nearest(self, scores: Any, limit: int) -> list[tuple[str, float]]:
        count = min(limit * _DEPTH, len(scores))
        top = np.argpartition(-scores, count - 1)[:count]
        best: dict[str, float] = {}
        for row in top[np.argsort(-scores[top], kind="stable")]:
            best.setdefault(self._codes[row], float(scores[row]))
        return list(best.items())[:limit]

    def fused(self, texts: Sequence[str], limit: int) -> list[list[RetrievedEntry]]:
        """Entries for each text by reciprocal rank over both lists, best first."""
        near = self.dense(texts, limit) if self.has_dense else [[] for _ in texts]
        return [fuse(self.lexical(text, limit), meant)[:limit] for text, meant in zip(texts, near, strict=True)]


def fuse(lexical: Sequence[str], dense: Sequence[tuple[str, float]]) -> list[RetrievedEntry]:
    """Both lists as one: the sum over lists of 1 / (60 + rank), ranks from 1; ties by code."""
    words = {code: rank for rank, code in enumerate(lexical)}
    meaning = {code: (rank, cosine) for rank, (code, cosine) in enumerate(dense)}
    found = []
    for code in dict.fromkeys((*words, *meaning)):
        rank, (other, cosine) = words.get(code), meaning.get(code, (None, 0.0))
        score = sum(1 / (_RANK + 1 + place) for place in (rank, other) if place is not None)
        found.append(RetrievedEntry(code, score, rank, other, cosine))
    return sorted(found, key=lambda one: (-one.score, one.code))
