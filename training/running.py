"""A run in its folder: held by one process, begun or gone on with, swept of what died, its curves drawn."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.errors import EdgescribeError, TrainingError
from training import config, folders, lora, runlog, seq2seq
from training.config import Config
from training.mixing import Prepared


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep a run's folder to this process, or to those that one launcher started. Raises TrainingError if in use."""
    alone = folders.hold(folder, f"The run {folder.name!r}") if lora.first_process() else contextlib.nullcontext()
    with alone, folders.writing(folder):
        yield


def begun(folder: Path) -> bool:
    """True if there is a run in this folder."""
    return (folder / "config.json").is_file()


def check_same(folder: Path, chosen: Config) -> None:
    """Raise TrainingError if the folder's run was begun with another configuration: its figures are not this one's."""
    if begun(folder) and config.parse(runlog.configuration(folder), folder.name) != chosen:
        raise TrainingError(
            f"The run {folder.name!r} was begun with another configuration.",
            "What it has come to would stand for this one.",
            "Give the same configuration, or choose another id or --prefix.",
        )


def train(
    folder: Path, chosen: Config, prepared: Prepared, say: Callable[[str], None],
    here: Config | None = None, stop_at: float = math.inf,
) -> lora.Outcome:  # fmt: skip
    """Begin the run of a folder that this process holds, or go on with it.

    here: the configuration with the base as it lies on this machine, if chosen does not say that; stop_at:
    time.monotonic() at which the run pauses. Raises TrainingError; a new run that comes to no first step leaves its id
    free.
    """
    here = here or chosen
    seq2seq.check_kind(Path(here.base.name), here.base.kind)
    resume = begun(folder)
    if lora.first_process():
        folders.sweep(folder / "checkpoints")
    lora.meet()  # a slower process must not find the folder of this very run and call it another's
    if resume:
        runlog.same_data(folder, prepared.counts)
    elif lora.first_process():
        runlog.begin(folder, chosen, prepared.counts)
    try:
        outcome = lora.train(here, prepared, folder, resume, say, stop_at)
    except EdgescribeError:
        if not resume and lora.first_process():
            runlog.forget(folder)
        raise
    if lora.first_process() and outcome.reason != "paused":
        runlog.curves(folder)
    return outcome
