"""Attention over packed rows: each document causally on its own, each branch over its document and itself.

Registered with transformers as one more attention implementation, so every decoder family that goes through its
attention interface (Llama, Mistral, Qwen2, Gemma 3) is served by the same code. Work is proportional to what a token
may see, not to the square of the row.
"""

from __future__ import annotations

from typing import Any

import torch

from training.packing import Block

NAME = "edgescribe_packed"


def register() -> str:
    """Make the implementation known to transformers; returns its name for set_attn_implementation."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, packed_attention)
    return NAME


def packed_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    layout: tuple[Block, ...] = (),
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """query: (1, heads, tokens, size); key, value: (1, key heads, tokens, size). Returns (1, tokens, heads, size)."""
    groups = query.shape[1] // key.shape[1]
    shared = groups > 1 and query.device.type == "cpu"  # its kernel reads shared heads where they are, masked or not
    if groups > 1 and not shared:
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    pieces = []
    for block in layout:
        for queries, keys, mask in _views(block, sliding_window, query.device):
            pieces.append(
                torch.nn.functional.scaled_dot_product_attention(
                    query[:, :, queries[0] : queries[1]],
                    _take(key, keys),
                    _take(value, keys),
                    attn_mask=mask,
                    dropout_p=dropout,
                    scale=scaling,
                    is_causal=mask is None,
                    enable_gqa=shared,
                )
            )
    return torch.cat(pieces, dim=2).transpose(1, 2).contiguous(), None


def _take(tensor: torch.Tensor, spans: list[tuple[int, int]]) -> torch.Tensor:
    parts = [tensor[:, :, a:b] for a, b in spans]
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)


def _views(
    block: Block, window: int | None, device: Any
) -> list[tuple[tuple[int, int], list[tuple[int, int]], torch.Tensor | None]]:
    """(query span, key spans, mask or None for plain causal) of a document and its branches, in row order."""
    document = (block.start, block.start + block.length)
    if len(block.branches) == 1:  # document and single branch are one plain causal sequence
        start, length = block.branches[0]
        whole = (block.start, start + length)
        return [(whole, [whole], _mask(0, whole[1] - whole[0], window, device, plain=True))]
    views = [(document, [document], _mask(0, block.length, window, device, plain=True))]
    for start, length in block.branches:
        span = (start, start + length)
        views.append((span, [document, span], _mask(block.length, length, window, device, plain=False)))
    return views


def _mask(before: int, length: int, window: int | None, device: Any, plain: bool) -> torch.Tensor | None:
    """True where a query at position before + i may see key j: j <= before + i, and within the sliding window."""
    if plain and (window is None or length <= window):
        return None
    places = torch.arange(before, before + length, device=device)[:, None]
    keys = torch.arange(before + length, device=device)[None, :]
    allowed = keys <= places
    return allowed if window is None else allowed & (places - keys < window)
