"""The recipe, read from top to bottom: prepared documents in, LoRA adapter out.

One process or many, CPU or accelerators: `accelerate launch -m training.cli run …` starts the same function in each
process. Every process builds the same plan from the seed and takes its share of each step's rows, and with run.shard
of the weights too (training/sharding.py).
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from edge.errors import TrainingError
from training import checkpoint, mixing, model, packing, precision, runlog, sharding, validation
from training.checkpoint import Cursor
from training.config import Config
from training.mixing import PreparedSets
from training.packing import Encoded
from training.schedule import Schedule
from training.sources import TrainingDocument

TrainingStep = list[list[Encoded]]


@dataclass(frozen=True)
class TrainingOutcome:
    """What a run came to. reason: "end", "time", "early stop"."""

    reason: str
    steps: int
    loss: float
    valid_loss: float | None
    seconds: float
    peak_bytes: int


def train(
    config: Config,
    prepared: PreparedSets,
    folder: Path,
    resume: bool,
    say: Callable[[str], None],
) -> TrainingOutcome:
    """Train and leave the adapter in folder/adapter. Raises TrainingError; checkpoints already saved stay usable.

    With run.patience the adapter is that of the best validation, however the run ended, unless it trained on past the
    last one and that was the best.
    """
    from accelerate import Accelerator

    sharding.refuse_other_starts()
    if config.run.threads:
        torch.set_num_threads(config.run.threads)
    torch.manual_seed(config.run.seed)
    base = model.base_folder(config.base.name)
    dtype = settled_precision(config, base, folder, say)
    accelerator = Accelerator(cpu=_on_cpu(), mixed_precision="bf16" if dtype == torch.bfloat16 else "no")
    sharding.check_kind(accelerator.distributed_type.value)
    with _named_errors():
        wrapped: Any = model.adapted(base, config.base, config.lora, config.batch, dtype)
    plan = _Plan(config, prepared, base)
    with _named_errors():
        network, parameters, optimiser = _spread(config, accelerator, wrapped)
        checkpoints, plain = folder / "checkpoints", accelerator.unwrap_model(network)
        cursor = checkpoint.resume(checkpoints, plain.model, optimiser, say) if resume else Cursor()
    loop = _Loop(config, accelerator, network, plain, optimiser, parameters, plan, cursor, folder, say)
    say(
        f"{sum(p.numel() for p in parameters):,} trained weights, {plan.describe()}, "
        f"{accelerator.num_processes} process(es) on {accelerator.device}, step {cursor.step}"
        + (", {:,} of {:,} bytes of weights here".format(*sharding.held(plain)) if sharding.is_sharded(plain) else "")
    )
    with _named_errors(loop):
        reason = loop.run()
    if config.run.patience and cursor.stale:
        checkpoint.restore_best(checkpoints, plain.model)
    weights = checkpoint.trained(plain.model)
    if accelerator.is_main_process:
        plain.model.save_pretrained(str(folder / "adapter"), safe_serialization=True, state_dict=weights)
    return TrainingOutcome(reason, cursor.step, loop.last_loss, loop.last_valid, cursor.elapsed, runlog.peak_bytes())


def _spread(config: Config, accelerator: Any, wrapped: torch.nn.Module) -> tuple[Any, list[Any], Any]:
    """Network, trained parameters and optimiser, over all processes and on their devices."""
    shared = config.run.shard and accelerator.num_processes > 1
    if shared:  # before the optimiser: its parameters are the shares
        wrapped = sharding.shard(wrapped, accelerator)
    parameters = [p for p in wrapped.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(
        parameters, lr=config.optimiser.learning_rate, weight_decay=config.optimiser.weight_decay, betas=(0.9, 0.999)
    )
    if shared:
        return wrapped, parameters, accelerator.prepare(optimiser)
    network, optimiser = accelerator.prepare(wrapped, optimiser)
    return network, parameters, optimiser


def settled_precision(config: Config, base: Path, folder: Path, say: Callable[[str], None]) -> torch.dtype:
    """Type of a run's base weights; what "auto" came to when the run began holds until it ends."""
    known = runlog.remembered(folder, "precision") if config.run.precision == "auto" else ""
    dtype = precision.of_run(known or config.run.precision, base, _processes(), say)
    runlog.remember(folder, "precision", "bf16" if dtype == torch.bfloat16 else "fp32")
    return dtype


