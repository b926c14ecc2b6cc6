"""A section's heading is written once, however the model says it again."""

from __future__ import annotations

import pytest

from edge.contract.note import EncounterNote, Section, without_heading
from edge.encounters.open_encounter import OpenSection
from edge.tasks.note import split_headings


@pytest.mark.parametrize(
    ("heading", "first", "once"),
    [
        ("PHYSICAL EXAMINATION", "PHYSICAL EXAM", True),
        ("PHYSICAL EXAM", "Physical examination:", True),
        ("ASSESSMENT AND PLAN", "**Assessment & Plan**", True),
        ("HISTORY OF PRESENT ILLNESS", "HPI:", True),
        ("PLAN", "PLAN", True),
        ("ASSESSMENT AND PLAN", "ASSESSMENT", False),
        ("SUBJECTIVE", "CHIEF COMPLAINT", False),
        ("PLAN", "Rest for a week.", False),
        ("RESULTS", "", False),
    ],
)
def test_the_heading_is_told_from_a_first_line(heading: str, first: str, once: bool) -> None:
    text = f"{first}\nKnee stable."
    assert without_heading(text, heading) == ("Knee stable." if once else text)


def test_a_section_that_is_nothing_but_its_heading_stays() -> None:
    assert without_heading("Plan", "PLAN") == "Plan"


def test_new_notes_have_it_once_and_old_ones_show_it_once() -> None:
    assert split_headings("PHYSICAL EXAM\nStable.", (), "PHYSICAL EXAMINATION") == [
        Section("PHYSICAL EXAMINATION", "Stable.")
    ]
    old = Section("PHYSICAL EXAMINATION", "PHYSICAL EXAM\nStable.", stop="end")
    assert EncounterNote("visit", (old,)).text() == "PHYSICAL EXAMINATION\n\nStable."
    shown = OpenSection.of(old)
    assert (shown.text, shown.by_person) == ("Stable.", False)
    assert shown.text == shown.saved, "showing it is no change to be kept"
