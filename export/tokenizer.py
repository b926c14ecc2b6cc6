"""tokenizer.json from a GGUF's own tokens and merges: byte-level BPE, token for token what llama.cpp does.

The pre-tokenizer is not in the GGUF; it is named by the catalogue's `pre`, as in llama.cpp. Every control token is
flagged special, so that `encode_special_tokens` keeps one typed by a patient as text (edge.contract.prompts).
"""

from __future__ import annotations

from typing import Any

from edge.errors import BaseModelError

_CONTROL, _USER_DEFINED = 3, 4  # llama.cpp: enum llama_token_type

# Published with Qwen2's tokenizer.json (Qwen/Qwen2.5-0.5B-Instruct); same as llama.cpp's LLAMA_VOCAB_PRE_TYPE_QWEN2.
_QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def build_tokenizer(tokens: list[str], types: list[int], merges: list[str], pre: str) -> Any:
    """Return a tokenizers.Tokenizer. tokens: id -> token, types: llama.cpp's token types, merges: "left right".

    Raises BaseModelError for an unknown pre.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    pairs = [(left, right) for left, _, right in (merge.partition(" ") for merge in merges)]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs, fuse_unk=False, byte_fallback=False))
    if pre == "smollm":
        steps = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    elif pre == "qwen2":
        # The published model normalises to NFC; llama.cpp does not, so the two agree on NFC text only.
        tokenizer.normalizer = normalizers.NFC()
        steps = [
            pre_tokenizers.Split(Regex(_QWEN2), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    else:
        raise BaseModelError(
            f"The pre-tokenizer {pre!r} is unknown.", "", "Known: smollm, qwen2. See models/README.md."
        )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    special = [t for t, kind in zip(tokens, types, strict=True) if kind in (_CONTROL, _USER_DEFINED)]
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in special])
    return tokenizer


def tokenizer_config(base_end: str, pad: str, context_length: int, chat_template: str) -> dict[str, Any]:
    """tokenizer_config.json beside it. eos closes an answer: training writes it, the runtime stops at it."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": base_end,
        "pad_token": pad,
        "bos_token": None,
        "model_max_length": context_length,
        "clean_up_tokenization_spaces": False,
        "add_prefix_space": False,
        "chat_template": chat_template,
    }