def encoder(config: Config, base: Path) -> Callable[[TrainingDocument], list[Encoded]]:
    """What turns a document into samples for this base."""
    tokenizer = model.tokenizer(base)
    if config.base.kind == "encoder-decoder":
        from training import seq2seq

        end = seq2seq.end_id(base)
        return lambda document: seq2seq.encode(document, tokenizer, end, config.batch)
    name, places = model.prompt_format(base, config.base.format), model.places(base)

    def encode(document: TrainingDocument) -> list[Encoded]:
        found = packing.encode(document, name, tokenizer, config.batch, config.data.instruction_first)
        return packing.within(found, places, config.batch)

    return encode


def tokens(config: Config, prepared: PreparedSets) -> dict[str, dict[str, float]]:
    """Data set -> {"tokens", "answers", "share"} of one epoch; share: percent of its tokens. Needs the base."""
    encode = encoder(config, model.base_folder(config.base.name))
    names = {id(document): name for name, documents in prepared.train.items() for document in documents}
    found = {name: {"tokens": 0.0, "answers": 0.0} for name in prepared.train}
    for document in mixing.epoch(prepared, config.data, config.run.seed, 0):
        for sample in encode(document):
            found[names[id(document)]]["tokens"] += sample.tokens
            found[names[id(document)]]["answers"] += sample.answer_tokens
    total = sum(one["tokens"] for one in found.values()) or 1.0
    return {name: {**one, "share": round(100 * one["tokens"] / total, 1)} for name, one in found.items()}


class _Plan:
    """Steps of every epoch, made from the seed alone."""

    def __init__(self, config: Config, prepared: PreparedSets, base: Path) -> None:
        self._config, self._prepared = config, prepared
        encode = encoder(config, base)
        self._encoded = {id(d): encode(d) for documents in prepared.train.values() for d in documents}
        self.tokenizer = model.tokenizer(base)
        valid = [sample for document in prepared.valid for sample in encode(document)]
        self.asked = validation.pairs(valid, config.run.rouge_answers)
        self.valid = [step[0] for step in packing.steps(valid, _one_row(config))]
        self._cache: tuple[int, list[TrainingStep]] = (-1, [])
        self.total = self._total()

    def epoch(self, number: int) -> list[TrainingStep]:
        """Steps of an epoch; the last one may be small."""
        if self._cache[0] != number:
            documents = mixing.epoch(self._prepared, self._config.data, self._config.run.seed, number)
            samples = [sample for document in documents for sample in self._encoded[id(document)]]
            self._cache = (number, packing.steps(samples, self._config.batch))
        return self._cache[1]

    def _total(self) -> int:
        """Optimiser steps of the whole run, 0 if only time ends it."""
        o = self._config.optimiser
        if not self.epoch(0):
            raise TrainingError(
                "There is no training data.", "The shares of data.passes give no sample, or every sample was too long.",
                "Raise data.passes, or batch.max_tokens.",
            )  # fmt: skip
        whole = math.floor(o.epochs)
        total = sum(len(self.epoch(n)) for n in range(whole)) + round((o.epochs - whole) * len(self.epoch(whole)))
        total = max(total, 1) if o.epochs else 0  # a share of an epoch under half a step is no run without an end
        if o.max_steps:
            total = min(total, o.max_steps) if o.epochs else o.max_steps
        return total

    def describe(self) -> str:
        rows = [row for step in self.epoch(0) for row in step]
        tokens = sum(e.tokens for row in rows for e in row)
        answers = sum(e.answer_tokens for row in rows for e in row)
        return f"{tokens:,} tokens ({answers:,} of answers) in {len(self.epoch(0))} steps an epoch, {self.total} in all"


def _one_row(config: Config) -> Any:
    from dataclasses import replace

    return replace(config.batch, tokens=config.batch.row_tokens)


