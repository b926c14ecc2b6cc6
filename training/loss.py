"""Cross-entropy straight from hidden states, in chunks, so that a 151,936-word vocabulary never fills memory.

The output matrix is frozen under LoRA, so the gradient with respect to the hidden states is formed chunk by chunk
in the forward pass and no logits are kept (the idea of Liger-Kernel's fused linear cross-entropy, Hsu et al. 2024).
"""

from __future__ import annotations

from typing import Any

import torch

CHUNK = 256


class _FrozenHeadCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        gradient = torch.empty_like(hidden)
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        for start in range(0, hidden.shape[0], CHUNK):
            part = hidden[start : start + CHUNK]
            wanted = labels[start : start + CHUNK, None]
            logits = (part @ weight.t()).float()
            logits -= logits.max(dim=1, keepdim=True).values
            picked = logits.gather(1, wanted).sum()
            logits.exp_()
            sums = logits.sum(dim=1, keepdim=True)
            total += sums.log().sum() - picked
            logits /= sums
            logits.scatter_add_(1, wanted, -torch.ones_like(wanted, dtype=logits.dtype))
            gradient[start : start + CHUNK] = logits.to(weight.dtype) @ weight
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * grads[0].to(gradient.dtype), None, None


def answer_loss(hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Sum over answer tokens of -log p. hidden: (n, size); weight: (vocabulary, size), frozen; labels: (n,)."""
    if weight.requires_grad:  # a trained head needs its own gradient
        return torch.nn.functional.cross_entropy((hidden @ weight.t()).float(), labels, reduction="sum")
    result: torch.Tensor = _FrozenHeadCrossEntropy.apply(hidden.to(weight.dtype), weight, labels)
    return result
