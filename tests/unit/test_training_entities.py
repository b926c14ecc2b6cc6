"""Entities are found by any of their names, once a text, the longest first; the figure reaches the tables."""

import pytest

from edge.errors import TrainingError
from training import entities, report, scoring
from training.answering import Item, Written


def test_the_catalogue_is_whole() -> None:
    assert len(entities.terms()) > 25_000


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", set()),
        ("The patient is well.", set()),
        ("high blood pressure", {"I10"}),
        ("Hypertension.", {"I10"}),
        ("No fever, no chills", {"R50.9", "R68.83"}),
        ("congestive heart failure", {"I50.9"}),
        ("heart. failure", set()),
        ("Fevers and fever; FEVER", {"R50.9"}),
        ("takes Zestril for gout", {"lisinopril", "M10"}),
        ("kitchen of single-family house", set()),
    ],
)
def test_terms(text: str, found: set[str]) -> None:
    assert entities.entities(text) == found


NOTES = ("Hypertension. Cough. Takes lisinopril.", "Gout.")


def _figures(*answers: str) -> dict[str, float]:
    items = [Item(str(i), "note", "", "x", note) for i, note in enumerate(NOTES)]
    written = [Written(str(i), answer, ("end",), 1, 1.0) for i, answer in enumerate(answers)]
    summary = scoring.summary(items, written)
    assert "entity.f1" in summary["intervals"]
    return dict(summary["figures"])


def test_f1_counts_entities_of_all_notes_together() -> None:
    assert _figures(*NOTES)["entity.f1"] == 100.0
    assert _figures("", "")["entity.f1"] == 0.0
    # 2 of 4 found and 1 invented: 2 * 2 / (3 + 4)
    assert _figures("High blood pressure, headache.", "gout")["entity.f1"] == pytest.approx(400 / 7)
    assert "entity F1" in report.columns([report.ReportRow("m", "ours", 2, _figures(*NOTES), {})]).values()


def test_twenty_thousand_words_are_read() -> None:
    assert entities.entities("shortness of breath and " * 5000) == {"R06.02"}


def test_without_the_catalogue_the_error_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entities, "find_spec", lambda name: None)
    with pytest.raises(TrainingError, match="ICD-10-CM is not installed"):
        entities.terms.__wrapped__()
