"""Encoder-decoder baselines (BART, T5): the same prompts as plain text on the encoder's side, padded batches.

They are rows of the tables, no bundle runs them. T5's tokenizer drops line breaks, so its Lsum suffers.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from edge.contract import prompts
from edge.contract.events import EngineEvent, Finished
from edge.contract.prompts import Prompt
from edge.engine.base import EngineInfo, Request
from edge.errors import InputError, TrainingError
from edge.text import sanitise
from training import model
from training.config import BaseConfig, BatchConfig
from training.packing import Branch, Encoded
from training.sources import TrainingDocument

FORMAT = "plain"
_IGNORED = -100


def plain_text(prompt: Prompt) -> str:
    """A prompt without its control tokens."""
    return "".join(s for s in (*prompt.document, *prompt.instruction) if isinstance(s, str))


def check_kind(folder: Path, kind: str) -> None:
    """Raise TrainingError if a base's config.json says that it is of the other kind."""
    try:
        raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        found = "encoder-decoder" if raw.get("is_encoder_decoder") else "decoder"
    except (OSError, ValueError, AttributeError):
        return  # whoever loads the base says what is wrong with it
    if found != kind:
        raise TrainingError(
            f"The base {folder.name} is a model of kind {found}, not {kind}.", "config.json says so.",
            f'Set base.kind = "{found}", or give --kind {found}.',
        )  # fmt: skip


def end_id(folder: Path) -> int:
    """Token that ends a text of this base. Raises TrainingError if its config.json names none."""
    raw = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("eos_token_id")
    if not isinstance(raw, int):
        raise TrainingError(f"The base {folder.name} names no end token.", "config.json lacks eos_token_id.", "Add it.")
    return raw


def ids(text: str, tokenizer: Any, end: int) -> list[int]:
    """Token ids with whatever the family puts around a text, ending with the end token."""
    found: list[int] = tokenizer.encode(text, add_special_tokens=True).ids
    return found if found and found[-1] == end else [*found, end]


def encode(document: TrainingDocument, tokenizer: Any, end: int, batch: BatchConfig) -> list[Encoded]:
    """One sample a task: encoder ids as instruction, decoder ids as answer. Raises TrainingError if too long."""
    found = []
    for task in document.tasks:
        source = ids(plain_text(prompts.render(FORMAT, document.text, task.instruction)), tokenizer, end)
        one = Encoded(document.id, (), (Branch(tuple(source), tuple(ids(task.target, tokenizer, end))),))
        if one.tokens <= batch.max_tokens:
            found.append(one)
        elif batch.too_long == "error":
            raise TrainingError(
                f"The sample {document.id} has {one.tokens:,} tokens.",
                f"batch.max_tokens is {batch.max_tokens:,}.",
                'Raise batch.max_tokens, split the document, or set batch.too_long = "drop".',
            )
    return found


class PaddedLoss(model.AnswerLoss):
    """Answer loss of an encoder-decoder over a padded batch."""

    def forward(self, samples: list[Encoded]) -> torch.Tensor:
        """Sum of -log p over the answer tokens, float32 scalar. Raises TrainingError if a side is beyond the base."""
        places = int(getattr(self.model.config, "max_position_embeddings", 0) or 0)  # T5 has no last place
        for sample in samples:
            longest = max(len(side) for b in sample.branches for side in (b.instruction, b.answer))
            if places and longest > places:
                raise TrainingError(
                    f"The sample {sample.id} has a side of {longest:,} tokens.", f"This base reads {places:,}.",
                    f'Set batch.max_tokens = {places} and batch.too_long = "drop", or split the document.',
                )  # fmt: skip
        device = next(self.model.parameters()).device
        pairs = [(b.instruction, b.answer) for s in samples for b in s.branches]
        width, depth = max(len(a) for a, _ in pairs), max(len(b) for _, b in pairs)
        self._recompute(len(pairs) * max(width, depth))
        sources = torch.tensor([[*a, *[0] * (width - len(a))] for a, _ in pairs], device=device)
        mask = torch.tensor([[1] * len(a) + [0] * (width - len(a)) for a, _ in pairs], device=device)
        labels = torch.tensor([[*b, *[_IGNORED] * (depth - len(b))] for _, b in pairs], device=device)
        logits = self.model(input_ids=sources, attention_mask=mask, labels=labels, use_cache=False).logits
        return torch.nn.functional.cross_entropy(
            logits.float().flatten(0, 1), labels.flatten(), ignore_index=_IGNORED, reduction="sum"
        )


def _no_room() -> TrainingError:
    return TrainingError(
        "Memory ran out while an answer was written.",
        "Those before it are kept.",
        "Close other programs and give the command again, or take a smaller base.",
    )


class Seq2SeqEngine:
    """An encoder-decoder behind the Engine protocol, for evaluation only. Greedy; no grammar, no cancel."""

    @model.memory_named(model.too_large)
    def __init__(self, base: BaseConfig, adapter: Path | None) -> None:
        folder = model.base_folder(base.name)
        dtype = torch.bfloat16 if torch.cuda.is_available() else torch.float32
        network = model.load(folder, base, dtype, for_training=False)
        if adapter is not None:
            network = model.with_adapter(network, adapter)
        self._network = network.to("cuda" if torch.cuda.is_available() else "cpu").eval()
        self._tokenizer, self._end = model.tokenizer(folder), end_id(folder)
        context = int(getattr(network.config, "max_position_embeddings", 0) or 4096)
        self.info = EngineInfo(folder.name, "", FORMAT, prompts.PROMPT_VERSION, context, "transformers")

    def count(self, prompt: Prompt) -> int:
        """Tokens on the encoder's side."""
        return len(ids(plain_text(prompt), self._tokenizer, self._end))

    def stream(self, request: Request) -> Iterator[EngineEvent]:
        """Yield the one Finished event. Raises InputError if the document does not fit the encoder, TrainingError if
        the answer does not fit into memory.
        """
        started = time.perf_counter()
        source = ids(plain_text(request.prompt), self._tokenizer, self._end)
        if len(source) > self.info.context_length:
            raise InputError("The document is too long for this model.", f"It has {len(source):,} tokens.")
        device = self._network.device
        with model.memory_named(_no_room), torch.inference_mode():
            out = self._network.generate(
                input_ids=torch.tensor([source], device=device),
                max_new_tokens=min(request.max_tokens, self.info.context_length - 2),
                do_sample=False,
                num_beams=1,
                eos_token_id=self._end,
            )[0].tolist()
        written = out[1:]
        reason = "end" if written and written[-1] == self._end else "length"
        text = sanitise(self._tokenizer.decode(written, skip_special_tokens=True)).strip()
        seconds = time.perf_counter() - started
        yield Finished(text, "end" if reason == "end" else "length", len(source), 0, len(written), seconds)

    def cancel(self) -> None:
        """Not supported: evaluation is stopped by ending the process."""

    def close(self) -> None:
        """Free the model."""
        self._network = None
