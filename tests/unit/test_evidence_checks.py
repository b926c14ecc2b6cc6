"""The checks: each finds its kind of contradiction and says nothing of what agrees."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from edge.contract.facts import Severity
from edge.evidence import checks
from edge.evidence.review import review
from edge.reading.conversation import parse

TALK = parse(
    """[doctor] so this is a 54-year-old woman with high blood pressure. what are you on?
[patient] lisinopril, the twenty. no, wait, sorry, forty milligrams once a day. and metformin, five hundred twice a day.
[doctor] and the amlodipine?
[patient] i stopped it three weeks ago, my ankles blew up on it.
[doctor] that's a side effect, it's not an allergy.
[patient] okay. my only allergy is penicillin, i got hives.
[doctor] any chest pain?
[patient] no.
[doctor] any cough?
[patient] yes, i have a cough.
[doctor] and the knee?
[patient] it's the right knee, it hurts on the stairs.
[doctor] anybody in the family with a stroke?
[patient] my father had a stroke.
[doctor] blood pressure today is one fifty-two over ninety-four. your a1c was seven point two.
[doctor] it might be gout. i'd like to get an mri, we'll schedule it. see me again in four weeks.
[doctor] let's keep the metformin as it is.
"""
)
WRONG = [
    ("dose", "MEDICATIONS\nLisinopril 10 mg daily."),
    ("dose", "MEDICATIONS\nLisinopril 20 mg daily."),
    ("drug", "MEDICATIONS\nLosartan 40 mg daily."),
    ("frequency", "MEDICATIONS\nMetformin 500 mg once a day."),
    ("number", "VITALS\nBlood pressure 162/94."),
    ("number", "RESULTS\nHemoglobin A1c 8.9."),
    ("duration", "HISTORY OF PRESENT ILLNESS\nShe stopped amlodipine 9 weeks ago because her ankles swelled."),
    ("side", "ASSESSMENT\nLeft knee pain on the stairs."),
    ("negation", "REVIEW OF SYSTEMS\nReports chest pain."),
    ("negation", "REVIEW OF SYSTEMS\nDenies cough."),
    ("subject", "PAST MEDICAL HISTORY\nThe patient had a stroke."),
    ("subject", "FAMILY HISTORY\nMother had a stroke."),
    ("planned or done", "RESULTS\nMRI was done and was normal."),
    ("allergy or intolerance", "ALLERGIES\nAllergic to metformin."),
    ("allergy or intolerance", "ALLERGIES\nAmlodipine."),
    ("stopped or current", "PLAN\nContinue amlodipine."),
    ("stopped or current", "PLAN\nDiscontinue metformin."),
    ("age and sex", "HISTORY\nThe patient is a 45-year-old woman."),
    ("age and sex", "HISTORY\nThe patient is a 54-year-old man."),
    ("certainty", "ASSESSMENT\nGout."),
]
RIGHT = """CHIEF COMPLAINT
Right knee pain.

HISTORY OF PRESENT ILLNESS
The patient is a 54-year-old woman with hypertension. She stopped amlodipine 3 weeks ago because of ankle edema.
She takes lisinopril 40 mg once a day and metformin 500 mg twice daily.

ALLERGIES
Penicillin (hives).

FAMILY HISTORY
Father had a stroke.

REVIEW OF SYSTEMS
Denies chest pain. Reports cough.

VITALS
Blood pressure 152/94.

RESULTS
Hemoglobin A1c 7.2.

