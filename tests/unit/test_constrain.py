"""The grammar's view of a tokenizer: every token the bytes that its own file says, without a second tokenizer."""

from __future__ import annotations

from typing import Any

import pytest
from llguidance import LLTokenizer
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from edge.engine.constrain import GrammarCompiler

TEXTS = ("", "Age: 61.", '{"age": ["', "größer als 3 µg, 4 mg\n", "\t x  y", "<|im_end|>", "\x00\x7f\u00ad\u00a0")


def _merging() -> Any:
    """Bytes, some pairs of them, a control token and an added word."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [*alphabet, "Ġx", "ge", "Age"]
    model = models.BPE({word: number for number, word in enumerate(words)}, [("Ġ", "x"), ("g", "e"), ("A", "ge")])
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<|im_end|>", special=True)])
    tokenizer.add_tokens(["mg"])
    tokenizer.encode_special_tokens = True
    return tokenizer


def test_tokens_are_the_same_bytes_as_from_the_file(byte_tokenizer: Any) -> None:
    for tokenizer in (byte_tokenizer, _merging()):
        size, end = tokenizer.get_vocab_size(), tokenizer.token_to_id("<|im_end|>")
        found = GrammarCompiler(tokenizer, size, [end])._tokenizer
        wanted = LLTokenizer(tokenizer.to_str(), n_vocab=size, eos_token=[end])
        assert [found.decode_bytes([i]) for i in range(size)] == [wanted.decode_bytes([i]) for i in range(size)]
        assert (found.vocab_size, found.eos_token) == (wanted.vocab_size, wanted.eos_token)
        for text in TEXTS:
            if "<|" not in text:
                assert found.tokenize_str(text) == wanted.tokenize_str(text)
        assert end not in found.tokenize_str("<|im_end|>"), "text never becomes a control token"


def test_the_file_is_not_read_again(byte_tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second tokenizer of 151,936 tokens takes 110 MB."""
    seen = []
    monkeypatch.setattr(
        "llguidance.LLTokenizer", lambda source, **rest: seen.append(source) or LLTokenizer(source, **rest)
    )
    GrammarCompiler(byte_tokenizer, byte_tokenizer.get_vocab_size(), [byte_tokenizer.token_to_id("<|im_end|>")])
    assert len(seen) == 1
    assert not isinstance(seen[0], str)


def test_a_tokenizer_of_another_kind_is_read_from_its_file() -> None:
    tokenizer = Tokenizer(models.BPE({"<0x41>": 0, "▁": 1, "b": 2, "<end>": 3}, [], byte_fallback=True))
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    compiler = GrammarCompiler(tokenizer, 4, [3])
    assert compiler._tokenizer.decode_bytes([0, 1, 2]) == b"A b"
