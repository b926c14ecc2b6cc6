"""The encoder of codes, tuned on pairs from the catalogue alone: one loss, minutes of one core.

Loss: multiple negatives ranking (Henderson et al. 2017): among all terms of the batch and one sibling each, the
right one for every anchor, by cosine times 20. The embeddings of tokens stay the base's: what is published is small.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from edge.contract.coding import CODING_WEIGHTS, MAX_TOKENS
from edge.contract.prompts import load_tokenizer
from edge.contract.tagging import ENCODER
from edge.errors import TrainingError
from edge.terminology.catalogue import Catalogue
from training import folders
from training.code_pairs import CodePairs
from training.runlog import Say
from training.tagger_publish import changes

_SCALE = 20.0
_REPORT = 25
_GROUP = 32  # texts of like length read at once


@dataclass(frozen=True)
class CodeTraining:
    """How an encoder of codes is tuned. rate: highest learning rate, linear up over a tenth and down to nothing."""

    steps: int = 500
    batch: int = 64
    rate: float = 1e-4
    seed: int = 0
    bf16: bool = False


def tune(base: Path, catalogue: Catalogue, config: CodeTraining, out: Path, say: Say) -> Path:
    """Train from a base's folder and write what changed to out; returns out. Raises TrainingError."""
    random.seed(config.seed)
    torch.manual_seed(config.seed)
    model, tokenizer = encoder(base), load_tokenizer(base / "tokenizer.json")
    tuned = [value for value in model.parameters() if value.requires_grad]
    optimiser = torch.optim.AdamW(tuned, lr=config.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _share(step, config.steps))
    started, losses = time.monotonic(), []
    model.train()
    for step, batch in enumerate(CodePairs(catalogue, config.seed).batches(config.steps, config.batch), 1):
        texts = [p.anchor for p in batch] + [p.positive for p in batch] + [p.negative for p in batch]
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=config.bf16):
            vectors = embed(model, tokenizer, texts)
        loss = ranking_loss(vectors.float(), len(batch))
        if not bool(torch.isfinite(loss)):
            raise TrainingError("The loss is not a number.", f"At step {step}.", "Train with a lower rate.")
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(tuned, 1.0)
        optimiser.step()
        schedule.step()
        losses.append(float(loss.detach()))
        if step % _REPORT == 0:
            recent = sum(losses[-_REPORT:]) / _REPORT
            say(f"step {step} of {config.steps}, loss {recent:.3f}, {time.monotonic() - started:.0f} s")
    _publish(model, base, out, config, catalogue, losses, time.monotonic() - started)
    return out


def encoder(base: Path) -> Any:
    """The base as a torch module whose embeddings are not tuned."""
    from transformers import AutoModel
    from transformers.utils import logging

    logging.set_verbosity_error()  # it would call the unused pooler a warning
    model = AutoModel.from_pretrained(str(base), add_pooling_layer=False, attn_implementation="eager")
    model.embeddings.requires_grad_(False)
    return model


def embed(model: Any, tokenizer: Any, texts: Sequence[str]) -> torch.Tensor:
    """Unit vectors, shape (texts, width): mean of the last layer. Texts of like length are read together, so that
    one long text does not make the others as long."""
    ids = [tokenizer.encode(text).ids[:MAX_TOKENS] for text in texts]
    order = sorted(range(len(ids)), key=lambda number: len(ids[number]))
    groups = [order[first : first + _GROUP] for first in range(0, len(order), _GROUP)]
    means = torch.cat([_means(model, [ids[number] for number in group]) for group in groups])
    return functional.normalize(means[torch.tensor(order).argsort()], dim=1)


def _means(model: Any, ids: Sequence[Sequence[int]]) -> torch.Tensor:
    given = torch.zeros(len(ids), max(map(len, ids)), dtype=torch.long)
    mask = torch.zeros_like(given)
    for row, one in enumerate(ids):
        given[row, : len(one)] = torch.tensor(one)
        mask[row, : len(one)] = 1
    states = model(input_ids=given, attention_mask=mask).last_hidden_state.float()
    return (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)


def ranking_loss(vectors: torch.Tensor, size: int) -> torch.Tensor:
    """Loss of a batch: vectors are size anchors, size positives, then the negatives."""
    scores = vectors[:size] @ vectors[size:].T * _SCALE
    return functional.cross_entropy(scores, torch.arange(size))


def _share(step: int, steps: int) -> float:
    warm = max(1, steps // 10)
    return (step + 1) / warm if step < warm else max(0.0, (steps - step) / max(1, steps - warm))


def _publish(
    model: Any, base: Path, out: Path, config: CodeTraining, catalogue: Catalogue, losses: Sequence[float],
    seconds: float,
) -> None:  # fmt: skip
    """Write what changed and its card."""
    from safetensors.torch import save_file

    with folders.writing(out):
        out.mkdir(parents=True, exist_ok=True)
        named = {f"{ENCODER}{name}": value for name, value in model.state_dict().items()}
        save_file(changes(named, base), str(out / CODING_WEIGHTS), {"format": "pt"})
        pairs = config.steps * config.batch
        data = {"name": f"Pairs from {catalogue.edition}, own lists of words", "licence": "public domain; Apache-2.0"}
        facts = {"data": [data | {"role": "training", "records": pairs}], "figures": []}
        (out / "adapter.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        (out / "training.json").write_text(
            json.dumps(asdict(config) | {"seconds": round(seconds), "losses": _thinned(losses)}, indent=2) + "\n",
            encoding="utf-8",
        )


def _thinned(losses: Sequence[float]) -> list[float]:
    return [round(sum(losses[at : at + _REPORT]) / len(losses[at : at + _REPORT]), 4)
            for at in range(0, len(losses), _REPORT)]  # fmt: skip
