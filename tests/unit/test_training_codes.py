"""Measuring candidate codes: sets with accepted alternatives, counts, ranks, calibration; and the pairs that train."""

from __future__ import annotations

import json
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
from catalogue_kit import catalogue_folder
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from edge.coding.candidates import LIKELY
from edge.coding.confidence import calibrated
from edge.coding.retrieval import Retriever
from edge.errors import TrainingError, UsageError
from edge.terminology.index import open_catalogue
from training import code_evaluation, code_sets
from training.code_calibration import isotonic
from training.code_pairs import CodePairs, lay_words, mistyped
from training.code_scores import CodeCounts, calibration_error, count, figures, ranks, reliability
from training.code_sets import CodedNote, coded_notes

NOTE = CodedNote("n", "text", ("I10", "E78.00"), {"E78.00": ("E78.5",)}, frozenset({"Z79.4"}))
CODES = st.lists(st.sampled_from(["I10", "E78.00", "E78.5", "Z79.4", "I11.9"]), unique=True)


@pytest.mark.parametrize(
    ("given_codes", "expected"),
    [
        (["I10", "E78.5"], (2, 2, 2)),
        (["I10", "E78.5", "E78.00"], (2, 3, 2)),
        (["Z79.4"], (0, 0, 2)),
        (["I11.9"], (0, 1, 2)),
        ([], (0, 0, 2)),
    ],
)
def test_a_code_is_met_once_and_optional_ones_cost_nothing(
    given_codes: list[str], expected: tuple[int, int, int]
) -> None:
    found = count(given_codes, NOTE)
    assert (found.right, found.given, found.wanted) == expected


def test_categories_are_compared_by_three_characters() -> None:
    assert count(["E78.2", "I10"], NOTE, 3) == CodeCounts(2, 2, 2)


@given(CODES)
def test_counts_stay_within_each_other(given_codes: list[str]) -> None:
    found = count(given_codes, NOTE)
    assert 0 <= found.right <= min(found.given, found.wanted)
    assert 0 <= found.f1 <= 1


def test_micro_and_macro_figures() -> None:
    shown = figures([CodeCounts(1, 1, 1), CodeCounts(0, 1, 3)])
    assert (shown["precision"], shown["recall"], shown["f1"]) == (50.0, 25.0, 33.3)
    assert (shown["macro precision"], shown["macro f1"]) == (50.0, 50.0)


def test_ranks_take_the_best_of_what_is_accepted() -> None:
    places = {"E78.5": 3, "E78.00": 20}
    found = ranks([NOTE], lambda _, code: places.get(code))
    assert found.ranks == (None, 3)
    assert (found.within(10), found.within(3)) == (50.0, 0.0)


def test_a_confidence_that_says_the_truth_has_no_error() -> None:
    bins = reliability([(0.75, True)] * 3 + [(0.75, False)])
    assert [(one.count, one.right) for one in bins] == [(4, 0.75)]
    assert calibration_error(bins) == 0.0
    assert calibration_error(reliability([(1.0, False)])) == 1.0


