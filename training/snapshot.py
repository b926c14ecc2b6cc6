"""A snapshot of an unfinished run: its weights as an fp16 adapter and where it stands, small enough to commit.

models/snapshots/ holds one at a time, so that another machine can go on from it. It is no model to write notes with:
no wheel, demo, export by default or app takes it. What is lost: the optimiser's two moments of each weight (AdamW
gathers them anew in some tens of steps, in which the loss may rise a little) and the rounding to fp16 (about 1 in 2,000
of a weight). Everything else goes on: configuration, order of the samples, schedule, metrics.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from edge.errors import TrainingError
from training import checkpoint, folders, running
from training.checkpoint import Cursor
from training.config import Config

MAX_BYTES = 40_000_000
_WEIGHTS, _STATE = "adapter_model.safetensors", "snapshot.json"
_KEPT = ("config.json", "environment.json", "metrics.jsonl")


def save(run: Path, target: Path, say: Callable[[str], None]) -> Path:
    """Write the last checkpoint of a run to target/<run id>, and remove the other snapshots there.

    Raises TrainingError: no checkpoint that can be read, a snapshot over 40 MB, a base that is a folder of this
    machine's (no other machine has it).
    """
    from safetensors.torch import save_file

    if not running.begun(run):
        raise TrainingError(f"There is no run {run.name!r}.", "Its folder holds no config.json.", "Check the id.")
    chosen = running.stored(run)
    found = checkpoint.latest(run / "checkpoints", say)
    if found is None:
        raise TrainingError(f"The run {run.name!r} has no checkpoint.", "", "Wait until it has saved one.")
    state, cursor = found
    weights = {_plain(name): weight.to(torch.float16).contiguous() for name, weight in state["model"].items()}
    size = sum(weight.nbytes for weight in weights.values())
    if size > MAX_BYTES:
        raise TrainingError(
            f"The snapshot would take {size / 1e6:.0f} MB.", f"At most {MAX_BYTES / 1e6:.0f} MB go into a repository.",
            "Carry the run's folder to the other machine instead, or train a lower lora.rank.",
        )  # fmt: skip
    with folders.writing(target):
        target.mkdir(parents=True, exist_ok=True)
        aside = target / f".{run.name}"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        save_file(weights, str(aside / _WEIGHTS), {"format": "pt"})
        (aside / "adapter_config.json").write_text(_adapter_config(chosen, weights), encoding="utf-8")
        (aside / _STATE).write_text(json.dumps({"run": run.name, **asdict(cursor)}, indent=2) + "\n", encoding="utf-8")
        for name in _KEPT:
            if (run / name).is_file():
                shutil.copyfile(run / name, aside / name)
        for old in target.iterdir():
            if old.is_dir() and old != aside and (old / _STATE).is_file():
                shutil.rmtree(old)
        aside.replace(target / run.name)
    return target / run.name


def _plain(name: str) -> str:
    return name.replace(".default.", ".")


def _adapter_config(chosen: Config, weights: Iterable[str]) -> str:
    """What peft needs to read the weights as an adapter."""
    lora = chosen.lora
    places = [name.split(".lora_")[0].split(".") for name in weights if ".lora_" in name]
    layers = sorted({int(part) for place in places for part in place if part.isdecimal()})
    facts = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": chosen.base.name, "r": lora.rank,
        "lora_alpha": lora.alpha, "lora_dropout": 0.0, "use_dora": lora.dora, "use_rslora": lora.rslora,
        "bias": "none", "fan_in_fan_out": False, "inference_mode": True,
        "target_modules": sorted({place[-1] for place in places}),
        "layers_to_transform": layers if lora.layers else None,
    }  # fmt: skip
    return json.dumps(facts, indent=2, sort_keys=True) + "\n"


def restore(snapshot: Path, run: Path, say: Callable[[str], None]) -> None:
    """Make a run's folder from a snapshot, ready to be resumed. Raises TrainingError if it is none, or the id taken."""
    from safetensors.torch import load_file

    if running.begun(run):
        raise TrainingError(f"The run {run.name!r} exists.", "", "Resume it, or choose another --id.")
    try:
        raw = json.loads((snapshot / _STATE).read_text(encoding="utf-8"))
        cursor = Cursor(**{key: value for key, value in raw.items() if key != "run"})
        weights = load_file(str(snapshot / _WEIGHTS))
        config = json.loads((snapshot / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, SafetensorError) as error:
        reason = type(error).__name__
        raise TrainingError(f"{snapshot} is not a snapshot of a run.", reason, "Copy it here again.") from None
    state: dict[str, Any] = {
        "model": {_trained(name): weight.to(torch.float32) for name, weight in weights.items()},
        "random": torch.Generator().manual_seed(int(config["run"]["seed"])).get_state(),
    }
    with folders.writing(run):
        checkpoint.place(run / "checkpoints", state, cursor)
        for name in reversed(_KEPT):  # the configuration last: with it the folder is a run
            if (snapshot / name).is_file():
                shutil.copyfile(snapshot / name, run / name)
    say(
        f"The run {run.name!r} goes on from step {cursor.step} of a snapshot. Lost: the optimiser's moments, which "
        "gather anew in some tens of steps, and what fp16 rounds off the weights."
    )


def _trained(name: str) -> str:
    """Name of a weight in a model that is being trained, from its name in an adapter."""
    before, _, last = name.rpartition(".")
    return f"{before}.default.{last}" if before.rpartition(".")[2].startswith("lora_") else name
