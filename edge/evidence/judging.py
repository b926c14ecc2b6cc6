"""What a judge of pairs reads: a statement beside the words of the conversation that it stands on.

The judge is a small encoder (edge.tagging.verdicts); here is what goes in and which answers come out, for training and
for the laptop alike. The words are cut: some forty of each turn, where it shares most with the statement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from edge.evidence.conversation import Conversation
from edge.evidence.reading import TextReading, read
from edge.evidence.statements import Piece, body

HOLDS = "holds"
# What a statement can have wrong, by the kinds of planted errors; each is also the name of an answer.
ERRORS = ("dose", "drug", "side", "negation", "frequency", "duration", "number", "age_sex", "subject", "stopped")
ANSWERS = (HOLDS, *ERRORS)
TURNS = 3  # of the conversation, each with the question or answer beside it
_WORDS = 40
_BESIDE = 20  # words of a neighbouring turn
_SHORT = 8  # words: a turn that is only an answer
_WORD = re.compile(r"\S+")
_SPOKEN = {"Doctor": "D", "Patient": "P"}

Pair = tuple[str, str]


class PairJudge(Protocol):
    """Judges pairs of texts."""

    def __call__(self, pairs: Sequence[Pair]) -> Sequence[Mapping[str, float]]:
        """For every (statement, words of the conversation) the probability of each of ANSWERS."""


def statement_pair(piece: Piece, talk: Conversation, turns: Sequence[int]) -> Pair:
    """A statement beside the turns that it is linked to, best first; the words stand in the order of the talk."""
    return _statement(piece), said(talk, turns, set(read(body(piece)).features))


def said(talk: Conversation, turns: Sequence[int], features: set[str]) -> str:
    """The words of some turns that hold most of the features, with question or answer, in the order of the talk."""
    spoken = talk.transcript.turns
    parts = {turn: _excerpt(talk.index.turns[turn], features, talk) for turn in turns[:TURNS]}
    for turn in turns[:TURNS]:
        words = talk.index.turns[turn].text.split()
        if turn and turn - 1 not in parts and len(words) <= _SHORT:
            parts[turn - 1] = " ".join(talk.index.turns[turn - 1].text.split()[-_BESIDE:])
        if turn + 1 < len(spoken) and turn + 1 not in parts and "?" in talk.index.turns[turn].text[-40:]:
            parts[turn + 1] = " ".join(talk.index.turns[turn + 1].text.split()[:_BESIDE])
    return " ".join(
        f"{_SPOKEN.get(spoken[turn].speaker, spoken[turn].speaker)}: {text}" for turn, text in sorted(parts.items())
    )


def _statement(piece: Piece) -> str:
    return f"{piece.section}: {piece.text}" if piece.section else piece.text


def _excerpt(turn: TextReading, features: set[str], talk: Conversation) -> str:
    """At most _WORDS words of a turn: where it holds most of the features, by weight."""
    words = [match.start() for match in _WORD.finditer(turn.text)]
    if len(words) <= _WORDS:
        return turn.text.strip()
    at = sorted((place, talk.index.weight(f)) for f, place in turn.places if f in features)
    best, first = -1.0, 0
    for start in (*range(0, len(words) - _WORDS, 5), len(words) - _WORDS):
        low = words[start]
        high = words[start + _WORDS] if start + _WORDS < len(words) else len(turn.text)
        mass = sum(weight for place, weight in at if low <= place < high)
        if mass > best:
            best, first = mass, start
    end = words[first + _WORDS] if first + _WORDS < len(words) else len(turn.text)
    return turn.text[words[first] : end].strip()