ASSESSMENT AND PLAN
1. Possible gout.
- Order MRI of the right knee.
- Continue metformin 500 mg twice a day.
Follow up in 4 weeks.
"""


@pytest.mark.parametrize(("check", "note"), WRONG)
def test_a_contradiction_is_flagged_with_both_quotes(check: str, note: str) -> None:
    found = [flag for flag in review(note, TALK).flags if flag.check == check]
    assert found, [flag.check for flag in review(note, TALK).flags]
    assert found[0].quotes[0] in note
    assert all(quote.rstrip("…") in TALK.source for quote in found[0].quotes[1:])
    assert (
        not any(one.supported for one in review(note, TALK).statements if found[0] in one.flags) or check == "certainty"
    )


def test_a_true_note_has_no_flag() -> None:
    found = review(RIGHT, TALK)
    assert [(flag.check, flag.message) for flag in found.flags] == []
    assert all(one.sources for one in found.statements)
    assert not found.foreign


def test_every_check_has_a_name_of_its_own_and_a_case() -> None:
    modules = sorted(path.stem for path in Path(checks.__file__).parent.glob("*.py") if path.stem != "__init__")
    assert len(modules) == len(checks.CHECKS) == 16
    own = {
        "history or finding",
        "ordered, not resulted",
        "allergic, not prescribed",
    }  # each has cases in a test of its own
    assert {name for name, _ in WRONG} | own == set(checks.CHECKS)


def test_severities_are_known() -> None:
    found = {flag.severity for _, note in WRONG for flag in review(note, TALK).flags}
    assert found == {Severity.HIGH, Severity.LOW}


@pytest.mark.parametrize(
    ("said", "written"),
    [
        *list(
            product(
                ["take forty milligrams of lisinopril"],
                ["Lisinopril 40 mg.", "Lisinopril 40mg PO.", "lisinopril (40 mg)"],
            )
        ),
        ("point five milligrams of ropinirole", "Ropinirole 0.5 mg."),
        ("half of a 25 milligram chlorthalidone", "Chlorthalidone 12.5 mg."),
    ],
)
def test_one_dose_in_many_wordings(said: str, written: str) -> None:
    assert [
        f.check for f in review(written, parse(f"[doctor] {said}\n[patient] okay")).flags if f.check == "dose"
    ] == []


@pytest.mark.parametrize(
    ("statement", "flagged"),
    [
        ("Doctor: Any chest pain, any shortness of breath – Patient: No, neither.", False),
        ("Any chest pain – Patient: Not that I know.", False),
        ("Doctor: Any chest pain – Patient: Yes, a lot.", True),
        ("Any chest pain, or shortness of breath? “No, neither.”", False),
        ("Any chest pain? „Nein.“", False),
        ("Any chest pain? “Yes, a lot.”", True),
        ("Is there any chest pain?", False),
        ("He has chest pain.", True),
    ],
)
def test_a_question_beside_its_answer_says_what_the_answer_says(statement: str, flagged: bool) -> None:
    talk = parse("Doctor: Any chest pain?\nPatient: No, no chest pain at all.\nDoctor: No chest pain, good.")
    found = review(f"HISTORY OF PRESENT ILLNESS\n\n- {statement}", talk)
    assert len(found.statements) == 1
    assert any(flag.check == "negation" for flag in found.flags) is flagged


def test_a_list_of_which_everything_was_denied_is_flagged_once() -> None:
    talk = parse(
        "Doctor: Are you having any chills, fever, nausea or vomiting?\nPatient: No.\nDoctor: Good. And the knee?\n"
        "Patient: It hurts when I walk."
    )
    found = review("HISTORY OF PRESENT ILLNESS\n\nThe patient reports fever, chills, nausea, or vomiting.", talk)
    assert [flag.check for flag in found.flags] == ["negation"]
    assert review("HISTORY OF PRESENT ILLNESS\n\nThe patient denies fever, chills, nausea, vomiting.", talk).flags == ()


@pytest.mark.parametrize(("side", "flagged"), [("left", True), ("right", False)])
def test_a_finding_of_the_well_is_held_to_its_side(side: str, flagged: bool) -> None:
    talk = parse(
        "Doctor: So your right foot looks good. No redness of the right great toe now, and the left one I did not see."
        "\nPatient: Okay."
    )
    found = review(f"PHYSICAL EXAM\n\nNo redness of the {side} great toe.", talk)
    assert [flag.check for flag in found.flags] == (["side"] if flagged else [])


@pytest.mark.parametrize(
    ("said", "note", "flagged"),
    [
        ("[doctor] your lungs sound nice and clear.", "EXAM\nNo wheezes. Crackles at the left base.", True),
        ("[doctor] lungs are clear to auscultation.", "PHYSICAL EXAM\nWheezes, rales, or rhonchi.", True),
        ("[doctor] lungs are clear to auscultation.", "PHYSICAL EXAM\nNo wheezes, rales, or rhonchi.", False),
        ("[doctor] lungs are not clear today.", "PHYSICAL EXAM\nWheezes.", False),
        ("[doctor] your lungs are clear now.\n[patient] at night i wheeze.", "PHYSICAL EXAM\nWheezes.", False),
        ("[doctor] your lungs are clear.", "HISTORY OF PRESENT ILLNESS\nShe reports wheezes.", False),
        ("[doctor] there is no lymphatic invasion.", "RESULTS\nLymphatic invasion: not identified.", False),
    ],
)
def test_clear_lungs_rule_out_what_is_heard_in_them(said: str, note: str, flagged: bool) -> None:
    assert any(flag.check == "negation" for flag in review(note, parse(said)).flags) is flagged


@pytest.mark.parametrize(
    ("said", "note", "flagged"),
    [
        ("[patient] i take acetaminophen .", "Acetaminophen-codeine as needed.", True),
        ("[patient] i take acetaminophen and codeine .", "Acetaminophen-codeine as needed.", False),
        ("[doctor] we 'd switch to amoxicillin clavulanate .", "Switch to amoxicillin-clavulanate.", False),
        ("[patient] i use advair .", "Fluticasone inhaler.", False),
        ("[patient] i take citalopram .", "Escitalopram 20 mg.", True),
        ("[doctor] doxycycline for ten days .", "Doxycyclin.", False),
        ("[doctor] restart the atorvastatin , a statin .", "Restart pravastatin 20 mg.", True),
        ("[doctor] you are on a statin , yes ?", "Pravastatin.", False),
        ("[patient] i have amoxicillin had it before .", "Ampicillin.", True),  # not "amoxicillinhad"
        ("[doctor] your vital signs are good .", "Hydroxyzine 12.5 mg.", True),  # not Vistaril
        ("[patient] the cortisone cream did nothing .", "Stop hydrocortisone.", False),
        ("[doctor] i'll use lidocaine with epi .", "Lidocaine and epinephrine.", False),
        ("[patient] that plaque nil helps my joints .", "Hydroxychloroquine.", False),
    ],
)
def test_a_drug_is_not_taken_for_its_kind_its_part_or_another_name(said: str, note: str, flagged: bool) -> None:
    assert any(flag.check == "drug" for flag in review(f"MEDICATIONS\n{note}", parse(said)).flags) is flagged
