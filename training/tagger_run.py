"""One training of a tagger from start to end: read, train, round, tune thresholds, measure, write the folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from edge.contract.prompts import load_tokenizer
from edge.contract.tagging import TaggerSpec
from training import tagger_publish, tagger_train, tagger_tuning
from training.tagger_config import TaggerConfig
from training.tagger_model import TaggerModel, TorchBackend
from training.tagger_train import Outcome, Say, Sets


def run(config: TaggerConfig, base: Path, data: Path, out: Path, say: Say) -> Path:
    """Train and write the tuned tagger to out, anew after each epoch that is the best so far; returns out.

    Raises TrainingError, UsageError.
    """
    sets = tagger_train.read_sets(config, data)
    started = time.monotonic()

    def keep(outcome: Outcome) -> None:
        finish(config, base, sets, outcome, time.monotonic() - started, out, say, tuned=False)

    outcome = tagger_train.train(config, base, sets, say, keep)
    finish(config, base, sets, outcome, time.monotonic() - started, out, say)
    return out


def finish(
    config: TaggerConfig, base: Path, sets: Sets, outcome: Outcome, seconds: float, out: Path, say: Say,
    tuned: bool = True,
) -> TaggerSpec:  # fmt: skip
    """Round the weights, tune thresholds and measure what was rounded, write the folder; returns the tuned spec."""
    saved = tagger_publish.tensors(outcome.model, base)
    spec, measured = outcome.spec, outcome.history[outcome.best - 1]["valid"] if outcome.history else {}
    if tuned:
        rounded = TaggerModel(base, spec)
        tagger_publish.restore(rounded, base, saved)
        backend, tokenizer = TorchBackend(rounded.eval(), config.train.bf16), load_tokenizer(base / "tokenizer.json")
        spec, measured = tagger_tuning.tune(spec, tokenizer, backend, dict(sets.valid))
        for key, one in measured.items():
            say(f"tuned: {key} " + " ".join(f"{name} {value:.1f}" for name, value in one.items()))
    names = {key: list(task.validate_on) for key, task in config.tasks.items()}
    facts: dict[str, Any] = {
        "history": outcome.history,
        "best": outcome.best,
        "seconds": seconds,
        "records": records(config, sets),
        "figures": tagger_publish.figures(measured, names, {key: len(found) for key, found in sets.valid.items()}),
    }
    size = tagger_publish.publish(out, saved, spec, config, facts)
    say(f"{out}: {size / 1e6:.1f} MB of weights")
    return spec


def records(config: TaggerConfig, sets: Sets) -> dict[str, int]:
    """Documents of each set by role."""
    found: dict[str, int] = {}
    for key, task in config.tasks.items():
        for role, names, examples in (
            ("training", task.train, sets.train[key]), ("evaluation", task.validate_on, sets.valid[key]),
        ):  # fmt: skip
            for name in names:
                found[f"{role}/{name}"] = sum(example.source == name for example in examples)
    return found


def threads(count: int) -> None:
    """Use so many threads, 0 for as many as there are."""
    if count:
        torch.set_num_threads(count)
