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
from edge.tagging.verdicts import Verdicts, pair_windows
from edge.tagging.windows import batch
from training import judge_data, tagger_publish, tagger_train
from training.intervals import mean
from training.judge_data import PairExample
from training.runlog import Say
from training.tagger_config import TaggerConfig
from training.tagger_model import TaggerModel, TorchBackend
from training.tagger_train import TaggerOutcome

JudgePairs = dict[str, list[PairExample]]
_TOKENS = 2_000  # of a batch, padding counted
_MOST_VALID = 250  # pairs of an answer that an epoch is judged by
_FLAGS = 0.02  # share of statements that hold at which errors are counted


def read_sets(config: TaggerConfig, folder: Path) -> tuple[JudgePairs, JudgePairs]:
    """Pairs to train on and to validate on, by task. Raises TrainingError."""
    seed = config.train.seed
    every = list(config.tasks.values())
    train = list(dict.fromkeys(name for task in every for name in task.train))
    valid = list(dict.fromkeys(name for task in every for name in task.validate_on))
    found = judge_data.pairs(folder, train, seed)
    for key, task in config.tasks.items():
        found[key] = _some(found[key], task.most, seed) if task.most else found[key]
    held = {key: _some(some, _MOST_VALID, seed) for key, some in judge_data.pairs(folder, valid, seed).items()}
    return found, held


def _some(pairs: Sequence[PairExample], most: int, seed: int) -> list[PairExample]:
    """At most so many of each answer, the same for the same seed."""
    chance = random.Random(f"some/{seed}")
    by_answer: dict[str, list[PairExample]] = defaultdict(list)
    for one in pairs:
        by_answer[one.answer].append(one)
    return [one for some in by_answer.values() for one in chance.sample(some, min(most, len(some)))]


def train(
    config: TaggerConfig, base: Path, sets: tuple[JudgePairs, JudgePairs], say: Say,
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
        figures = {key: validate(verdicts, key, some) for key, some in sets[1].items()}
        spent = time.monotonic() - started
        outcome.history.append({"epoch": number, "loss": loss, "seconds": round(spent, 1), "valid": figures})
        words = "  ".join(f"{k} " + " ".join(f"{n} {v:.1f}" for n, v in one.items()) for k, one in figures.items())
        say(f"epoch {number}/{settings.epochs}  loss {loss:.3f}  {spent:.0f} s  {words}")
        score = mean([one["balanced"] for one in figures.values()])
        if score > best:
            best, outcome.best = score, number
            state = {name: value.detach().clone() for name, value in model.state_dict().items()}
            if keep is not None:
                keep(outcome)
    model.load_state_dict(state)
    model.eval()
    return outcome


Windows = list[tuple[str, list[int], int]]


def _windows(tokenizer: Any, spec: TaggerSpec, pairs: JudgePairs) -> Windows:
    """(task, tokens, number of the answer) of every pair."""
    found: Windows = []
    for task in spec.tasks:
        keys = [label.key for label in task.labels]
        some = pairs[task.key]
        cut = pair_windows(tokenizer, [(one.first, one.second) for one in some], spec.window)
        found += [(task.key, ids, keys.index(one.answer)) for ids, one in zip(cut, some, strict=True)]
    return found


def _batches(examples: Windows, number: int, seed: int) -> list[Windows]:
    """Batches of one task, of pairs of like length, shuffled."""
    chance = random.Random(f"{seed}/{number}")
    by_task: dict[str, Windows] = defaultdict(list)
    for one in examples:
        by_task[one[0]].append(one)
    found: list[Windows] = []
    for some in by_task.values():
        chance.shuffle(some)
        some.sort(key=lambda one: len(one[1]) // 16)
        part: Windows = []
        for one in some:
            if part and (len(part) + 1) * (len(one[1]) + 2) > _TOKENS:
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
        ids, mask = batch([np.asarray(one) for _, one, _ in part], *marks)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=config.train.bf16):
            hidden, _ = model(torch.from_numpy(ids), torch.from_numpy(mask))
        hidden = hidden.float()
        lengths = [len(one) + 1 for _, one, _ in part]
        vectors = torch.stack(
            [torch.cat([hidden[r, 0], hidden[r, n], hidden[r, : n + 1].mean(0)]) for r, n in enumerate(lengths)]
        )
        judged = model.judge(vectors)[:, spec.span_slice(part[0][0])]
        loss = functional.cross_entropy(judged, torch.tensor([right for _, _, right in part]))
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


def validate(verdicts: Verdicts, task: str, pairs: Sequence[PairExample]) -> dict[str, float]:
    """ "balanced": mean over the answers of the share that is right, errors as one answer. For statements, "caught":
    errors whose chance of one lies above that of all but _FLAGS of the statements that hold; "negation", the same."""
    answers = verdicts.judge(task, [(one.first, one.second) for one in pairs])
    right: dict[str, list[float]] = defaultdict(list)
    chances: dict[str, list[float]] = defaultdict(list)
    for one, shares in zip(pairs, answers, strict=True):
        merged: dict[str, float] = defaultdict(float)
        for key, share in shares.items():
            merged["error" if key in judging.ERRORS else key] += share
        wanted = "error" if one.answer in judging.ERRORS else one.answer
        right[wanted].append(100.0 * (max(merged, key=merged.__getitem__) == wanted))
        chances[one.answer].append(merged["error"])
    found = {"balanced": mean([mean(some) for some in right.values()])}
    if judging.HOLDS in chances:
        least = float(np.quantile(chances[judging.HOLDS], 1 - _FLAGS))
        errors = [one for key in judging.ERRORS for one in chances[key]]
        found["caught"] = 100 * mean([float(one > least) for one in errors])
        found["negation"] = 100 * mean([float(one > least) for one in chances["negation"]])
    return found
