"""One training of a tagger from start to end: read, train, round, tune thresholds, measure, write the folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from edge.contract.prompts import load_tokenizer
from edge.contract.tagging import TaggerSpec
from training import judge_data, judge_train, precision, tagger_publish, tagger_train, tagger_tuning
from training.runlog import Say
from training.tagger_config import TaggerConfig
from training.tagger_model import TaggerModel, TorchBackend
from training.tagger_train import TaggerOutcome, TaggerSets


def run(config: TaggerConfig, base: Path, data: Path, out: Path, say: Say) -> Path:
    """Train and write the tuned tagger to out, anew after each epoch that is the best so far; returns out.

    Raises TrainingError, UsageError.
    """
    if config.train.bf16 and not precision.bf16_pays(say):  # sixteen times as long there
        config = config.model_copy(update={"train": config.train.model_copy(update={"bf16": False})})
    if config.judges:
        return _judge(config, base, data, out, say)
    sets = tagger_train.read_sets(config, data)
    started = time.monotonic()

    def keep(outcome: TaggerOutcome) -> None:
        finish(config, base, sets, outcome, time.monotonic() - started, out, say, tuned=False)

    outcome = tagger_train.train(config, base, sets, say, keep)
    averaged(config, base, outcome)
    finish(config, base, sets, outcome, time.monotonic() - started, out, say)
    return out


def averaged(config: TaggerConfig, base: Path, outcome: TaggerOutcome) -> None:
    """Give the trained model config.mean of the weights that it started from. Raises TrainingError."""
    if not config.mean:
        return
    trained = {name: value.detach().clone() for name, value in outcome.model.state_dict().items()}
    tagger_publish.go_on(outcome.model, base, Path(config.start).expanduser(), outcome.spec)
    before = outcome.model.state_dict()
    outcome.model.load_state_dict(
        {
            name: torch.lerp(value, before[name], config.mean) if value.is_floating_point() else value
            for name, value in trained.items()
        }
    )


def _judge(config: TaggerConfig, base: Path, data: Path, out: Path, say: Say) -> Path:
    """The same for a judge of pairs: what is rounded is written after each epoch that is the best so far."""
    sets = judge_train.read_sets(config, data)
    say(f"{len(sets[0])} pairs to train on, {len(sets[1])} to validate on")
    started = time.monotonic()
    names = {key: list(task.validate_on) for key, task in config.tasks.items()}
    sides = [(role, some) for task in config.tasks.values()
             for role, some in (("training", task.train), ("evaluation", task.validate_on))]  # fmt: skip
    documents = {f"{role}/{name}": len(judge_data.visits(data, name)) for role, some in sides for name in some}

    def keep(outcome: TaggerOutcome) -> None:
        measured = outcome.history[outcome.best - 1]["valid"]
        held = {key: sum(documents[f"evaluation/{name}"] for name in some) for key, some in names.items()}
        facts: dict[str, Any] = {
            "history": outcome.history, "best": outcome.best, "seconds": time.monotonic() - started,
            "records": documents, "figures": tagger_publish.figures(measured, names, held),
        }  # fmt: skip
        tagger_publish.publish(out, tagger_publish.tensors(outcome.model, base), outcome.spec, config, facts)

    judge_train.train(config, base, sets, say, keep)
    return out


def finish(
    config: TaggerConfig, base: Path, sets: TaggerSets, outcome: TaggerOutcome, seconds: float, out: Path, say: Say,
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


def records(config: TaggerConfig, sets: TaggerSets) -> dict[str, int]:
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
