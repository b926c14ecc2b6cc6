"""A dose is written only where it is this drug's and nothing else: not an age, a clock, a count, a question or a plan
that is not made."""

from __future__ import annotations

import pytest
from note_facts_kit import written

from edge.contract.facts import FactKind, Time

_MEDICATION, _PLAN = FactKind.MEDICATION, FactKind.PLAN_MEDICATION


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("the prozac, when i was twenty", "Prozac."),  # an age
        ("i had the prednisone and painted at two in the morning", "Prednisone."),  # a clock
        ("ibuprofen, six hundred three times a day", "Ibuprofen 600 three times daily."),  # not 603
        ("furosemide, six hundred three times, no, forty milligrams", "Furosemide 40 mg three times daily."),
        ("fluticasone, forty-four two puffs twice a day", "“Fluticasone, 44 two puffs twice a day.”"),  # not 442
        ("the sertraline. it's a hundred. i take the one hundred in the morning", "Sertraline 100 in the morning."),
        ("hydroxyzine, ten milligrams at bedtime as needed", "Hydroxyzine 10 mg at bedtime as needed."),
        ("ibuprofen, 200 milligrams, no, wait, the 400 ones, twice a day", "Ibuprofen 400 mg twice daily."),
        ("oxycodone, five, i took two of those on monday", "Oxycodone 5."),  # one Monday is not weekly
        ("methotrexate, twenty milligrams on sunday", "Methotrexate 20 mg weekly."),
    ],
)
def test_a_number_that_is_no_dose_is_none(words: str, wanted: str) -> None:
    assert written(f"[patient] {words}.\n", (_MEDICATION, words, Time.CURRENT)) == [wanted]


def test_a_dose_that_was_asked_gives_way_to_the_answer() -> None:
    source = (
        "[doctor] The aspirin's the one sixty-two or...\n[patient] Um, no. It's the baby one. Eighty-one. At night.\n"
    )
    asked = (_MEDICATION, "The aspirin's the one sixty-two or", Time.CURRENT)
    answer = (_MEDICATION, "It's the baby one. Eighty-one. At night", Time.CURRENT)
    assert written(source, asked, answer) == ["Aspirin 81 at night."]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("three hundred micrograms of RhoGAM is done", "Given: RhoGAM 300 mcg."),
        ("I was going to bump the hydralazine to fifty, but I don't want to raise it yet", None),
        ("I want you off the hydroxyzine six and no naproxen", None),
        ("Potassium, twenty milliequivalents. Stop the potassium today", "Stop Potassium."),
        ("You must not take metoclopramide for it, ever", None),
        ("Start ursodiol until thirty-seven weeks", "Start Ursodiol."),
        ("I'd rather not stop quetiapine today", None),
        ("Stay on rivaroxaban, twenty with dinner. Then we'd decide on a lower dose, ten milligrams",
         "Continue Rivaroxaban 20 with dinner."),
        ("Ondansetron as needed and magnesium, four hundred milligrams a day", None),  # whose dose it is, is not known
        ("Keep the amlodipine at ten. If it's still over one forty, then we'll go to fifty", "Continue Amlodipine 10."),
    ],
)  # fmt: skip
def test_a_plan_says_what_is_done_and_not_what_may_be(words: str, wanted: str | None) -> None:
    line = written(f"[doctor] {words}.\n", (_PLAN, words, Time.PLANNED))[0]
    assert line == wanted if wanted else line.split()[:2] == words.split()[:2]


def test_a_plan_under_a_condition_keeps_it() -> None:
    words = "If that's not enough, metamizole, five hundred, four times a day"
    assert written(f"[doctor] {words}.\n", (_PLAN, words, Time.CONDITIONAL))[0].startswith("If that's not enough")


def test_a_unit_that_was_said_of_the_same_drug_is_that_of_its_bare_dose() -> None:
    source = (
        "[patient] Furosemide, forty milligrams twice a day.\n[doctor] I'm cutting the furosemide back to twenty.\n"
    )
    said = (_MEDICATION, "Furosemide, forty milligrams twice a day", Time.CURRENT)
    plan = (_PLAN, "I'm cutting the furosemide back to twenty", Time.PLANNED)
    assert written(source, said, plan) == ["Furosemide 40 mg twice daily.", "Decrease Furosemide to 20 mg."]
    assert written(source, plan) == ["Decrease Furosemide to 20."]  # said, but of no fact
    far = source.replace("back to twenty", "back to two thousand")
    big = (_PLAN, "I'm cutting the furosemide back to two thousand", Time.PLANNED)
    assert written(far, said, big)[-1] == "I'm cutting the furosemide back to 2000."  # another size gets no unit


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("The purple one, the Advair, that's done", "Advair: stopped."),
        ("My doctor took me off the meloxicam, I had bleeding", "Meloxicam: stopped (bleeding)."),
        ("I used to take propranolol for them", "Propranolol: stopped."),
    ],
)
def test_a_stopped_drug_is_named_alone_where_another_one_has_its_own_fact(words: str, wanted: str) -> None:
    source = f"[patient] {words}. I'm on the Trelegy, one puff in the morning.\n"
    other = (_MEDICATION, "I'm on the Trelegy, one puff in the morning", Time.CURRENT)
    assert written(source, (_MEDICATION, words, Time.STOPPED), other) == [wanted, "Trelegy in the morning."]


def test_an_effect_that_went_away_stops_no_drug() -> None:
    source = "[doctor] And the sertraline?\n[patient] I was queasy the first weeks but that's gone.\n"
    words = "I was queasy the first weeks but that's gone"
    assert written(source, (_MEDICATION, words, Time.STOPPED)) == [f"“{words}.”"]


def test_two_drugs_that_were_stopped_are_two_lines() -> None:
    words = "tamoxifen was stopped for good, you had the Eliquis for six months, and that's finished too"
    source = f"[doctor] So {words}.\n"
    assert written(source, (_MEDICATION, words, Time.STOPPED)) == ["Tamoxifen: stopped.", "Eliquis: stopped."]


def test_what_the_blood_holds_is_no_drug() -> None:
    words = "they took me off that because my potassium went up"
    assert written(f"[patient] {words}.\n", (_MEDICATION, words, Time.STOPPED)) == [f"“T{words[1:]}.”"]


def test_a_drug_that_is_named_to_say_that_it_is_not_meant_is_none() -> None:
    source = (
        "[patient] The glyburide.\n"
        "[doctor] It says glipizide. Glyburide hangs around a lot longer, so I'm glad it's not that.\n"
    )
    meant = (_MEDICATION, "It says glipizide", Time.CURRENT)
    assert written(source, (_MEDICATION, "The glyburide", Time.CURRENT), meant) == ["Glipizide."]
