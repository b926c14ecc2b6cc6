"""config.json of an MLX bundle: only plain numbers of known architectures; it chooses the code that is run."""

from __future__ import annotations

from edge.contract.manifest import damaged, parse_json

MLX_CONFIG = "config.json"
_ARCHITECTURES = {"llama", "mistral", "qwen2"}
_INTS = {
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
    "vocab_size", "max_position_embeddings", "pad_token_id",
}  # fmt: skip
_NUMBERS = {"rms_norm_eps", "rope_theta"}
_BOOLS = {"tie_word_embeddings", "attention_bias", "mlp_bias"}
_QUANTISATION: dict[str, set[object]] = {"group_size": {32, 64, 128}, "bits": {4, 8}, "mode": {"affine"}}
ALLOWED = {*_INTS, *_NUMBERS, *_BOOLS, "model_type", "eos_token_id", "rope_scaling", "quantization"}


def check_mlx_config(raw: bytes, context_length: int) -> None:
    """Raise BundleError unless every key is known and of its kind, and the context at least context_length tokens."""
    config = parse_json(raw, MLX_CONFIG)
    kind = config.get("model_type") if isinstance(config, dict) else None
    if not isinstance(kind, str) or kind not in _ARCHITECTURES:
        raise damaged(f"{MLX_CONFIG} is of an unknown architecture", f"Known: {', '.join(sorted(_ARCHITECTURES))}")
    for key, value in config.items():
        if key not in ALLOWED:
            raise damaged(f"{MLX_CONFIG} holds the key {ascii(key)[:80]}", "Only keys that cannot run code are allowed")
        good = (
            (key in _INTS and type(value) is int)
            or (key in _NUMBERS and type(value) in (int, float))
            or (key in _BOOLS and type(value) is bool)
            or key == "model_type"
            or (key == "eos_token_id" and isinstance(value, list) and all(type(i) is int for i in value))
            or (key == "rope_scaling" and _flat(value))
            or (key == "quantization" and _known(value))
        )
        if not good:
            raise damaged(f"{MLX_CONFIG} has a value of the wrong kind at {key!r}")
    if int(config.get("max_position_embeddings", 0)) < context_length:
        raise damaged(f"{MLX_CONFIG} and manifest.json differ in the context length")


def _flat(value: object) -> bool:
    return isinstance(value, dict) and all(type(entry) in (int, float, str) for entry in value.values())


def _known(value: object) -> bool:
    if not isinstance(value, dict) or not set(value) <= set(_QUANTISATION):
        return False
    return all(type(entry) in (int, str) and entry in _QUANTISATION[key] for key, entry in value.items())
