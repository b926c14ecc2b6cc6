"""From what an encoder says of each token to spans: begin, inside, outside for every label on its own.

A token may stand in spans of several labels, never in two of one label. Ramshaw & Marcus 1995 for the scheme; no
transition model, a threshold a label instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.tagging.windows import Stream

OUTSIDE, BEGIN, INSIDE = 0, 1, 2
_TRIM = " \t\n\r.,;:!?-–—()[]\"'“”„‚‘’"
_KEEP_CLOSING = {")": "(", "]": "["}
_LONGEST_WORD = 60


@dataclass(frozen=True)
class TokenSpan:
    """Tokens first to last (inclusive) of a stream, under label number label. score: mean chance of not outside."""

    label: int
    first: int
    last: int
    score: float


def probabilities(logits: Any) -> Any:
    """Softmax over the last axis; shape as given, float32."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    raised = np.exp(shifted, dtype=np.float32)
    return raised / raised.sum(axis=-1, keepdims=True)


def proposals(scheme: Any, segment: Any, placed: Any, floors: Sequence[float]) -> list[TokenSpan]:
    """Spans of every label at each of several floors, each once, in order of place; see token_spans."""
    found = {span for floor in floors for span in token_spans(scheme, segment, placed, floor)}
    return sorted(found, key=lambda span: (span.first, span.last, span.label))


def token_spans(scheme: Any, segment: Any, placed: Any, floor: float) -> list[TokenSpan]:
    """Spans of every label, in order of place.

    scheme: float32, shape (n, labels, 3), probabilities of OUTSIDE, BEGIN, INSIDE. segment: int64, shape (n,): no span
    crosses from one into the next. placed: bool, shape (n,): False for tokens that stand for no character. floor: least
    probability of a token in a span.
    """
    within = (1 - scheme[:, :, OUTSIDE] >= floor) & placed[:, None]
    # a span goes on from a token to the next one if both lie within, in one segment, and the next begins none
    joins = within[1:] & within[:-1] & (scheme[1:, :, BEGIN] <= scheme[1:, :, INSIDE])
    joins &= (segment[1:] == segment[:-1])[:, None]
    found: list[TokenSpan] = []
    for label in range(scheme.shape[1]):
        tokens = np.flatnonzero(within[:, label])
        if len(tokens):
            breaks = [
                i for i in range(1, len(tokens)) if tokens[i] != tokens[i - 1] + 1 or not joins[tokens[i] - 1, label]
            ]
            runs = np.split(tokens, breaks)
            found += [_span(scheme, label, run[0], run[-1]) for run in runs]
    return sorted(found, key=lambda span: (span.first, span.last, span.label))


def _span(scheme: Any, label: int, first: int, last: int) -> TokenSpan:
    score = float((1 - scheme[first : last + 1, label, OUTSIDE]).mean())
    return TokenSpan(label, int(first), int(last), score)


def place(text: str, stream: Stream, span: TokenSpan) -> tuple[int, int]:
    """Characters of a span: whole words, without punctuation at its ends; (start, start) if nothing is left."""
    start, end = int(stream.starts[span.first]), int(stream.ends[span.last])
    least = max(0, start - _LONGEST_WORD)
    while start > least and text[start].isalnum() and text[start - 1].isalnum():
        start -= 1
    most = min(len(text), end + _LONGEST_WORD)
    while 0 < end < most and text[end - 1].isalnum() and text[end].isalnum():
        end += 1
    return trimmed(text, start, end)


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """start, end without white space and punctuation at either side; a bracket that closes one within stays."""
    while start < end and text[start] in _TRIM and text[start] not in "([":
        start += 1
    while start < end and text[end - 1] in _TRIM:
        opening = _KEEP_CLOSING.get(text[end - 1])
        if opening and opening in text[start : end - 1]:
            break
        end -= 1
    return start, end
