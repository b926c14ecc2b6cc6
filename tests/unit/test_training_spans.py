"""Span F1 follows the annotation guide: one to one, half of the longer and a third of the other."""

import json

import pytest

from edge.contract.schemas import FIELD_KEYS, extraction_target
from training import scoring, spans
from training.answering import Item, Written


@pytest.mark.parametrize(
    ("wanted", "predicted", "exact", "relaxed"),
    [
        (["denies fever"], ["Denies  fever"], 1, 1),
        (["denies fever"], ["denies fever."], 1, 1),
        (["lisinopril 20 mg daily"], ["lisinopril 20 mg"], 0, 1),
        (["lisinopril 20 mg daily"], ["lisinopril"], 0, 0),
        (["a", "a"], ["a"], 1, 1),
        (["a"], ["a", "a", "a"], 1, 1),
        (["a b", "a b c"], ["a b c", "a b"], 2, 2),
        ([], ["x"], 0, 0),
        ([], [], 0, 0),
        (["x"], [""], 0, 0),
    ],
)
def test_matches(wanted: list[str], predicted: list[str], exact: int, relaxed: int) -> None:
    assert spans.count(wanted, predicted, relaxed=False).matched == exact
    assert spans.count(wanted, predicted, relaxed=True).matched == relaxed


def test_f1_counts_both_sides() -> None:
    assert spans.Counts(1, 2, 2).f1 == 50.0
    assert spans.Counts().f1 == 100.0
    assert spans.Counts(0, 3, 0).f1 == 0.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"age": ["5"]}',
        "[" * 5000,
        "[" + "1" * 5000 + "]",
        extraction_target({})[:-1],
        '{"age": 1}',
    ],
)
def test_what_is_not_the_promised_shape_is_no_answer(text: str) -> None:
    assert spans.parse(text) is None


def test_a_whole_report_is_scored_over_all_fields() -> None:
    reference = extraction_target({"age": ["58-year-old"], "gender": ["male"]})
    item = Item("x", "extract", "", "a 58-year-old male", reference)
    good = scoring.summary([item], [Written("x", reference, ("end",), 9, 1.0)])["figures"]
    assert good["span.f1.exact"] == good["span.f1.relaxed"] == good["json.valid"] == 100.0
    assert good["field.rouge1"] == 100.0
    half = extraction_target({"age": ["58-year-old"], "diagnosis": ["gout"]})
    figures = scoring.summary([item], [Written("x", half, ("end",), 9, 1.0)])["figures"]
    assert figures["span.f1.exact"] == 50.0
    assert figures["verbatim"] == 50.0
    broken = scoring.summary([item], [Written("x", half[:-3], ("length",), 9, 1.0)])["figures"]
    assert broken["json.valid"] == broken["span.f1.relaxed"] == broken["field.rouge1"] == 0.0
    assert len(json.loads(half)) == len(FIELD_KEYS) == 15
