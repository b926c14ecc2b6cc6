"""One command over several configurations and seeds: a difference counts only beside the spread between seeds."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edge.errors import TrainingError
from training import config, lora, mixing, runlog
from training.config import Config

FIGURES = ("valid_loss", "valid_rouge")


def run(
    paths: Sequence[Path], overrides: tuple[str, ...], seeds: Sequence[int], data: Path, runs: Path,
    say: Callable[[str], None],
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """Train every configuration once a seed and return, by configuration, the summary() of its runs.

    Runs are kept as runs/<configuration>-seed<N>; those that exist go on where they stopped, so the command can be
    given again. Raises TrainingError, UsageError; a configuration that never validates is refused before training.
    """
    chosen = [(path.stem, config.load(path, overrides)) for path in paths]
    for name, one in chosen:
        if not (one.run.validate_steps and one.data.validate):
            raise TrainingError(f"{name} never validates.", "There is nothing to compare.", "Set run.validate_steps.")
    found: dict[str, dict[str, Any]] = {}
    for name, one in chosen:
        prepared = mixing.prepare(one.data, data)
        folders = [runs / f"{name}-seed{seed}" for seed in seeds]
        for seed, folder in zip(seeds, folders, strict=True):
            own = dataclasses.replace(one, run=dataclasses.replace(one.run, seed=seed))
            say(f"{name}, seed {seed}")
            _train(own, prepared, folder, say)
        found[name] = summary(folders)
    return found


def _train(chosen: Config, prepared: mixing.Prepared, folder: Path, say: Callable[[str], None]) -> None:
    if (folder / "adapter" / "adapter_model.safetensors").is_file():
        return
    runlog.begin(folder, chosen, prepared.counts)
    lora.train(chosen, prepared, folder, True, say)
    runlog.curves(folder)


def summary(folders: Sequence[Path]) -> dict[str, Any]:
    """{figure: {"mean", "spread", "runs"}} of the last validations; spread: the sample standard deviation."""
    found: dict[str, Any] = {"seeds": len(folders)}
    for figure in FIGURES:
        lasts = [
            [facts[figure] for facts in runlog.read(folder / "metrics.jsonl") if figure in facts][-1:]
            for folder in folders
        ]
        values = [value for last in lasts for value in last]
        if len(values) == len(folders):
            spread = statistics.stdev(values) if len(values) > 1 else None
            found[figure] = {"mean": statistics.mean(values), "spread": spread, "runs": values}
    return found
