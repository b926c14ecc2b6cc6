"""Floors and thresholds of a trained tagger, tuned on validation: for each label the least score of a span.

A label's own counts are few; so the threshold that is best for all labels together weighs in with half their number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.contract.tagging import TaggerSpec, TaggerTask
from edge.tagging.tagger import Backend, Reading, Span, Tagger
from training import fact_scores, spans
from training.tagger_data import Example

FLOORS = (0.25, 0.35, 0.45)
SHARES = (0.0, 0.35, 0.7)  # of the span head in a score
_GRID = np.round(np.arange(0.2, 0.925, 0.025), 3)
_SHRINK = 0.5
Match = Callable[[Example, Span], "int | None"]


@dataclass(frozen=True)
class _Scored:
    """A candidate: its score and the number of the annotated span that it is, None if it is none."""

    label: str
    score: float
    example: int
    gold: int | None


def tune(spec: TaggerSpec, tokenizer: Any, backend: Backend, valid: dict[str, Sequence[Example]]) -> TaggerSpec:
    """The spec with the floor, the share of the span head and the thresholds that have the best F1 on validation."""
    plain = Tagger(spec, tokenizer, backend)
    readings = {key: [plain.read(list(e.segments)) for e in examples] for key, examples in valid.items()}
    best: tuple[float, TaggerSpec] | None = None
    for share in SHARES:
        tasks, total = [], 0.0
        for task in spec.tasks:
            tried = [
                _tuned(spec, task, f, share, tokenizer, backend, valid[task.key], readings[task.key]) for f in FLOORS
            ]
            figure, chosen = max(tried, key=lambda one: one[0])
            tasks.append(chosen)
            total += figure
        if best is None or total > best[0]:
            best = total, spec.model_copy(update={"tasks": tasks, "verified": share})
    assert best is not None
    return best[1]


def _tuned(
    spec: TaggerSpec, task: TaggerTask, floor: float, share: float, tokenizer: Any, backend: Backend,
    examples: Sequence[Example], readings: Sequence[Reading],
) -> tuple[float, TaggerTask]:  # fmt: skip
    """F1 over the labels and the task with these settings and its best thresholds."""
    open_task = task.model_copy(
        update={"labels": [one.model_copy(update={"floor": floor, "threshold": 0.0}) for one in task.labels]}
    )
    others = [open_task if one.key == task.key else one for one in spec.tasks]
    tagger = Tagger(spec.model_copy(update={"tasks": others, "verified": share}), tokenizer, backend)
    scored = []
    for number, (example, reading) in enumerate(zip(examples, readings, strict=True)):
        for span in tagger.spans(task.key, example.text, reading):
            scored.append(_Scored(span.label, span.score, number, _match(task, example, span)))
    wanted = {label.key: sum(_wanted(task, e, label.key) for e in examples) for label in task.labels}
    counts = {key: _counts([one for one in scored if one.label == key]) for key in wanted}
    every, most = sum(counts.values()), max(1, sum(wanted.values()))
    labels, right, found = [], 0.0, 0.0
    for label in open_task.labels:
        mixed = counts[label.key] + _SHRINK * every * wanted[label.key] / most
        f1 = 2 * mixed[0] / np.maximum(1e-9, mixed[1] + wanted[label.key] * (1 + _SHRINK))
        at = int(f1.argmax())
        labels.append(label.model_copy(update={"threshold": float(_GRID[at])}))
        right, found = right + counts[label.key][0][at], found + counts[label.key][1][at]
    return 200 * right / max(1, found + most), open_task.model_copy(update={"labels": labels})


def _counts(scored: Sequence[_Scored]) -> Any:
    """Right and found spans at each threshold of the grid; shape (2, thresholds). An annotated span counts once."""
    counts = np.zeros((2, len(_GRID)))
    taken: set[tuple[int, int]] = set()
    for one in sorted(scored, key=lambda one: -one.score):
        kept = one.score >= _GRID
        counts[1] += kept
        if one.gold is not None and (one.example, one.gold) not in taken:
            taken.add((one.example, one.gold))
            counts[0] += kept
    return counts


def _wanted(task: TaggerTask, example: Example, label: str) -> int:
    if task.source == "conversation":
        return sum(fact.kind == label for fact in example.facts)
    return len(example.fields.get(label, []))


def _match(task: TaggerTask, example: Example, span: Span) -> int | None:
    """Number of the annotated fact or entry that a span is, the best if several; None if it is none."""
    if task.source == "conversation":
        covers = [
            fact_scores.cover([(span.start, span.end)], fact.names) if fact.kind == span.label else 0.0
            for fact in example.facts
        ]
        best = int(np.argmax(covers)) if covers else 0
        return best if covers and covers[best] >= fact_scores.HALF else None
    words = example.text[span.start : span.end]
    alike = [spans.similar(entry, words, True) for entry in example.fields.get(span.label, [])]
    best = int(np.argmax(alike)) if alike else 0
    return best if alike and alike[best] > 0 else None