def _data(folder: Path) -> Path:
    visits = "encounter_id,dialogue,note\nV1,[doctor] hi,ASSESSMENT: Hypertension.\nV2,[doctor] hi,None.\n"
    (folder / "aci_bench").mkdir()
    (folder / "aci_bench" / "valid.csv").write_text(visits)
    (folder / "icd10_aci").mkdir()
    rows = [
        {"encounter_id": "V1", "aci_split": "valid", "codes": ["I10"]},
        {"encounter_id": "V2", "aci_split": "train", "codes": ["E11.9"]},
    ]
    (folder / "icd10_aci" / "icd10cm_codes.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def test_only_notes_of_the_split_with_codes_are_read(tmp_path: Path) -> None:
    (one,) = coded_notes(_data(tmp_path), "icd-aci-valid")
    assert (one.id, one.codes) == ("V1", ("I10",))
    with pytest.raises(UsageError):
        coded_notes(tmp_path, "icd-aci-test2")


def test_a_record_that_lacks_its_codes_is_named(tmp_path: Path) -> None:
    (_data(tmp_path) / "icd10_aci" / "icd10cm_codes.jsonl").write_text('{"encounter_id": "V1"}')
    with pytest.raises(TrainingError, match="not complete"):
        coded_notes(tmp_path, "icd-aci-valid")


def test_an_evaluation_of_rules_says_every_stage(tmp_path: Path) -> None:
    said: list[str] = []
    found = code_evaluation.run(None, "icd-aci-valid", _data(tmp_path), tmp_path / "out", 0, said.append)
    assert found["stages"]["extraction"]["exact"]["f1"] == 100.0
    assert found["retrieval"]["words"]["lexical"]["recall@50"] == 100.0
    assert found["quotes verbatim"] == 100.0
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == found
    drawn = fromstring((tmp_path / "out" / "calibration.svg").read_text())
    assert len(drawn.findall("{*}circle")) == len(found["calibration"]["bins"]) == 1
    assert said


def test_a_code_made_by_a_seventh_character_is_found_with_the_entry_above(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    catalogue = open_catalogue(catalogue_folder(tmp_path_factory))
    note = CodedNote("n", "Sprain of right ankle.", ("S93.401A",))
    best = {"n": code_evaluation.best_ranks(note.note, Retriever(catalogue))["lexical"]}
    (rank,) = code_evaluation.rank_of([note], catalogue, best).ranks
    assert rank is not None
    assert rank < 10


def test_pairs_come_from_the_catalogue_and_repeat_with_their_seed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    catalogue = open_catalogue(catalogue_folder(tmp_path_factory))
    first, again = ([*CodePairs(catalogue, 7).batches(2, 24)] for _ in range(2))
    assert first == again
    terms: dict[str, set[str]] = {}
    for code, text in catalogue.terms():
        terms.setdefault(code, set()).add(text)
    for batch in first:
        assert len({pair.code for pair in batch}) == 24
        assert all(pair.positive in terms[pair.code] for pair in batch)
        assert all(pair.negative not in terms[pair.code] for pair in batch)
        assert all(pair.anchor.strip() for pair in batch)


def test_lay_words_are_many_and_typing_errors_small() -> None:
    import random

    assert len(lay_words()) > 80
    for seed in range(30):
        assert abs(len(mistyped("hypertension of pregnancy", random.Random(seed))) - 25) <= 1


def test_what_a_score_is_worth_never_falls_and_claims_no_certainty() -> None:
    scored = [(0.9, True)] * 8 + [(0.9, False)] + [(0.5, False)] * 4 + [(0.6, True), (0.7, False)]
    steps = isotonic(scored)
    assert [score for score, _ in steps] == sorted(score for score, _ in steps)
    shares = [share for _, share in steps]
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.3
    assert 0.7 < shares[-1] < 1


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
def test_steps_of_any_scores_grow(scored: list[tuple[float, bool]]) -> None:
    steps = isotonic(scored)
    assert all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(steps))


def test_the_shipped_confidence_grows_with_the_score() -> None:
    shares = [calibrated(score / 100) for score in range(101)]
    assert shares == sorted(shares)
    assert calibrated(0.9) > LIKELY > calibrated(0.55)


def test_labels_of_synthetic_visits_are_codes_of_the_catalogue(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    catalogue = open_catalogue(catalogue_folder(tmp_path_factory))
    rows = tomllib.loads((Path(code_sets.__file__).parent / "code_labels.toml").read_text(encoding="utf-8"))
    assert len(rows) == 36
    for row in rows.values():
        for code in (*row["codes"], *(one for many in row.get("accept", {}).values() for one in many)):
            entry = catalogue.get(code)
            assert entry is not None, code
            assert entry.billable, code
