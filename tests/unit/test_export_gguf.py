"""GGUF -> Hugging Face folder, on a file of a few kilobytes written here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from safetensors.numpy import load_file

from edge.errors import BaseModelError
from export.catalog import Base
from export.gguf import convert
from export.tokenizer import build_tokenizer

HEADS, KV_HEADS, WIDTH, VOCABULARY = 4, 2, 32, 8
TOKENS = ["<|endoftext|>", "<|im_end|>", "a", "b", "Ġ", "ab", "<tool>", "x"]
TYPES = [3, 3, 1, 1, 1, 1, 4, 1]


def tiny_base(**changes: Any) -> Base:
    return Base.model_validate(
        {
            "name": "tiny", "origin": "o/t", "licence": "Apache-2.0", "parameters": 10, "context_length": 64,
            "prompt_format": "chatml", "end": "<|im_end|>", "pad": "<|endoftext|>",
            "stop": ("<|im_end|>", "<|endoftext|>"), "purpose": "test", "tied": True, "file": "t.gguf", "bytes": 1,
            "sha256": "0" * 64, "pre": "smollm", **changes,
        }
    )  # fmt: skip


def write_gguf(path: Path, kind: str = "llama", extra: str = "", head: bool = True) -> dict[str, Any]:
    """Write a model with one block; returns its float weights by GGUF name."""
    rng = np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, kind)
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(WIDTH)
    writer.add_block_count(1)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(5000.0)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(TOKENS)
    writer.add_token_types(TYPES)
    writer.add_token_merges(["a b"])
    kv = WIDTH // HEADS * KV_HEADS
    rows = {"attn_q": WIDTH, "attn_k": kv, "attn_v": kv, "attn_output": WIDTH}
    rows |= {"ffn_gate": WIDTH, "ffn_up": WIDTH, "ffn_down": WIDTH}
    shapes: dict[str, tuple[int, ...]] = {f"blk.0.{name}.weight": (n, WIDTH) for name, n in rows.items()}
    shapes |= {"blk.0.attn_norm.weight": (WIDTH,), "blk.0.ffn_norm.weight": (WIDTH,), "output_norm.weight": (WIDTH,)}
    if extra:
        shapes[extra] = (WIDTH,)
    weights = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    for name, value in weights.items():
        writer.add_tensor(name, value)
    embedding = rng.standard_normal((VOCABULARY, WIDTH)).astype(np.float32)
    for name, quant in (("token_embd.weight", "Q5_0"), ("output.weight", "Q8_0"))[: 2 if head else 1]:
        form = gguf.GGMLQuantizationType[quant]
        writer.add_tensor(name, gguf.quants.quantize(embedding, form), raw_dtype=form)
    weights["embedding"] = embedding
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return weights


def converted(tmp_path: Path, base: Base, **options: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    weights = write_gguf(tmp_path / "t.gguf", **options)
    folder = tmp_path / "hf"
    folder.mkdir()
    convert(tmp_path / "t.gguf", base, folder)
    config = json.loads((folder / "config.json").read_text())
    return weights, load_file(folder / "model.safetensors"), config


def test_of_two_copies_of_a_tied_matrix_the_more_precise_is_kept(tmp_path: Path) -> None:
    weights, state, config = converted(tmp_path, tiny_base())
    assert config["tie_word_embeddings"] is True
    assert "lm_head.weight" not in state
    error = np.abs(state["model.embed_tokens.weight"].astype(np.float32) - weights["embedding"]).max()
    assert error < 0.02  # Q8_0; the Q5_0 copy is off by more than 0.08


def test_an_untied_model_keeps_both(tmp_path: Path) -> None:
    _, state, config = converted(tmp_path, tiny_base(tied=False))
    assert config["tie_word_embeddings"] is False
    assert state["lm_head.weight"].shape == state["model.embed_tokens.weight"].shape


def test_the_rotary_halves_of_llama_go_back_to_their_places(tmp_path: Path) -> None:
    weights, state, _ = converted(tmp_path, tiny_base(), head=False)
    size = WIDTH // HEADS
    for key, heads, gguf_name in (("q", HEADS, "attn_q"), ("k", KV_HEADS, "attn_k")):
        stored = weights[f"blk.0.{gguf_name}.weight"].astype(np.float16)
        found = state[f"model.layers.0.self_attn.{key}_proj.weight"]
        for head in range(heads):
            for half in range(2):
                for index in range(size // 2):
                    row = head * size + half * (size // 2) + index
                    assert np.array_equal(found[row], stored[head * size + 2 * index + half])
    assert np.array_equal(
        state["model.layers.0.self_attn.v_proj.weight"], weights["blk.0.attn_v.weight"].astype(np.float16)
    )


def test_qwen_keeps_its_order_and_its_biases(tmp_path: Path) -> None:
    weights, state, config = converted(tmp_path, tiny_base(pre="qwen2"), kind="qwen2", extra="blk.0.attn_q.bias")
    assert config["architectures"] == ["Qwen2ForCausalLM"]
    assert np.array_equal(
        state["model.layers.0.self_attn.q_proj.weight"], weights["blk.0.attn_q.weight"].astype(np.float16)
    )
    bias = state["model.layers.0.self_attn.q_proj.bias"]
    assert bias.dtype == np.float32
    assert np.array_equal(bias, weights["blk.0.attn_q.bias"])


def test_the_config_stops_at_the_end_of_an_answer_and_pads_with_another_token(tmp_path: Path) -> None:
    _, _, config = converted(tmp_path, tiny_base())
    assert config["eos_token_id"] == [1, 0]
    assert config["pad_token_id"] == 0
    assert config["max_position_embeddings"] == 64  # the catalogue's, as it is the smaller one
    assert config["rope_theta"] == 5000.0
    tokenizer = json.loads((tmp_path / "hf" / "tokenizer_config.json").read_text())
    assert tokenizer["eos_token"] == "<|im_end|>"
    assert tokenizer["pad_token"] == "<|endoftext|>"


def test_every_control_token_is_flagged_special_and_typed_ones_stay_text() -> None:
    tokenizer = build_tokenizer([*TOKENS, *"<|>_imend"], TYPES + [1] * 9, ["a b"], "smollm")
    special = [token for _, token in sorted(tokenizer.get_added_tokens_decoder().items())]
    assert [(token.content, token.special) for token in special] == [
        ("<|endoftext|>", True), ("<|im_end|>", True), ("<tool>", True),
    ]  # fmt: skip
    tokenizer.encode_special_tokens = True
    assert 1 not in tokenizer.encode("ab<|im_end|>").ids


@pytest.mark.parametrize(
    ("options", "changes", "words"),
    [
        ({"kind": "gemma"}, {}, "architecture 'gemma'"),
        ({"extra": "blk.0.surprise.weight"}, {}, "has no place"),
        ({}, {"pre": "other"}, "pre-tokenizer 'other'"),
        ({}, {"stop": ("<|im_end|>", "<|nobody|>")}, "cannot be converted|KeyError"),
    ],
)
def test_what_cannot_be_converted_is_named(
    tmp_path: Path, options: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(BaseModelError, match=words):
        converted(tmp_path, tiny_base(**changes), **options)


@pytest.mark.parametrize("raw", [b"", b"GGUF", b"GGUF\x03\0\0\0" + b"\xff" * 64, b"\0" * 4096])
def test_a_file_that_is_not_gguf_is_named(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "t.gguf").write_bytes(raw)
    (tmp_path / "hf").mkdir()
    with pytest.raises(BaseModelError, match="not a GGUF file"):
        convert(tmp_path / "t.gguf", tiny_base(), tmp_path / "hf")
