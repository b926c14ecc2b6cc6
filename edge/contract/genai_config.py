"""genai_config.json is code to the runtime: one key loads a shared object, one writes a file. Only these pass."""

from __future__ import annotations

from typing import Any

from edge.contract.manifest import damaged, parse_json

GENAI_CONFIG = "genai_config.json"

_STRING, _NUMBER, _BOOL = (str,), (int, float), (bool,)
_INT = (int,)
_Schema = dict[str, Any]

_ALLOWED: _Schema = {
    "model": {
        "type": _STRING,
        "vocab_size": _INT,
        "context_length": _INT,
        "bos_token_id": _INT,
        "eos_token_id": (int, list),
        "pad_token_id": _INT,
        "decoder": {
            "filename": _STRING,
            "head_size": _INT,
            "hidden_size": _INT,
            "num_attention_heads": _INT,
            "num_hidden_layers": _INT,
            "num_key_value_heads": _INT,
            "session_options": {"log_id": _STRING, "provider_options": (list,), "intra_op_num_threads": _INT},
            "inputs": dict.fromkeys(
                ("input_ids", "attention_mask", "position_ids", "past_key_names", "past_value_names"), _STRING
            ),
            "outputs": dict.fromkeys(("logits", "present_key_names", "present_value_names"), _STRING),
        },
    },
    "search": {
        **dict.fromkeys(("do_sample", "early_stopping", "past_present_share_buffer"), _BOOL),
        **dict.fromkeys(("max_length", "min_length", "num_beams", "num_return_sequences", "top_k"), _INT),
        **dict.fromkeys(
            (
                "diversity_penalty",
                "length_penalty",
                "no_repeat_ngram_size",
                "repetition_penalty",
                "temperature",
                "top_p",
            ),
            _NUMBER,
        ),
    },
}


def check_genai_config(raw: bytes, files: set[str], context_length: int) -> None:
    """Raise BundleError unless every key is allowed, nothing is an execution provider, and the model file is listed."""
    config = parse_json(raw, GENAI_CONFIG)
    _check(config, _ALLOWED, "")
    model = config.get("model", {})
    decoder = model.get("decoder", {})
    if decoder.get("session_options", {}).get("provider_options", []):
        raise damaged(f"{GENAI_CONFIG} names an execution provider", "Bundles run on the CPU")
    if decoder.get("filename") not in files or not str(decoder.get("filename")).endswith(".onnx"):
        raise damaged(f"{GENAI_CONFIG} names a model file that is not listed")
    ids = model.get("eos_token_id")
    if not (type(ids) is int or (isinstance(ids, list) and ids and all(type(i) is int for i in ids))):
        raise damaged(f"{GENAI_CONFIG} has no end token")
    lengths = (model.get("context_length"), config.get("search", {}).get("max_length"))
    if lengths != (context_length, context_length):
        raise damaged(f"{GENAI_CONFIG} and manifest.json differ in the context length")


def _check(value: Any, schema: _Schema, where: str) -> None:
    if not isinstance(value, dict):
        raise damaged(f"{GENAI_CONFIG} is not of the expected shape", f"At {where or 'its top'}")
    for key, entry in value.items():
        allowed = schema.get(key)
        path = f"{where}.{key}"[:120].lstrip(".")
        if allowed is None:
            raise damaged(f"{GENAI_CONFIG} holds the key {path!r}", "Only keys that cannot run code are allowed")
        if isinstance(allowed, dict):
            _check(entry, allowed, path)
        elif not isinstance(entry, allowed) or (isinstance(entry, bool) and bool not in allowed):
            raise damaged(f"{GENAI_CONFIG} has a value of the wrong kind at {path!r}")
