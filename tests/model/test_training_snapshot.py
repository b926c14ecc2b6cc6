"""Snapshots of unfinished runs, and which precision a run takes: another machine goes on, and says what is lost."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from edge.errors import TrainingError
from tests import tiny
from tests.training_kit import logged, own_data
from tests.training_kit import quiet as _quiet
from training import checkpoint, cli, model, precision, runlog, snapshot
from training.config import BaseConfig

pytestmark = pytest.mark.model
OPTIONS = "[optimiser]\nepochs = 4\n[batch]\ntokens = 60\nrow_tokens = 60\n[run]\ncheckpoint_steps = 3\nthreads = 1\n"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return tiny.make("qwen2", tmp_path_factory.mktemp("base") / "tiny")


def _unfinished(run: Path, steps: int) -> None:
    """Cut a finished run back to what it was after so many steps."""
    shutil.rmtree(run / "adapter")
    for one in checkpoint.complete(run / "checkpoints"):
        if int(one.name.split("-")[1]) > steps:
            shutil.rmtree(one)
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    (run / "metrics.jsonl").write_text("\n".join(lines[:steps]) + "\n", encoding="utf-8")


def test_another_machine_goes_on_from_a_snapshot(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGESCRIBE_CACHE", str(tmp_path / "here"))
    assert cli.main(["run", *own_data(base, tmp_path, OPTIONS), "--id", "one"]) == 0
    run = tmp_path / "here" / "runs" / "one"
    whole = logged(run, "loss")
    last = [int(one.name.split("-")[1]) for one in checkpoint.complete(run / "checkpoints")]
    _unfinished(run, last[0])
    snapshots = tmp_path / "snapshots"
    (snapshots / "older").mkdir(parents=True)
    (snapshots / "older" / "snapshot.json").touch()
    (snapshots / "README.md").touch()
    assert cli.main(["snapshot", "one", "--out", str(snapshots)]) == 0
    assert {path.name for path in snapshots.iterdir()} == {"one", "README.md"}  # one at a time
    weights = load_file(snapshots / "one" / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float16}
    assert json.loads((snapshots / "one" / "snapshot.json").read_text(encoding="utf-8"))["step"] == last[0]

    monkeypatch.setenv("EDGESCRIBE_CACHE", str(tmp_path / "there"))
    capsys.readouterr()
    assert cli.main(["run", "--from-snapshot", str(snapshots / "one"), "--data", str(tmp_path)]) == 0
    assert "Lost: the optimiser's moments" in capsys.readouterr().err
    other = tmp_path / "there" / "runs" / "one"
    again = logged(other, "loss")
    assert again[: last[0]] == whole[: last[0]]
    assert len(again) == len(whole)
    assert again[last[0]] == pytest.approx(whole[last[0]], rel=1e-3)  # the same sample, weights but for fp16
    assert (other / "adapter" / "adapter_model.safetensors").is_file()
    assert cli.main(["run", "--from-snapshot", str(snapshots / "one")]) == 9
    assert "exists" in capsys.readouterr().err


def test_a_snapshot_is_an_adapter_too(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESCRIBE_CACHE", str(tmp_path))
    assert cli.main(["run", *own_data(base, tmp_path, OPTIONS), "--id", "one"]) == 0
    taken = snapshot.save(tmp_path / "runs" / "one", tmp_path / "snapshots", _quiet)
    one = model.with_adapter(model.load(base, BaseConfig(name=str(base)), torch.float32, False), taken)
    finished = tmp_path / "runs" / "one" / "adapter"
    other = model.with_adapter(model.load(base, BaseConfig(name=str(base)), torch.float32, False), finished)
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    assert all(torch.allclose(a, b, atol=1e-3) for a, b in pairs)


def test_what_is_no_snapshot_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="not a snapshot"):
        snapshot.restore(tmp_path, tmp_path / "run", _quiet)
    with pytest.raises(TrainingError, match="no run"):
        snapshot.save(tmp_path, tmp_path / "out", _quiet)


def test_auto_takes_what_the_probe_finds_and_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "FROM_BYTES", 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    said: list[str] = []
    for ratio, kind in ((2.2, torch.bfloat16), (0.04, torch.float32)):
        monkeypatch.setattr(precision, "gain", lambda ratio=ratio: ratio)
        assert precision.of_run("auto", tmp_path, 1, said.append) == kind
        assert f"{ratio:.1f} times" in said[-1]
    assert "AVX512-BF16" in said[-1]
    assert precision.of_run("auto", tmp_path, 2, said.append) == torch.float32
    assert precision.of_run("bf16", tmp_path, 2, said.append) == torch.bfloat16
    (tmp_path / "environment.json").write_text("{}", encoding="utf-8")
    runlog.remember(tmp_path, "precision", "bf16")
    runlog.remember(tmp_path, "precision", "fp32")
    assert runlog.remembered(tmp_path, "precision") == "bf16"


def test_the_probe_is_short() -> None:
    assert precision.gain() > 0
