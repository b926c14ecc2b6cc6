"""One command over several configurations and seeds: a difference counts only beside the spread between seeds.

Every run is judged by its loss on each validation set, and a configuration by its difference from the first one, seed
by seed: runs of one seed see the same documents in the same order, so most of what differs between seeds falls out.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from edge.errors import TrainingError, UsageError
from training import config, folders, lora, mixing, model, packing, runlog, running, validation
from training.config import Config
from training.packing import Encoded

FIGURES = ("valid_loss", "valid_rouge")
_JUDGED = "valid_by_set.json"


def run(
    paths: Sequence[Path], overrides: tuple[str, ...], seeds: Sequence[int], data: Path, runs: Path,
    say: Callable[[str], None], prefix: str = "", valid_tokens: int = 0,
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """Train every configuration once a seed and return, by configuration, the summary() of its runs.

    Runs are kept as runs/<prefix><configuration>-seed<N>; those that exist go on where they stopped, so the command can
    be given again. valid_tokens: judge by so many tokens of each validation set, whole documents, 0 = all of it. From
    the second configuration on there is "difference", too: its loss less that of the first. Raises TrainingError,
    UsageError; a configuration without validation documents, or with another run under its id, is refused.
    """
    if len({path.stem for path in paths}) < len(paths):
        raise UsageError("Two configurations have one name.", "Runs are named by it.", "Rename one of the files.")
    if valid_tokens < 0:
        raise UsageError(f"--valid-tokens is {valid_tokens}.", "", "Give how many, or 0 for all.")
    chosen = [(path.stem, config.load(path, overrides)) for path in paths]
    if len({one.run.precision for _, one in chosen}) > 1:
        raise UsageError(
            "The configurations compute in different precisions.",
            "One process has one of them (run.precision).",
            "Train each with `run`, and compare them with `evaluate`.",
        )
    for name, one in chosen:
        if not (one.data.validate and one.data.max_valid):
            raise TrainingError(f"{name} never validates.", "There is nothing to compare.", "Set data.validate.")
        if len({Path(valid).stem for valid in one.data.validate}) < len(one.data.validate):
            raise TrainingError(
                f"{name} validates on two sets of one name.", "Losses are named by it.", "Rename one of the files."
            )
    found: dict[str, dict[str, Any]] = {}
    for name, one in chosen:
        prepared = mixing.prepare(one.data, data)
        places = [runs / f"{prefix}{name}-seed{seed}" for seed in seeds]
        for seed, folder in zip(seeds, places, strict=True):
            own = dataclasses.replace(one, run=dataclasses.replace(one.run, seed=seed))
            say(f"{name}, seed {seed}")
            with running.held(folder):
                _train(own, prepared, folder, say)
                _judge(own, folder, data, valid_tokens, say)
        found[name] = summary(places)
        if len(found) > 1:
            first = next(iter(found.values()))["by_set"]
            found[name]["difference"] = _difference(found[name]["by_set"], first)
    return found


def _train(chosen: Config, prepared: mixing.PreparedSets, folder: Path, say: Callable[[str], None]) -> None:
    running.check_same(folder, chosen)
    if not running.ended(folder):
        running.train(folder, chosen, prepared, say)


def _judge(chosen: Config, folder: Path, data: Path, tokens: int, say: Callable[[str], None]) -> None:
    """Write the finished adapter's mean -log p of an answer token by validation set to runs/<id>/valid_by_set.json,
    with how much of the sets it was measured on: figures over other documents don't stand beside each other."""
    asked = {"adapter": folders.sha256(folder / "adapter" / "adapter_model.safetensors"), "tokens": tokens}
    if _judged(folder) and {key: _judged(folder).get(key) for key in asked} == asked:
        return
    base = model.base_folder(chosen.base.name)
    grown = dataclasses.replace(chosen.lora, start=str(folder / "adapter"))
    losses = {}
    with model.memory_named(lambda: _no_room(folder.name)):
        dtype = lora.settled_precision(chosen, base, folder, say)
        network = model.adapted(base, chosen.base, grown, chosen.batch, dtype)
        accelerator = Accelerator(cpu=not torch.cuda.is_available())
        network.to(accelerator.device)
        for name, rows in _rows(chosen, base, data, tokens).items():
            losses[name] = validation.loss(accelerator, network, rows)
            say(f"{folder.name}: {name} {losses[name]:.4f}")
    folders.replace(folder / _JUDGED, json.dumps({**asked, "by_set": losses}))


def _no_room(name: str) -> TrainingError:
    return TrainingError(
        f"Memory ran out while the run {name!r} was judged.", "The base and a row of a validation set do not fit.",
        "Close other programs and give the same command again: what is trained is kept.",
    )  # fmt: skip


def _judged(folder: Path) -> dict[str, Any]:
    """What _judge wrote, {} if that is nothing that can be read."""
    try:
        found = json.loads((folder / _JUDGED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _rows(chosen: Config, base: Path, data: Path, tokens: int) -> dict[str, list[list[Encoded]]]:
    encode = lora.encoder(chosen, base)
    found = {}
    for name in chosen.data.validate:
        samples: list[Encoded] = []
        for document in mixing.validation(chosen.data, data, name):
            samples += encode(document)
            if tokens and sum(sample.tokens for sample in samples) >= tokens:
                break
        found[Path(name).stem] = [row for step in packing.steps(samples, chosen.batch) for row in step]
    return found


def summary(places: Sequence[Path]) -> dict[str, Any]:
    """{"by_set": {set: figure}, and of the last validations while training, where there were any, figure}.

    A figure is {"mean", "spread", "runs"}; spread: the sample standard deviation over seeds, None of one.
    """
    found: dict[str, Any] = {"seeds": len(places)}
    for figure in FIGURES:
        lasts = [
            [facts[figure] for facts in runlog.read(folder / "metrics.jsonl") if figure in facts][-1:]
            for folder in places
        ]
        values = [value for last in lasts for value in last]
        if len(values) == len(places):
            found[figure] = _figure(values)
    judged = [_judged(place)["by_set"] for place in places]
    found["by_set"] = {name: _figure([losses[name] for losses in judged]) for name in judged[0]}
    return found


def _figure(values: list[float]) -> dict[str, Any]:
    spread = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.mean(values), "spread": spread, "runs": values}


def _difference(these: dict[str, Any], those: dict[str, Any]) -> dict[str, Any]:
    """By set that both have: these less those, seed by seed."""
    return {
        name: _figure([a - b for a, b in zip(these[name]["runs"], those[name]["runs"], strict=True)])
        for name in these
        if name in those
    }
