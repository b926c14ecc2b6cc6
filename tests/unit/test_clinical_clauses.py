"""Clauses that tell a field by their words, in both languages."""

from __future__ import annotations

import pytest

from edge.clinical import clauses
from edge.clinical.entries import assemble

GERMAN = "Soz.: verwitwet, lebt allein im 2. OG. Rentner, früher Schlosser. Nikotin bis 2011 (35 py). Nikotinkarenz."


def _found(text: str, german: bool) -> list[tuple[str, str]]:
    return [(one.key, text[one.start : one.end]) for one in clauses.find(text, german)]


def test_german_habits_and_circumstances() -> None:
    assert _found(GERMAN, True) == [
        ("social_history", "verwitwet, lebt allein im 2. OG"), ("life_style", "Rentner, früher Schlosser"),
        ("life_style", "Nikotin bis 2011 (35 py)"),
    ]  # fmt: skip


def test_german_interventions_and_outcomes() -> None:
    text = "Therapie: Laparoskopische Appendektomie, Lavage. AU bis 14.10. Bei Entlassung beschwerdefrei."
    assert _found(text, True) == [
        ("interventional_therapy", "Laparoskopische Appendektomie"), ("interventional_therapy", "Lavage"),
        ("patient_outcome_assessment", "AU bis 14.10"), ("patient_outcome_assessment", "Bei Entlassung beschwerdefrei"),
    ]  # fmt: skip
    assert _found("The appendectomy was uneventful.", False) == []


def test_german_exercises_aids_and_appointments() -> None:
    text = "Gangschule, Ruhigstellung in Gips. Klammerentfernung am 8. Tag. Die Lyse wurde gut toleriert."
    assert _found(text, True) == [
        ("interventional_therapy", "Gangschule"), ("interventional_therapy", "Ruhigstellung in Gips"),
        ("interventional_therapy", "Klammerentfernung am 8. Tag"),
        ("patient_outcome_assessment", "Die Lyse wurde gut toleriert"),
    ]  # fmt: skip


def test_english_habits_and_circumstances() -> None:
    text = "SH: Married, two sons. Ex-smoker, stopped 2005. Drinks two beers and denies illicit drugs."
    assert _found(text, False) == [
        ("social_history", "Married, two sons"), ("life_style", "Ex-smoker, stopped 2005"),
        ("life_style", "Drinks two beers"), ("social_history", "denies illicit drugs"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "german"),
    [
        ("He was advised to stop smoking.", False), ("His father was a smoker.", False), ("A single lumen.", False),
        ("Alkoholkarenz angeraten.", True), ("Alkoholische Hepatitis.", True), ("Vater Raucher.", True), ("", True),
    ],
)  # fmt: skip
def test_advice_illness_and_others_are_no_habits(text: str, german: bool) -> None:
    assert _found(text, german) == []


def test_a_long_line_costs_its_length() -> None:
    assert len(clauses.find("raucht, " * 20_000, True)) == 20_000


def test_what_a_model_missed_is_completed() -> None:
    found = assemble(f"Frau T., 61 Jahre, wurde stationär aufgenommen. {GERMAN}", [])
    assert [one.text for one in found["life_style"]] == ["Rentner, früher Schlosser", "Nikotin bis 2011 (35 py)"]
    assert found["social_history"][0].attributes["by"] == "rule"
