"""The mean of adapters: shares, what has no mean, and a card that says what it is."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from edge.errors import TrainingError
from training import averaging, cli, config, publish, runlog

NAME = "base_model.model.model.layers.0.mlp.up_proj.lora_{}.weight"


def _run(runs: Path, name: str, value: float, rank: int = 2, **options: object) -> Path:
    folder = runs / name
    (folder / "adapter").mkdir(parents=True)
    weights = {NAME.format("A"): torch.full((rank, 4), value), NAME.format("B"): torch.full((4, rank), -value)}
    save_file(weights, str(folder / "adapter" / "adapter_model.safetensors"))
    facts = {"r": rank, "lora_alpha": 4, "target_modules": ["up_proj"], "base_model_name_or_path": "/x", **options}
    (folder / "adapter" / "adapter_config.json").write_text(json.dumps(facts), encoding="utf-8")
    runlog.begin(folder, config.parse({"base": {"name": "tiny"}}, name), {"mts.kept": int(10 * value)})
    return folder


def test_a_mean_of_shares(tmp_path: Path) -> None:
    runs = [_run(tmp_path, "a", 1.0), _run(tmp_path, "b", 4.0)]
    made = averaging.average(runs, [3, 1], tmp_path / "mean")
    weights = load_file(str(made / "adapter" / "adapter_model.safetensors"))
    assert weights[NAME.format("A")].unique().tolist() == [1.75]
    assert weights[NAME.format("B")].unique().tolist() == [-1.75]
    facts = json.loads((made / "environment.json").read_text(encoding="utf-8"))
    assert facts["averaged"] == {"a": 0.75, "b": 0.25}
    assert facts["counts"] == {"mts.kept": 40}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "mean"]


def test_equal_parts_by_default_and_the_verb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGESCRIBE_CACHE", str(tmp_path))
    for name, value in (("a", 1.0), ("b", 2.0), ("c", 6.0)):
        _run(tmp_path / "runs", name, value)
    assert cli.main(["average", "a", "b", "c", "--id", "mean"]) == 0
    folder = Path(capsys.readouterr().out.strip())
    weights = load_file(str(folder / "adapter" / "adapter_model.safetensors"))
    assert weights[NAME.format("A")].unique().tolist() == pytest.approx([3.0])
    assert cli.main(["average", "a", "b", "--id", "mean"]) != 0
    assert "exists" in capsys.readouterr().err


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [0.0, 0.0], [1.0, float("nan")]])
def test_weights_that_are_no_shares_are_refused(tmp_path: Path, weights: list[float]) -> None:
    runs = [_run(tmp_path, "a", 1.0), _run(tmp_path, "b", 2.0)]
    with pytest.raises(TrainingError, match="weights"):
        averaging.average(runs, weights, tmp_path / "mean")
    assert not (tmp_path / "mean").exists()


def test_adapters_without_a_mean_are_refused(tmp_path: Path) -> None:
    a, wide = _run(tmp_path, "a", 1.0), _run(tmp_path, "wide", 1.0, rank=3)
    with pytest.raises(TrainingError, match="differs from that of a in r"):
        averaging.average([a, wide], [], tmp_path / "mean")
    deep = _run(tmp_path, "deep", 1.0, layers_to_transform=[0])
    with pytest.raises(TrainingError, match="layers_to_transform"):
        averaging.average([a, deep], [], tmp_path / "mean")
    with pytest.raises(TrainingError, match="named once"):
        averaging.average([a, a], [], tmp_path / "mean")
    torn = _run(tmp_path, "torn", 1.0) / "adapter" / "adapter_model.safetensors"
    torn.write_bytes(torn.read_bytes()[:60])
    with pytest.raises(TrainingError, match="torn is damaged"):
        averaging.average([a, tmp_path / "torn"], [], tmp_path / "mean")
    for name, match in (
        ("adapter/adapter_config.json", "broken is damaged"),
        ("environment.json", "'broken' does not say"),
    ):
        broken = _run(tmp_path, "broken", 1.0)
        (broken / name).write_text("{", encoding="utf-8")
        with pytest.raises(TrainingError, match=match):
            averaging.average([a, broken], [], tmp_path / "mean")
        shutil.rmtree(broken)
    (deep / "adapter" / "adapter_model.safetensors").unlink()
    with pytest.raises(TrainingError, match="has not ended"):
        averaging.average([a, deep], [], tmp_path / "mean")
    assert not (tmp_path / "mean").exists()


def test_the_card_of_a_mean_says_so(tmp_path: Path) -> None:
    made = averaging.average([_run(tmp_path, "a", 1.0), _run(tmp_path, "b", 2.0)], [], tmp_path / "mean")
    publish.publish(made, "tiny", [], "It invents.", tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "Mean of the adapters a (50 %), b (50 %)" in card
    assert "steps" not in card.split("## Data")[0]
