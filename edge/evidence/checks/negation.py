"""Negation: what the note affirms was not denied, and what it denies was not affirmed.

Every mention of the same thing in the conversation votes, with more weight where it is clear, of the same place and
near the turns that support the statement; a logistic regression over the votes (negation_weights.toml, fitted on
notes with planted errors) decides.
"""

from __future__ import annotations

import math
import re
import tomllib
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from edge.evidence.context import Named
from edge.evidence.view import Conversation, Flag, Severity, View, clause

NAME = "negation"
_GROUPS = frozenset({"symptom", "condition", "thing"})
_VAGUE = frozenset({"fall"})
_PLANS = frozenset({"plan", "assessment_plan"})
_THRESHOLD = 1.2  # log odds
_NOTHING = -99.0  # where nothing speaks against a statement
_LISTED, _TOGETHER = 2, 0.0  # things of a list, and the log odds of all of them
_BESIDE = 60  # characters between a thing and a part of the body that it is of
_PLACES_NAMED = (
    "pain edema tenderness numbness tingling weakness bleeding bruising erythema warmth stiffness injury fracture "
    "sprain tear effusion cramps rash itching ulcer arthritis cancer sweating"
)
_PLACED = frozenset(_PLACES_NAMED.split())  # what can be in one place and not in another
_CLEAR_LUNGS = re.compile(
    r"\b(?:lungs?|breath sounds)\b(?:(?!\b(?:not|n't|except|but|until)\b)[^.?!;]){0,40}?"
    r"\b(?:clear|normal|good|great)\b|"
    r"\bclear (?:to auscultation|lungs?|breath sounds|bilateral breath)\b",
    re.IGNORECASE,
)
_RULED_OUT = dict.fromkeys(("wheezing", "crackles", "rhonchi"), _CLEAR_LUNGS)
VOTES = (
    "against", "against here", "against unclear", "against elsewhere", "for", "for here", "for unclear",
    "for elsewhere", "open",
    "of others", "if", "only against", "affirmed", "known word", "placed", "plan", "exam", "ros", "past", "answered",
)  # fmt: skip


def check(view: View) -> Iterator[Flag]:
    """A thing of which the conversation says, by the weight of its mentions, the opposite."""
    odds = [(one, against(view, one)) for one in view.named]
    sure = next((one for one, found in odds if found is not None and found >= _THRESHOLD), None)
    one = sure if sure is not None else _listed(view, odds)
    if one is not None:
        turns = view.talk.once(_first_clear, (one.name, "no" if one.state == "yes" else "yes"))
        message = f"{view.text(one)}: the conversation has it {'denied' if one.state == 'yes' else 'affirmed'}."
        yield view.flag(NAME, Severity.HIGH, message, turns)
    elif (well := _found_well(view)) is not None:
        yield view.flag(NAME, Severity.HIGH, f"{view.text(well[0])}: the conversation says otherwise.", well[1])


def _found_well(view: View) -> tuple[Named, tuple[int, ...]] | None:
    """A finding on examination that what was said rules out ("your lungs are clear") and that nobody names: with the
    turns that say so. None where there is none."""
    if view.piece.section != "exam":
        return None
    for one in view.named:
        what = _RULED_OUT.get(one.name)
        if what is None or not votes_on(one) or one.state != "yes" or view.talk.by_name.get(one.name):
            continue
        if turns := view.talk.once(_saying, what):
            return one, turns
    return None


def _saying(talk: Conversation, what: re.Pattern[str]) -> tuple[int, ...]:
    return tuple(turn for turn, reading in enumerate(talk.index.turns) if what.search(reading.text))


def _listed(view: View, odds: Sequence[tuple[Named, float | None]]) -> Named | None:
    """The surest of the things that a statement lists ("fever, chills and nausea") of which the conversation says the
    opposite together, by the sum of their log odds, and affirms none; None where it does not."""
    for state in ("yes", "no"):
        told = [(one, found) for one, found in odds if one.state == state and one.group != "thing" and votes_on(one)]
        sure = [(one, found) for one, found in told if found is not None]
        if len(sure) < _LISTED or any(votes(view, one)["for"] for one, _ in told):
            continue
        if sum(found for _, found in sure) >= _TOGETHER:
            return max(sure, key=lambda both: both[1])[0]
    return None


def _first_clear(talk: Conversation, what: tuple[str, str]) -> tuple[int, ...]:
    """Turns of the first mention of a thing that has it clearly in a state, that of the answer with it."""
    name, state = what
    said = next((s for s in talk.by_name.get(name, ()) if s.what.state == state and s.clear), None)
    if said is None:
        return ()
    return (said.turn,) if said.answer is None else (said.turn, said.answer)


def odds(view: View) -> float:
    """Log odds that a statement is turned round, by what it names; far under zero where nothing speaks against it."""
    found = (against(view, one) for one in view.named)
    return max((one for one in found if one is not None), default=_NOTHING)


def against(view: View, one: Named) -> float | None:
    """Log odds that the conversation says the opposite of a name; None where nothing does, or it cannot be told."""
    found = votes(view, one) if votes_on(one) else {}
    if not found.get("against"):
        return None
    return sum(_weights()[name] * value for name, value in found.items()) + _weights()["base"]


