"""A fact said three times is one fact: which found facts say the same, and what becomes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from edge.contract.facts import Fact, FactKind, Polarity, Subject, Time
from edge.terms import concepts, drugs, numbers

_MOST_QUOTES = 4
_LOOKS_BACK = 400  # facts of one kind and subject that a further one is compared with: more than any visit has
_SHARED = 0.6  # of the shorter one's telling words
_LEAST_LETTERS = 4
_DRUGS = {FactKind.MEDICATION, FactKind.PLAN_MEDICATION, FactKind.ALLERGY}
_WORDS = """
    that this have with your you're you've i've been were they them there just like also going gonna some about really
    well yeah okay know think mean doing does what when which where because right little time feel feeling take taking
    would could should want need still from more much very said have don't haven't nicht auch noch schon haben habe
    hatte dann aber oder eine einen einer mein meine ihre wird werden immer
"""
_COMMON = frozenset(concepts.stem(word) for word in _WORDS.split())


@dataclass(frozen=True)
class _Telling:
    """What a fact is about, to be compared."""

    words: frozenset[str] = field(default=frozenset())
    drugs: frozenset[str] = field(default=frozenset())
    values: frozenset[str] = field(default=frozenset())


def merged(facts: Sequence[Fact]) -> list[Fact]:
    """The facts in their order, those that say the same as an earlier one joined with it: quotes of both, the surer
    one's first."""
    kept: list[Fact] = []
    telling: list[_Telling] = []
    alike: dict[tuple[FactKind, Subject], list[int]] = {}
    for fact in facts:
        here, near = _telling(fact), alike.setdefault((fact.kind, fact.subject), [])
        at = next((i for i in near[-_LOOKS_BACK:] if _same(kept[i], telling[i], fact, here)), None)
        if at is None:
            near.append(len(kept))
            kept.append(fact)
            telling.append(here)
        else:
            kept[at] = _joined(kept[at], fact)
            telling[at] = _telling(kept[at])
    return kept


def says_something(text: str) -> bool:
    """Whether words name anything: "i want you to" does not."""
    told = _told(text)
    return bool(told.words or told.values or told.drugs)


def _telling(fact: Fact) -> _Telling:
    return _told(" ; ".join(quote.text for quote in fact.evidence))


def _told(text: str) -> _Telling:
    words = concepts.words(text)
    held = {f"c:{one.name}" for one in concepts.find(words)}
    held |= {one.key for one in words if len(one.key) >= _LEAST_LETTERS and one.key not in _COMMON}
    named = frozenset(one.generic for one in drugs.find(text))
    values = frozenset("/".join(sorted(one.values)) for one in numbers.spans(text))
    return _Telling(frozenset(held), named, values)


def _same(one: Fact, a: _Telling, other: Fact, b: _Telling) -> bool:
    """Whether two facts of one kind and subject say the same."""
    if one.polarity != other.polarity and Polarity.DENIED in {one.polarity, other.polarity}:
        return False
    if one.time != other.time and Time.STOPPED in {one.time, other.time}:
        return False
    if a.values and b.values and not a.values & b.values:
        return False
    if one.kind in _DRUGS and (a.drugs or b.drugs):
        return bool(a.drugs & b.drugs)
    fewer = min(len(a.words), len(b.words))
    return fewer > 0 and len(a.words & b.words) / fewer >= _SHARED


def _joined(one: Fact, other: Fact) -> Fact:
    best, rest = (one, other) if one.score >= other.score else (other, one)
    quotes = best.evidence + tuple(quote for quote in rest.evidence if quote not in best.evidence)
    return replace(best, evidence=quotes[:_MOST_QUOTES], critical=one.critical or other.critical)
