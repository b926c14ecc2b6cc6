"""The measure is measured: released predictions must score what their paper prints (Yim et al., Sci Data 2023)."""

import csv
from pathlib import Path

import pytest

from training import intervals, report, rouge, sources

RESULTS = 27  # committed in docs/evaluation
BASELINES = {
    "bart-large-xsum-samsum_clinicalnlp_taskB_test1_division_combined.csv": (53.46, 25.08, 48.62),
    "BART_large_clinicalnlp_taskB_test1_full.csv": (41.76, 19.20, 34.70),
}


def _rows(path: Path) -> list[dict[str, str]]:
    csv.field_size_limit(1 << 30)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.long
@pytest.mark.parametrize("name", BASELINES)
def test_released_predictions_score_the_published_figures(name: str) -> None:
    folder = sources.data_dir() / "aci_bench"
    references = {d.id: d.note for d in sources.aci(sources.data_dir(), "test1")}
    rows = _rows(folder / "baseline_predictions" / name)
    assert len(rows) == len(references) == 40
    kinds = ("rouge1", "rouge2", "rougeLsum")
    found = [rouge.score(references[r["encounter_id"]], r["note"], kinds=kinds) for r in rows]
    means = [round(intervals.mean([one[k] for one in found]) + 1e-9, 2) for k in kinds]
    assert tuple(means) == pytest.approx(BASELINES[name], abs=0.0051)


def test_the_page_of_figures_is_what_its_results_say() -> None:
    folder = Path(__file__).resolve().parents[2] / "docs" / "evaluation"
    assert len(list(folder.rglob("result.json"))) == RESULTS
    tables = report.load([folder])
    assert (folder / "report.md").read_text(encoding="utf-8") == report.markdown(tables, by_field=True)
    assert (folder / "report.html").read_text(encoding="utf-8") == report.page(tables)


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_an_empty_answer_scores_zero(text: str) -> None:
    assert set(rouge.score("fever and cough", text).values()) == {0.0}


def test_one_right_word_and_a_perfect_answer() -> None:
    assert rouge.score("fever and cough", "fever")["rouge1"] == pytest.approx(50.0)
    assert rouge.score("fever and cough", "fever")["rouge2"] == 0.0
    assert set(rouge.score("a b\nc d", "a b\nc d").values()) == {100.0}


@pytest.mark.parametrize("space", [" ", "\n", " \t"])
def test_twenty_thousand_words_are_cut_where_they_stand(space: str) -> None:
    found = rouge.score("fever and cough " * 30, f"fever{space}" * 20_000)
    assert found["rouge1"] == pytest.approx(200 * 30 / (90 + rouge.MAX_WORDS))
    assert rouge._cut(f"a{space}b") == f"a{space}b"


def test_stemming_counts_endings_as_equal() -> None:
    assert rouge.score("she coughs", "she coughing")["rouge1"] == pytest.approx(50.0)
    assert rouge.score("she coughs", "she coughing", stem=True)["rouge1"] == pytest.approx(100.0)


def test_intervals_are_reproducible_and_hold_the_mean() -> None:
    values = [float(i % 7) for i in range(60)]
    low, high = intervals.interval(values, intervals.mean)
    assert low < intervals.mean(values) < high
    assert (low, high) == intervals.interval(values, intervals.mean)
    assert intervals.interval([], intervals.mean) == (0.0, 0.0)
