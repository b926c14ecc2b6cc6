"""Scorers and thresholds of a trained tagger, fitted on validation in five folds of whole texts.

Each fold's candidates are scored by a regression fitted on the other four; the threshold is chosen, and figures given,
by those scores. What ships is fitted on all folds. One threshold serves all labels of a task: the regression knows the
label, and thresholds a label were worse on texts that did not choose them (docs/lab-log.md). German texts have one of
their own where there are some: a model of English is less sure of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edge.contract.tagging import TaggerScorer, TaggerSpec, TaggerTask
from edge.reading.conversation import parse
from edge.tagging import scorer
from edge.tagging.facts import facts_of
from edge.tagging.tagger import Backend, Span, SpanCandidate, Tagger, best_of
from training import fact_scores, spans, tagger_train
from training.tagger_data import TaggerExample

# Least probabilities of tokens of candidates, the best of those tried (docs/lab-log.md); speech is less sharply cut.
FLOORS = {"conversation": (0.05, 0.12, 0.25, 0.45), "report": (0.12, 0.25, 0.45)}
FOLDS = 5
RIDGE = 50.0  # on standardised features
_STEPS = 30
_GRID = np.round(np.arange(0.1, 0.91, 0.025), 3)
_MOST_LONGER = 3
_APART = 8  # texts of a language from which on it has a threshold of its own


@dataclass(frozen=True)
class Tuned:
    """A task as it ships, and its figures on validation by scores of regressions that did not see the text."""

    task: TaggerTask
    figures: dict[str, float]


def tune(
    spec: TaggerSpec, tokenizer: Any, backend: Backend, valid: dict[str, Sequence[TaggerExample]]
) -> tuple[TaggerSpec, dict[str, dict[str, float]]]:
    """The spec with scorers and thresholds that have the best F1 on validation, and the figures a task."""
    tasks, figures = [], {}
    for task in spec.tasks:
        opened = with_floors(task, FLOORS[task.source])
        others = [opened if one.key == task.key else one for one in spec.tasks]
        tagger = Tagger(spec.model_copy(update={"tasks": others}), tokenizer, backend)
        examples = valid[task.key]
        found = [tagger.candidates(task.key, e.text, tagger.read(list(e.segments))) for e in examples]
        best = tune_task(opened, examples, found)
        tasks.append(best.task)
        figures[task.key] = best.figures
    return spec.model_copy(update={"tasks": tasks}), figures


def with_floors(task: TaggerTask, floors: Sequence[float]) -> TaggerTask:
    """The task with these floors, no threshold and no scorer."""
    labels = [one.model_copy(update={"threshold": 0.0}) for one in task.labels]
    return task.model_copy(update={"labels": labels, "floors": list(floors), "scorer": None})


def tune_task(task: TaggerTask, examples: Sequence[TaggerExample], found: Sequence[Sequence[SpanCandidate]]) -> Tuned:
    """The task with the scorer and thresholds fitted on these texts and their candidates."""
    texts = list(zip(examples, found, strict=True))
    golds = [[_match(task, example, one.span) for one in some] for example, some in texts]
    rows = np.asarray([one.features for some in found for one in some], dtype=np.float64)
    right = np.asarray([gold is not None for some in golds for gold in some], dtype=np.float64)
    owner = np.asarray([number for number, some in enumerate(found) for _ in some])
    names = scorer.features([label.key for label in task.labels])
    held = np.zeros(len(rows))
    for fold in range(FOLDS):
        out = owner % FOLDS == fold
        if out.any() and (~out).any():
            fitted = fit(names, rows[~out], right[~out])
            held[out] = [scorer.score(fitted, row) for row in rows[out]]
    scored = iter(held)
    judged = [best_of([replace(one.span, score=float(next(scored))) for one in some]) for some in found]
    german = [example.lang == "de" for example in examples]
    sides = {side: [at for at, one in enumerate(german) if one is side] for side in (False, True)}
    apart = min(len(some) for some in sides.values()) >= _APART
    least = {
        side: _least(task, [examples[at] for at in some], [judged[at] for at in some])
        for side, some in (sides.items() if apart else ((False, range(len(examples))),))
    }
    labels = [label.model_copy(update={"threshold": least[False]}) for label in task.labels]
    scored_by = fit(names, rows, right) if len(rows) else None
    task = task.model_copy(update={"labels": labels, "scorer": scored_by, "german": least.get(True)})
    kept = [
        [span for span in some if span.score >= least.get(one, least[False])]
        for some, one in zip(judged, german, strict=True)
    ]
    return Tuned(task, tagger_train.figures(task, examples, kept))


def _least(task: TaggerTask, examples: Sequence[TaggerExample], judged: Sequence[Sequence[Span]]) -> float:
    """The threshold with the best F1 over these texts."""
    every = sum(_counts(task, label.key, examples, judged) for label in task.labels)
    wanted = sum(_wanted(task, e, label.key) for e in examples for label in task.labels)
    return float(_GRID[int((2 * every[0] / np.maximum(1, every[1] + wanted)).argmax())])


def fit(names: Sequence[str], rows: Any, right: Any) -> TaggerScorer:
    """Ridge logistic regression by Newton's method. rows: (n, features); right: (n,), 0 or 1."""
    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    scale[scale < 1e-6] = 1.0
    given = np.c_[(rows - mean) / scale, np.ones(len(rows))]
    weights = np.zeros(given.shape[1])
    penalty = np.r_[np.full(len(names), RIDGE), 1e-6]
    for _ in range(_STEPS):
        shares = 1 / (1 + np.exp(-np.clip(given @ weights, -30, 30)))
        slope = given.T @ (shares - right) + penalty * weights
        curve = (given * (shares * (1 - shares))[:, None]).T @ given + np.diag(penalty)
        step = np.linalg.solve(curve, slope)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    lists = [[round(float(value), 6) for value in part] for part in (mean, scale, weights[:-1])]
    return TaggerScorer(
        features=list(names), mean=lists[0], scale=lists[1], weights=lists[2], bias=round(float(weights[-1]), 6)
    )


