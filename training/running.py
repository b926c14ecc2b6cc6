"""Starts or resumes the run in a folder: one process at a time, leftovers of a killed run removed, curves drawn."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from safetensors import SafetensorError, safe_open

from edge.errors import EdgescribeError, TrainingError
from training import config, folders, lora, runlog, seq2seq
from training.config import Config
from training.mixing import PreparedSets

# What may change when a run resumes: neither its samples and their order nor its weights depend on it.
FREE = frozenset(
    {"batch.row_tokens", "batch.free_tokens", "optimiser.learning_rate", "optimiser.warmup", "optimiser.clip",
     "optimiser.epochs", "optimiser.max_steps", "optimiser.max_seconds", "run.checkpoint_seconds",
     "run.checkpoint_steps", "run.validate_steps", "run.threads", "run.shard"}
)  # fmt: skip


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep a run's folder to this process, or to those that one launcher started. Raises TrainingError if in use."""
    alone = folders.hold(folder, f"The run {folder.name!r}") if lora.first_process() else contextlib.nullcontext()
    with alone, folders.writing(folder):
        yield


def begun(folder: Path) -> bool:
    """True if there is a run in this folder."""
    return (folder / "config.json").is_file()


def ended(folder: Path) -> bool:
    """True if the run's adapter is there and whole; one that a kill cut off is written again when the run goes on."""
    try:
        with safe_open(folder / "adapter" / "adapter_model.safetensors", "pt") as weights:
            return bool(list(weights.keys())) and (folder / "adapter" / "adapter_config.json").stat().st_size > 0
    except (OSError, SafetensorError):
        return False


def stored(folder: Path) -> Config:
    """The configuration of the folder's run. Raises TrainingError, UsageError if it is damaged."""
    return config.parse(runlog.configuration(folder), folder.name)


def check_same(folder: Path, chosen: Config, free: frozenset[str] = frozenset()) -> None:
    """Raise TrainingError if the folder's run was begun with another configuration: its figures are not this one's.

    free: keys that may differ, as FREE for a run that goes on.
    """
    if begun(folder) and (others := set(config.differing(stored(folder), chosen)) - free):
        raise TrainingError(
            f"The run {folder.name!r} was begun with another configuration ({', '.join(sorted(others))}).",
            "Its results would be taken for those of this one.",
            "Give the same configuration, or choose another id or --prefix.",
        )


def train(
    folder: Path, chosen: Config, prepared: PreparedSets, say: Callable[[str], None]
) -> lora.TrainingOutcome:  # fmt: skip
    """Start or resume the run of a folder that this process holds; changed options are written to its configuration.

    Raises TrainingError; a new run that comes to no first step leaves its id free.
    """
    seq2seq.check_kind(Path(chosen.base.name), chosen.base.kind)
    resume = begun(folder)
    if lora.first_process():
        folders.sweep(folder / "checkpoints")
    lora.meet()  # a slower process must not find the folder of this very run and call it another's
    if resume:
        check_same(folder, chosen, FREE)
        runlog.same_data(folder, prepared.counts)
        lora.meet()  # all have read it, one writes it
        if lora.first_process():
            runlog.settle(folder, chosen)
    elif lora.first_process():
        runlog.begin(folder, chosen, prepared.counts)
    try:
        outcome = lora.train(chosen, prepared, folder, resume, say)
    except EdgescribeError:
        if not resume and lora.first_process():
            runlog.forget(folder)
        raise
    if lora.first_process():
        runlog.curves(folder)
    return outcome
