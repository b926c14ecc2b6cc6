"""The weighted mean of adapters of one line of training: no training of its own, often better than each of them.

Weights of one line of training lie in one basin, so points between them are good models, and what one sitting gained
and another lost can be had together (Wortsman et al. 2022: "Model soups", ICML; "Robust fine-tuning", CVPR). Adapters
with another beginning have no such path between them; only a measurement tells, as for every adapter.

The published adapter of the 0.5B went on from such a mean (docs/lab-log.md, run q05b-cpu-6): without this step it could
not be made again.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.errors import TrainingError
from training import config, folders, runlog

if TYPE_CHECKING:
    import torch

_SHAPE = ("r", "lora_alpha", "use_dora", "use_rslora", "layers_to_transform", "peft_type")


def average(runs: Sequence[Path], weights: Sequence[float], folder: Path) -> Path:
    """Make a run folder whose adapter is the weighted mean of those of finished runs; returns the folder.

    weights: one a run, none negative, any sum above 0 (they are shares). Raises TrainingError for runs that have not
    ended, whose adapters differ in shape, and for a folder that exists.
    """
    shares = _shares(runs, weights)
    with folders.writing(folder):
        return _average(runs, shares, folder)


def _average(runs: Sequence[Path], shares: Sequence[float], folder: Path) -> Path:
    if folder.exists():
        raise TrainingError(f"The run {folder.name!r} exists.", "", "Choose another --id.")
    _same_base(runs)
    mean = _mean([run / "adapter" for run in runs], shares)
    aside = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    (aside / "adapter").mkdir(parents=True)
    _write(mean, runs[0] / "adapter", aside / "adapter")
    shutil.copyfile(runs[0] / "config.json", aside / "config.json")
    facts = runlog.facts(runs[0])
    facts["averaged"] = {run.name: round(share, 6) for run, share in zip(runs, shares, strict=True)}
    facts["counts"] = _counts(runs)
    (aside / "environment.json").write_text(json.dumps(facts, indent=2), encoding="utf-8")
    aside.rename(folder)
    return folder


def _shares(runs: Sequence[Path], weights: Sequence[float]) -> list[float]:
    if len(runs) < 2 or len({run.name for run in runs}) < len(runs):
        raise TrainingError("An average needs two runs or more, each named once.", "", "Name their ids.")
    weights = weights or [1.0] * len(runs)
    if len(weights) != len(runs) or not all(math.isfinite(w) and w >= 0 for w in weights) or not sum(weights):
        raise TrainingError(
            f"The weights {', '.join(f'{w:g}' for w in weights)} do not fit {len(runs)} runs.",
            "There must be one a run, none negative, not all 0.",
            "Correct --weights, or leave it out for equal parts.",
        )
    return [w / sum(weights) for w in weights]


def _same_base(runs: Sequence[Path]) -> None:
    seen: dict[str, Any] = {}
    for run in runs:
        if not (run / "adapter" / "adapter_model.safetensors").is_file():
            raise TrainingError(f"The run {run.name} has no adapter yet.", "It has not ended.", "Resume it.")
        try:
            own = json.loads((run / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
            base = config.parse(runlog.configuration(run), run.name).base.name
            found = {"base": base, **{key: own.get(key) for key in _SHAPE}}
        except (OSError, ValueError, AttributeError):
            raise TrainingError(f"The adapter of {run.name} is damaged.", "", "Train it again.") from None
        differing = [key for key in found if seen and seen[key] != found[key]]
        if differing:
            raise TrainingError(
                f"The adapter of {run.name} differs from that of {runs[0].name} in {', '.join(differing)}.",
                "Only adapters of one base and one shape have a mean.",
                "Name runs that went on from one another.",
            )
        seen = found


def _mean(adapters: Sequence[Path], shares: Sequence[float]) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    total: dict[str, torch.Tensor] = {}
    for adapter, share in zip(adapters, shares, strict=True):
        try:
            weights = load_file(str(adapter / "adapter_model.safetensors"))
        except SafetensorError:
            raise TrainingError(f"The adapter of {adapter.parent.name} is damaged.", "", "Train it again.") from None
        if total and {n: w.shape for n, w in weights.items()} != {n: w.shape for n, w in total.items()}:
            raise TrainingError(
                f"The adapter of {adapter.parent.name} holds other weights than that of {adapters[0].parent.name}.",
                "Their modules differ.",
                "Name runs that went on from one another.",
            )
        for name, weight in weights.items():
            part = weight.float() * share
            total[name] = total[name] + part if name in total else part
    return total


def _write(weights: dict[str, torch.Tensor], like: Path, out: Path) -> None:
    from safetensors.torch import save_file

    save_file(weights, str(out / "adapter_model.safetensors"), {"format": "pt"})
    shutil.copyfile(like / "adapter_config.json", out / "adapter_config.json")


def _counts(runs: Sequence[Path]) -> dict[str, int]:
    """Documents that any of the runs drew from."""
    found: dict[str, int] = {}
    for run in runs:
        counts = runlog.facts(run)["counts"]
        found |= {name: max(number, found.get(name, 0)) for name, number in counts.items()}
    return found
