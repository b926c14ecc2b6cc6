"""Rules of the classification on its real entries: combinations, order, exclusions, sides, history, external causes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from catalogue_kit import catalogue_folder

from edge.coding import external, guidelines
from edge.coding.candidates import Coder
from edge.coding.reasons import over
from edge.coding.resolution import Resolver, extended
from edge.terminology.catalogue import Catalogue
from edge.terminology.index import open_catalogue


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    catalogue = open_catalogue(catalogue_folder(tmp_path_factory))
    yield catalogue
    catalogue.close()


@pytest.fixture(scope="module")
def coder(real: Catalogue) -> Coder:
    return Coder(real)


def codes(coder: Coder, *problems: str, before: str = "") -> list[str]:
    listed = "\n".join(f"{number}. {text}" for number, text in enumerate(problems, 1))
    return [c.code.code for c in coder.code(f"{before}ASSESSMENT AND PLAN\n\n{listed}").codes]


@pytest.mark.parametrize(
    ("problems", "expected"),
    [
        (("Hypertension.", "Congestive heart failure."), {"I11.0", "I50.9"}),
        (("Hypertension.", "CKD stage 5."), {"I12.0", "N18.5"}),
        (("Hypertension.", "CHF.", "CKD stage 3b."), {"I13.0", "I50.9", "N18.32"}),
        (("Type 2 diabetes.", "CKD stage 3a."), {"E11.22", "N18.31"}),
        (("Type 1 diabetes.", "CKD stage 4."), {"E10.22", "N18.4"}),
        (("Type 2 diabetes.", "Hypoglycemia."), {"E11.649"}),
        (("Diabetic foot ulcer.", "Diabetes."), {"E11.621"}),
        (("Right diabetic foot ulcer of the heel.",), {"E11.621", "L97.419"}),
        (("Left diabetic foot ulcer.", "Ulcer of the right heel."), {"E11.621", "L97.429"}),
        (("Left diabetic foot ulcer of the great toe.", "Wound of the heel."), {"E11.621", "L97.529"}),
        (("Type 2 diabetes with hyperglycemia.",), {"E11.65"}),
        (("Type 2 diabetes with hyperglycemia, A1c 8.4%, and nocturnal hypoglycemia.",), {"E11.65", "E11.649"}),
        (("Hyperglycemia.",), {"R73.9"}),
        (("Viral upper respiratory infection.", "Sore throat."), {"J06.9"}),
        (("Sore throat.", "Hypertension."), {"J02.9", "I10"}),
        (("Constipation.", "Mild hepatomegaly."), {"K59.00", "R16.0"}),
    ],
)
def test_combination_codes_stand_for_their_parts(problems: tuple[str, ...], expected: set[str], coder: Coder) -> None:
    assert set(codes(coder, *problems)) == expected


def test_the_disease_stands_before_what_it_causes(coder: Coder) -> None:
    assert codes(coder, "CKD stage 3b.", "Type 2 diabetes.") == ["E11.22", "N18.32"]


def test_the_same_code_is_given_once(coder: Coder) -> None:
    found = codes(coder, "Hypertension.", "HTN, stable.", "High blood pressure.", before="CC: hypertension\n\n")
    assert found == ["I10"]


def test_excluded_pairs_are_shown_once(coder: Coder) -> None:
    found = coder.code("ASSESSMENT\n\n1. Type 1 diabetes.\n2. Type 2 diabetes.")
    assert [{one, other} for one, other, _ in found.conflicts] == [{"E10.9", "E11.9"}]
    assert coder.code("ASSESSMENT\n\n1. Gout.\n2. Asthma.").conflicts == ()


def test_what_a_code_asks_for_beside_it_is_said(coder: Coder) -> None:
    (found,) = coder.code("ASSESSMENT\n\nDiabetic foot ulcer.").codes
    assert "use additional code" in found.why
    assert "L97" in found.why


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Bilateral medial epicondylitis.", ["M77.01", "M77.02"]),
        ("Bilateral carpal tunnel syndrome.", ["G56.03"]),
        ("Bilateral knee osteoarthritis.", ["M17.0"]),
        ("Right carpal tunnel syndrome.", ["G56.01"]),
    ],
)
def test_both_sides_are_one_code_where_there_is_one_and_two_where_not(
    text: str, expected: list[str], coder: Coder
) -> None:
    assert sorted(codes(coder, text)) == expected


def test_a_later_encounter_has_its_own_seventh_character(coder: Coder) -> None:
    first = codes(coder, "Colles fracture, right wrist.")
    assert first == ["S52.531A"]
    assert codes(coder, "Colles fracture, right wrist.", before="CC: follow-up of wrist fracture\n\n") == ["S52.531D"]


def test_what_is_past_is_history(coder: Coder) -> None:
    assert codes(coder, "History of gout.") == ["Z87.39"]
    assert codes(coder, "Status post basal cell carcinoma removal.") == ["Z85.828"]
    assert codes(coder, "History of hypertension.") == ["I10"]
    assert codes(coder, "Zustand nach Apoplex.") == ["Z86.73"]
    assert codes(coder, "Z. n. Schlaganfall.", "Halsschmerzen.") == ["Z86.73", "J02.9"]


def test_chronic_pain_is_said_beside_its_site(coder: Coder) -> None:
    assert sorted(codes(coder, "Chronic back pain.")) == ["G89.29", "M54.9"]
    assert codes(coder, "Back pain.") == ["M54.9"]


def test_pregnancy_comes_first_with_its_weeks(coder: Coder) -> None:
    found = codes(coder, "Pregnancy at 28 weeks and 2 days.", "Iron deficiency anemia.")
    assert set(found) == {"O99.013", "D50.9", "Z3A.28"}
    assert guidelines.weeks("pregnant, 99 weeks") is None


def test_a_symptom_that_names_a_problem_stands_unless_a_diagnosis_explains_it(coder: Coder) -> None:
    assert set(codes(coder, "Left knee pain.", "Hypertension.")) == {"M25.562", "I10"}
    assert codes(coder, "Left knee pain.", "Left knee osteoarthritis.") == ["M17.12"]


@pytest.mark.parametrize(
    "text",
    [
        "Influenza vaccine declined.",
        "Screening for lung cancer.",
        "ADHD not diagnosed.",
        "Left arm numbness, most likely due to cervical radiculopathy.",
    ],
)
def test_a_vaccine_a_screening_and_a_likely_cause_are_no_diagnosis(text: str, coder: Coder) -> None:
    assert not {code[:3] for code in codes(coder, text)} & {"J10", "J11", "C34", "F90", "M54"}


def test_an_injury_has_its_cause_on_demand(coder: Coder) -> None:
    note = "HPI: She slipped on ice while walking.\n\nASSESSMENT\n\nRight ankle sprain."
    assert [c.code.code for c in coder.code(note).codes] == ["S93.401A"]
    shown = {c.code.code: c.quote for c in coder.code(note, 0.1).codes}
    assert shown["W00.0XXA"] == "slipped on ice"
    assert shown["Y93.01"] == "walking"
    without = coder.code("HPI: She slipped on ice.\n\nASSESSMENT\n\nGout.", 0.1)
    assert not [c for c in without.codes if c.code.code[0] in "VWXY"]


def test_every_external_cause_is_a_code_that_may_be_reported(real: Catalogue) -> None:
    terms = external.external_terms()
    assert len(terms) > 80
    wrong = [code for code in terms.values() if (entry := real.get(code)) is None or not entry.billable]
    assert wrong == []


def test_codes_of_history_may_be_reported(real: Catalogue) -> None:
    assert len(guidelines.HISTORY) > 30
    for disease, code in guidelines.HISTORY.items():
        entry = real.get(code)
        assert entry is not None, code
        assert entry.billable, code
        assert real.get(disease) is not None, disease


@pytest.mark.parametrize(
    ("note", "code", "expected"),
    [
        ("diabetes (E10.-)", "E10.9", True),
        ("gout (M10.0, M10.1-)", "M10.11", True),
        ("range (I20-I25)", "I22.1", True),
        ("left (I50.1)", "I50.9", False),
        ("no codes", "I50.9", False),
        ("two (A00) groups (B20)", "A00", True),
        ("", "A00", False),
    ],
)
def test_codes_in_a_note_of_the_catalogue(note: str, code: str, expected: bool) -> None:
    assert guidelines.names(note, code) is expected


def test_a_side_does_not_choose_another_part_of_the_body(real: Catalogue) -> None:
    found = Resolver(real).leaf("M10.0", "right")
    assert found is not None
    assert (found[0].code, "detail" in found[1]) == ("M10.00", True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Migraine with aura, previously without aura.", ["G43.109"]),
        ("Migraine without aura.", ["G43.009"]),
        ("Viral upper respiratory infection (common cold): supportive care.", ["J06.9"]),
        ("Hypertension (type 2 diabetes as well).", ["I10", "E11.9"]),
        ("Preoperative evaluation, left hip replacement.", ["Z01.818"]),
        ("Status post left hip replacement.", ["Z96.642"]),
        ("Common cold.", ["J00"]),
        ("The feet feel cold, a cold spray was used.", []),
        ("Nothing to worry about.", []),
    ],
)
def test_words_are_read_as_they_are_meant(text: str, expected: list[str], coder: Coder) -> None:
    assert codes(coder, text) == expected


def test_a_negation_within_a_term_denies_it(coder: Coder) -> None:
    note = "EXAM\n\nThyroid not enlarged, no nodules. Skin intact, no ulcer.\n\nASSESSMENT\n\nOsteoporosis."
    assert [c.code.code for c in coder.code(note, 0.0).codes] == ["M81.0"]


def test_why_says_what_the_nearest_neighbour_asks_for(coder: Coder, real: Catalogue) -> None:
    (found,) = coder.code("ASSESSMENT\n\nLeft knee osteoarthritis.").codes
    first = found.alternatives[0][0]
    assert first.code[:3] == "M17"
    assert first.code in found.why
    trauma, knee, open_side = (real.require(code) for code in ("M17.32", "M17.12", "M17.10"))
    assert over(knee, trauma, "Left knee arthritis.") == "not M17.32: nothing says “post-traumatic”"
    assert over(knee, trauma, "Left knee arthritis, post-traumatic.") == ""
    assert over(knee, open_side, "Left knee arthritis.") == "more exact than M17.10"


def test_what_is_asked_beside_is_a_whole_sentence(coder: Coder) -> None:
    (found,) = coder.code("ASSESSMENT\n\nUpper respiratory infection.").codes
    assert found.why.endswith("use additional code, (B95-B97) to identify infectious agent, if known")


def test_british_spelling_is_read(coder: Coder) -> None:
    assert codes(coder, "Anaemia.", "Haematuria.") == ["D64.9", "R31.9"]


def test_what_the_text_leaves_open_is_named(real: Catalogue) -> None:
    resolver = Resolver(real)
    found = resolver.leaf("S52.53", "")
    assert found is not None
    assert found[0].code == "S52.539A"
    assert set(found[1]) == {"encounter", "side", "detail"}
    assert resolver.leaf("I10", "") == (real.get("I10"), ())
    assert resolver.resolved("N18.9", "N18.9", "") == [(real.require("N18.9"), ("stage",))]
    assert resolver.resolved("N18.32", "N18.32", "") == [(real.require("N18.32"), ())]
    heel = resolver.leaf("L89.61", "right")
    assert heel is not None
    assert (heel[0].code, heel[1]) == ("L89.619", ("stage",))
    assert resolver.leaf("X99.99", "") is None
    assert extended("W19", "A") == "W19.XXXA"
