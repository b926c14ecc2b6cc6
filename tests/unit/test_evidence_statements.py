"""Statements of a note: where each begins and ends, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.evidence.statements import MAX_STATEMENT, is_heading, section_kind, split

NOTE = """CHIEF COMPLAINT

Right knee pain.

MEDICATIONS:
- Lisinopril 5 mg. PO daily. Seen by Dr. Smith on Jan. 5.
2) Metformin 2.5 mg q.d. with food

Family history: Mother with diabetes. Father well.

ASSESSMENT AND PLAN

1. Hypertension.
• Medical Treatment: Increase Lasix to 80 mg daily. Recheck in 2 weeks.
"""


def test_statements_with_section_and_label() -> None:
    found = [(piece.section, piece.label, piece.text) for piece in split(NOTE)]
    assert found == [
        ("complaint", "", "Right knee pain."),
        ("medications", "", "Lisinopril 5 mg. PO daily."),
        ("medications", "", "Seen by Dr. Smith on Jan. 5."),
        ("medications", "", "Metformin 2.5 mg q.d. with food"),
        ("family", "Family history", "Family history: Mother with diabetes."),
        ("family", "Family history", "Father well."),
        ("assessment_plan", "", "Hypertension."),
        ("assessment_plan", "Medical Treatment", "Medical Treatment: Increase Lasix to 80 mg daily."),
        ("assessment_plan", "Medical Treatment", "Recheck in 2 weeks."),
    ]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("She was seen by Dr. Smith and Mrs. Jones.", 1),
        ("Takes 5 mg p.o. b.i.d. for pain.", 1),
        ("Pulse 76. Lungs clear.", 2),
        ("Temperature 98.6. No fever.", 2),
        ("Er nimmt z.B. Ramipril 5 mg tgl. Keine Allergien.", 2),
        ("Is it worse? Yes! It is.", 3),
        ("", 0),
        ("   \n\n - \n", 0),
    ],
)
def test_number_of_statements(text: str, count: int) -> None:
    assert len(split(text)) == count


def test_a_wrapped_line_is_one_statement() -> None:
    text = "She has had pain in the right knee for about three weeks, which is worse\nwhen she climbs stairs."
    assert [piece.text for piece in split(text)] == [text]


@pytest.mark.parametrize("line", ["PLAN", "## Plan", "Allergies:", "**Plan:**", "History of present illness", ""])
def test_headings(line: str) -> None:
    assert is_heading(line)


@pytest.mark.parametrize("line", ["Right knee pain.", "Lisinopril 20 mg", "BP 120/80", "No known drug allergies"])
def test_no_headings(line: str) -> None:
    assert not is_heading(line)


def test_section_kinds_in_two_languages() -> None:
    assert section_kind("1. ASSESSMENT AND PLAN:") == "assessment_plan"
    assert section_kind("Medikation") == "medications"
    assert section_kind("Weather") == ""


@given(st.text(alphabet="aB .\n:-1•#?!\"'(ß", max_size=3000))
def test_offsets_are_exact_and_nothing_overlaps(text: str) -> None:
    last = 0
    for piece in split(text):
        assert text[piece.start : piece.end] == piece.text
        assert last <= piece.start < piece.end
        assert len(piece.text) <= MAX_STATEMENT or "\n" in piece.text
        last = piece.end
