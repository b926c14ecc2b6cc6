"""Calibrated rounding: it moves what a product gives less than plain rounding, on inputs that go together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from onnxruntime.quantization.neural_compressor import weight_only

from export import calibrated
from export.builder_child import by_calibration
from export.held import load_held

WIDE, OUT = 256, 40


@pytest.fixture(scope="module")
def inputs() -> Any:
    """Inputs that go together, as those of a layer do: (tokens, WIDE)."""
    torch.manual_seed(5)
    return torch.randn(1500, 20) @ torch.randn(20, WIDE) + 0.3 * torch.randn(1500, WIDE)


def moved(inputs: Any, weights: Any, parts: tuple[Any, ...], block: int) -> float:
    """How far the product of rounded weights is from the exact one, as a share of it."""
    numbers, scale, zero = (np.asarray(part, dtype=np.float64) for part in parts)
    kept = torch.from_numpy((numbers.reshape(-1, block) - zero) * scale).float().reshape(weights.shape)
    return float(((inputs @ (kept - weights).T) ** 2).mean() / ((inputs @ weights.T) ** 2).mean())


@pytest.mark.parametrize(("block", "scheme"), [(32, "asym"), (32, "sym"), (64, "sym"), (128, "sym"), (256, "asym")])
def test_the_product_moves_several_times_less_than_by_plain_rounding(inputs: Any, block: int, scheme: str) -> None:
    weights = torch.randn(OUT, WIDE) * 0.03
    weights[3, :block] = 0.0
    spread = calibrated.factor(inputs.T @ inputs)
    found = by_calibration(weights.numpy(), spread, block, scheme)
    plain = weight_only.quant_tensor(weights.numpy(), 4, block, scheme, "uint")
    assert [part.shape for part in found] == [part.shape for part in plain]
    assert found[0].min() >= 0
    assert found[0].max() <= 15
    assert scheme == "asym" or (found[2] == 8).all()
    assert moved(inputs, weights, found, block) < moved(inputs, weights, plain, block) / 3


def test_the_quantisers_own_way_of_that_name_is_plain_rounding(inputs: Any) -> None:
    """If a later release mends it, it may take the place of ours."""
    weights = (np.random.default_rng(1).standard_normal((WIDE, OUT)) * 0.03).astype(np.float32)
    products = (inputs.T @ inputs).double().numpy()
    theirs = weight_only.gptq(weights.copy(), products, 4, 32, "asym")
    numbers, scale, zero = weight_only.quant_tensor(weights.T.copy(), 4, 32, "asym", "uint")
    plain = ((numbers - zero) * scale).reshape(OUT, WIDE).T
    assert np.allclose(theirs, plain, atol=1e-6)


def test_an_input_that_never_was_leaves_its_weights_to_plain_rounding(inputs: Any) -> None:
    seen = inputs.clone()
    seen[:, 7] = 0.0
    spread = calibrated.factor(seen.T @ seen)
    assert torch.isfinite(spread).all()
    assert torch.equal(spread, torch.triu(spread))


def test_factors_are_those_of_what_each_product_reads() -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=32, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2
    )
    model = LlamaForCausalLM(config).eval()
    told: list[int] = []
    found = calibrated.factors(model, [[1, 2, 3], [4, 5, 6, 7]], told.append)
    assert told == [1, 2]
    assert len(found) == 2 * 8 + 1
    assert "model.layers.1.attn.qkv_proj.MatMul.weight" in found
    assert not any("down_proj" in name for name in found)
    with torch.inference_mode():
        rows = torch.cat([model.model.embed_tokens(torch.tensor(ids)) for ids in ([1, 2, 3], [4, 5, 6, 7])])
        first = model.model.layers[0].input_layernorm(rows)
    expected = calibrated.factor(first.T @ first)
    assert torch.allclose(found["model.layers.0.attn.q_proj.MatMul.weight"], expected, rtol=1e-2, atol=1e-4)
    with torch.inference_mode():
        last = torch.cat([model.model(torch.tensor([ids])).last_hidden_state[0] for ids in ([1, 2, 3], [4, 5, 6, 7])])
    expected = calibrated.factor(last.T @ last)
    assert torch.allclose(found["lm_head.MatMul.weight"], expected, rtol=1e-2, atol=1e-4)
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in model.modules())


def test_the_texts_are_there() -> None:
    texts = load_held(99, calibrated.TEXTS)
    assert len(texts) == calibrated.COUNT
    assert all(one.document and one.instruction and one.answer for one in texts)
