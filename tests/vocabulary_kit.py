"""A vocabulary that grows with what it is asked for: a tokenizer for the rules of free text, without a model's file."""

from __future__ import annotations

import re
from typing import Any


class Vocabulary:
    """Tokens by a pattern; a space before a token is part of it. figures: those that are there from the start."""

    def __init__(self, pattern: str, figures: str = "") -> None:
        self._pattern = re.compile(pattern)
        self.known: list[str] = ["<end>", "\n", ".", *figures]

    def ids(self, text: str) -> list[int]:
        return [self.id(piece.replace(" ", "Ġ")) for piece in self._pattern.findall(text)]

    def id(self, piece: str) -> int:
        if piece not in self.known:
            self.known.append(piece)
        return self.known.index(piece)

    def token_to_id(self, token: str) -> int | None:
        return self.known.index(token) if token in self.known else None

    def id_to_token(self, id: int) -> str | None:
        return self.known[id]

    def decode(self, ids: Any, *, skip_special_tokens: bool = True) -> str:
        return "".join(self.known[i].replace("Ġ", " ") for i in ids)
