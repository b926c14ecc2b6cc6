"""The patient's age as a fact of its own, found by rules: most notes begin with it, and few visits dwell on it."""

from __future__ import annotations

from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.evidence.checks.age_sex import SaidAge, ages, counts_else
from edge.evidence.conversation import Conversation

_AGE_ERROR = 3  # years by which one is mistaken
_AGES = range(1, 111)
_AT_ONCE = 25  # characters at the start of an answer


def said(talk: Conversation) -> Fact | None:
    """The patient's age, quoted as it was said; None if nobody said it, or if several ages were said.

    Right for all 129 training, validation and synthetic visits in which people annotated an age and this finds one."""
    heard = ages(talk)
    clear = [one for one in heard if one.clear]
    found = [_corrected_age(one, talk) for one in clear or heard]
    if len({_years_of(one.values) for one in found}) != 1 or _years_of(found[0].values) not in _AGES:
        return None
    turn = talk.transcript.turns[found[0].turn]
    start, end = turn.start + found[0].start, turn.start + found[0].end
    quoted = Quote(found[0].turn, start, end, talk.transcript.source[start:end])
    return Fact(FactKind.DEMOGRAPHIC, Polarity.AFFIRMED, Subject.PATIENT, Time.CURRENT, False, (quoted,))


def _corrected_age(one: SaidAge, talk: Conversation) -> SaidAge:
    """The age that the next turn puts in its place: "You're fifty-eight?" "Fifty-nine." """
    turns = talk.index.turns
    following = turns[one.turn + 1].numbers[:1] if one.turn + 1 < len(turns) else []
    if not following or following[0].start >= _AT_ONCE or following[0].values & one.values:
        return one
    if counts_else(turns[one.turn + 1].text, following[0].end):
        return one
    if abs(_years_of(following[0].values) - _years_of(one.values)) <= _AGE_ERROR:
        return SaidAge(following[0].values, one.turn + 1, following[0].start, following[0].end)
    return one


def _years_of(values: frozenset[str]) -> float:
    return float(max(values, key=len))
