"""Does a built model rewind? Checked at every export: what is written after a rewind must be, token for token, what a
fresh reading gives. A section would otherwise be written from what an earlier one left behind, and nobody would see it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edge.engine.base import Session
from edge.errors import BundleError, EngineError

_READ = 96  # tokens of the document, beyond the sliding window if there is one
_ASKED, _WRITTEN = 8, 12  # tokens of an instruction, tokens of an answer
_CHUNK = 64


def check(open_session: Callable[[int], Session], vocabulary: int, window: int, name: str, read: int = _READ) -> None:
    """Raise BundleError if an answer after a rewind differs from a fresh one, or the runtime refuses to rewind.

    open_session: a new cache for so many tokens. vocabulary: tokens to draw from. window: of sliding layers, 0 = none.
    read: tokens of the document beyond the window.
    """
    document = _tokens(read + window, vocabulary, 11)
    first, second = _tokens(_ASKED, vocabulary, 5), _tokens(_ASKED, vocabulary, 7)
    half = len(document) // 2
    capacity = len(document) + 2 * (_ASKED + _WRITTEN)
    try:
        fresh = open_session(capacity)
        _read(fresh, document[:half])
        _read(fresh, document[half:])
        wanted = _answer(fresh, second)
        used = open_session(capacity)
        _read(used, document[:half])
        _read(used, document[half:])
        _answer(used, first)
        used.rewind(len(document))
        after_document = _answer(used, second)
        used.rewind(half)
        _read(used, document[half:])
        after_half = _answer(used, second)
    except (RuntimeError, EngineError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:300]
        raise BundleError(
            f"The built {name} cannot be run and rewound.", reason, "Choose another base, or other options."
        ) from None
    if after_document != wanted or after_half != wanted:
        raise BundleError(
            f"The built {name} does not rewind.",
            "What it writes after a rewind is not what a fresh reading gives: sections would mix.",
            "Choose another base; nothing was built.",
        )


def _tokens(count: int, vocabulary: int, seed: int) -> list[int]:
    """Tokens that differ from place to place, the same each time; the first few, often control tokens, left out."""
    low = min(8, vocabulary // 2)
    return [low + (seed * 7919 * (i + 1) + i * i) % max(1, min(vocabulary, 20_000) - low) for i in range(count)]


def _read(session: Session, ids: Sequence[int]) -> None:
    for start in range(0, len(ids), _CHUNK):
        session.append(ids[start : start + _CHUNK])


def _answer(session: Session, asked: Sequence[int]) -> list[int]:
    session.append(asked)
    found: list[int] = []
    for _ in range(_WRITTEN):
        scores = session.logits()
        found.append(int(scores.argmax()))
        session.append(found[-1:])
    return found
