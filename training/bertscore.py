"""BERTScore (Zhang et al., ICLR 2020) with any local encoder folder, without baseline rescaling.

Its value depends on the encoder and layer, so it is comparable only to itself: tables name the encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch

from edge.errors import TrainingError


def f1(references: Sequence[str], candidates: Sequence[str], encoder: Path) -> float:
    """Mean F1 x 100 over pairs, by greedy cosine matching of last-layer token vectors; an empty text scores 0.

    Long texts are read in windows of the encoder's length. Raises TrainingError if the folder holds no encoder.
    """
    tokenizer, model, window = _load(encoder)
    values = []
    for reference, candidate in zip(references, candidates, strict=True):
        if not reference.strip() or not candidate.strip():
            values.append(0.0)
            continue
        similar = _vectors(reference, tokenizer, model, window) @ _vectors(candidate, tokenizer, model, window).T
        precision, recall = float(similar.max(0).values.mean()), float(similar.max(1).values.mean())
        values.append(200 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0)
    return sum(values) / len(values) if values else 0.0


def sentence_vectors(texts: Sequence[str], encoder: Path) -> Any:
    """Unit vectors of whole texts by mean pooling, float32, shape (texts, size). Raises TrainingError."""
    tokenizer, model, window = _load(encoder)
    pooled = torch.stack([_vectors(text, tokenizer, model, window).mean(0) for text in texts])
    return torch.nn.functional.normalize(pooled, dim=-1)


@cache
def _load(encoder: Path) -> tuple[Any, Any, int]:
    """Tokenizer, model and tokens a window of an encoder folder."""
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(encoder, local_files_only=True)
        model = AutoModel.from_pretrained(encoder, local_files_only=True).eval()
    except (OSError, ValueError) as error:
        raise TrainingError(f"{encoder} holds no encoder.", str(error).splitlines()[0], "Check --encoder.") from None
    return tokenizer, model, min(int(getattr(model.config, "max_position_embeddings", 512)), 512) - 4


def _vectors(text: str, tokenizer: Any, model: Any, window: int) -> Any:
    """Unit vectors of the text's tokens, shape (tokens, size)."""
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    parts = []
    with torch.inference_mode():
        for start in range(0, len(ids), window):
            piece = tokenizer.build_inputs_with_special_tokens(ids[start : start + window])
            hidden = model(input_ids=torch.tensor([piece])).last_hidden_state[0]
            parts.append(hidden[1:-1] if len(piece) > len(ids[start : start + window]) else hidden)
    return torch.nn.functional.normalize(torch.cat(parts), dim=-1)