def _counts(task: TaggerTask, label: str, examples: Sequence[TaggerExample], judged: Sequence[Sequence[Span]]) -> Any:
    """Right and found at each threshold of the grid; shape (2, thresholds). Facts are counted as finished: joined with
    their answers, repeats merged, which depends on facts of the same kind alone."""
    if task.source == "conversation":
        return _fact_counts(label, examples, judged)
    counts = np.zeros((2, len(_GRID)))
    for example, some in zip(examples, judged, strict=True):
        taken: set[int] = set()
        for span in sorted((one for one in some if one.label == label), key=lambda one: -one.score):
            gold = _match(task, example, span)
            kept = span.score >= _GRID
            counts[1] += kept
            if gold is not None and gold not in taken:
                taken.add(gold)
                counts[0] += kept
    return counts


def _fact_counts(label: str, examples: Sequence[TaggerExample], judged: Sequence[Sequence[Span]]) -> Any:
    counts = np.zeros((2, len(_GRID)))
    for example, some in zip(examples, judged, strict=True):
        transcript = parse(example.text)
        wanted = [fact for fact in example.facts if fact.kind == label]
        own = [span for span in some if span.label == label]
        for at, least in enumerate(_GRID):
            kept = [span for span in own if span.score >= least]
            if not kept:
                break
            one = fact_scores.count(facts_of(kept, transcript), wanted)
            counts[:, at] += one.found, one.predicted
    return counts


def _wanted(task: TaggerTask, example: TaggerExample, label: str) -> int:
    if task.source == "conversation":
        return sum(fact.kind == label for fact in example.facts)
    return len(example.fields.get(label, []))


def _match(task: TaggerTask, example: TaggerExample, span: Span) -> int | None:
    """Number of the annotated fact or entry that a span is, the best if several; None if it is none."""
    if task.source == "conversation":
        alike = [_alike(span, fact.names) if fact.kind == span.label else 0.0 for fact in example.facts]
    else:
        words = example.text[span.start : span.end]
        alike = [spans.similar(entry, words, True) for entry in example.fields.get(span.label, [])]
    best = int(np.argmax(alike)) if alike else 0
    return best if alike and alike[best] > 0 else None


def _alike(span: Span, names: Sequence[tuple[int, int]]) -> float:
    """Common characters over all characters of a span and the quote that is most like it; 0 where the span covers less
    than half of the quote, or is more than three times as long."""
    shares = [0.0]
    for start, end in names:
        common = min(span.end, end) - max(span.start, start)
        if common >= fact_scores.HALF * (end - start) and span.end - span.start <= _MOST_LONGER * (end - start):
            shares.append(common / (max(span.end, end) - min(span.start, start)))
    return max(shares)
