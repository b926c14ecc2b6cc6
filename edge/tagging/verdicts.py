"""A tagger bundle that judges pairs of texts: both in one window, the answers from the span head.

The window is [CLS] first [SEP] second [SEP]; the vector that is judged is that of the whole of it. Tasks of the source
"pair": the answers of a task are its labels, and exclude one another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edge.contract.tagging import TaggerSpec
from edge.tagging.decode import probabilities
from edge.tagging.tagger import Backend, pooled
from edge.tagging.windows import batch

STATEMENT = "statement"  # the task
_BATCH = 8
_FIRST = 90  # tokens of the first text at most


class Verdicts:
    """A spec, a tokenizer and a backend."""

    def __init__(self, spec: TaggerSpec, tokenizer: Any, backend: Backend) -> None:
        self.spec = spec
        self._tokenizer, self._backend = tokenizer, backend
        self._marks = tuple(tokenizer.token_to_id(mark) for mark in ("[CLS]", "[SEP]", "[PAD]"))

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[Mapping[str, float]]:
        """Answers of the task STATEMENT for each pair, each with its probability."""
        return self.judge(STATEMENT, pairs)

    def judge(self, task: str, pairs: Sequence[tuple[str, str]]) -> list[Mapping[str, float]]:
        """Answers of a task for each pair, in order. Raises ValueError for a task that the spec has not."""
        chosen = self.spec.task(task)
        if chosen is None:
            raise ValueError(f"no task {task!r}")
        keys = [label.key for label in chosen.labels]
        windows = pair_windows(self._tokenizer, pairs, self.spec.window)
        found: list[Mapping[str, float]] = [{}] * len(pairs)
        order = sorted(range(len(pairs)), key=lambda at: len(windows[at]))  # little padding
        opening, closing, padding = self._marks
        for start in range(0, len(order), _BATCH):
            part = order[start : start + _BATCH]
            ids, mask = batch([windows[at] for at in part], opening, closing, padding)
            hidden, _ = self._backend.encode(ids, mask)
            vectors = np.stack([pooled(hidden[row], 0, len(windows[at]) + 1) for row, at in enumerate(part)])
            judged = probabilities(self._backend.judge(vectors)[:, self.spec.span_slice(task)])
            for row, at in enumerate(part):
                found[at] = dict(zip(keys, (float(share) for share in judged[row]), strict=True))
        return found


def pair_windows(tokenizer: Any, pairs: Sequence[tuple[str, str]], size: int) -> list[list[int]]:
    """Tokens of each pair, the separator between its texts, without the marks at both ends; at most size of them."""
    separator = tokenizer.token_to_id("[SEP]")
    first = tokenizer.encode_batch([one for one, _ in pairs], add_special_tokens=False)
    second = tokenizer.encode_batch([two for _, two in pairs], add_special_tokens=False)
    return [[*a.ids[:_FIRST], separator, *b.ids][:size] for a, b in zip(first, second, strict=True)]
