"""Model families: which can be exported, and which are refused by name before anything is built.

The program reads a conversation once and rewinds to its end for every section. A model with recurrent or convolutional
state cannot: onnxruntime-genai 0.14 leaves that state as it was on a partial rewind (recurrent_state.cpp), so a later
section would be written from what an earlier one left behind, and nobody would see it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edge.errors import BaseModelError

_REFUSED = {
    "qwen3_5": "Qwen3.5", "qwen3_5_text": "Qwen3.5", "qwen3_5_moe": "Qwen3.5", "qwen3_next": "Qwen3-Next",
    "lfm2": "LFM2", "lfm2_moe": "LFM2", "lfm2_vl": "LFM2", "granitemoehybrid": "Granite 4 hybrid",
    "gemma3n": "Gemma 3n", "gemma3n_text": "Gemma 3n", "bamba": "Bamba", "jamba": "Jamba", "mamba": "Mamba",
    "mamba2": "Mamba 2", "falcon_mamba": "Falcon Mamba", "falcon_h1": "Falcon-H1", "nemotron_h": "Nemotron-H",
    "zamba": "Zamba", "zamba2": "Zamba 2", "recurrent_gemma": "RecurrentGemma", "rwkv": "RWKV",
    "minimax": "MiniMax", "kimi_linear": "Kimi Linear",
}  # fmt: skip
_LACKING = {"ministral3": "Ministral 3", "mistral3": "Mistral 3"}
_STATEFUL = ("linear_attention", "conv", "mamba", "recurrent", "short_conv")
_KEYS = ("mamba_d_state", "conv_L_cache", "ssm_cfg", "linear_num_key_heads", "lru_width")


def check(folder: Path, runtime: str) -> None:
    """Raise BaseModelError if the model in a Hugging Face folder is of a family that this runtime cannot carry."""
    config = _config(folder)
    kind = str(config.get("model_type", ""))
    if kind in _LACKING:
        raise BaseModelError(
            f"{_LACKING[kind]} cannot be exported.",
            "The version of transformers that this program is pinned to does not know it.",
            "Take another base; `edgescribe-export fetch` lists them.",
        )
    if kind == "smollm3" and runtime == "onnx":
        raise BaseModelError(
            "SmolLM3 cannot be exported to ONNX.",
            "The builder of onnxruntime-genai 0.14.1 cannot write its layers without rotary positions.",
            "Build it for MLX, or take another base; `edgescribe-export fetch` lists them.",
        )
    text = config.get("text_config", config)
    layers = [str(one) for one in text.get("layer_types") or ()]
    state = next((one for one in layers if one in _STATEFUL), "") or next((key for key in _KEYS if text.get(key)), "")
    name = _REFUSED.get(kind) or _REFUSED.get(str(text.get("model_type", "")))
    if name or state:
        raise BaseModelError(
            f"{name or kind} cannot be exported.",
            "It keeps a state that the runtime cannot rewind, so every section after the first would be wrong unseen.",
            "Take a base with attention alone; `edgescribe-export fetch` lists them.",
        )


def window(folder: Path) -> int:
    """Tokens of a model's sliding window, 0 if its layers see everything."""
    config = _config(folder)
    text = config.get("text_config", config)
    if text.get("use_sliding_window") is False:
        return 0
    found = text.get("sliding_window") or 0
    return found if isinstance(found, int) else 0


def _config(folder: Path) -> dict[str, Any]:
    try:
        raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return raw if isinstance(raw, dict) else {}
    except (OSError, ValueError):
        raise BaseModelError(
            f"{folder} holds no model.", "Its config.json cannot be read.", "Bring it again."
        ) from None
