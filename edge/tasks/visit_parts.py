"""A visit that is longer than a model reads at once, in overlapping parts: nothing that was said is in none of them.

A part is a run of turns. A turn that is long itself is cut where a sentence ends, else between two words. Each part
begins with the end of the one before, so that a question and its answer stand together in one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from edge.contract.prompts import turns_document
from edge.contract.transcript import Transcript, Turn, render

LONGEST = 8_000  # tokens of a conversation that is read at once; the longest visit of the training sets has about 4,000
_OVERLAP = 10  # one token of this many stands in two parts
_PIECES = 4  # pieces of turns that a part holds at least

Size = Callable[[str], int]


@dataclass(frozen=True)
class VisitPart:
    """A run of turns. first, last: numbers of its turns in the conversation, from 0. turns: they, or pieces of them."""

    first: int
    last: int
    turns: tuple[Turn, ...] = field(repr=False)

    def document(self) -> str:
        """Document part of a prompt about it."""
        return turns_document(self.turns, range(len(self.turns)))


def in_parts(turns: Sequence[Turn], numbers: Iterable[int], room: int, size: Size) -> list[VisitPart]:
    """Turns of a conversation, by their numbers from 0, in parts that take at most room tokens, in the order spoken.

    size: tokens of a text. Every turn is in a part, or every word of it is. A part may be a few tokens larger, as
    tokens of lines are counted one by one. Raises ValueError if room is smaller than any part could be.
    """
    if room < 4 * _PIECES:
        raise ValueError(f"room for {room} tokens")
    pieces: list[tuple[int, Turn, int]] = []
    for number in sorted(set(numbers)):
        for turn in _pieces(turns[number], room // _PIECES, size):
            pieces.append((number, turn, _tokens(turn, size)))
    found: list[VisitPart] = []
    begin = 0
    while begin < len(pieces):
        end, held = begin, 0
        while end < len(pieces) and (end == begin or held + pieces[end][2] <= room):
            held += pieces[end][2]
            end += 1
        found.append(VisitPart(pieces[begin][0], pieces[end - 1][0], tuple(turn for _, turn, _ in pieces[begin:end])))
        if end == len(pieces):
            break
        begin = _again(pieces, begin, end, room // _OVERLAP)
    return found


def _again(pieces: Sequence[tuple[int, Turn, int]], begin: int, end: int, most: int) -> int:
    """Where the part after begin to end begins: some pieces before its end, at least one where there are two."""
    after, held = end - 1, pieces[end - 1][2]
    while after - 1 > begin and held + pieces[after - 1][2] <= most:
        after -= 1
        held += pieces[after][2]
    return max(after, begin + 1)


def _tokens(turn: Turn, size: Size) -> int:
    return size(render(Transcript("", (turn,)))) + 1  # and the line's end


def _pieces(turn: Turn, most: int, size: Size) -> list[Turn]:
    """The turn, or pieces of it that take at most these tokens each, with their own places in the text."""
    if _tokens(turn, size) <= most or len(turn.text) < 2:
        return [turn]
    at = _middle(turn.text)
    halves = (turn.text[:at].rstrip(), turn.text[at:].lstrip())
    return [piece for half in halves if half for piece in _pieces(replace(turn, text=half), most, size)]


def _middle(text: str) -> int:
    """Where to cut a text: after the sentence that ends nearest to its middle, else at a space, else in the middle."""
    middle = len(text) // 2
    low, high = middle - middle // 2, middle + middle // 2
    ends = [at + 2 for at in range(low, high) if text[at] in ".!?…" and text[at + 1 : at + 2].isspace()]
    spaces = [at + 1 for at in range(low, high) if text[at].isspace()] if not ends else []
    return min(ends or spaces or [middle], key=lambda at: abs(at - middle))
