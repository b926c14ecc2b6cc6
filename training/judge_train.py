"""The recipe of a judge of pairs: batches of pairs by length, cross-entropy over the answers, the best epoch kept."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from edge.contract.prompts import load_tokenizer
from edge.contract.tagging import TaggerSpec
from edge.errors import TrainingError
from edge.evidence import judging
from edge.tagging.verdicts import STATEMENT, Verdicts, pair_windows
from edge.tagging.windows import batch
from training import judge_data, tagger_publish, tagger_train
from training.intervals import mean
from training.judge_data import PairExample
from training.runlog import Say
from training.tagger_config import TaggerConfig
from training.tagger_model import TaggerModel, TorchBackend
from training.tagger_train import TaggerOutcome

_TOKENS = 2_000  # of a batch, padding counted
_MOST_VALID = 250  # pairs of an answer that an epoch is judged by
_FLAGS = 0.02  # share of statements that hold at which errors are counted


def read_sets(config: TaggerConfig, folder: Path) -> tuple[list[PairExample], list[PairExample]]:
    """Pairs to train on and to validate on. Raises TrainingError."""
    task, seed = config.tasks[STATEMENT], config.train.seed
    kinds = config.labels(STATEMENT)[1:]
    found = judge_data.pairs(folder, task.train, seed, kinds)
    held = judge_data.pairs(folder, task.validate_on, seed, kinds)
    return _some(found, task.most, seed) if task.most else found, _some(held, _MOST_VALID, seed)


def _some(pairs: Sequence[PairExample], most: int, seed: int) -> list[PairExample]:
    """At most so many of each answer, the same for the same seed."""
    chance = random.Random(f"some/{seed}")
    by_answer: dict[str, list[PairExample]] = defaultdict(list)
    for one in pairs:
        by_answer[one.answer].append(one)
    return [one for some in by_answer.values() for one in chance.sample(some, min(most, len(some)))]


def train(
    config: TaggerConfig, base: Path, sets: tuple[list[PairExample], list[PairExample]], say: Say,
    keep: Callable[[TaggerOutcome], None] | None = None,
) -> TaggerOutcome:  # fmt: skip
    """Train from a base folder; the model comes back with the weights of its best epoch. Raises TrainingError."""
    settings = config.train
    torch.manual_seed(settings.seed)
    spec = config.spec()
    model = TaggerModel(base, spec, settings.dropout)
    if config.start:
        tagger_publish.go_on(model, base, Path(config.start).expanduser(), spec)
    model.encoder.encoder.layer[: settings.frozen].requires_grad_(False)
    tokenizer = load_tokenizer(base / "tokenizer.json")
    outcome = TaggerOutcome(model, spec)
    verdicts = Verdicts(spec, tokenizer, TorchBackend(model, settings.bf16))
    examples = _windows(tokenizer, spec, sets[0])
    steps = len(_batches(examples, 0, settings.seed)) * settings.epochs
    optimiser, schedule = tagger_train.optimiser(model, settings, steps)
    best, state = -1.0, {}
    for number in range(1, settings.epochs + 1):
        started = time.monotonic()
        loss = _epoch(outcome, tokenizer, _batches(examples, number, settings.seed), (optimiser, schedule), config, say)
        model.eval()
        figures = {STATEMENT: validate(verdicts, sets[1])}
        spent = time.monotonic() - started
        outcome.history.append({"epoch": number, "loss": loss, "seconds": round(spent, 1), "valid": figures})
        words = "  ".join(f"{k} " + " ".join(f"{n} {v:.1f}" for n, v in one.items()) for k, one in figures.items())
        say(f"epoch {number}/{settings.epochs}  loss {loss:.3f}  {spent:.0f} s  {words}")
        score = figures[STATEMENT]["caught"]
        if score > best:
            best, outcome.best = score, number
            state = {name: value.detach().clone() for name, value in model.state_dict().items()}
            if keep is not None:
                keep(outcome)
    model.load_state_dict(state)
    model.eval()
    return outcome


Windows = list[tuple[list[int], int]]


def _windows(tokenizer: Any, spec: TaggerSpec, pairs: Sequence[PairExample]) -> Windows:
    """(tokens, number of the answer) of every pair."""
    keys = [label.key for label in spec.tasks[0].labels]
    cut = pair_windows(tokenizer, [(one.first, one.second) for one in pairs], spec.window)
    return [(ids, keys.index(one.answer)) for ids, one in zip(cut, pairs, strict=True)]


def _batches(examples: Windows, number: int, seed: int) -> list[Windows]:
    """Batches of pairs of like length, shuffled."""
    chance = random.Random(f"{seed}/{number}")
    mixed = chance.sample(examples, len(examples))
    mixed.sort(key=lambda one: len(one[0]) // 16)
    found: list[Windows] = []
    part: Windows = []
    for one in mixed:
        if part and (len(part) + 1) * (len(one[0]) + 2) > _TOKENS:
            found.append(part)
            part = []
        part.append(one)
    found += [part] if part else []
    chance.shuffle(found)
    return found


def _epoch(
    outcome: TaggerOutcome,
    tokenizer: Any,
    batches: Sequence[Windows],
    steps: tuple[Any, Any],
    config: TaggerConfig,
    say: Say,
) -> float:
    model, spec = outcome.model, outcome.spec
    marks = tuple(tokenizer.token_to_id(mark) for mark in ("[CLS]", "[SEP]", "[PAD]"))
    model.train()
    losses = []
    for at, part in enumerate(batches):
        ids, mask = batch([np.asarray(one) for one, _ in part], *marks)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=config.train.bf16):
            hidden, _ = model(torch.from_numpy(ids), torch.from_numpy(mask))
        hidden = hidden.float()
        lengths = [len(one) + 1 for one, _ in part]
        vectors = torch.stack(
            [torch.cat([hidden[r, 0], hidden[r, n], hidden[r, : n + 1].mean(0)]) for r, n in enumerate(lengths)]
        )
        judged = model.judge(vectors)[:, spec.span_slice(STATEMENT)]
        loss = functional.cross_entropy(judged, torch.tensor([right for _, right in part]))
        if not torch.isfinite(loss):
            raise TrainingError("The loss is not finite.", "", "Train again with a lower rate.")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for one in steps:
            one.step()
        steps[0].zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))
        if at % 100 == 99:
            say(f"  {at + 1} of {len(batches)}  loss {np.mean(losses[-100:]):.3f}")
    return float(np.mean(losses))


def validate(verdicts: Verdicts, pairs: Sequence[PairExample]) -> dict[str, float]:
    """Shares x 100. "balanced": mean of the statements that hold and of the errors that are told as such. "caught":
    errors whose chance of one lies above that of all but _FLAGS of the statements that hold. "negation": of these."""
    errors: dict[str, list[float]] = defaultdict(list)
    for one, shares in zip(pairs, verdicts([(one.first, one.second) for one in pairs]), strict=True):
        errors[one.answer].append(1 - shares[judging.HOLDS])
    hold = errors.pop(judging.HOLDS)
    every = [share for some in errors.values() for share in some]
    least = float(np.quantile(hold, 1 - _FLAGS))
    return {
        "balanced": 50 * (mean([float(one < 0.5) for one in hold]) + mean([float(one >= 0.5) for one in every])),
        "caught": 100 * mean([float(one > least) for one in every]),
        "negation": 100 * mean([float(one > least) for one in errors["negation"]]),
    }