class _Loop:
    """State of a run between steps."""

    def __init__(
        self, config: Config, accelerator: Any, network: Any, plain: Any, optimiser: Any, parameters: list[Any],
        plan: _Plan, cursor: Cursor, folder: Path, say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.config, self.accelerator, self.network, self.plain = config, accelerator, network, plain
        self.optimiser, self.parameters, self.plan, self.cursor = optimiser, parameters, plan, cursor
        self.folder, self.say = folder, say
        self.schedule = Schedule(config.optimiser.warmup, plan.total, config.optimiser.max_seconds)
        self.log = runlog.Metrics(folder / "metrics.jsonl", cursor.step, accelerator.is_main_process)
        logged = runlog.read(folder / "metrics.jsonl")
        self.last_loss: float = next((facts["loss"] for facts in reversed(logged) if "loss" in facts), math.nan)
        valid = (facts["valid_loss"] for facts in reversed(logged) if "valid_loss" in facts)
        self.last_valid: float | None = next(valid, None)
        self.saved_at = cursor.elapsed

    def run(self) -> str:
        """Train until an end is reached; returns why it ended."""
        if self._stale():  # it had ended so, and is gone on with
            return "early stop"
        while True:
            steps = self.plan.epoch(self.cursor.epoch)
            while self.cursor.index < len(steps):
                if self._agreed(self.schedule.over(self.cursor.step, self.cursor.elapsed)):
                    self._save()
                    return "time" if self.cursor.step != self.plan.total else "end"
                self._step(steps[self.cursor.index])
                if self._after():
                    self._save()
                    return "early stop"
            self.cursor.epoch, self.cursor.index = self.cursor.epoch + 1, 0

    def _step(self, step: TrainingStep) -> None:
        started = time.perf_counter()
        answers = sum(e.answer_tokens for row in step for e in row)
        rate = self.config.optimiser.learning_rate * self.schedule.factor(self._shared_progress())
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.network.train()
        total = torch.zeros((), device=self.accelerator.device)
        turns = sharding.turns(step, self.accelerator)
        for turn, (row, real) in enumerate(turns, 1):
            with contextlib.nullcontext() if turn == len(turns) else self.accelerator.no_sync(self.network):
                loss = self.network(row)
                total += loss.detach() if real else 0.0
                # processes average their gradients, so the sum over processes needs the factor
                scale = self.accelerator.num_processes / answers if real else 0.0
                self.accelerator.backward(loss * scale)
        mean = float(self.accelerator.reduce(total, "sum")) / answers
        norm = sharding.clip(self.parameters, self.config.optimiser.clip)
        if not (math.isfinite(mean) and math.isfinite(norm)):
            raise TrainingError(
                f"The loss became {mean} at step {self.cursor.step}.",
                "The learning rate is too high, or a sample is broken.",
                "Resume with a lower one (--set optimiser.learning_rate=…): the last checkpoint is intact.",
            )
        self.optimiser.step()
        self.optimiser.zero_grad()
        seconds = time.perf_counter() - started
        tokens = sum(e.tokens for row in step for e in row)
        cursor = self.cursor
        cursor.step, cursor.index = cursor.step + 1, cursor.index + 1
        cursor.elapsed, cursor.tokens, self.last_loss = cursor.elapsed + seconds, cursor.tokens + tokens, mean
        facts = {"step": cursor.step, "epoch": cursor.epoch, "loss": mean, "rate": rate, "norm": norm,
                 "tokens": tokens, "answers": answers, "seconds": seconds, "elapsed": cursor.elapsed}  # fmt: skip
        self.log.add(facts)
        if self.accelerator.is_main_process:
            self.say(runlog.progress_line(facts, self.schedule))

    def _shared_progress(self) -> float:
        """Progress as the first process sees it; clocks differ between processes."""
        mine = self.schedule.progress(self.cursor.step, self.cursor.elapsed)
        return self._from_first(mine)

    def _agreed(self, mine: bool) -> bool:
        return bool(self._from_first(float(mine)))

    def _from_first(self, value: float) -> float:
        if self.accelerator.num_processes == 1:
            return value
        shared = torch.tensor([value], device=self.accelerator.device, dtype=torch.float64)
        torch.distributed.broadcast(shared, 0)
        return float(shared)

    def _after(self) -> bool:
        """Validate and save where due; True if the run should stop early."""
        run, cursor = self.config.run, self.cursor
        stop = False
        if run.validate_steps and cursor.step % run.validate_steps == 0 and self.plan.valid:
            stop = self._validate()
        due = run.checkpoint_seconds and cursor.elapsed - self.saved_at >= run.checkpoint_seconds
        if self._agreed(bool(due)) or (run.checkpoint_steps and cursor.step % run.checkpoint_steps == 0):
            self._save()
        return stop

    def _validate(self) -> bool:
        run, cursor, plan = self.config.run, self.cursor, self.plan
        self.last_valid = validation.loss(self.accelerator, self.plain, plan.valid)
        facts: dict[str, Any] = {"step": cursor.step, "valid_loss": self.last_valid, "elapsed": cursor.elapsed}
        figure, said = -self.last_valid, f"loss {self.last_valid:.4f}"
        if run.stop_on == "rouge":
            figure = validation.rouge1(self.accelerator, self.plain, plan.asked, plan.tokenizer, run.rouge_tokens)
            facts, said = {**facts, "valid_rouge": figure}, f"{said}, ROUGE-1 {figure:.2f}"
        better = cursor.best is None or figure > cursor.best
        cursor.best, cursor.stale = (figure, 0) if better else (cursor.best, cursor.stale + 1)
        self.log.add(facts)
        writes = self.accelerator.is_main_process
        if better and run.patience:
            checkpoint.save_best(self.folder / "checkpoints", self.plain.model, writes)
        if writes:
            self.say(f"step {cursor.step}: validation {said}" + (" (best)" if better else ""))
        return self._stale()

    def _stale(self) -> bool:
        """True if so many validations in a row were no better that the run ends."""
        return 0 < self.config.run.patience <= self.cursor.stale

    def _save(self) -> None:
        self.saved_at = self.cursor.elapsed
        writes = self.accelerator.is_main_process
        checkpoint.save(self.folder / "checkpoints", self.plain.model, self.optimiser, self.cursor, writes)
        self.accelerator.wait_for_everyone()


@contextlib.contextmanager
def _named_errors(loop: _Loop | None = None) -> Iterator[None]:
    """Name memory that ran out, in a loop or before there is one, and a process that ended beside this one."""
    try:
        with model.memory_named(lambda: _memory(loop)):
            yield
    except RuntimeError as error:
        if loop and loop.accelerator.num_processes > 1 and " peer" in str(error):  # closed by, reset by: gloo's words
            raise TrainingError(
                f"Another process of this run ended at step {loop.cursor.step}.",
                "This one can't go on without it.",
                "See what that one said, and resume; saved checkpoints are intact.",
            ) from error
        raise


def _memory(loop: _Loop | None) -> TrainingError:
    if loop is None:
        return TrainingError(
            "Memory ran out before the first step.",
            "The base does not fit.",
            "Set base.quantise where there is CUDA, run.shard over several cards, or take a smaller base.",
        )
    return TrainingError(
        f"Memory ran out at step {loop.cursor.step}.",
        "A row's activations did not fit.",
        "Lower batch.free_tokens, then batch.row_tokens (--set), and resume; saved checkpoints are intact.",
    )


def meet() -> None:
    """Wait until every process of this run has come here."""
    if _processes() > 1:
        from accelerate import PartialState

        PartialState(cpu=_on_cpu()).wait_for_everyone()


def _processes() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def _on_cpu() -> bool:
    """True if several processes share CPUs (gloo); accelerate does not find that out by itself."""
    return _processes() > 1 and not torch.cuda.is_available()


def first_process() -> bool:
    """True in the process that writes files (the only one, unless `accelerate launch` started several)."""
    return int(os.environ.get("RANK", "0")) == 0
