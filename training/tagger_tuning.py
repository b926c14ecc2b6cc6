"""Floors and thresholds of a trained tagger, tuned on validation: for each label the least score of a span.

A label's own counts are few; so the threshold that is best for all labels together weighs in with half their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.contract.tagging import TaggerSpec, TaggerTask
from edge.reading.conversation import parse
from edge.tagging.facts import facts_of
from edge.tagging.tagger import Backend, Reading, Span, Tagger
from training import fact_scores, spans
from training.tagger_data import Example

FLOORS = (0.25, 0.35, 0.45)
SHARES = (0.0, 0.35, 0.7)  # of the span head in a score
_GRID = np.round(np.arange(0.2, 0.925, 0.025), 3)
_SHRINK = 0.5


@dataclass(frozen=True)
class _Found:
    """Candidates of all texts at one floor. labels, examples, golds: numbers, -1 for no annotated span."""

    tokens: Any
    verdicts: Any
    labels: Any
    examples: Any
    golds: Any


def tune(spec: TaggerSpec, tokenizer: Any, backend: Backend, valid: dict[str, Sequence[Example]]) -> TaggerSpec:
    """The spec with the floors, the share of the span head and the thresholds that have the best F1 on validation."""
    found: dict[tuple[str, float], _Found] = {}
    plain = Tagger(spec, tokenizer, backend)
    for task in spec.tasks:
        readings = [plain.read(list(e.segments)) for e in valid[task.key]]
        for floor in FLOORS:
            opened = with_floor(task, floor)
            others = [opened if one.key == task.key else one for one in spec.tasks]
            tagger = Tagger(spec.model_copy(update={"tasks": others}), tokenizer, backend)
            found[task.key, floor] = _candidates(tagger, opened, valid[task.key], readings)
    best: tuple[float, TaggerSpec] | None = None
    for share in SHARES:
        tasks, total = [], 0.0
        for task in spec.tasks:
            wanted = [sum(_wanted(task, e, label.key) for e in valid[task.key]) for label in task.labels]
            tried = [_tuned(with_floor(task, floor), found[task.key, floor], share, wanted) for floor in FLOORS]
            figure, chosen = max(tried, key=lambda one: one[0])
            tasks.append(chosen)
            total += figure
        if best is None or total > best[0]:
            best = total, spec.model_copy(update={"tasks": tasks, "verified": share})
    assert best is not None
    return refined(best[1], tokenizer, backend, valid)


def refined(spec: TaggerSpec, tokenizer: Any, backend: Backend, valid: dict[str, Sequence[Example]]) -> TaggerSpec:
    """The spec with the thresholds of facts tuned on finished facts: joined with their answers, repeats merged.

    What becomes of a fact depends on facts of its own kind alone, so each threshold is tuned on its own.
    """
    tagger = Tagger(spec, tokenizer, backend)
    tasks = []
    for task in spec.tasks:
        if task.source == "conversation":
            examples = valid[task.key]
            found = [tagger.candidates(task.key, e.text, tagger.read(list(e.segments))) for e in examples]
            task = _by_facts(task, examples, [[one.span for one in some] for some in found])
        tasks.append(task)
    return spec.model_copy(update={"tasks": tasks})


def _by_facts(task: TaggerTask, examples: Sequence[Example], found: Sequence[Sequence[Span]]) -> TaggerTask:
    parsed = [parse(example.text) for example in examples]
    counts = []
    for label in task.labels:
        gold = [[fact for fact in example.facts if fact.kind == label.key] for example in examples]
        rows = []
        for least in _GRID[::2]:
            total = fact_scores.FactCounts()
            for spans_of, transcript, wanted in zip(found, parsed, gold, strict=True):
                kept = [span for span in spans_of if span.label == label.key and span.score >= least]
                total += fact_scores.count(facts_of(kept, transcript), wanted)
            rows.append((total.found, total.predicted))
        counts.append(np.asarray(rows, dtype=np.float64).T)
    wanted_of = [sum(fact.kind == label.key for e in examples for fact in e.facts) for label in task.labels]
    best = _best(counts, wanted_of)
    labels = [
        label.model_copy(update={"threshold": float(_GRID[::2][at])})
        for label, at in zip(task.labels, best, strict=True)
    ]
    return task.model_copy(update={"labels": labels})


def _best(counts: Sequence[Any], wanted: Sequence[int]) -> list[int]:
    """Number of the best threshold of each label."""
    every, most = sum(counts), max(1, sum(wanted))
    best = []
    for own, number in zip(counts, wanted, strict=True):
        mixed = own + _SHRINK * every * number / most
        f1 = 2 * mixed[0] / np.maximum(1e-9, mixed[1] + number * (1 + _SHRINK))
        best.append(int(f1.argmax()))
    return best


def with_floor(task: TaggerTask, floor: float) -> TaggerTask:
    """The task with that floor and no threshold for every label."""
    labels = [one.model_copy(update={"floor": floor, "threshold": 0.0}) for one in task.labels]
    return task.model_copy(update={"labels": labels})


def _candidates(tagger: Tagger, task: TaggerTask, examples: Sequence[Example], readings: Sequence[Reading]) -> _Found:
    keys = [label.key for label in task.labels]
    rows = []
    for number, (example, reading) in enumerate(zip(examples, readings, strict=True)):
        for one in tagger.candidates(task.key, example.text, reading):
            gold = _match(task, example, one.span)
            rows.append((one.tokens, one.verdict, keys.index(one.span.label), number, -1 if gold is None else gold))
    columns = np.asarray(rows, dtype=np.float64).reshape(-1, 5).T
    return _Found(columns[0], columns[1], *(column.astype(int) for column in columns[2:]))


def _tuned(task: TaggerTask, found: _Found, share: float, wanted: Sequence[int]) -> tuple[float, TaggerTask]:
    """F1 over the labels with the best thresholds, and the task with them."""
    scores = found.tokens ** (1 - share) * found.verdicts**share
    counts = [_counts(scores, found, found.labels == number) for number in range(len(task.labels))]
    most = max(1, sum(wanted))
    labels, right, predicted = [], 0.0, 0.0
    for label, own, at in zip(task.labels, counts, _best(counts, wanted), strict=True):
        labels.append(label.model_copy(update={"threshold": float(_GRID[at])}))
        right, predicted = right + own[0][at], predicted + own[1][at]
    return 200 * right / max(1, predicted + most), task.model_copy(update={"labels": labels})


def _counts(scores: Any, found: _Found, chosen: Any) -> Any:
    """Right and found spans of one label at each threshold of the grid; shape (2, thresholds). An annotated span
    counts once."""
    counts = np.zeros((2, len(_GRID)))
    taken: set[tuple[int, int]] = set()
    rows = np.flatnonzero(chosen)
    for row in rows[np.argsort(-scores[rows], kind="stable")]:
        kept = scores[row] >= _GRID
        counts[1] += kept
        key = (int(found.examples[row]), int(found.golds[row]))
        if key[1] >= 0 and key not in taken:
            taken.add(key)
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
