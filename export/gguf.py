"""GGUF file -> Hugging Face folder: config, weights (dequantised), tokenizer. Architectures: llama, qwen2.

transformers reads GGUF too, but mistakes SmolLM's tokenizer and unties Qwen's matrices (docs/adr/0011).
Two-dimensional weights are stored as float16, whose rounding is far below the file's own; the rest as float32.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from edge.errors import BaseModelError
from export.catalog import Base
from export.progress import BuildProgress, silent
from export.tokenizer import build_tokenizer, tokenizer_config

CONVERTER_VERSION = "1"  # a change that alters any written byte is a new version: the cache is keyed by it

_ARCHITECTURES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}
_BLOCK_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_TOP_NAMES = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
_HEAD, _EMBEDDING = "output.weight", "token_embd.weight"


def convert(path: Path, base: Base, folder: Path, progress: BuildProgress = silent) -> None:
    """Write the Hugging Face folder of a GGUF file into folder (which exists). Raises BaseModelError."""
    from gguf import GGUFReader

    try:
        reader = GGUFReader(str(path))
        fields = {name: reader.fields[name].contents() for name in reader.fields}
        config = _config(fields, base)
        write_tokenizer(fields, base, folder)
        _write_weights(reader, config, base, folder, progress)
    except (KeyError, ValueError, IndexError) as error:
        raise BaseModelError(
            f"{path.name} is not a GGUF file that can be converted.", f"{type(error).__name__}: {error}"
        ) from None
    _write_json(folder / "config.json", config)
    _write_json(
        folder / "generation_config.json",
        {"do_sample": False, "eos_token_id": config["eos_token_id"], "pad_token_id": config["pad_token_id"]},
    )


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _config(fields: dict[str, Any], base: Base) -> dict[str, Any]:
    kind = fields["general.architecture"]
    if kind not in _ARCHITECTURES:
        raise BaseModelError(f"The architecture {kind!r} cannot be converted.", f"Known: {', '.join(_ARCHITECTURES)}.")
    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    ids = {token: index for index, token in enumerate(tokens)}
    heads = fields[f"{kind}.attention.head_count"]
    config = {
        "architectures": [_ARCHITECTURES[kind]],
        "model_type": kind,
        "vocab_size": len(tokens),
        "hidden_size": fields[f"{kind}.embedding_length"],
        "intermediate_size": fields[f"{kind}.feed_forward_length"],
        "num_hidden_layers": fields[f"{kind}.block_count"],
        "num_attention_heads": heads,
        "num_key_value_heads": fields.get(f"{kind}.attention.head_count_kv", heads),
        "hidden_act": "silu",
        "max_position_embeddings": min(base.context_length, fields[f"{kind}.context_length"]),
        "rms_norm_eps": fields[f"{kind}.attention.layer_norm_rms_epsilon"],
        "rope_theta": fields.get(f"{kind}.rope.freq_base", 10000.0),
        "tie_word_embeddings": base.tied,
        "torch_dtype": "float32",
        "bos_token_id": None,
        "eos_token_id": [ids[token] for token in base.stop],
        "pad_token_id": ids[base.pad],
    }
    if kind == "llama":
        config |= {"attention_bias": False, "mlp_bias": False}
    return config


def write_tokenizer(fields: dict[str, Any], base: Base, folder: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json from a GGUF's fields into folder. Raises BaseModelError."""
    if fields["tokenizer.ggml.model"] != "gpt2":
        raise BaseModelError(f"The tokenizer {fields['tokenizer.ggml.model']!r} cannot be converted.", "Known: gpt2.")
    tokenizer = build_tokenizer(
        fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"], fields["tokenizer.ggml.merges"], base.pre
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    template = str(fields.get("tokenizer.chat_template", ""))
    _write_json(folder / "tokenizer_config.json", tokenizer_config(base.end, base.pad, base.context_length, template))


def _write_weights(reader: Any, config: dict[str, Any], base: Base, folder: Path, progress: BuildProgress) -> None:
    import numpy as np
    from gguf.quants import dequantize
    from safetensors.numpy import save_file

    tensors = {tensor.name: tensor for tensor in reader.tensors}
    if base.tied and _HEAD in tensors:
        # Two quantised copies of one published matrix: keep the one with more bits a weight.
        best = max((tensors[_EMBEDDING], tensors.pop(_HEAD)), key=lambda t: t.n_bytes / t.n_elements)
        tensors[_EMBEDDING] = best
    state: dict[str, Any] = {}
    for done, (name, tensor) in enumerate(tensors.items(), start=1):
        progress(f"Converting {base.name}", done, len(tensors))
        values = dequantize(tensor.data, tensor.tensor_type)
        if config["model_type"] == "llama" and (match := re.fullmatch(r"blk\.\d+\.attn_([qk])\.weight", name)):
            key = "num_attention_heads" if match[1] == "q" else "num_key_value_heads"
            values = _undo_rope_permutation(values, config[key])
        state[_hf_name(name)] = np.ascontiguousarray(values.astype(np.float16 if values.ndim == 2 else np.float32))
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def _undo_rope_permutation(weight: Any, heads: int) -> Any:
    """GGUF stores llama's q and k with the two rotary halves of each head interleaved; Hugging Face does not."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _hf_name(name: str) -> str:
    if name in _TOP_NAMES:
        return _TOP_NAMES[name]
    if name == _HEAD:
        return "lm_head.weight"
    match = re.fullmatch(r"blk\.(\d+)\.(\w+)\.(weight|bias)", name)
    if match is None or match[2] not in _BLOCK_NAMES:
        raise BaseModelError(f"The tensor {name!r} has no place in this architecture.")
    return f"model.layers.{match[1]}.{_BLOCK_NAMES[match[2]]}.{match[3]}"
