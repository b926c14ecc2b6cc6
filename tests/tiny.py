"""Tiny random weights of every supported architecture.

They know nothing and write noise; what they share with the real ones is code paths, file layout and control tokens.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edge.contract import prompts
from edge.errors import UsageError

_TEMPLATES = {
    "qwen2": "chatml",
    "llama": "llama3",
    "mistral": "mistral",
    "gemma3": "gemma",
    "qwen3": "chatml-no-thinking",
    "smollm3": "chatml-no-thinking",
    "phi3": "phi4",
}
FAMILIES = (*_TEMPLATES, "bart", "t5")


def make(family: str, folder: Path, seed: int = 0) -> Path:
    """Write a tiny base of that family to folder, as a Hugging Face model would lie there. Raises UsageError."""
    import torch

    if family not in FAMILIES:
        raise UsageError(f"There is no tiny {family!r}.", f"Known: {', '.join(FAMILIES)}.", "")
    folder.mkdir(parents=True, exist_ok=True)
    format_name = _TEMPLATES.get(family, "plain")
    tokenizer = _tokenizer(format_name)
    tokenizer.save(str(folder / "tokenizer.json"))
    end = prompts.chat_format(format_name).end.token
    config: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": end, "pad_token": "<pad>"}
    if family in _TEMPLATES:
        config["chat_template"] = "".join(s.token for s in _controls(format_name))
        config["chat_template"] += "{# enable_thinking #}" if "thinking" in format_name else ""
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    torch.manual_seed(seed)
    model = _model(family, tokenizer.get_vocab_size(), tokenizer.token_to_id(end), tokenizer.token_to_id("<pad>"))
    model.save_pretrained(str(folder), safe_serialization=True)
    return folder


def _controls(format_name: str) -> list[prompts.Control]:
    f = prompts.chat_format(format_name)
    segments = (*f.start, *f.before_document, *f.after_instruction, f.end)
    return list({s.token: s for s in segments if isinstance(s, prompts.Control)}.values())


def _tokenizer(format_name: str) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    names = ["<pad>", *(c.token for c in _controls(format_name))]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*alphabet, "he", "Ġt", "Ġthe"])}
    merges = [("h", "e"), ("Ġ", "t"), ("Ġt", "he")]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(names)
    return tokenizer


def _model(family: str, vocabulary: int, end: int, pad: int) -> Any:
    import transformers as t

    ids = {"vocab_size": vocabulary, "eos_token_id": end, "pad_token_id": pad, "bos_token_id": end}
    decoder = {
        "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 1, "max_position_embeddings": 4096, "tie_word_embeddings": True,
        "initializer_range": 0.1, **ids,
    }  # fmt: skip
    if family == "qwen2":
        return t.Qwen2ForCausalLM(t.Qwen2Config(**decoder))
    if family == "qwen3":
        return t.Qwen3ForCausalLM(t.Qwen3Config(**decoder, head_dim=16))
    if family == "smollm3":
        return t.SmolLM3ForCausalLM(t.SmolLM3Config(**decoder, no_rope_layers=[1, 0]))
    if family == "phi3":
        return t.Phi3ForCausalLM(t.Phi3Config(**decoder))
    if family == "llama":
        return t.LlamaForCausalLM(t.LlamaConfig(**decoder))
    if family == "mistral":
        return t.MistralForCausalLM(t.MistralConfig(**decoder, sliding_window=24))
    if family == "gemma3":
        # The exporter knows Gemma's own order of layers only, and rounds the square root of the width to two places.
        decoder |= {"hidden_size": 64, "num_hidden_layers": 6, "head_dim": 16, "sliding_window": 24}
        kinds = [*["sliding_attention"] * 5, "full_attention"]
        return t.Gemma3ForCausalLM(t.Gemma3TextConfig(**decoder, layer_types=kinds))
    if family == "bart":
        sizes = {"encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48}
        heads = {"encoder_attention_heads": 4, "decoder_attention_heads": 4, "decoder_start_token_id": end}
        return t.BartForConditionalGeneration(
            t.BartConfig(d_model=32, max_position_embeddings=4096, forced_eos_token_id=end, **sizes, **heads, **ids)
        )
    return t.T5ForConditionalGeneration(
        t.T5Config(d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, decoder_start_token_id=pad, **ids)
    )
