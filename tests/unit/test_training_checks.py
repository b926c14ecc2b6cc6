"""Planted errors are errors, and the published page of the checks is what was measured."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from edge.contract.facts import Severity
from edge.evidence.review import review
from edge.evidence.statements import split
from edge.reading.conversation import parse
from training import answering, check_report, lines, planted, sources

ROOT = Path(__file__).resolve().parents[2]
NOTE = """HISTORY OF PRESENT ILLNESS

Ms. Roe is a 54-year-old female with right knee pain for 3 weeks.
She takes lisinopril 20 mg once a day. Father had a stroke.

REVIEW OF SYSTEMS

Denies chest pain.

VITALS

Blood pressure 130/80.

PLAN

Order an MRI. Continue metformin 500 mg.
"""


@pytest.mark.parametrize("kind", planted.KINDS)
def test_an_error_changes_one_statement_and_nothing_else(kind: str) -> None:
    one = planted.plant("v", NOTE, kind, random.Random(1))
    assert one is not None
    changed = one.note[one.start : one.end]
    assert changed != one.before
    assert one.note.replace(changed, one.before, 1) == NOTE
    assert one.before in {piece.text for piece in split(NOTE)}
    assert planted.plant("v", NOTE, kind, random.Random(1)) == one


def test_nothing_is_planted_where_nothing_can_be() -> None:
    assert [kind for kind in planted.KINDS if planted.plant("v", "All is well.", kind, random.Random(0))] == []


def test_the_published_page_is_made_of_the_published_figures() -> None:
    folder = ROOT / "docs" / "evaluation" / "checks"
    result = json.loads((folder / "checks.json").read_text(encoding="utf-8"))
    read = check_report.verdicts(folder / "read_by_eye.jsonl")
    assert len(read) > 50
    assert (folder / "checks.md").read_text(encoding="utf-8") == check_report.page(result, read)
    assert result["planted"]["notes with an error"] >= 1000
    assert result["planted"]["notes untouched"] >= 1000
    assert result["checklists"]["most high flags on a true note"] <= 1


def test_no_true_note_of_the_development_visits_has_more_than_one_high_flag() -> None:
    """A check that cries wolf is switched off. Two notes of each visit."""
    second = lines.records(sources.data_dir() / "facts_dev" / "paraphrase_notes.jsonl")
    others = {one.fields["id"]: one.fields["note"] for one in second}
    counts = [
        sum(flag.severity is Severity.HIGH for flag in review(note, parse(visit.raw)).flags)
        for visit in answering.documents("facts-dev", None)
        for note in (visit.note, others[visit.id])
    ]
    assert len(counts) == 20
    assert max(counts) <= 1
    assert sum(counts) <= 2


def test_no_error_is_planted_twice_in_the_same_way() -> None:
    found = [one for one in planted.plant_all([("a", NOTE), ("b", NOTE)], 50) if one.kind == "subject"]
    assert len(found) == len({(one.id.split("/")[0], one.note) for one in found}) >= 2
    assert len(found) < 6  # three rounds over two notes, whose one relative has one other