def votes_on(one: Named) -> bool:
    """Whether a name of the note is one that can be contradicted: a finding of the patient, without doubt."""
    known = one.group in _GROUPS and one.name not in _VAGUE
    return known and one.state in {"yes", "no"} and one.subject == "patient" and not one.hedged


@cache
def _weights() -> dict[str, float]:
    text = resources.files("edge.evidence.checks").joinpath("negation_weights.toml").read_text(encoding="utf-8")
    return {name: float(value) for name, value in tomllib.loads(text).items()}


def votes(view: View, one: Named) -> dict[str, float]:
    """What the mentions of one thing say, counts damped by the logarithm. Keys: VOTES."""
    found = dict.fromkeys(VOTES, 0.0)
    poll = view.talk.once(_poll, one.name)
    found["of others"], found["if"], found["open"] = poll.of_others, poll.conditional, poll.open
    linked = {s.quote.turn for s in view.sources}
    here = Counter(poll.kinds[at] for at in {at for turn in linked for at in poll.by_turn.get(turn, ())})
    for kind, count in poll.counts.items():
        _vote(view, one, kind, (count, here[kind]), found)
    found = {name: math.log1p(count) for name, count in found.items()}
    found["only against"] = float(
        found["against"] > 0 and not found["for"] and not found["for unclear"] and not found["open"]
    )
    section = view.piece.section
    found |= {
        "affirmed": float(one.state == "yes"), "known word": float(one.group != "thing"),
        "placed": float(one.name in _PLACED),
        "plan": float(section in _PLANS), "exam": float(section == "exam"), "ros": float(section == "ros"),
        "past": float(one.time == "past"),
    }  # fmt: skip
    return found


@dataclass(frozen=True)
class _Mention:
    """What a vote hangs on beside the statement; mentions that are alike in it vote alike."""

    state: str
    clear: bool  # and without a hedge
    past: bool
    answered: bool
    places: frozenset[str]  # parts of the body named beside it


@dataclass(frozen=True)
class _Poll:
    """The mentions of one thing of the patient, counted by kind. kinds: of each mention; by_turn: mentions whose own
    turn or answer it is."""

    of_others: int
    conditional: int
    open: int
    kinds: list[_Mention]
    counts: Counter[_Mention]
    by_turn: dict[int, list[int]]


def _poll(talk: Conversation, name: str) -> _Poll:
    said = talk.by_name.get(name, ())
    own = [s for s in said if s.what.subject == "patient"]
    telling = [s for s in own if s.what.state in {"yes", "no"}]
    kinds = [
        _Mention(
            s.what.state, s.clear and not s.what.hedged, s.what.time == "past", s.answer is not None,
            talk.once(_body_beside, (s.turn, s.what.start)) if name in _PLACED else frozenset(),
        )
        for s in telling
    ]  # fmt: skip
    by_turn: dict[int, list[int]] = defaultdict(list)
    for at, one in enumerate(telling):
        for turn in {one.turn, one.turn if one.answer is None else one.answer}:
            by_turn[turn].append(at)
    states = Counter(s.what.state for s in own)
    return _Poll(len(said) - len(own), states["if"], states["asked"], kinds, Counter(kinds), by_turn)


def _vote(view: View, one: Named, said: _Mention, count: tuple[int, int], found: dict[str, float]) -> None:
    """Count the mentions of a kind. count: of all of them, and of those in turns that the statement stands on."""
    side = "for" if said.state == one.state else "against"
    over = one.state == "no" and said.past
    if not said.clear or over:
        found[f"{side} unclear"] += count[0]
    elif not _same_place(view, one, said.places):
        found[f"{side} elsewhere"] += count[0]
    else:
        found[side] += count[0]
        found[f"{side} here"] += count[1]
        if side == "against" and said.answered:
            found["answered"] += count[0]


def _same_place(view: View, one: Named, there: frozenset[str]) -> bool:
    if one.name not in _PLACED:
        return True
    here = [o for o in view.named if o.group == "body"]
    this = _near([o.start for o in here], here, clause(view.piece.text, one.start, one.end), one.start)
    return this == there or (not there and view.piece.section in {"ros", "history"}) or bool(this & there)


def _body(talk: Conversation, turn: int) -> tuple[list[int], list[Named]]:
    """Parts of the body that a turn names, in order, and where."""
    found = [s.what for s in talk.in_turn(turn) if s.what.group == "body"]
    return [one.start for one in found], found


def _body_beside(talk: Conversation, place: tuple[int, int]) -> frozenset[str]:
    """Parts of the body named near an offset of a turn, in its sentence."""
    turn, at = place
    return _near(*talk.once(_body, turn), talk.index.turns[turn].sentence(at), at)


def _near(starts: list[int], body: list[Named], around: tuple[int, int], at: int) -> frozenset[str]:
    low, high = max(around[0], at - _BESIDE + 1), min(around[1], at + _BESIDE)
    return frozenset(one.name for one in body[bisect_left(starts, low) : bisect_left(starts, high)])
