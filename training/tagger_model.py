"""The tagger as torch modules: an encoder whose embeddings stay as they are, a token head and a span head a task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from edge.contract.tagging import TaggerSpec

_SPAN_WIDTH = 256
_RARE = -4.0  # bias of begin and inside at first: almost every token is outside


class TaggerModel(nn.Module):
    """hidden states, token logits and span logits of all tasks of a spec, in the spec's order of columns."""

    def __init__(self, base: Path, spec: TaggerSpec, dropout: float = 0.1) -> None:
        super().__init__()
        from transformers import AutoModel
        from transformers.utils import logging

        logging.set_verbosity_error()  # it would call the unused pooler a warning

        # eager: on a CPU the fused attention in bf16 with a mask takes longer than the two products it replaces
        self.encoder = AutoModel.from_pretrained(
            str(base), add_pooling_layer=False, attn_implementation="eager", hidden_dropout_prob=dropout,
            attention_probs_dropout_prob=0.0,
        )  # fmt: skip
        self.encoder.embeddings.requires_grad_(False)
        width = int(self.encoder.config.hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.tokens = nn.Linear(width, sum(task.token_columns for task in spec.tasks))
        self.spans = nn.Sequential(
            nn.Linear(3 * width, _SPAN_WIDTH), nn.GELU(), nn.Dropout(dropout),
            nn.Linear(_SPAN_WIDTH, sum(task.span_columns for task in spec.tasks)),
        )  # fmt: skip
        with torch.no_grad():
            self.tokens.bias.view(-1, 3)[:, 1:] = _RARE

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(hidden, tokens), as edge.tagging.tagger.Backend.encode."""
        kinds = torch.zeros_like(ids)
        hidden = self.encoder(input_ids=ids, attention_mask=mask, token_type_ids=kinds).last_hidden_state
        return hidden, self.tokens(self.dropout(hidden))

    def judge(self, vectors: torch.Tensor) -> torch.Tensor:
        """Span logits, as edge.tagging.tagger.Backend.judge."""
        return self.spans(vectors)


class TorchBackend:
    """edge.tagging.tagger.Backend over a model in training."""

    def __init__(self, model: TaggerModel, bf16: bool = False) -> None:
        self._model, self._bf16 = model, bf16

    def encode(self, ids: Any, mask: Any) -> tuple[Any, Any]:
        """See Backend."""
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=self._bf16):
            hidden, tokens = self._model(torch.from_numpy(ids), torch.from_numpy(mask))
        return hidden.float().numpy(), tokens.float().numpy()

    def judge(self, vectors: Any) -> Any:
        """See Backend."""
        with torch.inference_mode():
            return self._model.judge(torch.from_numpy(np.ascontiguousarray(vectors, dtype=np.float32))).numpy()
