"""Which turns a section is written from: those that its facts stand in. One rule for training and for inference.

A fact belongs to one section by what it is about. The division of a visit note holds all that its sections hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from edge.contract.facts import FactKind, Polarity

SECTION_OF: dict[FactKind, str] = {
    FactKind.COMPLAINT: "chief_complaint",
    FactKind.DEMOGRAPHIC: "history_of_present_illness",
    FactKind.SYMPTOM: "history_of_present_illness",
    FactKind.HISTORY: "past_history",
    FactKind.MEDICATION: "medications",
    FactKind.ALLERGY: "allergies",
    FactKind.FAMILY: "family_history",
    FactKind.SOCIAL: "social_history",
    FactKind.VITAL: "physical_examination",
    FactKind.EXAM: "physical_examination",
    FactKind.RESULT: "results",
    FactKind.DIAGNOSIS: "assessment_and_plan",
    FactKind.PLAN_MEDICATION: "assessment_and_plan",
    FactKind.PLAN_TEST: "assessment_and_plan",
    FactKind.PLAN_PROCEDURE: "assessment_and_plan",
    FactKind.PLAN_REFERRAL: "assessment_and_plan",
    FactKind.PLAN_ADVICE: "assessment_and_plan",
    FactKind.FOLLOW_UP: "assessment_and_plan",
}
DIVISION_OF: dict[str, str] = {
    "chief_complaint": "subjective",
    "history_of_present_illness": "subjective",
    "past_history": "subjective",
    "medications": "subjective",
    "allergies": "subjective",
    "family_history": "subjective",
    "social_history": "subjective",
    "review_of_systems": "subjective",
    "physical_examination": "objective_exam",
    "results": "objective_results",
    "assessment_and_plan": "assessment_and_plan",
}


class SaidTurns(Protocol):
    """What the rule needs of a fact (edge.contract.facts.Fact)."""

    @property
    def kind(self) -> FactKind: ...
    @property
    def polarity(self) -> Polarity: ...


def section_of(fact: SaidTurns) -> str:
    """Key of the section of the template "sections" that a fact is written in: a symptom that is denied goes to the
    review of systems."""
    if fact.kind is FactKind.SYMPTOM and fact.polarity is Polarity.DENIED:
        return "review_of_systems"
    return SECTION_OF[fact.kind]


def own_turns(facts: Iterable[tuple[SaidTurns, Iterable[int]]], divisions: bool = False) -> dict[str, set[int]]:
    """Section key -> turns of its facts; of the sections of "sections", or, with divisions, of those of "visit".

    facts: each with the turns that it stands in. The complaint opens the history of the present illness, too.
    """
    found: dict[str, set[int]] = {}
    for fact, turns in facts:
        keys = {section_of(fact)}
        if fact.kind is FactKind.COMPLAINT:
            keys.add("history_of_present_illness")
        for key in keys:
            found.setdefault(DIVISION_OF[key] if divisions else key, set()).update(turns)
    return found
