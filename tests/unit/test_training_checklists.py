"""Checklists of facts: the project's scorer counts as the one beside the data does; units, shares and broken lists."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import TrainingError
from training import answering, checklists, lines, report, scoring, sources
from training.answering import Written


def _their_counts(notes: dict[str, str], tmp_path: Path) -> list[tuple[int, int, int, int]]:
    folder = sources.data_dir() / "facts_dev"
    path, out = tmp_path / "notes.jsonl", tmp_path / "out.json"
    path.write_text("\n".join(json.dumps({"id": k, "note": v}) for k, v in notes.items()), encoding="utf-8")
    asked = [sys.executable, str(folder / "score_note.py"), str(path), "--json", str(out)]
    subprocess.run(asked, check=True, capture_output=True)
    keys = ("crit_hit", "all_hit", "forb_crit_hit", "forb_hit")
    return [tuple(row[key] for key in keys) for row in json.loads(out.read_text(encoding="utf-8"))]


def _our_counts(notes: dict[str, str]) -> list[tuple[int, int, int, int]]:
    found = []
    for document in answering.documents("facts-dev", None):
        assert document.checklist is not None
        marks = checklists.mark(document.checklist, notes[document.id])
        stated, hits = marks.stated, [point for point, _ in marks.hits]
        found.append((sum(p.critical for p in stated), len(stated), sum(p.critical for p in hits), len(hits)))
    return found


def _run_together(text: str) -> str:
    """A note as a careless program writes it: wrapped in mid-sentence, bullets and headings of every kind."""
    lines = [line for line in text.split("\n") if line.strip()]
    return "\n".join(
        f"{'-*#1'[i % 4]}{'.' if i % 4 == 3 else ''} {line[:70]}\n{line[70:]}" for i, line in enumerate(lines)
    )


def test_our_scorer_counts_as_the_one_beside_the_data(tmp_path: Path) -> None:
    rows = answering.documents("facts-dev", None)
    assert len(rows) == 10
    second = lines.records(sources.data_dir() / "facts_dev" / "paraphrase_notes.jsonl")
    sets = [
        {d.id: d.note for d in rows},
        {one.fields["id"]: one.fields["note"] for one in second},
        {d.id: d.raw for d in rows},
        {d.id: _run_together(d.note) for d in rows},
        {d.id: _run_together(d.raw) for d in rows},
        {d.id: d.note.replace("\n", " ") for d in rows},
    ]
    for number, notes in enumerate(sets):
        ours = _our_counts(notes)
        assert ours == _their_counts(notes, tmp_path), number
        if number < 2:
            assert [sum(column) for column in zip(*ours, strict=True)][0::2] == [111, 0]
        if number == 2:
            assert [sum(column) for column in zip(*ours, strict=True)][0::2] == [66, 21]


POINTS = checklists.read(
    [{"id": "f1", "text": "Penicillin allergy", "critical": True, "must": ["allerg", "penicillin"]},
     {"id": "f2", "text": "A cough", "critical": False, "must": ["cough"]}],
    [{"id": "x1", "text": "Amoxicillin given", "critical": True, "bad": ["amoxicillin"]}],
)  # fmt: skip


def test_a_heading_counts_for_what_stands_under_it() -> None:
    assert checklists.units("ALLERGIES\n- Penicillin.\n- None other") == [
        "ALLERGIES", "ALLERGIES: Penicillin.", "ALLERGIES: None other",
    ]  # fmt: skip
    marks = checklists.mark(POINTS, "ALLERGIES\n\nPenicillin.\n\nPLAN\n\nStart amoxicillin 500 mg. Rest.")
    assert [p.id for p in marks.stated] == ["f1"]
    assert [p.id for p in marks.missing] == ["f2"]
    assert [(p.id, unit) for p, unit in marks.hits] == [("x1", "Start amoxicillin 500 mg.")]


def test_figures_are_shares_over_all_visits_together() -> None:
    items = [answering.Item(k, "note", "", "A cough.", "One two three four.", POINTS) for k in "ab"]
    answers = [
        Written("a", "Allergy to penicillin, cough.", ("end", "end"), 5, 1.0),
        Written("b", "Amoxicillin.", ("loop", "end"), 5, 1.0),
    ]
    found = scoring.summary(items, answers)
    figures = found["figures"]
    assert figures["critical.recall"] == figures["fact.recall"] == figures["forbidden.share"] == 50.0
    assert (figures["words.ratio"], figures["incomplete"], figures["forbidden.critical"]) == (5 / 8, 50.0, 0.5)
    assert found["intervals"]["critical.recall"] == (0.0, 100.0)
    row = report.ReportRow("m", "ours", 2, figures, found["intervals"])
    shown = report.columns([row])
    assert {"critical.recall", "forbidden.share", "words.ratio", "incomplete", "loop"} <= shown.keys()
    assert report.cell(row, "words.ratio") == "0.62"


@given(st.text(max_size=400))
def test_any_note_has_units(text: str) -> None:
    assert all(unit.strip() for unit in checklists.units(text))


FORBIDDEN = [{"id": "x1", "text": "t", "critical": True, "bad": ["x"]}]


def test_it_is_never_trained_on_and_a_broken_list_is_named_by_its_line(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no split 'train'"):
        sources.read("facts_dev", sources.data_dir(), "train")
    folder = tmp_path / "facts_dev"
    folder.mkdir()
    good = {"id": "a", "dialogue": "Doctor: hi.", "note": "PLAN\n\nRest.", "forbidden": FORBIDDEN}
    for facts in ([{"id": "f"}], ["text"], [{"id": "f", "text": "t", "critical": True, "must": ["("]}]):
        (folder / "encounters.jsonl").write_text(json.dumps(good | {"facts": facts}), encoding="utf-8")
        with pytest.raises(TrainingError, match=r"line 1.*malformed"):
            sources.read("facts_dev", tmp_path, "dev")
