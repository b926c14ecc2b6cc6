"""Examples as batches of windows: token targets for every label, and the spans that the span head is taught with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edge.contract.tagging import SCHEME, TaggerTask
from edge.tagging.decode import BEGIN, INSIDE, OUTSIDE, probabilities, token_spans
from edge.tagging.windows import NO_PLACE, Stream, batch, stream
from training.tagger_data import GoldSpan, TaggerExample

IGNORED = -100
_HALF = 0.5
_MOST_CANDIDATES = 48


@dataclass(frozen=True)
class PreparedExample:
    """An example as tokens. targets: int64, shape (n, labels); IGNORED where neither is right nor wrong."""

    example: TaggerExample
    stream: Stream = field(repr=False)
    targets: Any = field(repr=False)
    spans: tuple[tuple[int, int, GoldSpan], ...] = field(repr=False)


@dataclass(frozen=True)
class BatchPart:
    """A window of an example. spans: (first, last, gold) with tokens counted from the window's start."""

    ids: Any = field(repr=False)
    targets: Any = field(repr=False)
    segment: Any = field(repr=False)
    placed: Any = field(repr=False)
    spans: tuple[tuple[int, int, GoldSpan], ...] = field(repr=False)


@dataclass(frozen=True)
class Batch:
    """Windows of one task. ids, mask: int64 (windows, length). targets: int64 (windows, length, labels)."""

    task: str
    parts: tuple[BatchPart, ...] = field(repr=False)
    ids: Any = field(repr=False)
    mask: Any = field(repr=False)
    targets: Any = field(repr=False)


def prepare(example: TaggerExample, tokenizer: Any, labels: int) -> PreparedExample:
    """Tokens and targets of an example; a span of which no token is in the stream is left out."""
    found = stream(tokenizer, example.segments)
    targets = np.full((len(found), labels), OUTSIDE, dtype=np.int64)
    for label, start, end in example.ignore:
        at = _tokens(found, start, end)
        if label < 0:
            targets[at] = IGNORED
        else:
            targets[at, label] = IGNORED
    spans = []
    for gold in sorted(example.gold, key=lambda one: (one.start, -one.end)):
        at = _tokens(found, gold.start, gold.end)
        if not len(at):
            continue
        spans.append((int(at[0]), int(at[-1]), gold))
        targets[at, gold.label] = INSIDE
        targets[at[0], gold.label] = BEGIN
    return PreparedExample(example, found, targets, tuple(spans))


def _tokens(found: Stream, start: int, end: int) -> Any:
    """Numbers of the tokens that lie in start to end, of its first segment only."""
    at = np.flatnonzero((found.starts >= 0) & (found.starts < end) & (found.ends > start))
    return at[found.segment[at] == found.segment[at[0]]] if len(at) else at


def parts(prepared: PreparedExample, size: int, offset: int) -> Iterator[BatchPart]:
    """Windows of size tokens without overlap; the first one is shorter by offset, so that cuts fall elsewhere."""
    start, length = 0, len(prepared.stream)
    while start < length:
        end = min(length, start + size - (offset if start == 0 else 0))
        cut = slice(start, end)
        spans = tuple((a - start, b - start, g) for a, b, g in prepared.spans if a >= start and b < end)
        yield BatchPart(
            prepared.stream.ids[cut], prepared.targets[cut], prepared.stream.segment[cut],
            prepared.stream.starts[cut] != NO_PLACE, spans,
        )  # fmt: skip
        start = end


def collate(task: str, group: Sequence[BatchPart], marks: tuple[int, int, int]) -> Batch:
    """A batch of windows; marks: ids that open, close and pad."""
    ids, mask = batch([part.ids for part in group], *marks)
    targets = np.full((*ids.shape, group[0].targets.shape[1]), IGNORED, dtype=np.int64)
    for row, part in enumerate(group):
        targets[row, 1 : len(part.ids) + 1] = part.targets
    return Batch(task, tuple(group), ids, mask, targets)


def candidates(part: BatchPart, logits: Any, task: TaggerTask, floor: float) -> list[tuple[int, int, int, bool]]:
    """(first, last, label, right) of what the token head would propose now and is no annotated span to the token.

    logits: shape (length, token columns of the task). Those that touch what is neither right nor wrong are left out.
    """
    scheme = probabilities(logits.reshape(len(logits), len(task.labels), SCHEME))
    exact = {(first, last, gold.label) for first, last, gold in part.spans}
    found = []
    for span in token_spans(scheme, part.segment, part.placed, floor)[:_MOST_CANDIDATES]:
        known = (span.first, span.last, span.label) in exact
        if known or (part.targets[span.first : span.last + 1, span.label] == IGNORED).any():
            continue
        right = any(
            gold.label == span.label and _overlap(span.first, span.last, first, last) >= _HALF
            for first, last, gold in part.spans
        )
        found.append((span.first, span.last, span.label, right))
    return found


def _overlap(first: int, last: int, wanted_first: int, wanted_last: int) -> float:
    """Share of the longer of two spans that both hold."""
    common = min(last, wanted_last) - max(first, wanted_first) + 1
    return max(0, common) / max(last - first + 1, wanted_last - wanted_first + 1)
