"""What was said and is not in the note: every fact of the conversation is looked for in the note's statements.

Facts are listed first and looked for one by one, as asking for what is missing does no better than chance
(arXiv 2608.31016). The list says what was said, never what should have been asked.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from edge.contract.facts import Fact, FactKind, Omission, Polarity
from edge.evidence.conversation import Conversation
from edge.evidence.reading import TextReading, read
from edge.evidence.statements import Piece
from edge.terms import drugs

SIGNS = (
    "best statement", "best pair", "best in place", "nothing in place", "anywhere", "rarest", "number", "number here",
    "drug", "concept", "features", "few", "denied", "long", *(kind.value for kind in FactKind),
)  # fmt: skip
_PLAN = frozenset({"plan", "assessment_plan", "assessment"})
_STORY = frozenset(
    {
        "complaint",
        "history",
        "past",
        "ros",
        "social",
        "family",
        "medications",
        "allergies",
        "assessment_plan",
        "assessment",
        "",
    }
)
_FOUND = frozenset({"exam", "vitals", "results", "assessment_plan", "assessment", ""})
_PLACES = {  # sections in which a fact of a kind stands
    FactKind.EXAM: _FOUND, FactKind.VITAL: _FOUND, FactKind.RESULT: _FOUND | {"history"},
    FactKind.DIAGNOSIS: _PLAN | {"past", "history"}, FactKind.FOLLOW_UP: _PLAN,
} | {kind: _PLAN for kind in FactKind if kind.value.startswith("plan_")}  # fmt: skip
_NO_ALLERGIES = re.compile(
    r"\bnone\b|\bnkd?a\b|\bno (?:known )?(?:drug |medication )?allerg|\bkeine\b|denies", re.IGNORECASE
)
_LITTLE = 3  # features: a fact that holds fewer is read with the question before it
_ASKED = 200  # characters of that question
THRESHOLD = 0.0  # log odds over which a fact is left out
_UNNAMED = 2.0  # log odds of a drug that is nowhere in the note
_FILLER = re.compile(r"\b(?:uh|um|okay|you know|i mean|like|well|so|kind of|sort of)\b ?,? ?", re.IGNORECASE)
_STATEMENT = 160  # characters of what was said, as the list shows it


def find(facts: Sequence[Fact], pieces: Sequence[Piece], talk: Conversation) -> tuple[Omission, ...]:
    """Facts that no statement states, ranked: critical first, then the surest. talk: the conversation they are of."""
    held = written(pieces)
    found = []
    for fact in facts:
        if _cannot_be_missing(fact, held, talk):
            continue
        odds = rule_odds(fact, held, talk)
        odds = max(odds, _UNNAMED) if _drug_unnamed(fact, held) else odds
        if odds > THRESHOLD:
            found.append(
                Omission(_shown(fact), fact.kind, fact.critical, fact.evidence[0], _probability(odds) * fact.score)
            )
    return tuple(sorted(found, key=lambda one: (not one.critical, -one.score, one.quote.start)))


@dataclass(frozen=True)
class NoteWords:
    """The statements of a note by what they hold, so that a fact is looked for where it can be and not everywhere.

    postings: feature -> statements that hold it, ascending. sections: of the statements. no_allergies: one says so.
    text: of all, case folded.
    """

    postings: dict[str, NDArray[np.int64]]
    sections: tuple[str, ...]
    no_allergies: bool = False
    text: str = field(default="", repr=False)

    def shares(self, weights: dict[str, float]) -> NDArray[np.float64]:
        """For every statement the summed weight of the features that it holds. shape (statements,)."""
        found = np.zeros(len(self.sections))
        for feature, weight in weights.items():
            if feature in self.postings:
                found[self.postings[feature]] += weight
        return found

    def paired(self, weights: dict[str, float]) -> NDArray[np.float64]:
        """The same for every two statements that follow one another. shape (statements - 1,)."""
        found = np.zeros(max(0, len(self.sections) - 1))
        for feature, weight in weights.items():
            if feature in self.postings:
                held = self.postings[feature]
                both = np.union1d(held, held - 1)
                found[both[(both >= 0) & (both < len(found))]] += weight
        return found

    def proper(self, sections: frozenset[str]) -> NDArray[np.bool_]:
        """Which statements stand in one of some sections or in none. shape (statements,)."""
        kept = self._proper
        if sections not in kept:
            kept[sections] = np.array([one in sections or not one for one in self.sections], dtype=np.bool_)
        return kept[sections]

    @cached_property
    def _proper(self) -> dict[frozenset[str], NDArray[np.bool_]]:
        return {}


def written(pieces: Sequence[Piece]) -> NoteWords:
    """The statements of a note, read once for all facts."""
    found: dict[str, list[int]] = {}
    for at, piece in enumerate(pieces):
        for feature in read(piece.text).features:
            found.setdefault(feature, []).append(at)
    postings = {feature: np.array(held, dtype=np.int64) for feature, held in found.items()}
    none = any(one.section == "allergies" and _NO_ALLERGIES.search(one.text) is not None for one in pieces)
    return NoteWords(
        postings, tuple(piece.section for piece in pieces), none, "\n".join(one.text for one in pieces).casefold()
    )


def rule_odds(fact: Fact, held: NoteWords, talk: Conversation) -> float:
    """Log odds, by the signs alone, that no statement states a fact."""
    return _weights()["base"] + sum(_weights()[name] * value for name, value in signs(fact, held, talk).items())


def _drug_unnamed(fact: Fact, held: NoteWords) -> bool:
    """Whether a fact names a drug that the note does not name at all, by its kind ("anti-inflammatories") neither."""
    named = {f for f in _said(fact).features if f[0] == "d"}
    kinds = {phrase for one in named for phrase in drugs.by_kind(one.removeprefix("d:"))}
    return bool(named) and not any(one in held.postings for one in named) and not any(k in held.text for k in kinds)


def signs(fact: Fact, held: NoteWords, talk: Conversation) -> dict[str, float]:
    """How much of a fact the note holds. Keys: SIGNS. Shares are by weight: rare things count more."""
    weights = {f: talk.index.weight(f) for f in _features(fact, talk)}
    total = sum(weights.values()) or 1.0
    shares = held.shares(weights) / total
    top = int(np.argmax(shares)) if len(shares) else -1
    best = float(shares[top]) if len(shares) else 0.0
    pairs = held.paired(weights) / total
    here = float(shares[held.proper(_PLACES.get(fact.kind, _STORY))].max(initial=0.0))
    numbers = [f for f in weights if f[0] == "n"]
    with_top = sum(f in held.postings and top in held.postings[f] for f in numbers)
    note = [f for f in weights if f in held.postings]
    rarest = max(weights, key=lambda f: weights[f], default="")
    found = {
        "best statement": best,
        "best pair": float(pairs.max()) if len(pairs) else best,
        "best in place": here,
        "nothing in place": float(here < 0.2),
        "number here": 0.0 if not numbers else 1.0 - 2.0 * with_top / len(numbers),
        "long": math.log1p(sum(len(q.text.split()) for q in fact.evidence)),
        "anywhere": sum(weights[f] for f in note) / total,
        "rarest": float(rarest in note),
        "number": _missing(weights, note, "n"),
        "drug": _missing(weights, note, "d"),
        "concept": _missing(weights, note, "c"),
        "features": math.log1p(len(weights)),
        "few": float(len(weights) < 3),
        "denied": float(fact.polarity is Polarity.DENIED),
    }
    return found | {kind.value: float(fact.kind is kind) for kind in FactKind}


def _missing(features: Iterable[str], note: Iterable[str], kind: str) -> float:
    """1 if the fact has features of a kind and the note has none of them, -1 if it has one; 0 without any."""
    if not any(f[0] == kind for f in features):
        return 0.0
    return -1.0 if any(f[0] == kind for f in note) else 1.0


def _said(fact: Fact) -> TextReading:
    return read(" ".join(quote.text for quote in fact.evidence))


def _features(fact: Fact, talk: Conversation) -> Iterable[str]:
    """What a fact says: of an answer that says little ("no burning", "no") what was asked, too."""
    own = _said(fact).features
    turn = fact.evidence[0].turn
    if fact.polarity is not Polarity.DENIED or len(own) >= _LITTLE or not 0 < turn < len(talk.transcript.turns):
        return own
    before = talk.transcript.turns[turn - 1].text[-_ASKED:]
    return {**dict.fromkeys(own), **dict.fromkeys(read(before).features)} if "?" in before else own


def _cannot_be_missing(fact: Fact, held: NoteWords, talk: Conversation) -> bool:
    """Whether a fact names nothing that could be looked for, or is that no allergy is known and the note says so."""
    if fact.kind is FactKind.ALLERGY and fact.polarity is Polarity.DENIED and held.no_allergies:
        return True
    return not _features(fact, talk)


def _shown(fact: Fact) -> str:
    """What was said, for the list: the best quote without fillers, on one line."""
    text = " ".join(_FILLER.sub("", fact.evidence[0].text).split()) or fact.evidence[0].text
    return text if len(text) <= _STATEMENT else text[: _STATEMENT - 1] + "…"


def _probability(odds: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))


@cache
def _weights() -> dict[str, float]:
    text = resources.files("edge.evidence").joinpath("omission_weights.toml").read_text(encoding="utf-8")
    return {name: float(value) for name, value in tomllib.loads(text).items()}
