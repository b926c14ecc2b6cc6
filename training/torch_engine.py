"""A checkpoint (base folder, adapter or none) behind the product's own decoder.

Only the forward pass differs from a bundle: prompt, stop token, loop guard and grammar are edge.engine's, so a figure
of a checkpoint and one of its bundle differ by quantisation alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch

from edge.contract.prompts import PROMPT_VERSION, chat_format
from edge.engine.base import EngineInfo
from edge.engine.constrain import GrammarCompiler
from edge.engine.decode import Decoder
from edge.engine.host import EngineHost, Loaded
from edge.errors import TrainingError
from training import model
from training.config import BaseConfig


class TorchSession:
    """A transformers cache that the decoder drives. capacity: tokens; the cache itself grows as needed."""

    def __init__(self, network: Any, capacity: int) -> None:
        from transformers import DynamicCache

        self.capacity, self.places = capacity, False
        self._network, self._cache = network, DynamicCache()
        self._scores: Any = None

    def rewind(self, length: int) -> None:
        """Forget all but the first length tokens."""
        self._cache.crop(length)

    def append(self, ids: Sequence[int], places: int = 1) -> None:
        """Read tokens."""
        device = next(self._network.parameters()).device
        with torch.inference_mode():
            out = self._network(
                input_ids=torch.tensor([list(ids)], device=device),
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=1,
            )
        self._scores = out.logits[0, -1].float().cpu().numpy()

    def logits(self, back: int = 0) -> Any:
        """Scores after the last token read: float32, shape (vocabulary,)."""
        return self._scores


def load_checkpoint(base: BaseConfig, adapter: Path | None, threads: int = 0) -> EngineHost:
    """Start an engine over a base and, if given, its LoRA adapter (merged). Raises BaseModelError, TrainingError."""
    folder = model.base_folder(base.name)
    if adapter is not None and not (adapter / "adapter_config.json").is_file():
        raise TrainingError(f"There is no adapter in {adapter}.", "adapter_config.json is missing.", "Check --adapter.")
    if threads:
        torch.set_num_threads(threads)
    return EngineHost(lambda: _load(folder, base, adapter))


@model.memory_named(model.too_large)  # here: what leaves the engine's thread without a name is named by its type alone
def _load(folder: Path, base: BaseConfig, adapter: Path | None) -> Loaded:
    dtype = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    network = model.load(folder, base, dtype, for_training=False)
    if adapter is not None:
        network = model.with_adapter(network, adapter)
    if torch.cuda.is_available():
        network.to("cuda")
    network.eval()
    tokenizer = model.tokenizer(folder)
    format_name = model.prompt_format(folder, base.format)
    ends = [tokenizer.token_to_id(chat_format(format_name).end.token)]
    context = min(int(getattr(network.config.get_text_config(), "max_position_embeddings", 8192)), 32_768)

    @cache
    def compiler() -> GrammarCompiler:
        return GrammarCompiler(tokenizer, tokenizer.get_vocab_size(), ends)

    info = EngineInfo(folder.name, "", format_name, PROMPT_VERSION, context, "transformers")
    decoder = Decoder(tokenizer, lambda capacity: TorchSession(network, capacity), compiler, ends, context)
    return Loaded(info, decoder, tokenizer)
