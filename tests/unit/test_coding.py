"""Candidate codes of a note: quotes, context, sides, combinations, conflicts, and hostile notes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from catalogue_kit import catalogue_folder
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.coding.candidates import Coder
from edge.coding.structure import Part, lines
from edge.coding.talk import is_talk, talk_lines
from edge.terminology.index import open_catalogue
from edge.verbs.code import table


@pytest.fixture(scope="module")
def coder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coder]:
    catalogue = open_catalogue(catalogue_folder(tmp_path_factory))
    yield Coder(catalogue)
    catalogue.close()


def codes(coder: Coder, text: str) -> list[str]:
    return [c.code.code for c in coder.code(f"ASSESSMENT AND PLAN\n\n{text}").codes]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1. Hypertension, not controlled.", ["I10"]),
        ("Left knee osteoarthritis.", ["M17.12"]),
        ("Right ankle sprain.", ["S93.401A"]),
        ("T2DM.", ["E11.9"]),
        ("Acute on chronic systolic CHF.", ["I50.23"]),
        ("1. Hypertension.\n2. Congestive heart failure.", ["I11.0", "I50.9"]),
        ("1. Hypertension.\n2. CKD stage 3b.\n3. Type 2 diabetes.", ["I12.9", "E11.22", "N18.32"]),
        ("Paroxysmal atrial fibrillation.\n\nThe atrial fibrillation is stable.", ["I48.0"]),
        ("Kniearthrose links.", ["M17.12"]),
        ("- This is mild osteoarthritis of the left knee that the fall has stirred up.", ["M17.12"]),
        ("- Mild osteoarthritis of the left knee that the fall has stirred up in the garden.", ["M17.12"]),
        ("- The left knee is severe osteoarthritis of the inner part, worse with the varus.", ["M17.12"]),
        ("- The patient is a man of sixty years who came in today to talk of his osteoarthritis.", []),
    ],
)
def test_problems_become_codes(text: str, expected: list[str], coder: Coder) -> None:
    assert codes(coder, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "No diabetes.",
        "Denies asthma.",
        "Possible pneumonia.",
        "Mother with breast cancer.",
        "Rule out gout.",
        "Kein Diabetes.",
        "Verdacht auf Pneumonie.",
        "Vater mit Schlaganfall.",
        "The patient agrees with the plan.",
    ],
)
def test_what_is_denied_uncertain_or_a_relatives_is_not_coded(text: str, coder: Coder) -> None:
    assert codes(coder, text) == []
    assert table(coder.code(text)) == "No diagnosis that can be coded was found."


def test_an_open_side_is_said(coder: Coder) -> None:
    (found,) = coder.code("ASSESSMENT\n\nMeniscus tear.").codes
    assert (found.code.code, found.needs) == ("S83.209A", ("side",))


def test_the_side_may_stand_elsewhere_in_the_note(coder: Coder) -> None:
    note = "CHIEF COMPLAINT\n\nRight knee injury.\n\nASSESSMENT\n\nMeniscus tear of the knee."
    assert [c.code.code for c in coder.code(note).codes] == ["S83.206A"]


def test_codes_that_exclude_each_other_are_shown(coder: Coder) -> None:
    found = coder.code("ASSESSMENT\n\n1. Type 1 diabetes.\n2. Type 2 diabetes.")
    assert {(one, other) for one, other, _ in found.conflicts} >= {("E10.9", "E11.9")}


def test_symptoms_stand_alone_but_not_beside_a_diagnosis(coder: Coder) -> None:
    assert codes(coder, "Cough.") == ["R05.9"]
    assert codes(coder, "1. Pneumonia.\n2. Cough.") == ["J18.9"]


def test_a_sign_of_another_part_of_the_body_is_not_explained(coder: Coder) -> None:
    assert codes(coder, "1. Fracture of the left wrist.\n2. Pain in the right knee.") == ["S62.102A", "M25.561"]
    assert codes(coder, "1. Osteoarthritis of the right knee.\n2. Pain in the right knee.") == ["M17.11"]


def test_where_a_side_is_open_the_sides_are_the_first_alternatives(coder: Coder) -> None:
    (found,) = coder.code("ASSESSMENT\n\nFracture of the wrist.").codes
    assert (found.code.code, found.needs) == ("S62.109A", ("side",))
    assert [code.code for code, _ in found.alternatives][:2] == ["S62.101A", "S62.102A"]


def test_alternatives_of_an_injury_keep_its_side_and_its_encounter(coder: Coder) -> None:
    (found,) = coder.code("CHIEF COMPLAINT\n\nFollow-up of a sprain.\n\nASSESSMENT\n\nLeft ankle sprain.").codes
    assert found.code.code == "S93.402D"
    others = [code for code, _ in found.alternatives]
    assert others
    assert all(code.billable and code.code[7:] == "D" and "right" not in code.description for code in others)


def test_a_quote_begins_with_what_its_number_counts(coder: Coder) -> None:
    (found,) = coder.code("ASSESSMENT\n\n1. Type 2 diabetes.").codes
    assert (found.quote, found.code.code) == ("Type 2 diabetes", "E11.9")


TALK = (
    "Doctor: What brings you in? Do you have diabetes?\nPatient: No. My mother had gout. I think it is pneumonia.\n"
    "Doctor: Let me look. This is mild osteoarthritis of the left knee that the fall has stirred up.\n"
    "Patient: Could it be a fracture?\nDoctor: It's no fracture. You have hypertension, too.\n"
)


def test_of_a_conversation_what_the_clinician_names_is_a_candidate(coder: Coder) -> None:
    found = coder.code(TALK).codes
    assert [one.code.code for one in found] == ["M17.12", "I10"]
    assert all(TALK[one.start : one.end] == one.quote and "the clinician names it" in one.why for one in found)
    assert max(one.confidence for one in found) < 0.7  # half of them are wrong: nobody wrote an assessment yet
    assert codes(coder, TALK.replace("Doctor", "[doctor]").replace("]:", "]")) == ["M17.12", "I10"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TALK, True),
        (TALK.replace("Doctor", "Anna"), False),
        ("Provider: Dr. Lee\nDate: May 2\nHPI: fell\nAssessment: gout\nPlan: rest", False),
        ("Doctor: Hello.\nPatient: Hello.", False),
        ("", False),
    ],
)
def test_a_conversation_is_told_by_its_turns(text: str, expected: bool) -> None:
    assert is_talk(text) is expected


@given(st.text(alphabet="aD. ?:\n[]", max_size=200))
def test_sentences_of_a_conversation_stand_at_their_places(text: str) -> None:
    for line in talk_lines(text):
        assert text[line.start : line.start + len(line.text)] == line.text


def test_json_has_the_promised_keys(coder: Coder) -> None:
    shown = coder.code("ASSESSMENT\n\nAsthma.").as_json()
    assert shown["edition"] == "ICD-10-CM 2026"
    (one,) = shown["codes"]
    keys = ["code", "description", "billable", "quote", "start", "end", "confidence", "needs", "alternatives", "why"]
    assert list(one) == keys
    assert json.dumps(shown)


def test_parts_of_a_note_by_their_headings() -> None:
    note = "CC: cough\n\nPAST MEDICAL HISTORY\nAsthma.\n\nFamily history: gout\n\n"
    note += "ASSESSMENT AND PLAN\n1. Gout.\n- Plan: rest."
    assert [(line.part, line.problem) for line in lines(note)] == [
        (Part.COMPLAINT, False),
        (Part.HISTORY, False),
        (Part.FAMILY, False),
        (Part.ASSESSMENT, True),
        (Part.ASSESSMENT, False),
    ]


VOCABULARY = "asthma gout no left right knee pain pneumonia . , : \n HTN ASSESSMENT mother 1. • diabetes mellitus ü"
WORDS = st.sampled_from(VOCABULARY.split(" "))


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, max_size=60).map(" ".join))
def test_quotes_stand_word_for_word_and_codes_are_billable(coder: Coder, note: str) -> None:
    for found in coder.code(note, at_least=0.0).codes:
        assert note[found.start : found.end] == found.quote
        assert found.code.billable
        assert 0 <= found.confidence <= 1


@pytest.mark.parametrize(
    "piece", ["diabetes mellitus ", "1. ", "knee ", "A" * 50, "HTN/", ": ", "no ", "\n", "Mother with gout and "]
)
def test_hostile_notes_end(piece: str, coder: Coder) -> None:
    coder.code((piece * 200_000)[:200_000])


def test_bullets_of_an_assessment_are_its_problems_where_nothing_else_names_one(coder: Coder) -> None:
    listed = "ASSESSMENT\n\n• Iron deficiency anemia\n• Gout\n\nPLAN\n\n• Rest."
    assert [line.problem for line in lines(listed)] == [True, True, False]
    assert codes(coder, "Gout.\n• Hypertension was discussed.") == ["M10.9"]
