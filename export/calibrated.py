"""Calibrated rounding (GPTQ, Frantar et al. 2022): what a column of weights loses in rounding, later columns make good.

The inputs of each product are watched over texts of export/calibration.jsonl, written for this project. Its weights are
then rounded column by column, and the error of a column is spread over those that are still to come so that the
product of what was seen moves least. The way of that name in the runtime's quantiser spreads nothing
(docs/quantisation.md). Products that read the hidden state are calibrated, the head among them, and the one after
attention; the way down is several times as wide, and calibrating it too gained nothing that could be measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

TEXTS = Path(__file__).with_name("calibration.jsonl")
_SEEN = {
    "self_attn.q_proj": "attn", "self_attn.qkv_proj": "attn", "self_attn.o_proj": "out", "mlp.gate_proj": "mlp",
    "mlp.gate_up_proj": "mlp",
}  # fmt: skip
_READ = {
    "attn": ("attn.qkv_proj", "attn.q_proj", "attn.k_proj", "attn.v_proj"), "out": ("attn.o_proj",),
    "mlp": ("mlp.gate_proj", "mlp.up_proj", "mlp.gate_up_proj"),
}  # fmt: skip
COUNT = 7  # texts, 4,468 tokens to a Qwen tokenizer
_DAMPING, _COLUMNS = 0.01, 128
Factors = dict[str, Any]  # by the name of a product's weights in the builder: float32, (inputs, inputs)


def factors(model: Any, texts: Sequence[Sequence[int]], progress: Callable[[int], None]) -> Factors:
    """For each product that is calibrated, how its columns share an error: from what a model's layers read.

    model: of transformers, computes in its own precision; texts: token ids. progress: called with texts read.
    """
    import torch

    seen: dict[str, Any] = {}
    hooks = []
    for number, layer in enumerate(model.model.layers):
        modules = dict(layer.named_modules())
        hooks += [
            modules[name].register_forward_pre_hook(_watch(seen, f"{number}.{what}"))
            for name, what in _SEEN.items()
            if name in modules
        ]
    hooks.append(model.model.norm.register_forward_hook(lambda _, __, given: _add(seen, "head", given)))
    with torch.inference_mode():
        for done, ids in enumerate(texts, start=1):
            model.model(torch.tensor([list(ids)]), use_cache=False)
            progress(done)
        for hook in hooks:
            hook.remove()
        found: Factors = {"lm_head.MatMul.weight": factor(seen.pop("head"))}
        for key in list(seen):
            layer_number, _, what = key.partition(".")
            shared = factor(seen.pop(key))
            found |= {f"model.layers.{layer_number}.{name}.MatMul.weight": shared for name in _READ[what]}
    return found


def _watch(seen: dict[str, Any], key: str) -> Callable[[Any, tuple[Any, ...]], None]:
    """Adds up the products of inputs with each other: (inputs, inputs)."""

    def keep(_: Any, given: tuple[Any, ...]) -> None:
        _add(seen, key, given[0])

    return keep


def _add(seen: dict[str, Any], key: str, given: Any) -> None:
    rows = given.reshape(-1, given.shape[-1]).float()
    seen[key] = rows.T @ rows if key not in seen else seen[key].addmm_(rows.T, rows)


def factor(products: Any) -> Any:
    """The upper triangle whose row i says how the error of column i is spread: of the inverse of (inputs, inputs)."""
    import torch

    diagonal = torch.diagonal(products)
    diagonal[diagonal == 0] = 1.0  # an input that never was: its weights round by themselves
    damped = products + torch.eye(len(products)) * (_DAMPING * diagonal.mean())
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
    return torch.linalg.cholesky(inverse, upper=True)


def rounded(weights: Any, spread: Any, block: int, symmetric: bool) -> tuple[Any, Any, Any]:
    """Weights (outputs, inputs) in int4 by calibration, spread as factor() gives it.

    Returns numbers from 0 to 15, scales, and zero points, each row a block, as the runtime's quantiser returns them.
    """
    import torch

    kept = weights.clone()
    outputs, inputs = kept.shape
    numbers = torch.empty(outputs, inputs, dtype=torch.uint8)
    scales, zeros = torch.empty(outputs, inputs // block), torch.empty(outputs, inputs // block, dtype=torch.uint8)
    width = max(_COLUMNS, block)
    for start in range(0, inputs, width):  # in strips: what is further right is moved once a strip
        strip = kept[:, start : start + width].clone()
        errors = torch.empty_like(strip)
        triangle = spread[start : start + width, start : start + width]
        for column in range(strip.shape[1]):
            if column % block == 0:
                scale, zero = _grid(strip[:, column : column + block], symmetric)
                scales[:, (start + column) // block] = scale[:, 0]
                zeros[:, (start + column) // block] = zero[:, 0].to(torch.uint8)
            exact = strip[:, column : column + 1]
            number = (torch.round(exact / scale) + zero).clamp(0, 15)
            numbers[:, start + column] = number[:, 0].to(torch.uint8)
            error = (exact - (number - zero) * scale) / triangle[column, column]
            errors[:, column : column + 1] = error
            strip[:, column:] -= error * triangle[column, column:]
        kept[:, start + width :] -= errors @ spread[start : start + width, start + width :]
    shape = (-1, block), (-1, 1)
    return numbers.reshape(shape[0]).numpy(), scales.reshape(shape[1]).numpy(), zeros.reshape(shape[1]).numpy()


def _grid(block: Any, symmetric: bool) -> tuple[Any, Any]:
    """Scale and zero point of a block of each output, (outputs, 1): symmetric, its largest weight is number 0."""
    import torch

    if symmetric:
        largest = block.gather(-1, block.abs().argmax(-1, keepdim=True))
        scale = -largest / 8
        scale[scale == 0] = 1.0
        return scale, torch.full_like(scale, 8.0)
    low, high = block.amin(-1, keepdim=True).clamp(max=0), block.amax(-1, keepdim=True).clamp(min=0)
    scale = (high - low) / 15
    scale[scale == 0] = 1.0
    return scale, torch.round(-low / scale).clamp(0, 15)
