"""Where the words of a fact say plainly that it is not so, or not sure: rules for kinds in which they are surer.

Measured on the visits of ACI-Bench's validation set: findings that open with a negation, results that show none of
what was looked for, diagnoses worded as a guess.
"""

from __future__ import annotations

import re
from dataclasses import replace

from edge.contract.facts import Fact, FactKind, Polarity

_OPENS_NEGATED = re.compile(
    r"(?:\W*\w+){0,5}?\W*(?:\bno\b|n't (?:really )?(?:see|appreciate|hear|feel|have|any|note)|"
    r"\bnot (?:see|appreciate|hear|have)\b|\bnegative\b|\bkein\w*|\bnever\b)",
    re.IGNORECASE,
)
_TURNS = re.compile(
    r"[.;](?=\s)|\bbut\b|\baber\b|\bexcept|there is|there's (?!no)|\bpositive|\byou do have|\bsondern\b", re.IGNORECASE
)
_NONE_SEEN = re.compile(
    r"\bno (?:\w+ )?(?:fractures?|evidence|dislocations?)\b|n't see any\b|"
    r"\bkein\w* (?:\w+ )?(?:fraktur|hinweis|nachweis)",
    re.IGNORECASE,
)
_GUESS = re.compile(
    r"\b(?:might|may|could be|suspect\w*|possib\w+|rule out|worried|low likelihood|möglicherweise|verdacht|könnte)\b",
    re.IGNORECASE,
)


def worded(fact: Fact) -> Fact:
    """The fact with the polarity that its words give it where a rule speaks, else as it is."""
    words = fact.evidence[0].text
    if fact.kind is FactKind.DIAGNOSIS and _GUESS.search(words):
        return replace(fact, polarity=Polarity.UNCERTAIN)
    negated = fact.kind in {FactKind.EXAM, FactKind.SYMPTOM} and fact.polarity is Polarity.AFFIRMED
    if negated and _OPENS_NEGATED.match(words) and not _TURNS.search(words):
        return replace(fact, polarity=Polarity.DENIED)
    if fact.kind is FactKind.RESULT and _NONE_SEEN.search(words) and not _TURNS.search(words):
        return replace(fact, polarity=Polarity.DENIED)
    return fact
