"""Pairs to train a judge with: statements of annotated visits beside the words that they stand on, and what was said
beside the note.

Answers come from the annotation (which piece of the note states a fact, which has no source), from errors planted in
statements that hold (training.planted), from words taken away (the turns of the facts, the statements that state one),
and from statements of other visits. The links are the product's own, so a judge learns what it will read.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from edge.evidence import judging, links
from edge.evidence.conversation import Conversation, converse
from edge.evidence.statements import Piece, split
from edge.tagging.verdicts import FACT, STATEMENT
from training import check_sets, planted
from training.check_sets import Gold, Visit

EVERY = 4  # every so manieth synthetic visit is kept for validation
_BEFORE = 3  # statements before one that its ranking looks at
_LEAST_WORDS = 3
_PLANTED = 2  # errors of one statement at most
_AWAY, _FOREIGN, _REMOVED = 0.25, 0.2, 0.25  # shares of statements and facts that make such a pair
_COMMON = 0.45  # share of a foreign statement in its best turn from which on it may hold by chance


@dataclass(frozen=True)
class PairExample:
    """A pair of texts of a task, and the right answer."""

    task: str
    first: str = field(repr=False)
    second: str = field(repr=False)
    answer: str = ""


@dataclass(frozen=True)
class _Read:
    visit: Visit
    talk: Conversation = field(repr=False)
    pieces: list[Piece] = field(repr=False)
    rows: list[links.Vector] = field(repr=False)


def pairs(folder: Path, names: Sequence[str], seed: int) -> dict[str, list[PairExample]]:
    """Pairs by task of sets "aci-train", "aci-valid", "synthetic-most", "synthetic-rest". Raises TrainingError."""
    chance = random.Random(f"pairs/{seed}")
    read = [_read(visit) for name in names for visit in visits(folder, name)]
    found: dict[str, list[PairExample]] = {STATEMENT: [], FACT: []}
    for one in read:
        other = chance.choice(read)
        found[STATEMENT] += _statements(one, other, chance)
        found[FACT] += _facts(one, chance)
    return found


def visits(folder: Path, name: str) -> list[Visit]:
    """The annotated visits of a set; of the synthetic ones most, or those kept aside."""
    kind, _, part = name.partition("-")
    if kind != "synthetic" or not part:
        return check_sets.visits(folder, name)
    every = check_sets.visits(folder, kind)
    return [one for at, one in enumerate(every) if (at % EVERY == 0) == (part == "rest")]


def _read(visit: Visit) -> _Read:
    talk = converse(visit.transcript)
    pieces = split(visit.note)
    return _Read(visit, talk, pieces, links.table(talk.index, pieces))


def _statements(one: _Read, other: _Read, chance: random.Random) -> Iterator[PairExample]:
    for at, piece in enumerate(one.pieces):
        if len(piece.text.split()) < _LEAST_WORDS:
            continue
        gold = [g for g in one.visit.facts if g.in_note and g.in_note[0] < piece.end and g.in_note[1] > piece.start]
        bare = sum(min(b, piece.end) - max(a, piece.start) for a, b in one.visit.unsupported
                   if a < piece.end and b > piece.start)  # fmt: skip
        if bare > 0:
            if 2 * bare > len(piece.text):
                yield _pair(piece, one.talk, _turns(one.rows[at]), judging.ABSENT)
            continue
        if not gold:
            continue
        yield _pair(piece, one.talk, _turns(one.rows[at]), judging.HOLDS)
        if chance.random() < _AWAY:
            yield _pair(piece, one.talk, _turns(one.rows[at], _spoken(gold)), judging.ABSENT)
        for kind, text in _errors(piece, chance):
            changed = replace(piece, text=text)
            rows = links.table(one.talk.index, [*one.pieces[max(0, at - _BEFORE) : at], changed])[-1]
            yield _pair(changed, one.talk, _turns(rows), kind)
    foreign = [p for p in other.pieces if len(p.text.split()) > _LEAST_WORDS] if other is not one else []
    for piece in chance.sample(foreign, min(len(foreign), int(_FOREIGN * len(one.pieces)))):
        rows = links.table(one.talk.index, [piece])[0]
        if float(rows[:, 0].max(initial=0.0)) < _COMMON:
            yield _pair(piece, one.talk, _turns(rows), judging.ABSENT)


def _pair(piece: Piece, talk: Conversation, turns: Sequence[int], answer: str) -> PairExample:
    return PairExample(STATEMENT, *judging.statement_pair(piece, talk, turns), answer)


def _turns(rows: links.Vector, without: frozenset[int] = frozenset()) -> list[int]:
    """Turns that a statement would be linked to if some were not there."""
    order = np.argsort(-(rows @ links.weights()), kind="stable")
    return [int(turn) for turn in order if rows[turn, 0] >= links.LEAST and int(turn) not in without][: judging.TURNS]


def _spoken(gold: Sequence[Gold]) -> frozenset[int]:
    return frozenset(turn for one in gold for quote in one.fact.evidence for turn in (quote.turn, quote.turn + 1))


def _errors(piece: Piece, chance: random.Random) -> list[tuple[str, str]]:
    found = [(kind, change(piece, chance)) for kind, change in planted.KINDS.items()]
    found += [("negation", turned(piece.text)) for turned in _TURNED]
    real = [(kind, text) for kind, text in found if text is not None and text != piece.text]
    return chance.sample(real, min(len(real), _PLANTED))


def _swapped(pattern: str, new: str) -> Callable[[str], str | None]:
    compiled = re.compile(pattern)

    def turned(text: str) -> str | None:
        found = compiled.search(text)
        return None if found is None else text[: found.start()] + new + text[found.end() :]

    return turned


_TURNED = tuple(  # more ways than those that are measured in which a note turns a finding round
    _swapped(pattern, new)
    for pattern, new in (
        (r"\bnegative for\b", "positive for"), (r"\bpositive for\b", "negative for"), (r"\bwithout\b", "with"),
        (r"\b(is|was|are|were|does|has|did) not\b", "is"), (r"\bno (?=[a-z])", "some "),
        (r"\bhas (?!been)", "has no "), (r"\bwith (?=[a-z])", "without "), (r"\bnormal\b", "abnormal"),
        (r"\bunremarkable\b", "remarkable"), (r"\bimproved\b", "worsened"), (r"\bworsening\b", "improving"),
        (r"\bis (?!not)", "is not "),
    )
)  # fmt: skip


def _facts(one: _Read, chance: random.Random) -> Iterator[PairExample]:
    held = judging.features_of(one.pieces)
    for gold in one.visit.facts:
        if gold.in_note is None:
            yield PairExample(FACT, *judging.fact_pair(gold.fact, one.pieces, held, one.talk), judging.LEFT_OUT)
            continue
        if chance.random() < _REMOVED:
            left = [at for at, p in enumerate(one.pieces) if p.start >= gold.in_note[1] or p.end <= gold.in_note[0]]
            pieces, some = [one.pieces[at] for at in left], [held[at] for at in left]
            yield PairExample(FACT, *judging.fact_pair(gold.fact, pieces, some, one.talk), judging.LEFT_OUT)
        if chance.random() < _REMOVED * 1.5:
            yield PairExample(FACT, *judging.fact_pair(gold.fact, one.pieces, held, one.talk), judging.STATED)
