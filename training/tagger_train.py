"""The recipe of a tagger, top to bottom: batches of windows, two losses, validation each epoch, the best epoch kept.

Loss of the token head: cross-entropy over outside, begin and inside of every label. Loss of the span head: on the
annotated spans and on what the token head proposes at that moment, whether it is right and which attributes it has.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from edge.contract.facts import Fact
from edge.contract.prompts import load_tokenizer
from edge.contract.tagging import SCHEME, TaggerSpec, TaggerTask
from edge.errors import TrainingError
from edge.reading.conversation import parse
from edge.tagging.facts import facts_of
from edge.tagging.tagger import Span, Tagger
from training import fact_scores, tagger_batches, tagger_data, tagger_publish
from training.runlog import Say
from training.spans import Counts, report_counts
from training.tagger_batches import IGNORED, Batch, BatchPart, PreparedExample
from training.tagger_config import TaggerConfig, TrainConfig
from training.tagger_data import TaggerExample
from training.tagger_model import TaggerModel, TorchBackend


@dataclass(frozen=True)
class TaggerSets:
    """Examples of every task."""

    train: dict[str, list[TaggerExample]]
    valid: dict[str, list[TaggerExample]]


@dataclass
class TaggerOutcome:
    """The trained model at its best epoch. history: a line an epoch."""

    model: TaggerModel
    spec: TaggerSpec
    history: list[dict[str, Any]] = field(default_factory=list)
    best: int = 0


def read_sets(config: TaggerConfig, folder: Path) -> TaggerSets:
    """All examples that a configuration names. Raises TrainingError."""

    def read(key: str, name: str, split: str) -> list[TaggerExample]:
        task = config.tasks[key]
        if task.kind == "facts":
            return tagger_data.facts(folder, name)
        return tagger_data.reports(name, folder, split, config.labels(key))

    train = {k: [e for name in t.train for e in read(k, name, "train")] for k, t in config.tasks.items()}
    valid = {k: [e for name in t.validate_on for e in read(k, name, "valid")] for k, t in config.tasks.items()}
    return TaggerSets(train, valid)


def train(
    config: TaggerConfig, base: Path, sets: TaggerSets, say: Say, keep: Callable[[TaggerOutcome], None] | None = None
) -> TaggerOutcome:
    """Train from a base folder; the model comes back with the weights of its best epoch. Raises TrainingError.

    keep: called after every epoch that is the best so far, with the model in that state.
    """
    settings = config.train
    random.seed(settings.seed)
    np.random.seed(settings.seed)
    torch.manual_seed(settings.seed)
    spec = config.spec()
    model = TaggerModel(base, spec, settings.dropout)
    if config.start:
        tagger_publish.go_on(model, base, Path(config.start).expanduser(), spec)
    model.encoder.encoder.layer[: settings.frozen].requires_grad_(False)
    tokenizer = load_tokenizer(base / "tokenizer.json")
    prepared = {
        task.key: [tagger_batches.prepare(e, tokenizer, len(task.labels)) for e in sets.train[task.key]]
        for task in spec.tasks
    }
    outcome = TaggerOutcome(model, spec)
    tagger = Tagger(spec, tokenizer, TorchBackend(model, settings.bf16))
    _epochs(config, outcome, _Loader(config, prepared, tokenizer), tagger, sets, say, keep)
    return outcome


class _Loader:
    """Batches of an epoch: windows shuffled within their task, batches of all tasks mixed."""

    def __init__(self, config: TaggerConfig, prepared: dict[str, list[PreparedExample]], tokenizer: Any) -> None:
        self._config, self._prepared = config, prepared
        self._marks = tuple(tokenizer.token_to_id(mark) for mark in ("[CLS]", "[SEP]", "[PAD]"))
        self._hidden = tokenizer.token_to_id("[MASK]")

    def epoch(self, number: int) -> list[Batch]:
        """The batches of an epoch, the same for the same seed and number."""
        settings = self._config.train
        chance = random.Random(f"{settings.seed}/{number}")
        batches = []
        for key, examples in self._prepared.items():
            cut: list[BatchPart] = []
            for example in examples * self._config.tasks[key].passes:
                cut += tagger_batches.parts(example, self._config.window, chance.randrange(self._config.window // 2))
            chance.shuffle(cut)
            cut.sort(key=lambda part: len(part.ids) // 64)  # little padding
            for start in range(0, len(cut), settings.batch):
                one = tagger_batches.collate(key, cut[start : start + settings.batch], self._marks)
                batches.append(self._with_hidden(one, chance, settings.word_dropout))
        chance.shuffle(batches)
        return batches

    def _with_hidden(self, one: Batch, chance: random.Random, share: float) -> Batch:
        noise = np.random.default_rng(chance.randrange(1 << 30)).random(one.ids.shape)
        hidden = (noise < share) & (one.targets[:, :, 0] != IGNORED)
        one.ids[hidden] = self._hidden
        return one


def _epochs(
    config: TaggerConfig, outcome: TaggerOutcome, loader: _Loader, tagger: Tagger, sets: TaggerSets, say: Say,
    keep: Callable[[TaggerOutcome], None] | None,
) -> None:  # fmt: skip
    settings, model = config.train, outcome.model
    steps = len(loader.epoch(0)) * settings.epochs
    adam, schedule = optimiser(model, settings, steps)
    best_state: dict[str, Any] = {}
    best = -1.0
    for number in range(1, settings.epochs + 1):
        started = time.monotonic()
        loss = _epoch(outcome, loader.epoch(number), adam, schedule, settings)
        spent = time.monotonic() - started
        model.eval()
        figures = {key: validate(tagger, task, sets.valid[key]) for key, task in _tasks(outcome.spec)}
        mean = float(np.mean([one["f1"] for one in figures.values()]))
        outcome.history.append({"epoch": number, "loss": loss, "seconds": round(spent, 1), "valid": figures})
        words = "  ".join(f"{k} " + " ".join(f"{n} {v:.1f}" for n, v in one.items()) for k, one in figures.items())
        say(f"epoch {number}/{settings.epochs}  loss {loss:.3f}  {spent:.0f} s  {words}")
        if mean > best:
            best, outcome.best = mean, number
            best_state = {name: value.detach().clone() for name, value in model.state_dict().items()}
            if keep is not None:
                keep(outcome)
        if number - outcome.best >= settings.patience:
            say(f"no better for {settings.patience} epochs: epoch {outcome.best} is kept")
            break
    model.load_state_dict(best_state)
    model.eval()


def _tasks(spec: TaggerSpec) -> Iterator[tuple[str, TaggerTask]]:
    return ((task.key, task) for task in spec.tasks)


def optimiser(model: TaggerModel, settings: TrainConfig, steps: int) -> tuple[Any, Any]:
    """AdamW and its schedule: linear warm-up, linear decay."""
    encoder = [p for p in model.encoder.parameters() if p.requires_grad]
    heads = [*model.tokens.parameters(), *model.spans.parameters()]
    groups = [{"params": encoder, "lr": settings.rate}, {"params": heads, "lr": settings.head_rate}]
    adam = torch.optim.AdamW(groups, weight_decay=settings.decay, fused=True)
    warm = max(1, int(settings.warmup * steps))

    def factor(step: int) -> float:
        return min((step + 1) / warm, max(0.02, (steps - step) / max(1, steps - warm)))

    return adam, torch.optim.lr_scheduler.LambdaLR(adam, factor)


def _epoch(outcome: TaggerOutcome, batches: Sequence[Batch], adam: Any, schedule: Any, settings: TrainConfig) -> float:
    outcome.model.train()
    losses = []
    for one in batches:
        loss = _loss(outcome, one, settings)
        if not torch.isfinite(loss):
            raise TrainingError("The loss is not finite.", "", "Train again with a lower rate.")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(outcome.model.parameters(), 1.0)
        adam.step()
        schedule.step()
        adam.zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))
    return float(np.mean(losses))


def _loss(outcome: TaggerOutcome, one: Batch, settings: TrainConfig) -> torch.Tensor:
    model, spec = outcome.model, outcome.spec
    task = spec.task(one.task)
    assert task is not None
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=settings.bf16):
        hidden, tokens = model(torch.from_numpy(one.ids), torch.from_numpy(one.mask))
    hidden, logits = hidden.float(), tokens.float()[:, :, spec.token_slice(one.task)]
    targets = torch.from_numpy(one.targets)
    per_token = functional.cross_entropy(
        logits.reshape(-1, SCHEME), targets.reshape(-1), ignore_index=IGNORED, reduction="sum"
    )
    # a sum over the labels, a mean over the tokens: labels do not compete for the gradient
    loss = per_token / max(1, int((targets != IGNORED).any(-1).sum()))
    return loss + settings.span_weight * _span_loss(model, spec, task, one, hidden, logits.detach().numpy(), settings)


def _span_loss(
    model: TaggerModel, spec: TaggerSpec, task: TaggerTask, one: Batch, hidden: torch.Tensor, logits: Any,
    settings: TrainConfig,
) -> torch.Tensor:  # fmt: skip
    vectors, verdicts, values = [], [], []
    for row, part in enumerate(one.parts):
        states = hidden[row, 1 : len(part.ids) + 1]
        proposed = tagger_batches.candidates(part, logits[row, 1 : len(part.ids) + 1], task, settings.candidates)
        exact = [(first, last, gold.label, True) for first, last, gold in part.spans]
        attributes = [gold.attributes for _, _, gold in part.spans] + [{} for _ in proposed]
        for (first, last, label, right), values_of in zip([*exact, *proposed], attributes, strict=True):
            vectors.append(torch.cat([states[first], states[last], states[first : last + 1].mean(0)]))
            verdicts.append((label, float(right)))
            values.append(values_of)
    if not vectors:
        return hidden.sum() * 0
    judged = model.judge(torch.stack(vectors))[:, spec.span_slice(task.key)]
    own = judged[torch.arange(len(verdicts)), torch.tensor([label for label, _ in verdicts])]
    loss = functional.binary_cross_entropy_with_logits(own, torch.tensor([right for _, right in verdicts]))
    return loss + _attribute_loss(task, judged, values)


def _attribute_loss(task: TaggerTask, judged: torch.Tensor, values: Sequence[dict[str, int]]) -> torch.Tensor:
    loss, at = judged.sum() * 0, len(task.labels)
    for attribute in task.attributes:
        wanted = torch.tensor([one.get(attribute.key, IGNORED) for one in values])
        if (wanted != IGNORED).any():
            part = judged[:, at : at + len(attribute.values)]
            loss = loss + functional.cross_entropy(part, wanted, ignore_index=IGNORED)
        at += len(attribute.values)
    return loss


def validate(tagger: Tagger, task: TaggerTask, examples: Sequence[TaggerExample]) -> dict[str, float]:
    """Figures of a task on examples, as the bundle would give them; "f1" is what the best epoch is chosen by."""
    return figures(task, examples, [tagger.tag(task.key, e.text, list(e.segments)) for e in examples])


def figures(task: TaggerTask, examples: Sequence[TaggerExample], found: Sequence[Sequence[Span]]) -> dict[str, float]:
    """The same of spans that were found before."""
    if task.source == "conversation":
        return _fact_figures(examples, [facts_of(some, parse(e.text)) for e, some in zip(examples, found, strict=True)])
    return _report_figures(examples, [entries(task, e.text, some) for e, some in zip(examples, found, strict=True)])


def _fact_figures(examples: Sequence[TaggerExample], found: Sequence[Sequence[Fact]]) -> dict[str, float]:
    """F1 of all facts, recall of the critical ones, precision, and what of those found is right."""
    total = fact_scores.FactCounts()
    for example, some in zip(examples, found, strict=True):
        total += fact_scores.count(some, example.facts)
    every = total.figures()
    names = {
        "f1": "f1", "critical": "critical.recall", "precision": "precision", "recall": "recall", "polarity": "polarity",
        "subject": "subject", "time": "time",
    }  # fmt: skip
    return {short: every[f"facts.{name}"] for short, name in names.items()}


def find(tagger: Tagger, example: TaggerExample) -> list[Fact]:
    """Facts of an example, as the laptop finds them."""
    return facts_of(tagger.tag("facts", example.text, list(example.segments)), parse(example.text))


def _report_figures(examples: Sequence[TaggerExample], found: Sequence[dict[str, list[str]]]) -> dict[str, float]:
    """Micro relaxed and exact F1 over the fields."""
    relaxed, exact = Counts(), Counts()
    for example, some in zip(examples, found, strict=True):
        relaxed += sum(report_counts(example.fields, some, True, list(some)).values(), Counts())
        exact += sum(report_counts(example.fields, some, False, list(some)).values(), Counts())
    precision = 100 * relaxed.matched / max(1, relaxed.predicted)
    recall = 100 * relaxed.matched / max(1, relaxed.wanted)
    return {"f1": relaxed.f1, "exact": exact.f1, "precision": precision, "recall": recall}


def entries(task: TaggerTask, text: str, found: Sequence[Span]) -> dict[str, list[str]]:
    """Entries of every label, the same words once."""
    words_of: dict[str, dict[str, str]] = {label.key: {} for label in task.labels}
    for span in found:
        words = text[span.start : span.end]
        words_of[span.label].setdefault(" ".join(words.casefold().split()), words)
    return {key: list(words.values()) for key, words in words_of.items()}
