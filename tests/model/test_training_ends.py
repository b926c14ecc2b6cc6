"""What ends a run on tiny random weights: time or patience; which weights it leaves, and how it goes on."""

import shutil
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge.errors import TrainingError
from tests import tiny
from tests.training_kit import PREPARED, logged
from tests.training_kit import quiet as _quiet
from tests.training_kit import small as _config
from training import lora, runlog, validation
from training.config import Config
from training.packing import Branch, Encoded

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make("qwen2", tmp_path_factory.mktemp("base"))


def test_a_time_budget_ends_the_run_at_rate_zero(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10_000))  # a step takes from one reading to the next: 0.05 s, whatever the machine does
    monkeypatch.setattr(
        lora, "time", SimpleNamespace(perf_counter=lambda: 0.05 * next(clock), monotonic=time.monotonic)
    )
    chosen = _config(base, optimiser={"epochs": 0, "max_seconds": 1.0})
    outcome = lora.train(chosen, PREPARED, tmp_path, False, _quiet)
    rates = [facts["rate"] for facts in runlog.read(tmp_path / "metrics.jsonl")]
    assert outcome.reason == "time"
    assert outcome.seconds == pytest.approx(1.0)
    assert len(rates) == 20
    assert max(rates) == pytest.approx(5e-3, rel=0.02)
    assert rates[-1] < 0.01 * max(rates)


def _validated(base: Path, **options: object) -> Config:
    """A run at a rate so high that its validations soon get worse."""
    optimiser = {"learning_rate": 0.5, "epochs": 50}
    return _config(base, optimiser=optimiser, run={"validate_steps": 1, "patience": 2, **options})


def _adapter(folder: Path) -> bytes:
    return (folder / "adapter" / "adapter_model.safetensors").read_bytes()


def _judged(base: Path, folder: Path) -> float:
    """Validation loss of a run's adapter."""
    again = {"lora": {"start": str(folder / "adapter")}, "optimiser": {"learning_rate": 1e-8, "max_steps": 1}}
    lora.train(_config(base, **again, run={"validate_steps": 1}), PREPARED, folder / "again", False, _quiet)
    return logged(folder / "again", "valid_loss")[0]


def test_early_stopping_keeps_the_best_weights_and_is_an_end(base: Path, tmp_path: Path) -> None:
    outcome = lora.train(_validated(base), PREPARED, tmp_path, False, _quiet)
    assert outcome.reason == "early stop"
    losses = logged(tmp_path, "valid_loss")
    assert min(losses) == losses[-3] < losses[-1] == outcome.valid_loss
    assert _judged(base, tmp_path) == pytest.approx(min(losses), rel=1e-4)
    # given again, and after a kill between the last checkpoint and the adapter's writing
    whole, metrics = _adapter(tmp_path), runlog.read(tmp_path / "metrics.jsonl")
    shutil.rmtree(tmp_path / "adapter")
    for _ in range(2):
        again = lora.train(_validated(base), PREPARED, tmp_path, True, _quiet)
        assert replace(again, peak_bytes=0) == replace(outcome, peak_bytes=0)
        assert runlog.read(tmp_path / "metrics.jsonl") == metrics
        assert _adapter(tmp_path) == whole
    for damage in (lambda kept: kept.write_bytes(kept.read_bytes()[:-999]), Path.unlink):
        damage(tmp_path / "checkpoints" / "best.pt")
        with pytest.raises(TrainingError, match=r"best validation cannot be read\. .*best\.pt is gone or damaged"):
            lora.train(_validated(base), PREPARED, tmp_path, True, _quiet)
    assert _adapter(tmp_path) == whole


def test_patience_keeps_the_best_weights_of_a_run_that_ends_otherwise(base: Path, tmp_path: Path) -> None:
    """And goes on, if asked to, from the last ones."""
    short = {"learning_rate": 0.5, "epochs": 0, "max_steps": 4}
    run = {"validate_steps": 1, "patience": 9}
    outcome = lora.train(_config(base, optimiser=short, run=run), PREPARED, tmp_path, False, _quiet)
    losses = logged(tmp_path, "valid_loss")
    assert (outcome.reason, len(losses)) == ("end", 4)
    assert min(losses) < losses[-1]
    assert _judged(base, tmp_path) == pytest.approx(min(losses), rel=1e-4)
    further = _config(base, optimiser={**short, "learning_rate": 1e-8, "max_steps": 5}, run=run)
    assert lora.train(further, PREPARED, tmp_path, True, _quiet).steps == 5
    assert logged(tmp_path, "valid_loss") == [*losses, pytest.approx(losses[-1], rel=1e-4)]


def test_stopping_on_rouge_looks_at_what_is_written(base: Path, tmp_path: Path) -> None:
    """At a rate this low the loss still falls while the greedy answers stay as they are."""
    slow = {"lora": {"dropout": 0.0}, "optimiser": {"learning_rate": 1e-5, "epochs": 50}}
    run = {"validate_steps": 1, "patience": 2, "rouge_tokens": 8, "rouge_answers": 4}
    outcome = lora.train(_config(base, **slow, run={**run, "stop_on": "rouge"}), PREPARED, tmp_path, False, _quiet)
    assert (outcome.reason, outcome.steps) == ("early stop", 3)
    assert len(logged(tmp_path, "valid_rouge")) == 3
    losses = logged(tmp_path, "valid_loss")
    assert losses == sorted(losses, reverse=True)


def test_validation_asks_every_part_of_the_set() -> None:
    samples = [Encoded(str(i), (i,), (Branch((1,), (2,)), Branch((3,), (4,)))) for i in range(6)]
    assert [prompt[0] for prompt, _ in validation.pairs(samples, 3)] == [0, 2, 4]
    assert len(validation.pairs(samples, 100)) == 12
    assert validation.pairs([], 3) == []
