"""What was said and is not in the note: every fact of the conversation is looked for in the note's statements.

Facts are listed first and looked for one by one, as asking for what is missing does no better than chance
(arXiv 2608.31016). The list says what was said, never what should have been asked.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from itertools import pairwise

from edge.contract.facts import Fact, FactKind, Omission, Polarity
from edge.evidence.conversation import Conversation
from edge.evidence.reading import TextReading, read
from edge.evidence.statements import Piece

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
THRESHOLD = 0.0  # log odds over which a fact is left out
_UNNAMED = 2.0  # log odds of a drug that is nowhere in the note
_FILLER = re.compile(r"\b(?:uh|um|okay|you know|i mean|like|well|so|kind of|sort of)\b ?,? ?", re.IGNORECASE)
_STATEMENT = 160  # characters of what was said, as the list shows it


def find(facts: Sequence[Fact], pieces: Sequence[Piece], talk: Conversation) -> tuple[Omission, ...]:
    """Facts that no statement states, ranked: critical first, then the surest. talk: the conversation they are of."""
    statements = [read(piece.text) for piece in pieces]
    held = [(set(one.features), piece.section) for one, piece in zip(statements, pieces, strict=True)]
    found = []
    for fact in facts:
        odds = rule_odds(fact, held, talk)
        odds = max(odds, _UNNAMED) if _drug_unnamed(fact, held) else odds
        if odds > THRESHOLD:
            found.append(
                Omission(_shown(fact), fact.kind, fact.critical, fact.evidence[0], _probability(odds) * fact.score)
            )
    return tuple(sorted(found, key=lambda one: (not one.critical, -one.score, one.quote.start)))


def rule_odds(fact: Fact, held: Sequence[tuple[set[str], str]], talk: Conversation) -> float:
    """Log odds, by the signs alone, that no statement states a fact. held: features and section of each statement."""
    return _weights()["base"] + sum(_weights()[name] * value for name, value in signs(fact, held, talk).items())


def _drug_unnamed(fact: Fact, placed: Sequence[tuple[set[str], str]]) -> bool:
    """Whether a fact names a drug that the note does not name at all."""
    drugs = {f for f in _said(fact).features if f[0] == "d"}
    return bool(drugs) and not any(drugs & features for features, _ in placed)


def signs(fact: Fact, placed: Sequence[tuple[set[str], str]], talk: Conversation) -> dict[str, float]:
    """How much of a fact the note holds. Keys: SIGNS. Shares are by weight: rare things count more."""
    reading, held = _said(fact), [features for features, _ in placed]
    features = set(reading.features)
    weights = {f: talk.index.weight(f) for f in features}
    total = sum(weights.values()) or 1.0
    shares = [sum(weights[f] for f in features & one) / total for one in held]
    best = max(shares, default=0.0)
    pair = max((sum(weights[f] for f in features & (a | b)) / total for a, b in _neighbours(held)), default=best)
    proper = _PLACES.get(fact.kind, _STORY)
    here = [share for share, (_, section) in zip(shares, placed, strict=True) if section in proper or not section]
    numbers = {f for f in features if f[0] == "n"}
    top = held[max(range(len(held)), key=shares.__getitem__)] if held else set()
    note = set().union(*held) if held else set()
    rarest = max(features, key=lambda f: weights[f], default="")
    found = {
        "best statement": best,
        "best pair": pair,
        "best in place": max(here, default=0.0),
        "nothing in place": float(max(here, default=0.0) < 0.2),
        "number here": 0.0 if not numbers else 1.0 - 2.0 * len(numbers & top) / len(numbers),
        "long": math.log1p(sum(len(q.text.split()) for q in fact.evidence)),
        "anywhere": sum(weights[f] for f in features & note) / total,
        "rarest": float(rarest in note),
        "number": _missing(features, note, "n"),
        "drug": _missing(features, note, "d"),
        "concept": _missing(features, note, "c"),
        "features": math.log1p(len(features)),
        "few": float(len(features) < 3),
        "denied": float(fact.polarity is Polarity.DENIED),
    }
    return found | {kind.value: float(fact.kind is kind) for kind in FactKind}


def _neighbours(held: Sequence[set[str]]) -> Iterator[tuple[set[str], set[str]]]:
    yield from pairwise(held)


def _missing(features: set[str], note: set[str], kind: str) -> float:
    """1 if the fact has such a feature and the note has none of them, -1 if it has one; 0 without any."""
    wanted = {f for f in features if f[0] == kind}
    return 0.0 if not wanted else (-1.0 if wanted & note else 1.0)


def _said(fact: Fact) -> TextReading:
    return read(" ".join(quote.text for quote in fact.evidence))


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
