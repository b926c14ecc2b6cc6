"""Checkpoints that survive a kill at any moment: written beside, synced, then renamed; the last two are kept.

They hold whole tensors even if the processes of the run share the weights, so every process must come to each function
here, and one of them writes.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from edge.errors import TrainingError
from training import sharding
from training.model import is_memory

_KEEP = 2
_DAMAGED = (OSError, EOFError, ValueError, KeyError, TypeError, RuntimeError, UnpicklingError)  # as torch.load says it


@dataclass
class Cursor:
    """Where a run stands. elapsed: training seconds. best, stale: best validation figure
    (higher is better; a loss stands with a minus sign) and validations since."""

    step: int = 0
    epoch: int = 0
    index: int = 0
    elapsed: float = 0.0
    tokens: int = 0
    best: float | None = None
    stale: int = 0


def trained(model: Any) -> dict[str, torch.Tensor]:
    """The weights that training changes, by name."""
    return {name: sharding.whole(p.detach()).cpu() for name, p in model.named_parameters() if p.requires_grad}


def save(folder: Path, model: Any, optimiser: Any, cursor: Cursor, writes: bool = True) -> Path:
    """Write a checkpoint and return its folder. Older ones beyond the last two are removed afterwards.

    writes: False in a process that only gives its share.
    """
    final = folder / f"step-{cursor.step:07d}"
    state = {"model": trained(model), "optimiser": sharding.whole_state(optimiser), "random": torch.get_rng_state()}
    if not writes:
        return final
    if torch.cuda.is_available():
        state["random_cuda"] = torch.cuda.get_rng_state()
    return place(folder, state, cursor)


def place(folder: Path, state: dict[str, Any], cursor: Cursor) -> Path:
    """Put a checkpoint into a run's folder of them, whole or not at all."""
    final = folder / f"step-{cursor.step:07d}"
    aside = folder / f".{final.name}.{os.getpid()}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    _write(aside / "state.pt", state)
    with (aside / "cursor.json").open("w", encoding="utf-8") as text:
        text.write(json.dumps(asdict(cursor)))
        text.flush()
        os.fsync(text.fileno())
    shutil.rmtree(final, ignore_errors=True)
    aside.rename(final)
    for old in complete(folder)[:-_KEEP]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def save_best(folder: Path, model: Any, writes: bool = True) -> None:
    """Keep the weights of the best validation so far beside the checkpoints. writes: as in save."""
    weights = trained(model)
    if not writes:
        return
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".best.{os.getpid()}"
    _write(aside, weights)
    aside.replace(folder / "best.pt")


def _write(path: Path, saved: dict[str, Any]) -> None:
    with path.open("wb") as stream:
        torch.save(saved, stream)
        stream.flush()
        os.fsync(stream.fileno())


def restore_best(folder: Path, model: Any) -> None:
    """Put the weights of the best validation back. Raises TrainingError if they are gone or damaged."""
    try:
        saved = torch.load(folder / "best.pt", map_location="cpu", weights_only=True)
    except _DAMAGED as error:
        if is_memory(error):
            raise
        raise TrainingError(
            "The weights of the run's best validation cannot be read.", f"{folder / 'best.pt'} is gone or damaged.",
            "Restore the file and resume, or start a new run.",
        ) from None  # fmt: skip
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.requires_grad:
                p.copy_(sharding.part(saved[name], p))


def complete(folder: Path) -> list[Path]:
    """Checkpoints of a run, oldest first; half-written ones are never among them."""
    return sorted(p for p in folder.glob("step-*") if (p / "cursor.json").is_file() and (p / "state.pt").is_file())


def resume(folder: Path, model: Any, optimiser: Any, say: Callable[[str], None]) -> Cursor:
    """Load a run's last checkpoint that can be read; Cursor() if there is none yet.

    Raises TrainingError if each of them is damaged, or the one that is read does not belong to this model.
    """
    found = latest(folder, say)
    if found is None:
        return Cursor()
    state, cursor = found
    restore(f"of step {cursor.step}", state, model, optimiser)
    return cursor


def latest(folder: Path, say: Callable[[str], None]) -> tuple[dict[str, Any], Cursor] | None:
    """A run's last checkpoint that can be read, None if there is none yet. Raises TrainingError if all are damaged."""
    saved = complete(folder)
    for one in reversed(saved):
        try:
            return _read(one)
        except _DAMAGED as error:
            if is_memory(error):
                raise
            say(f"The checkpoint {one.name} is damaged: going back to the one before it.")
    if saved:
        raise TrainingError("Every checkpoint of the run is damaged.", f"Found {len(saved)}.", "Start a new run.")
    return None


def _read(folder: Path) -> tuple[dict[str, Any], Cursor]:
    state = torch.load(folder / "state.pt", map_location="cpu", weights_only=True)
    return state, Cursor(**json.loads((folder / "cursor.json").read_text(encoding="utf-8")))


def restore(name: str, state: dict[str, Any], model: Any, optimiser: Any) -> None:
    """Put what a checkpoint holds into model and optimiser. Raises TrainingError if it is another model's."""
    wanted = {name: p for name, p in model.named_parameters() if p.requires_grad}
    saved = state["model"]
    if wanted.keys() != saved.keys() or any(wanted[n].shape != saved[n].shape for n in wanted):
        raise TrainingError(
            f"The checkpoint {name} does not fit this model.",
            "Base or LoRA options differ from the run that wrote it.",
            "Resume with the run's own configuration, or start a new run.",
        )
    with torch.no_grad():
        for weight, p in wanted.items():
            p.copy_(sharding.part(saved[weight], p))
    if "optimiser" in state:  # not in one that was made from a snapshot
        sharding.restore_state(optimiser, state["optimiser"])
    torch.set_rng_state(state["random"])
    if torch.cuda.is_available() and "random_cuda" in state:
        torch.cuda.set_rng_state(state["random_cuda"])
