"""Taggers among the strategies of an evaluation: what is written is scored as every other answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.contract.fields import FieldEntry
from edge.contract.schemas import FIELD_KEYS
from edge.errors import BundleError, UsageError
from edge.tasks.extract import Extraction
from training import answering, evaluation, ladder, spans
from training.evaluation import Evaluation
from training.tagger_config import TaggerConfig


def test_an_extraction_is_an_answer_that_scores() -> None:
    entries = {"diagnosis": (FieldEntry("Gout", 0, 4), FieldEntry("gout", 9, 13))}
    answer = ladder.as_json(Extraction(entries, False, 0, 0, 0.1, "end"))
    assert spans.parse(answer) == {key: ["Gout"] if key == "diagnosis" else [] for key in FIELD_KEYS}
    assert list(json.loads(answer)) == list(FIELD_KEYS)


def test_judging_needs_a_tagger() -> None:
    with pytest.raises(UsageError, match="needs a tagger"):
        ladder.writer("judge", None)


def test_rows_are_named_by_tagger_and_judge() -> None:
    chosen = Evaluation("elmtex-valid", strategy="judge", label="q05b", tagger=Path("bundles/tagger-minilm"))
    assert evaluation._label(chosen) == "tagger-minilm, doubtful spans judged by q05b"


def test_a_set_may_be_one_language_of_a_source() -> None:
    assert set(answering.LANGUAGES) <= set(answering.SETS)
    assert {answering.SETS[name] for name in answering.LANGUAGES} == {("elmtex_synthetic", "valid")}


def test_reports_of_ones_own_need_no_data_folder() -> None:
    def config(**task: object) -> TaggerConfig:
        return TaggerConfig.model_validate({"name": "own", "base": "b", "tasks": {"fields": task}})

    own = config(kind="reports", labels=["stage"], train=["own.jsonl"], validate=["own.jsonl"])
    assert not own.needs_data
    assert config(kind="reports", train=["own.jsonl", "elmtex_aci"], validate=["own.jsonl"]).needs_data
    assert config(kind="facts", train=["aci-train"], validate=["aci-valid"]).needs_data


def test_fields_of_ones_own_are_counted_by_their_own_keys() -> None:
    counts = spans.report_counts({"stage": ["pT2"]}, {"stage": ["pT2", "pN1"]}, True, ["stage"])
    assert {key: (c.matched, c.predicted, c.wanted) for key, c in counts.items()} == {"stage": (1, 2, 1)}


def test_a_bundle_is_evaluated_with_the_threads_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def load(folder: Path, *, allow_unsigned: bool, threads: int) -> object:
        asked.append(threads)
        raise BundleError("There is no bundle.")

    monkeypatch.setattr("edge.engine.loader.load_engine", load)
    chosen = Evaluation("elmtex-valid", bundle=tmp_path, threads=1)
    with pytest.raises(BundleError):
        evaluation._engine(chosen)
    assert asked == [1]
