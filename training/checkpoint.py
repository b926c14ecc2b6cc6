"""Checkpoints that a kill at any moment cannot spoil: written aside, synced, then renamed; the last two are kept.

They hold whole tensors even if the processes of the run share the weights, so every process must come to each function
here, and one of them writes.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from edge.errors import TrainingError
from training import sharding

_KEEP = 2


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
    aside = folder / f".{final.name}.{os.getpid()}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    if torch.cuda.is_available():
        state["random_cuda"] = torch.cuda.get_rng_state()
    with (aside / "state.pt").open("wb") as stream:
        torch.save(state, stream)
        stream.flush()
        os.fsync(stream.fileno())
    (aside / "cursor.json").write_text(json.dumps(asdict(cursor)), encoding="utf-8")
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
    torch.save(weights, aside)
    aside.replace(folder / "best.pt")


def restore_best(folder: Path, model: Any) -> None:
    """Put the weights of the best validation back."""
    saved = torch.load(folder / "best.pt", map_location="cpu", weights_only=True)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.requires_grad:
                p.copy_(sharding.part(saved[name], p))


def complete(folder: Path) -> list[Path]:
    """Checkpoints of a run, oldest first; half-written ones are never among them."""
    return sorted(p for p in folder.glob("step-*") if (p / "cursor.json").is_file() and (p / "state.pt").is_file())


def restore(folder: Path, model: Any, optimiser: Any) -> Cursor:
    """Load a checkpoint into model and optimiser. Raises TrainingError if it does not belong to this model."""
    state = torch.load(folder / "state.pt", map_location="cpu", weights_only=True)
    wanted = {name: p for name, p in model.named_parameters() if p.requires_grad}
    saved = state["model"]
    if wanted.keys() != saved.keys() or any(wanted[n].shape != saved[n].shape for n in wanted):
        raise TrainingError(
            f"The checkpoint {folder.name} does not fit this model.",
            "Base or LoRA options differ from the run that wrote it.",
            "Resume with the run's own configuration, or start a new run.",
        )
    with torch.no_grad():
        for name, p in wanted.items():
            p.copy_(sharding.part(saved[name], p))
    sharding.restore_state(optimiser, state["optimiser"])
    torch.set_rng_state(state["random"])
    if torch.cuda.is_available() and "random_cuda" in state:
        torch.cuda.set_rng_state(state["random_cuda"])
    return Cursor(**json.loads((folder / "cursor.json").read_text(encoding="utf-8")))
