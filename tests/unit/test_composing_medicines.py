"""Whose dose it is, the patient's age, and denials: what a line takes from the turns around its fact, and what not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from note_facts_kit import facts as facts_of
from note_facts_kit import written

from edge.composing import age, lines
from edge.composing.notes import Composed, compose
from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.evidence.conversation import converse
from edge.reading.conversation import parse

_MEDICATION, _PLAN = FactKind.MEDICATION, FactKind.PLAN_MEDICATION


def test_a_dose_belongs_to_the_drug_that_was_spoken_of() -> None:
    source = (
        "[doctor] We'll start atorvastatin, ten.\n[patient] Okay.\n"
        "[doctor] Actually, let's do twenty milligrams at bedtime.\n"
    )
    whole = (_PLAN, "We'll start atorvastatin, ten", Time.PLANNED)
    dose = (_PLAN, "let's do twenty milligrams at bedtime", Time.PLANNED)
    assert written(source, whole, dose) == ["Start Atorvastatin 20 mg at bedtime."]
    assert written(source, dose) == ["Start Atorvastatin 20 mg at bedtime."]  # the name is no fact


def test_a_stop_that_names_no_drug_is_that_of_the_drug_before() -> None:
    source = (
        "[patient] The amlodipine. My ankles were swollen.\n[doctor] I see.\n[patient] So I just stopped it in March.\n"
    )
    named = (_MEDICATION, "The amlodipine. My ankles were swollen", Time.PAST)
    stop = (_MEDICATION, "I just stopped it in March", Time.STOPPED)
    assert written(source, named, stop) == ["Amlodipine: stopped (swollen)."]
    missed = source.replace("So I just stopped it", "I missed two of it")
    kept = (_MEDICATION, "I missed two of it in March", Time.STOPPED)
    assert written(missed, named, kept) == ["Amlodipine."]  # a missed dose is no stop, whatever the finder says


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
    assert written(source, dose) == ["“10 milligrams at night.”"]


@pytest.mark.parametrize(
    ("answer", "wanted"), [("Zyrtec, yes.", "Zyrtec 10 mg."), ("No, I don't think so.", "“10 milligrams.”")]
)
def test_a_dose_belongs_to_the_drug_that_was_meant_if_the_answer_says_so(answer: str, wanted: str) -> None:
    source = (
        "[doctor] You are on aspirin.\n[patient] And Zantac. Ten milligrams.\n[doctor] Do you mean Zyrtec?\n"
        f"[patient] {answer}\n"
    )
    assert written(source, (_MEDICATION, "Ten milligrams", Time.CURRENT)) == [wanted]


def test_a_list_of_drugs_with_their_doses_is_a_line_a_drug() -> None:
    source = "[doctor] You take losartan fifty for the blood pressure and rosuvastatin ten.\n"
    words = "You take losartan fifty for the blood pressure and rosuvastatin ten"
    assert written(source, (_MEDICATION, words, Time.CURRENT)) == ["Losartan 50.", "Rosuvastatin 10."]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (
            "I'd like you to stop it for two weeks, and then start exemestane, twenty-five milligrams",
            "Start Exemestane 25 mg.",
        ),
        ("I'm cutting the furosemide back to forty once a day", "Decrease Furosemide to 40 once daily."),
        ("stop the potassium pill, twenty", "Stop Potassium."),
        ("prednisone, forty milligrams for five days, and then just stop", "Plan: Prednisone 40 mg for five days."),
        ("we start aspirin today, or we stop aspirin", "We start aspirin today, or we stop aspirin."),
        ("can he have the viagra", "Can he have the viagra."),
    ],
)
def test_what_is_to_be_done_with_a_drug(words: str, wanted: str) -> None:
    talk = parse(f"[doctor] {words}.\n")
    assert lines.line(facts_of(talk, (_PLAN, words, Time.PLANNED))[0], talk.turns) == wanted


def test_what_was_taken_once_is_no_present_drug() -> None:
    source = "[patient] I had the ibuprofen back then, it gave me heartburn.\n"
    words = "I had the ibuprofen back then, it gave me heartburn"
    assert written(source, (_MEDICATION, words, Time.PAST)) == ["Took Ibuprofen (heartburn)."]


@pytest.mark.parametrize(
    ("source", "words", "wanted"),
    [
        (
            "[doctor] In the calves?\n[patient] Both. It takes turns.\n",
            "Both. It takes turns",
            "In the calves? “Both. It takes turns.”",
        ),
        (
            "[doctor] In the calves?\n[patient] Well, the pain comes at night.\n",
            "the pain comes at night",
            "“The pain comes at night.”",
        ),
        (
            "[patient] The left ankle puffs up.\n[guest] It's the right one, Gene.\n",
            "The left ankle puffs up",
            "“The left ankle puffs up.” – Guest: It's the right one.",
        ),
        (
            "[patient] The left ankle puffs up.\n[guest] It's the left one.\n",
            "The left ankle puffs up",
            "“The left ankle puffs up.”",
        ),
        (
            "[doctor] Chest pain, pressure?\n[patient] No. None.\n",
            "Chest pain, pressure",
            "Denies chest pain, pressure.",
        ),
    ],
)
def test_what_a_line_needs_to_be_read_alone(source: str, words: str, wanted: str) -> None:
    talk = parse(source)
    polarity = Polarity.DENIED if wanted.startswith("Denies") else Polarity.AFFIRMED
    facts = [replace(one, polarity=polarity) for one in facts_of(talk, (FactKind.SYMPTOM, words, Time.CURRENT))]
    made = lines.prepared(facts, converse(talk))
    assert [lines.line(one, talk.turns) for one in made] == [wanted]


def test_who_is_spoken_to_is_not_who_is_ill() -> None:
    talk = parse("[doctor] Mom, this is an acute ear infection.\n[doctor] Her mother had an ear infection.\n")
    spoken, told = facts_of(
        talk,
        (FactKind.FAMILY, "Mom, this is an acute ear infection", Time.CURRENT),
        (FactKind.FAMILY, "Her mother had an ear infection", Time.PAST),
    )
    kinds = [one.kind for one in lines.prepared([spoken, told], converse(talk))]
    assert kinds == [FactKind.DIAGNOSIS, FactKind.FAMILY]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("the temperature is ninety-eight six", "Temperature 98.6."),
        ("the FEV1 was fifty-two percent of predicted, fifty-two", "The FEV1 was 52 percent of predicted, 52."),
    ],
)
def test_measured_values(words: str, wanted: str) -> None:
    talk = parse(f"[doctor] {words}.\n")
    assert lines.line(facts_of(talk, (FactKind.RESULT, words, Time.CURRENT))[0], talk.turns) == wanted


def test_what_takes_the_last_words_back_at_once_belongs_to_the_fact() -> None:
    source = "[doctor] Ferrous sulfate, every day... no, I do this another way now. Every other day. With juice.\n"
    ordered = (_PLAN, "Ferrous sulfate, every day", Time.PLANNED)
    assert written(source, ordered) == ["Plan: Ferrous sulfate every other day."]


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
        ("[doctor] A 61-year-old male.\n[patient] I'm eight years out from surgery.\n", "61 years old."),
        ("[doctor] You're 45 years now.\n", "45 years old."),
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
        ("Any locking, or does the knee give way?", "No, neither.", ""),
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
    assert lines.line(facts_of(talk, (FactKind.VITAL, words, Time.CURRENT))[0]) == wanted


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("[doctor] Any allergies?\n[patient] None.\n", ["No known allergies."]),
        ("[doctor] Any other allergies?\n[patient] No, none.\n", ["No other allergies."]),
        ("[doctor] Are you allergic to penicillin?\n[patient] No.\n", []),  # one drug is not all
        ("[doctor] Any allergies?\n[patient] No. Well, cats.\n", []),
    ],
)
def test_allergies_that_were_asked_for_and_denied(source: str, wanted: list[str]) -> None:
    assert written(source) == wanted


def test_what_is_no_allergy_is_kept_as_what_it_is() -> None:
    talk = parse(
        "[patient] Codeine makes me throw up.\n[doctor] That's a side effect, not an allergy.\n[patient] Okay.\n"
    )
    facts = facts_of(talk, (FactKind.ALLERGY, "Codeine makes me throw up", Time.CURRENT))
    note, steps = next(
        (one.note, one.steps) for one in compose(None, talk, facts, "facts") if isinstance(one, Composed)
    )
    assert "- Codeine: throw up (side effect, no allergy)." in note.text
    assert [one.what for one in steps] == ["put right"]


def test_an_allergy_named_as_one_needs_no_score() -> None:
    talk = parse("[patient] My only allergy is penicillin.\n[patient] I am tired of pollen.\n")
    said = [
        (FactKind.ALLERGY, "My only allergy is penicillin", Time.CURRENT),
        (FactKind.ALLERGY, "tired of pollen", Time.CURRENT),
    ]
    facts = [replace(one, score=0.3) for one in facts_of(talk, *said)]
    note = next(one.note for one in compose(None, talk, facts, "facts") if isinstance(one, Composed))
    assert "Penicillin." in note.text
    assert "pollen" not in note.text


def test_a_plain_no_needs_no_score() -> None:
    talk = parse("[doctor] Any fever, chills?\n[patient] No, neither.\n[doctor] Sweats?\n[patient] Hardly any.\n")
    quotes = [Quote(n, one.start, one.end, talk.source[one.start : one.end]) for n, one in enumerate(talk.turns)]
    denied = Fact(FactKind.SYMPTOM, Polarity.DENIED, Subject.PATIENT, Time.CURRENT, True, (quotes[0], quotes[1]), 0.2)
    doubted = replace(denied, evidence=(quotes[2], quotes[3]))
    note = next(one.note for one in compose(None, talk, [denied, doubted], "facts") if isinstance(one, Composed))
    assert "Denies fever, chills." in note.text
    assert "weats" not in note.text


def test_a_drug_spoken_of_without_end_keeps_its_last_words() -> None:
    source = "[doctor] Lisinopril, ten milligrams.\n" + "[patient] Lisinopril, twenty milligrams.\n" * 40
    talk = parse(source + "[doctor] Lisinopril, forty milligrams.\n")
    facts = []
    for number, one in enumerate(talk.turns):
        quoted = Quote(number, one.start, one.end, talk.source[one.start : one.end])
        facts.append(Fact(_MEDICATION, Polarity.AFFIRMED, Subject.PATIENT, Time.CURRENT, True, (quoted,)))
    made = lines.prepared(facts, converse(talk))
    assert [len(one.evidence) for one in made] == [20]
    assert lines.line(made[0], talk.turns) == "Lisinopril 40 mg."
