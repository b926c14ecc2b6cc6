"""What a judge of pairs reads: a statement beside the words of the conversation that it stands on, or something that
was said beside the statements of the note that may state it.

The judge is a small encoder (edge.tagging.verdicts); here is what goes in and which answers come out, for training and
for the laptop alike. The words are cut: some forty of each turn, where it shares most with the statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from edge.contract.facts import Fact
from edge.evidence.conversation import Conversation
from edge.evidence.reading import TextReading, read
from edge.evidence.statements import Piece, body

HOLDS, ABSENT = "holds", "absent"
# What a statement can have wrong, by the kinds of planted errors; each is also the name of an answer.
ERRORS = (
    "dose", "drug", "side", "negation", "frequency", "duration", "number", "age_sex", "subject", "planned", "stopped",
    "allergy",
)  # fmt: skip
STATEMENT_ANSWERS = (HOLDS, ABSENT, *ERRORS)
STATED, LEFT_OUT = "stated", "left_out"
FACT_ANSWERS = (STATED, LEFT_OUT)
TURNS = 3  # of the conversation, each with the question or answer beside it
STATEMENTS = 3  # of the note
_WORDS = 40
_BESIDE = 20  # words of a neighbouring turn
_SHORT = 8  # words: a turn that is only an answer
_WORD = re.compile(r"\S+")
_SPOKEN = {"Doctor": "D", "Patient": "P"}

Pair = tuple[str, str]


class PairJudge(Protocol):
    """Judges pairs of texts; answers a pair: its probability by name, STATEMENT_ANSWERS or FACT_ANSWERS."""

    def statements(self, pairs: Sequence[Pair]) -> Sequence[Mapping[str, float]]:
        """For every (statement, words of the conversation)."""

    def facts(self, pairs: Sequence[Pair]) -> Sequence[Mapping[str, float]]:
        """For every (what was said, statements of the note)."""


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


def fact_pair(fact: Fact, pieces: Sequence[Piece], held: Sequence[set[str]], talk: Conversation) -> Pair:
    """What was said beside the statements of the note that share most with it. held: features of each statement."""
    quotes = [" ".join(quote.text.split()[:_WORDS]) for quote in fact.evidence[:2]]
    features = {f for quote in fact.evidence for f in read(quote.text).features}
    shares = [sum(talk.index.weight(f) for f in features & one) for one in held]
    best = sorted(range(len(pieces)), key=lambda at: (-shares[at], at))[:STATEMENTS]
    shown = [_cut(pieces[at]) for at in sorted(best) if shares[at] > 0]
    return f"{fact.kind.value}, {fact.polarity.value}: {' / '.join(quotes)}", " | ".join(shown)


def _statement(piece: Piece) -> str:
    return f"{piece.section}: {piece.text}" if piece.section else piece.text


def _cut(piece: Piece) -> str:
    return f"{piece.section}: {' '.join(piece.text.split()[:_WORDS])}"


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


def features_of(pieces: Iterable[Piece]) -> list[set[str]]:
    """Features of each statement of a note, for fact_pair."""
    return [set(read(piece.text).features) for piece in pieces]
