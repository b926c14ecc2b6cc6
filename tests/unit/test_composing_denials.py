"""What a no denies: what was asked, in its words, and nothing that is there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from note_facts_kit import facts

from edge.composing import lines
from edge.composing.words import words_of
from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.evidence.conversation import converse
from edge.reading.conversation import parse


def denied(talk: str, kind: FactKind = FactKind.SYMPTOM) -> str:
    """The line of a denied fact whose quotes are all turns of a conversation."""
    said = parse(talk)
    turns = enumerate(said.turns)
    quotes = tuple(Quote(n, one.start, one.end, said.source[one.start : one.end]) for n, one in turns)
    fact = Fact(kind, Polarity.DENIED, Subject.PATIENT, Time.CURRENT, True, quotes)
    return lines.line(fact, said.turns, words_of(said))


@pytest.mark.parametrize(
    ("question", "answer", "wanted"),
    [
        ("any chest pain , any shortness of breath ?", "no .", "Denies chest pain, shortness of breath."),
        ("have you noticed any redness or swelling in your knees", "no", "Denies erythema or swelling in the knees."),
        ("any neck swelling , mouth ulcers ?", "No, neither.", "Denies neck swelling, mouth ulcers."),
        ("any weight loss fevers night sweats", "no", "Denies weight loss, fevers, night sweats."),
        ("Shortness of breath? Abdominal pain?", "No.", "Denies shortness of breath, abdominal pain."),
        ("Any nausea or anything like that?", "No, nothing like that.", "Denies nausea."),
        ("Any fever, chills?", "No fever.", "Denies fever."),
        ("any chest pain or belly pain", "no belly pain though", "Denies belly pain."),
        ("Any thoughts at all of killing yourself?", "No, never.", "Denies suicidal thoughts."),
        ("Any thoughts of hurting yourself or the baby?", "No.", "Denies thoughts of hurting yourself or the baby."),
        ("Any pacemaker, any metal in your body?", "No.", "Denies pacemaker, metal in the body."),
        ("no weakness or numbness in your legs right now", "no", "Denies weakness or numbness in the legs."),
    ],
)
def test_a_no_denies_what_was_asked_in_its_words(question: str, answer: str, wanted: str) -> None:
    assert denied(f"[doctor] {question}\n[patient] {answer}\n") == wanted


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("does the pain radiate frequently", "no"),  # there is a pain
        ("does aleve ever bother your asthma", "no, never has"),  # and an asthma
        ("any weakness or numbness or just the pain mostly", "no mostly just pain"),
        ("Fever, chills?", "No fever. I had chills the first night."),
        ("any weight gain or swelling in your legs", "I can't see my ankles anymore"),
        ("any fever or swelling", "no fever it's a little puffy at the end of the day"),
        ("Any numbness around the mouth?", "No numbness there."),  # where says which
        ("Any bleeding, leaking fluid, contractions?", "No bleeding, no leaking."),
        ("Any trouble with your bowels?", "No, but I had some last week."),
        ("have you ever injured this ankle before", "no"),
        ("asthma ?", "i have n't used an inhaler since maybe ninth grade"),
    ],
)
def test_what_is_there_or_not_sure_stays_as_it_was_said(question: str, answer: str) -> None:
    made = denied(f"[doctor] {question}\n[patient] {answer}\n")
    assert not made.startswith("Denies")
    assert answer.split()[0].strip(",.").casefold() in made.casefold()


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("no numbness , no tingling", "Denies numbness, tingling."),
        ("i've never had a seizure", "Denies seizure."),
        ("i just ca n't catch my breath", None),
        ("i had a little asthma as a kid i have n't needed an inhaler since", None),
        ("no mouth sores , no eye thing , no rash", None),
        ("i don't have quite as much shortness of breath", None),
        ("no pain , just pressure across the cheeks", None),
    ],
)
def test_what_a_patient_denies_unasked(said: str, wanted: str | None) -> None:
    made = denied(f"[patient] {said}\n")
    assert made == wanted if wanted else not made.startswith("Denies")


def test_a_doctors_no_to_a_patient_denies_nothing() -> None:
    talk = "[patient] i have high blood pressure and high cholesterol\n[doctor] no just those two\n"
    assert not denied(talk, FactKind.HISTORY).startswith("Denies")


def test_german_denials() -> None:
    asked = "Haben Sie Schmerzen in den Waden beim Gehen, Brustschmerzen, Luftnot?"
    assert (
        denied(f"[doctor] {asked}\n[patient] Nein, das alles nicht.\n")
        == "Verneint Schmerzen in den Waden beim Gehen, Brustschmerzen, Luftnot."
    )
    assert not denied("[doctor] Blut im Urin, Fieber?\n[patient] Kein Blut, kein Fieber.\n").startswith("Verneint")


@pytest.mark.parametrize(
    ("talk", "words", "wanted"),
    [
        (
            "[doctor] any prostate cancer in the family\n[patient] my older brother yes he had it at sixty six\n",
            "any prostate cancer in the family",
            "Any prostate cancer in the family – “My older brother yes he had it at 66.”",
        ),
        (
            "[patient] my hand is still bothering me\n",
            "my hand is still bothering me",
            "“My hand is still bothering me.”",
        ),
        (
            "[doctor] have you had any chest pain\n[patient] slightly here or there\n",
            "have you had any chest pain",
            "Doctor: Have you had any chest pain – “Slightly here or there.”",
        ),
        (
            "[doctor] have you ever had a stroke\n[doctor] let me have a look\n",
            "have you ever had a stroke",
            "Denied: Doctor: Have you ever had a stroke.",
        ),
    ],
)
def test_what_a_finder_takes_for_a_denial_has_its_answer(talk: str, words: str, wanted: str) -> None:
    said = parse(talk)
    (fact,) = (replace(one, polarity=Polarity.DENIED) for one in facts(said, (FactKind.HISTORY, words, Time.PAST)))
    (made,) = lines.prepared([fact], converse(said))
    assert lines.line(made, said.turns) == wanted
