"""Whose dose it is, the patient's age, and denials: what a line takes from the turns around its fact, and what not."""

from __future__ import annotations

import pytest

from edge.composing import age, lines
from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.contract.transcript import Transcript
from edge.evidence.conversation import converse
from edge.reading.conversation import parse

_MEDICATION, _PLAN = FactKind.MEDICATION, FactKind.PLAN_MEDICATION


def _facts(talk: Transcript, *said: tuple[FactKind, str, Time]) -> list[Fact]:
    found = []
    for kind, words, time in said:
        start = talk.source.index(words)
        turn = next(n for n, one in enumerate(talk.turns) if one.start <= start < one.end)
        quote = Quote(turn, start, start + len(words), words)
        found.append(Fact(kind, Polarity.AFFIRMED, Subject.PATIENT, time, True, (quote,)))
    return found


def _written(source: str, *said: tuple[FactKind, str, Time]) -> list[str]:
    talk = parse(source)
    made = lines.prepared(_facts(talk, *said), converse(talk))
    return [one.text for one in lines.lines(made, tuple(FactKind), talk.turns)]


def test_a_dose_belongs_to_the_drug_that_was_spoken_of() -> None:
    source = (
        "[doctor] We'll start atorvastatin, ten.\n[patient] Okay.\n"
        "[doctor] Actually, let's do twenty milligrams at bedtime.\n"
    )
    whole = (_PLAN, "We'll start atorvastatin, ten", Time.PLANNED)
    dose = (_PLAN, "let's do twenty milligrams at bedtime", Time.PLANNED)
    assert _written(source, whole, dose) == ["Start Atorvastatin 20 mg at bedtime."]
    assert _written(source, dose) == ["Start Atorvastatin 20 mg at bedtime."]  # the name is no fact


def test_a_stop_that_names_no_drug_is_that_of_the_drug_before() -> None:
    source = (
        "[patient] The amlodipine. My ankles were swollen.\n[doctor] I see.\n[patient] So I just stopped it in March.\n"
    )
    named = (_MEDICATION, "The amlodipine. My ankles were swollen", Time.PAST)
    stop = (_MEDICATION, "I just stopped it in March", Time.STOPPED)
    assert _written(source, named, stop) == ["Amlodipine: stopped (swollen)."]
    missed = source.replace("So I just stopped it", "I missed two of it")
    kept = (_MEDICATION, "I missed two of it in March", Time.STOPPED)
    assert _written(missed, named, kept) == ["Amlodipine."]  # a missed dose is no stop, whatever the finder says


@pytest.mark.parametrize(
    "between",
    [
        "[doctor] And the vitamin D?",  # another substance
        "[doctor] And the Xyzalor?",  # a name that the lexicon does not hold
        "[doctor] Okay.\n[patient] Right.\n[doctor] Good.\n[patient] And then?",  # too far
        "[doctor] My mother takes lisinopril.",  # another's
    ],
)
def test_a_dose_whose_drug_is_not_sure_stays_as_it_was_said(between: str) -> None:
    source = f"[patient] I take metformin.\n{between}\n[patient] Ten milligrams at night.\n"
    dose = (_MEDICATION, "Ten milligrams at night", Time.CURRENT)
    assert _written(source, dose) == ["Patient: 10 milligrams at night."]


def test_a_drug_that_was_not_meant_gives_its_dose_to_nobody() -> None:
    source = (
        "[doctor] You are on aspirin.\n[patient] And Zantac. Ten milligrams.\n[doctor] Do you mean Zyrtec?\n"
        "[patient] Zyrtec, yes.\n"
    )
    assert _written(source, (_MEDICATION, "Ten milligrams", Time.CURRENT)) == ["Patient: 10 milligrams."]


def test_what_takes_the_last_words_back_at_once_belongs_to_the_fact() -> None:
    source = "[doctor] Ferrous sulfate, every day... no, I do this another way now. Every other day. With juice.\n"
    ordered = (_PLAN, "Ferrous sulfate, every day", Time.PLANNED)
    assert _written(source, ordered) == ["Plan: Ferrous sulfate every other day."]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("[doctor] You're fifty-four now?\n[patient] Fifty-four.\n", "54 years old."),
        ("[doctor] You're fifty-eight?\n[patient] Fifty-nine.\n", "59 years old."),
        ("[doctor] How old is she?\n[guest] She turned four in January. So five days of fever.\n", "4 years old."),
        ("[doctor] That makes you twenty-eight weeks. And you're thirty-one.\n", "31 years old."),
        ("[doctor] How old are you?\n[patient] Sixty-one, yeah. My dog is twelve years old.\n", "61 years old."),
        ("[doctor] Your dad, was he seventy years old?\n[patient] Yes.\n", ""),
        ("[doctor] You're twenty minutes late.\n", ""),
        ("[doctor] You're fifty.\n[patient] I'm seventy.\n", ""),
    ],
)
def test_the_age_that_was_said(said: str, wanted: str) -> None:
    talk = parse(said)
    found = age.said(converse(talk))
    assert (lines.line(found, talk.turns) if found else "") == wanted


@pytest.mark.parametrize(
    ("question", "answer", "wanted"),
    [
        ("Any spots in your vision, pain under the ribs?", "No.", "Denies spots in the vision, pain under the ribs."),
        ("Any fever, chills?", "No. I don't feel the vertigo at all.", "Denies fever, chills."),
        ("Any trouble with your bowels?", "No, but I had some last week.", ""),
    ],
)
def test_denials(question: str, answer: str, wanted: str) -> None:
    talk = parse(f"[doctor] {question}\n[patient] {answer}\n")
    quotes = tuple(Quote(n, one.start, one.end, talk.source[one.start : one.end]) for n, one in enumerate(talk.turns))
    fact = Fact(FactKind.SYMPTOM, Polarity.DENIED, Subject.PATIENT, Time.CURRENT, True, quotes)
    made = lines.line(fact, talk.turns)
    assert made == wanted if wanted else not made.startswith("Denies")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("Weight is thirty-six pounds", "Weight 36 lb."),
        (
            "Her weight is thirty-six pounds, that's sixteen point three kilos",
            "Her weight is 36 pounds, that's 16.3 kilos.",
        ),
    ],
)
def test_a_weight_in_two_units_is_as_it_was_said(words: str, wanted: str) -> None:
    talk = parse(f"[doctor] {words}.\n")
    assert lines.line(_facts(talk, (FactKind.VITAL, words, Time.CURRENT))[0]) == wanted
