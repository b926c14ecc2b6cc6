"""MEDEC, evaluation only: a head over sentence vectors that guesses which sentence of a text is wrong.

Its errors are of diagnosis, management and treatment: nothing in the text itself says so, and no door of the program
proposes a correction. The head (ridge logistic regression over vectors of an untuned encoder, fitted on the training
texts, threshold by folds of whole texts) shows what can be had without a source; the majority answer stands beside it.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edge.text import sanitise
from training import intervals

FILES = {"train": "medec_ms_train.csv", "dev": "medec_ms_dev.csv"}
FOLDS = 5
RIDGES = (30.0, 100.0, 300.0, 1000.0)
_STEPS = 25
_BATCH = 32


@dataclass(frozen=True)
class MedecText:
    """A text by its sentences. wrong: number of the sentence with the error, None if there is none."""

    sentences: tuple[str, ...] = field(repr=False)
    wrong: int | None


def read(folder: Path, split: str) -> list[MedecText]:
    """Texts of a split, "train" or "dev"."""
    found = []
    with (folder / "medec" / FILES[split]).open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            numbered = [line.split(" ", 1) for line in sanitise(row["Sentences"]).splitlines() if " " in line]
            ids = [int(number) for number, _ in numbered if number.isdigit()]
            texts = tuple(words for number, words in numbered if number.isdigit())
            wrong = int(row["Error Sentence ID"]) if row["Error Flag"].strip() == "1" else None
            found.append(MedecText(texts, ids.index(wrong) if wrong in ids else None))
    return found


def evaluate(folder: Path, base: Path) -> dict[str, Any]:
    """Flag and sentence accuracy on dev with intervals, the majority beside them, ridge and threshold by train."""
    train, dev = read(folder, "train"), read(folder, "dev")
    vectors = _vectors(base, [*train, *dev])
    rows, held = vectors[: len(train)], vectors[len(train) :]
    ridge, least = max(
        ((ridge, *_by_folds(train, rows, ridge)) for ridge in RIDGES), key=lambda one: one[1]
    )[::2]  # fmt: skip
    scores = _scores(_fit(train, rows, ridge), held)
    flags = [float((max(some) >= least) == (one.wrong is not None)) for one, some in zip(dev, scores, strict=True)]
    named = [float(_named(some, least) == one.wrong) for one, some in zip(dev, scores, strict=True)]
    share = intervals.mean([float(one.wrong is not None) for one in dev])
    return {
        "texts": len(dev), "ridge": ridge, "threshold": least, "majority": max(share, 1 - share),
        "flag accuracy": intervals.mean(flags), "flag interval": list(intervals.interval(flags, intervals.mean)),
        "sentence accuracy": intervals.mean(named),
        "sentence interval": list(intervals.interval(named, intervals.mean)),
    }  # fmt: skip


def _named(scores: Sequence[float], least: float) -> int | None:
    return int(np.argmax(scores)) if max(scores) >= least else None


def _vectors(base: Path, texts: Sequence[MedecText]) -> list[Any]:
    """For each text float32 of shape (sentences, 2 x width): each sentence, and its product with the text's mean."""
    import torch
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()  # it would call the unused pooler a warning
    tokenizer = AutoTokenizer.from_pretrained(str(base))
    encoder = AutoModel.from_pretrained(str(base), add_pooling_layer=False).eval()
    every = [sentence for text in texts for sentence in text.sentences]
    order = sorted(range(len(every)), key=lambda at: len(every[at]))
    found = np.zeros((len(every), int(encoder.config.hidden_size)), dtype=np.float32)
    for start in range(0, len(order), _BATCH):
        part = order[start : start + _BATCH]
        given = tokenizer(
            [every[at] for at in part], padding=True, truncation=True, max_length=128, return_tensors="pt"
        )
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            states = encoder(**given).last_hidden_state.float()
        mask = given["attention_mask"][:, :, None]
        mean = (states * mask).sum(1) / mask.sum(1)
        found[part] = torch.nn.functional.normalize(mean, dim=1).numpy()
    vectors, at = [], 0
    for text in texts:
        own = found[at : at + len(text.sentences)]
        at += len(own)
        vectors.append(np.concatenate([own, own * own.mean(0)], axis=1))
    return vectors


def _fit(texts: Sequence[MedecText], vectors: Sequence[Any], ridge: float) -> Any:
    """Mean, scale and weights (the bias last) of a logistic regression by Newton's method."""
    rows = np.concatenate(vectors)
    right = np.concatenate([np.arange(len(one.sentences)) == (-1 if one.wrong is None else one.wrong) for one in texts])
    mean, scale = rows.mean(0), rows.std(0) + 1e-6
    given = np.c_[(rows - mean) / scale, np.ones(len(rows))]
    weights = np.zeros(given.shape[1])
    penalty = np.r_[np.full(rows.shape[1], ridge), 1e-6]
    for _ in range(_STEPS):
        shares = 1 / (1 + np.exp(-np.clip(given @ weights, -30, 30)))
        step = np.linalg.solve(
            (given * (shares * (1 - shares))[:, None]).T @ given + np.diag(penalty),
            given.T @ (shares - right) + penalty * weights,
        )
        weights -= step
        if np.abs(step).max() < 1e-7:
            break
    return mean, scale, weights


def _scores(fitted: Any, vectors: Sequence[Any]) -> list[list[float]]:
    mean, scale, weights = fitted
    return [list(((one - mean) / scale) @ weights[:-1] + weights[-1]) for one in vectors]


def _by_folds(texts: Sequence[MedecText], vectors: Sequence[Any], ridge: float) -> tuple[float, float]:
    """Best flag accuracy of folds of whole texts, and the threshold that has it."""
    held: list[float] = [0.0] * len(texts)
    for fold in range(FOLDS):
        inside = [at for at in range(len(texts)) if at % FOLDS != fold]
        fitted = _fit([texts[at] for at in inside], [vectors[at] for at in inside], ridge)
        for at in range(fold, len(texts), FOLDS):
            held[at] = max(_scores(fitted, [vectors[at]])[0])
    wrong = np.array([one.wrong is not None for one in texts])
    grid = np.quantile(held, np.linspace(0.02, 0.98, 49))
    shares = [float(((np.array(held) >= least) == wrong).mean()) for least in grid]
    best = int(np.argmax(shares))
    return shares[best], float(grid[best])
