"""The two floors of every table: the source copied as it stands, and the answer of the nearest training example.

Nearest by TF-IDF cosine of the sources (Salton & Buckley 1988), among training examples with the same task key.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile(r"\w+")


class Nearest:
    """Finds the training example whose source is most like a given one."""

    def __init__(self, sources: Sequence[str], keys: Sequence[str]) -> None:
        bags = [Counter(_WORD.findall(s.casefold())) for s in sources]
        seen = Counter(word for bag in bags for word in bag)
        self._idf = {word: math.log((1 + len(bags)) / (1 + n)) + 1 for word, n in seen.items()}
        self._vectors = [self._vector(bag) for bag in bags]
        self._keys = list(keys)

    def _vector(self, bag: Counter[str]) -> dict[str, float]:
        raw = {word: (1 + math.log(n)) * self._idf[word] for word, n in bag.items() if word in self._idf}
        norm = math.sqrt(sum(x * x for x in raw.values())) or 1.0
        return {word: x / norm for word, x in raw.items()}

    def find(self, source: str, key: str) -> int:
        """Index of the nearest training source with that key, of any key if none has it. Raises ValueError if empty."""
        scores = self._scores(source)
        same = [i for i, k in enumerate(self._keys) if k == key] or range(len(self._keys))
        return max(same, key=lambda i: scores[i])

    def ranked(self, source: str) -> list[int]:
        """Indices of all training sources, nearest first."""
        scores = self._scores(source)
        return sorted(range(len(scores)), key=lambda i: -scores[i])

    def _scores(self, source: str) -> list[float]:
        wanted = self._vector(Counter(_WORD.findall(source.casefold())))
        return [sum(x * vector.get(word, 0.0) for word, x in wanted.items()) for vector in self._vectors]
