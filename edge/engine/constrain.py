"""Grammars for answers that are data: the 15 fields as JSON whose entries stand verbatim in the document.

llguidance turns a grammar into a mask over the vocabulary for every next token, and names the tokens that are forced,
which the decoder reads in one step instead of writing them one by one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from edge.contract.schemas import FIELD_KEYS
from edge.errors import EngineError

_LINE = "\x01"  # stands for a line break inside the document: no JSON string can hold it, so no entry crosses a line
MAX_ENTRIES = 40
_PHRASE = '[^\\x01" ]([^\\x01"]*[^\\x01" ])?'  # within a line, no quotes, no space at either end


class Constraint(Protocol):
    """State of one answer under a grammar."""

    def mask(self, logits: Any) -> None:
        """Set forbidden scores to -inf, in place."""

    def forced(self) -> list[int]:
        """Tokens that must come next, possibly none."""

    def accept(self, ids: list[int]) -> None:
        """Advance; raises EngineError if a token does not fit."""

    def close_list(self, logits: Any) -> bool:
        """After mask(): leave only tokens that end the list (or first the entry) if there is one; True if so."""

    @property
    def finished(self) -> bool: ...


def extraction_grammar(document: str, keys: Sequence[str] = FIELD_KEYS) -> str:
    """Lark grammar of an extraction from document: every field in order, entries verbatim phrases of one line.

    The result always holds every field of edge.contract.schemas.FIELDS, in order, each a list of phrases.
    """
    escaped = json.dumps(document.replace("\n", _LINE), ensure_ascii=False)[1:-1].replace("\\u0001", _LINE)
    fields = ' ", " '.join(f"{json.dumps(json.dumps(key) + ': [')} list" for key in keys)
    # One "]" closes each list; it is part of the list rule so that an empty list is one forced-or-free choice.
    return (
        f'start: "{{" {fields} "}}"\n'
        f'list: "]" | entry (", " entry){{0,{MAX_ENTRIES - 1}}} "]"\n'
        'entry: "\\"" PHRASE "\\""\n'
        f"PHRASE: %regex {json.dumps({'substring_words': escaped}, ensure_ascii=True)} & /{_PHRASE}/\n"
    )


class _Shared:
    """A tokenizer that writes bytes as characters (byte-level BPE), as llguidance asks for one."""

    def __init__(self, tokenizer: Any, end: int) -> None:
        added = tokenizer.get_added_tokens_decoder()
        self._tokenizer = tokenizer
        self.eos_token_id, self.bos_token_id = end, None
        self.special_token_ids = [number for number, token in added.items() if token.special]
        known = {character: value for value, character in enumerate(_characters())}
        self.tokens = [
            added[number].content.encode() if number in added else bytes(known[c] for c in name or "")
            for number, name in ((n, tokenizer.id_to_token(n)) for n in range(tokenizer.get_vocab_size()))
        ]

    def __call__(self, text: str | bytes) -> list[int]:
        plain = text.decode() if isinstance(text, bytes) else text
        return list(self._tokenizer.encode(plain, add_special_tokens=False).ids)


def _characters() -> list[str]:
    """The character that stands for each byte (GPT-2): itself where it can be seen, else one from 256 on."""
    seen = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [value for value in range(256) if value not in seen]
    return [chr(value) if value in seen else chr(256 + others.index(value)) for value in range(256)]


YES_OR_NO = 'start: "yes" | "no"\n'


class GrammarCompiler:
    """Compiles grammars for one tokenizer (tokenizers.Tokenizer); building the token trie takes about a second, so it
    is kept."""

    def __init__(self, tokenizer: Any, vocabulary: int, end_ids: list[int]) -> None:
        import numpy as np
        from llguidance import LLTokenizer, TokenizerWrapper
        from tokenizers import decoders

        # Given its file, llguidance would keep a second tokenizer: 110 MB at most for one of 151,936 tokens.
        byte_level = isinstance(tokenizer.decoder, decoders.ByteLevel)
        source = TokenizerWrapper(_Shared(tokenizer, end_ids[0])) if byte_level else tokenizer.to_str()
        self._tokenizer = LLTokenizer(source, n_vocab=vocabulary, eos_token=end_ids)
        starts = [self._tokenizer.decode_bytes([i])[:2] for i in range(vocabulary)]
        self._list_ends = np.array([i for i, s in enumerate(starts) if s[:1] == b"]" or s == b'"]'])
        self._entry_ends = np.array([i for i, s in enumerate(starts) if s == b'"'])

    def start(self, grammar: str) -> Constraint:
        """Return a fresh constraint; raises EngineError if the grammar cannot be compiled."""
        return _Matcher(self._tokenizer, grammar, (self._list_ends, self._entry_ends))


class _Matcher:
    def __init__(self, tokenizer: Any, grammar: str, closers: tuple[Any, ...]) -> None:
        import numpy as np
        from llguidance import LLMatcher

        self._np, self._closers = np, closers
        self._matcher = LLMatcher(tokenizer, grammar, log_level=0)
        self._bits = np.zeros((tokenizer.vocab_size + 31) // 32, dtype=np.uint32)
        self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            raise EngineError(
                "The answer's grammar failed.",
                "",  # llguidance quotes the grammar, which holds the document: never shown
                "Report this with the bundle's name; the document is unchanged.",
            )

    def mask(self, logits: Any) -> None:
        self._matcher.unsafe_compute_mask_ptr(self._bits.ctypes.data, self._bits.nbytes)
        self._check()
        allowed = self._np.unpackbits(self._bits.view(self._np.uint8), bitorder="little")
        logits[: len(allowed)][allowed[: len(logits)] == 0] = -self._np.inf
        logits[len(allowed) :] = -self._np.inf

    def close_list(self, logits: Any) -> bool:
        for ids in self._closers:
            best = logits[ids].max(initial=-self._np.inf)
            if best > -self._np.inf:
                chosen = ids[int(logits[ids].argmax())]
                logits[:] = -self._np.inf
                logits[chosen] = best
                return True
        return False

    def forced(self) -> list[int]:
        return list(self._matcher.compute_ff_tokens())

    def accept(self, ids: list[int]) -> None:
        if not self._matcher.consume_tokens(ids):
            self._check()

    @property
    def finished(self) -> bool:
        return bool(self._matcher.is_stopped())
