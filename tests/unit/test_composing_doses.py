"""A dose is written only where it is this drug's and nothing else: not an age, a clock, a count, a question or a plan
that is not made."""

from __future__ import annotations

from dataclasses import replace

import pytest
from note_facts_kit import facts, written

from edge.composing import lines
from edge.contract.facts import FactKind, Polarity, Time
from edge.evidence.conversation import converse
from edge.reading.conversation import parse

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
        ("i took the testosterone on the 28th", "Testosterone."),  # a date
        ("naprosyn five hundred five hundred milligrams twice a day", "Naprosyn 500 mg twice daily."),  # said twice
        ("aldactone twelve . five milligrams daily", "Aldactone 12.5 mg once daily."),  # a full stop for a point
        ("buspirone, ten . ten milligrams daily", "Buspirone 10 mg once daily."),
        ("the advair two fifty over fifty twice a day", "Advair twice daily."),
        ("sumatriptan fifty, maybe four times a month", "Sumatriptan 50."),  # not four times a day
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


@pytest.mark.parametrize(
    "words",
    [
        "vitamin d3 , 50,000 units on sundays , and then clindamycin prior to dental procedures",
        "tums like candy five six a day",
        "ibuprofen 200 , like two or three tablets a day",
        "albuterol every day once or twice",
        "tylenol the six fifty i take two of them in the morning and two at night",
        "octasa eight hundred , three a day",
        "gabapentin three hundred in the morning and six hundred at night",
        "ferrous sulfate , three hundred , twenty phil- 25 milligrams by mouth",
        "oxycodone three a day so thirty milligrams a day total",
    ],
)
def test_a_drug_of_which_a_line_would_say_something_else_stays_as_it_was_said(words: str) -> None:
    (line,) = written(f"[patient] {words}.\n", (_MEDICATION, words, Time.CURRENT))
    assert line.startswith("“")


@pytest.mark.parametrize(
    "words",
    [
        "Keep on the tylenol no more than three thousand milligrams a day",  # a limit
        "Keep the sumatriptan but no more than nine days a month",
        "Start amitriptyline ten milligrams at bedtime for two weeks then twenty",  # a taper
        "Prednisone stay at twenty for two weeks then fifteen and we go down by one milligram a month",
        "Five milligrams every morning until the adalimumab kicks in, no more on and off",  # another drug's dose
        "Stay on two Tylenol five hundred milligrams",  # tablets
        "Stay on Imodium up to four a day",
        "The ketorolac stops on Thursday, that's the five days",
        "Utrogestan at bedtime, keep the ibuprofen going every six to eight hours, no more than that",
        "The unithroid should only be nine dollars for 90 days",
    ],
)
def test_a_limit_a_taper_or_a_count_is_no_order_of_a_dose(words: str) -> None:
    (line,) = written(f"[doctor] {words}.\n", (_PLAN, words, Time.PLANNED))
    first = words.split()[0].casefold()
    assert first in line.casefold()
    assert not line.startswith(("Plan:", "Stop "))
    assert len(line.split()) >= len(words.split()) - 3


def test_off_a_drug_is_no_go_on() -> None:
    words = "Keep off the naproxen"
    assert written(f"[doctor] {words}.\n", (_PLAN, words, Time.PLANNED)) == ["Stop Naproxen."]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("i stopped montelukast , it gave me horrible nightmares", "Montelukast: stopped (horrible nightmares)."),
        ("you were on glipizide last fall , and stopped", "Glipizide: stopped."),
        ("i tried tylenol for the headaches but i stopped", "Tylenol: stopped."),
        ("i took omeprazole with vitamin d , 1000 units , and stopped omeprazole", None),
    ],
)
def test_why_a_drug_was_stopped(words: str, wanted: str | None) -> None:
    (line,) = written(f"[patient] {words}.\n", (_MEDICATION, words, Time.STOPPED))
    assert line == wanted if wanted else line.startswith("“")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("i've never taken prednisone", "Does not take Prednisone."),
        ("nothing that tylenol ca n't take care of", None),
        ("i also took some ibuprofen and it has n't helped", None),
        ("i took one oxycodone saturday and have n't needed it since", None),
    ],
)
def test_a_drug_that_is_not_taken(words: str, wanted: str | None) -> None:
    talk = parse(f"[patient] {words}.\n")
    (fact,) = (replace(one, polarity=Polarity.DENIED) for one in facts(talk, (_MEDICATION, words, Time.CURRENT)))
    made = lines.line(fact, talk.turns)
    assert made == wanted if wanted else made.startswith("“")


def test_a_stop_outlives_a_later_no() -> None:
    first, second = "azathioprine , i had to stop , it gave me pancreatitis", "we won't use that again"
    talk = parse(f"[patient] {first}.\n[doctor] yes , so {second}.\n")
    stopped, later = facts(talk, (_MEDICATION, first, Time.STOPPED), (_MEDICATION, second, Time.CURRENT))
    later = replace(later, polarity=Polarity.DENIED)
    made = lines.prepared([stopped, later], converse(talk))
    assert "Azathioprine: stopped (pancreatitis)." in [lines.line(one, talk.turns) for one in made]
