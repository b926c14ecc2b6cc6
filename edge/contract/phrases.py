"""phrases.data of a bundle: which token follows the last one, two or three in notes that everybody may read.

It helps to guess tokens ahead (edge.engine.drafts) and shapes no text. The file, all numbers little-endian:

1. one line of JSON: format, version, entries (their number), tokenizer_sha256 (of the tokenizer.json that the tokens
   belong to), sources (titles of the data sets) and answers (how many texts were counted);
2. entries runs of tokens, each an unsigned 64-bit number, in rising order: 21 bits a token, the last token lowest, each
   one more than its id, 0 where the run is shorter than three; START stands before the first token of an answer;
3. entries tokens that follow, unsigned 32 bits each;
4. entries shares, 8 bits each: how often that token followed the run, 255 for always.
"""

from __future__ import annotations

import json
import sys
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.contract.manifest import Hash, OneLine, damaged, parse_json

PHRASES = "phrases.data"
MAX_PHRASES_BYTES = 2_000_000
RUN = 3  # tokens that are looked up, at most
_BITS = 21
START = (1 << _BITS) - 2
MOST = 140_000  # entries that a file may have
_KEYS, _TOKENS, _SHARES = "Q", "I", "B"
_WIDTH = sum(array(code).itemsize for code in (_KEYS, _TOKENS, _SHARES))


class PhrasesHead(BaseModel):
    """The first line of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: Literal["edgescribe-phrases"]
    version: Literal[1]
    entries: int = Field(ge=0, le=MOST)
    tokenizer_sha256: Hash
    sources: list[Annotated[OneLine, Field(min_length=1)]] = Field(max_length=100)
    answers: int = Field(ge=0)


@dataclass(frozen=True)
class Phrases:
    """A table of phrases. keys: runs as numbers, rising; tokens: what follows each; shares: how often, of 255."""

    head: PhrasesHead
    keys: array[int] = field(repr=False)
    tokens: array[int] = field(repr=False)
    shares: array[int] = field(repr=False)

    def after(self, ids: Sequence[int]) -> tuple[int, int] | None:
        """The token that follows the longest known run at the end of ids, and its share; None without one."""
        for size in range(min(RUN, len(ids)), 0, -1):
            key = _key(ids[-size:])
            at = bisect_left(self.keys, key)
            if at < len(self.keys) and self.keys[at] == key:
                return self.tokens[at], self.shares[at]
        return None

    def check(self, vocabulary: int) -> None:
        """Raise BundleError if the table names tokens beyond those of a tokenizer that has so many."""
        if max(self.tokens, default=0) >= vocabulary:
            raise damaged(f"{PHRASES} names tokens that there are not")


def phrases_bytes(
    counted: Mapping[tuple[int, ...], tuple[int, int, int]], tokenizer_sha256: str, sources: Sequence[str], answers: int
) -> bytes:
    """The file. counted: run of one to three tokens (or START) -> token that follows, times that it does, times that
    the run is there."""
    rows = sorted((_key(run), *found) for run, found in counted.items())
    head = PhrasesHead(
        format="edgescribe-phrases", version=1, entries=len(rows), tokenizer_sha256=tokenizer_sha256,
        sources=list(sources), answers=answers,
    )  # fmt: skip
    columns = (
        array(_KEYS, (key for key, *_ in rows)),
        array(_TOKENS, (token for _, token, *_ in rows)),
        array(_SHARES, (255 * times // of for *_, times, of in rows)),
    )
    line = json.dumps(head.model_dump(), sort_keys=True, ensure_ascii=True) + "\n"
    return line.encode("ascii") + b"".join(_swapped(column).tobytes() for column in columns)


def parse_phrases(raw: bytes, tokenizer_sha256: str) -> Phrases:
    """Read the file. Raises BundleError for what is none, and for one of another tokenizer."""
    line, _, body = raw.partition(b"\n")
    try:
        head = PhrasesHead.model_validate(parse_json(line, PHRASES))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise damaged(f"{PHRASES} is no table of phrases", first["msg"][:200]) from None
    if head.tokenizer_sha256 != tokenizer_sha256:
        raise damaged(f"{PHRASES} belongs to another tokenizer")
    if len(body) != head.entries * _WIDTH:
        raise damaged(f"{PHRASES} has the wrong length")
    columns: list[Any] = []
    for code in (_KEYS, _TOKENS, _SHARES):
        column = array(code)
        size = head.entries * column.itemsize
        column.frombytes(body[:size])
        columns.append(_swapped(column))
        body = body[size:]
    keys = columns[0]
    if any(one >= other for one, other in pairwise(keys)):
        raise damaged(f"{PHRASES} is not in order")
    return Phrases(head, *columns)


def _key(ids: Sequence[int]) -> int:
    key = 0
    for token in ids:
        key = key << _BITS | token + 1
    return key


def _swapped(column: array[int]) -> array[int]:
    """The same in the file's order of bytes."""
    if sys.byteorder == "big":
        column.byteswap()
    return column
