"""Negation: what the note affirms was not denied, and what it denies was not affirmed.

Every mention of the same thing in the conversation votes, with more weight where it is clear, of the same place and
near the turns that support the statement; a logistic regression over the votes (negation_weights.toml, fitted on
notes with planted errors) decides.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources

from edge.evidence.context import Named
from edge.evidence.view import Flag, Said, Severity, View, clause

NAME = "negation"
_GROUPS = frozenset({"symptom", "condition", "thing"})
_VAGUE = frozenset({"fall"})
_PLANS = frozenset({"plan", "assessment_plan"})
_THRESHOLD = 1.2  # log odds
_PLACES_NAMED = (
    "pain edema tenderness numbness tingling weakness bleeding bruising erythema warmth stiffness injury fracture "
    "sprain tear effusion cramps rash itching ulcer arthritis cancer sweating"
)
_PLACED = frozenset(_PLACES_NAMED.split())  # what can be in one place and not in another
VOTES = (
    "against", "against here", "against unclear", "against elsewhere", "for", "for here", "for unclear",
    "for elsewhere", "open",
    "of others", "if", "only against", "affirmed", "known word", "placed", "plan", "exam", "ros", "past", "answered",
)  # fmt: skip


def check(view: View) -> Iterator[Flag]:
    """A thing of which the conversation says, by the weight of its mentions, the opposite."""
    for one in view.named:
        odds = against(view, one)
        if odds is None or odds < _THRESHOLD:
            continue
        opposite = "no" if one.state == "yes" else "yes"
        said = [s for s in view.talk.by_name[one.name] if s.what.state == opposite and s.clear]
        message = f"{view.text(one)}: the conversation has it {'denied' if one.state == 'yes' else 'affirmed'}."
        yield view.flag(NAME, Severity.HIGH, message, [t for s in said[:1] for t in _turns(s)])
        return


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
    linked = {s.quote.turn: s.score for s in view.sources}
    for said in view.talk.by_name.get(one.name, ()):
        if said.what.subject != "patient":
            found["of others"] += 1
        elif said.what.state == "if":
            found["if"] += 1
        elif said.what.state == "asked":
            found["open"] += 1
        else:
            _vote(view, one, said, linked, found)
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


def _vote(view: View, one: Named, said: Said, linked: dict[int, float], found: dict[str, float]) -> None:
    side = "for" if said.what.state == one.state else "against"
    over = one.state == "no" and said.what.time == "past"
    if not said.clear or said.what.hedged or over:
        found[f"{side} unclear"] += 1
    elif not _same_place(view, one, said):
        found[f"{side} elsewhere"] += 1
    else:
        found[side] += 1
        if said.turn in linked or said.answer in linked:
            found[f"{side} here"] += 1
        if side == "against" and said.answer is not None:
            found["answered"] += 1


def _turns(said: Said) -> list[int]:
    return [said.turn] if said.answer is None else [said.turn, said.answer]


def _same_place(view: View, one: Named, said: Said) -> bool:
    if one.name not in _PLACED:
        return True
    there = [s.what for s in view.talk.in_turn(said.turn)]
    text = view.talk.index.turns[said.turn].text
    this, other = _places(view.named, view.piece.text, one), _places(there, text, said.what)
    return this == other or (not other and view.piece.section in {"ros", "history"}) or bool(this & other)


def _places(others: list[Named], text: str, one: Named) -> frozenset[str]:
    low, high = clause(text, one.start, one.end)
    return frozenset(
        o.name for o in others if o.group == "body" and low <= o.start < high and abs(o.start - one.start) < 60
    )
