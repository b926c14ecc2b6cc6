"""Pairs to train a judge with: statements of annotated visits beside the words that they stand on.

Contrasts: a statement that states a fact which people found in the conversation holds; the same one with an error
planted in it (training.planted, and more ways to turn a finding round) does not. Statements that deny and statements
that affirm are as many before the change, so that nothing but the conversation tells which is wrong. The links are the
product's own.
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
from training import check_sets, planted
from training.check_sets import Visit

EVERY = 4  # every so manieth synthetic visit is kept for validation
_BEFORE = 3  # statements before one that its ranking looks at
_LEAST_WORDS = 3
_MOST = 2  # contrasts of a statement
_DENIES = re.compile(r"\b(?:denies|denied|no|not|negative|without)\b", re.IGNORECASE)


@dataclass(frozen=True)
class PairExample:
    """A pair of texts, and the right answer."""

    first: str = field(repr=False)
    second: str = field(repr=False)
    answer: str = ""


def pairs(folder: Path, names: Sequence[str], seed: int, kinds: Sequence[str] = judging.ERRORS) -> list[PairExample]:
    """Pairs of the sets "aci-train", "aci-valid", "synthetic-most", "synthetic-rest", with contrasts of some kinds of
    error. Raises TrainingError.
    """
    chance = random.Random(f"pairs/{seed}")
    found: list[PairExample] = []
    turned: dict[bool, list[tuple[PairExample, PairExample]]] = {True: [], False: []}
    for name in names:
        for visit in visits(folder, name):
            for right, wrong, denies in _contrasts(visit, chance, kinds):
                if wrong.answer == "negation":
                    turned[denies].append((right, wrong))
                else:
                    found += [right, wrong]
    least = min(len(some) for some in turned.values())  # none where negation is no kind
    found += [one for some in turned.values() for both in chance.sample(some, least) for one in both]
    return found


def visits(folder: Path, name: str) -> list[Visit]:
    """The annotated visits of a set; of the synthetic ones most, or those kept aside."""
    kind, _, part = name.partition("-")
    if kind != "synthetic" or not part:
        return check_sets.visits(folder, name)
    every = check_sets.visits(folder, kind)
    return [one for at, one in enumerate(every) if (at % EVERY == 0) == (part == "rest")]


def _contrasts(
    visit: Visit, chance: random.Random, kinds: Sequence[str]
) -> Iterator[tuple[PairExample, PairExample, bool]]:
    """(the statement that holds, the same with an error, whether the first denies) of every statement with a fact."""
    talk, pieces = converse(visit.transcript), split(visit.note)
    table = links.table(talk.index, pieces)
    for at, piece in enumerate(pieces):
        stated = any(g.in_note and g.in_note[0] < piece.end and g.in_note[1] > piece.start for g in visit.facts)
        bare = any(a < piece.end and b > piece.start for a, b in visit.unsupported)
        if not stated or bare or len(piece.text.split()) < _LEAST_WORDS:
            continue
        right = _pair(piece, talk, table[at], judging.HOLDS)
        for kind, text in _errors(piece, chance, kinds):
            changed = replace(piece, text=text)
            rows = links.table(talk.index, [*pieces[max(0, at - _BEFORE) : at], changed])[-1]
            yield right, _pair(changed, talk, rows, kind), _DENIES.search(piece.text) is not None


def _pair(piece: Piece, talk: Conversation, rows: links.Vector, answer: str) -> PairExample:
    order = np.argsort(-(rows @ links.weights()), kind="stable")
    turns = [int(turn) for turn in order if rows[turn, 0] >= links.LEAST][: judging.TURNS]
    return PairExample(*judging.statement_pair(piece, talk, turns), answer)


def _errors(piece: Piece, chance: random.Random, kinds: Sequence[str]) -> list[tuple[str, str]]:
    found = [(kind, planted.KINDS[kind](piece, chance)) for kind in kinds]
    found += [("negation", turned(piece.text)) for turned in _TURNED if "negation" in kinds]
    real = [(kind, text) for kind, text in found if text is not None and text != piece.text]
    return chance.sample(real, min(len(real), _MOST))


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
        (r"\b[Dd]enies (?:any )?", "has "), (r"\bhas been (?:having|experiencing)\b", "denies"),
        (r"\b(?:has|notes|reports|states|experiences) (?=(?:some |a |an )?[a-z]+[ ,.])", "denies "),
        (r"\bis not\b", "is"), (r"\bis (?=[a-z]+ing\b)", "is not "), (r"\bdoes not have\b", "has"),
        (r"(?:^|(?<=: ))(?=(?:Positive|Tender|Swelling|Pain|Edema)\b)", "No "),
    )
)  # fmt: skip
