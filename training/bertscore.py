"""BERTScore (Zhang et al., ICLR 2020) with any local encoder folder, without baseline rescaling.

Its value depends on the encoder and layer, so it is comparable only to itself: tables name the encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from edge.errors import TrainingError


def f1(references: Sequence[str], candidates: Sequence[str], encoder: Path) -> float:
    """Mean F1 x 100 over pairs, by greedy cosine matching of last-layer token vectors; an empty text scores 0.

    Long texts are read in windows of the encoder's length. Raises TrainingError if the folder holds no encoder.
    """
    values = []
    for reference, candidate in zip(references, candidates, strict=True):
        wanted, got = _vectors(reference, encoder), _vectors(candidate, encoder)
        if not len(wanted) or not len(got):
            values.append(0.0)
            continue
        similar = wanted @ got.T
        precision, recall = float(similar.max(0).values.mean()), float(similar.max(1).values.mean())
        values.append(200 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0)
    return sum(values) / len(values) if values else 0.0


def sentence_vectors(texts: Sequence[str], encoder: Path) -> Any:
    """Unit vectors of whole texts as sentence-transformers makes them: the mean over all tokens, float32, shape
    (texts, size); zeros for a text without tokens. Raises TrainingError.
    """
    pooled = torch.stack([_hidden(text, encoder, whole=True).sum(0) for text in texts])
    return torch.nn.functional.normalize(pooled, dim=-1)


@cache
def load(encoder: Path) -> tuple[Any, Any, int]:
    """Tokenizer, model and tokens a window of an encoder folder. Raises TrainingError if it holds none."""
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(encoder, local_files_only=True)
        model = AutoModel.from_pretrained(encoder, local_files_only=True).eval()
        model = model.get_encoder() if model.config.is_encoder_decoder else model
    except (OSError, ValueError, SafetensorError) as error:
        raise TrainingError(f"{encoder} holds no encoder.", str(error).splitlines()[0], "Check --encoder.") from None
    return tokenizer, model, min(int(getattr(model.config, "max_position_embeddings", 512)), 512) - 4


@lru_cache(maxsize=32)  # a report's copy stands against each of its fields
def _vectors(text: str, encoder: Path) -> Any:
    """Unit vectors of the text's own tokens, shape (tokens, size)."""
    return torch.nn.functional.normalize(_hidden(text, encoder, whole=False), dim=-1)


def _hidden(text: str, encoder: Path, whole: bool) -> Any:
    """Last layer over a text, read in windows, shape (tokens, size). whole: with what stands around each window."""
    tokenizer, model, window = load(encoder)
    read = tokenizer(
        text, truncation=True, max_length=window, return_overflowing_tokens=True, return_special_tokens_mask=True
    )
    parts = [torch.zeros(0, int(model.config.hidden_size))]
    with torch.inference_mode():
        for ids, special in zip(read["input_ids"], read["special_tokens_mask"], strict=True):
            shown = [i for i, mark in enumerate(special) if whole or not mark]
            if shown:
                parts.append(model(input_ids=torch.tensor([ids])).last_hidden_state[0][shown])
    return torch.cat(parts)
