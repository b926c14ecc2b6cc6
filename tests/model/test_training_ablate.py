"""Comparisons over seeds on tiny random weights: every run judged by set, gone on with, and never another's."""

import json
from pathlib import Path

import pytest
import torch

from tests import tiny
from tests.training_kit import logged, own_data
from training import cli, folders, validation

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make("qwen2", tmp_path_factory.mktemp("base"))


def _full(*_: object) -> float:
    raise torch.OutOfMemoryError("CUDA out of memory.")


def test_one_command_gives_mean_and_spread_over_seeds(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGESCRIBE_CACHE", str(tmp_path / "cache"))
    config, *data = own_data(base, tmp_path, "[batch]\ntokens = 900\n[run]\nthreads = 1\nvalidate_steps = 1\n")
    other = tmp_path / "rank2.toml"
    other.write_text(Path(config).read_text(encoding="utf-8") + "[lora]\nrank = 2\n", encoding="utf-8")
    assert cli.main(["ablate", config, str(other), "--seeds", "2", *data]) == 9
    assert "never validates" in capsys.readouterr().err
    held_out = {"kind": "report", "instruction": "Which number?", "document": "the number 77", "target": "the 77"}
    two = [held_out, {**held_out, "document": "the 5 and the number", "target": "5"}]
    (tmp_path / "held.jsonl").write_text("\n".join(json.dumps(one) for one in two), encoding="utf-8")
    validate = f"data.validate={json.dumps([str(tmp_path / 'held.jsonl')])}"
    (tmp_path / "same").mkdir()
    (tmp_path / "same" / "held.jsonl").write_text(json.dumps(held_out), encoding="utf-8")
    both = f"data.validate={json.dumps([str(tmp_path / 'held.jsonl'), str(tmp_path / 'same' / 'held.jsonl')])}"
    assert cli.main(["ablate", config, "--seeds", "2", *data, "--set", both]) == 9
    assert "two sets of one name" in capsys.readouterr().err
    asked = [config, str(other), "--seeds", "2", *data, "--set", validate]
    assert cli.main(["ablate", *asked]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.keys() == {"c", "rank2"}
    for name, figures in found.items():
        runs = [logged(tmp_path / "cache" / "runs" / f"{name}-seed{seed}", "valid_loss")[-1] for seed in (0, 1)]
        assert runs[0] != runs[1]
        assert figures["valid_loss"]["mean"] == pytest.approx(sum(runs) / 2)
        assert figures["valid_loss"]["spread"] == pytest.approx(abs(runs[0] - runs[1]) / 2**0.5)
        assert figures["by_set"].keys() == {"held"}
        # the adapter as it lies on the disk, judged again, is the network that was validated after the last step
        assert figures["by_set"]["held"]["runs"] == pytest.approx(runs, rel=1e-6)
    first, second = (found[name]["by_set"]["held"]["runs"] for name in ("c", "rank2"))
    assert "difference" not in found["c"]
    difference = found["rank2"]["difference"]["held"]
    assert difference["runs"] == [b - a for a, b in zip(first, second, strict=True)]
    assert difference["spread"] > 0
    assert cli.main(["ablate", *asked]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == found
    assert "step 1" not in captured.err
    assert cli.main(["ablate", *asked, "--valid-tokens", "1"]) == 0  # figures over other documents are others
    assert json.loads(capsys.readouterr().out)["c"]["by_set"] != found["c"]["by_set"]
    adapter = tmp_path / "cache" / "runs" / "c-seed0" / "adapter" / "adapter_model.safetensors"
    whole = adapter.read_bytes()
    adapter.write_bytes(whole[: len(whole) // 2])  # as a kill leaves it
    assert cli.main(["ablate", *asked]) == 0
    assert json.loads(capsys.readouterr().out) == found
    assert adapter.read_bytes() == whole
    with monkeypatch.context() as patch:
        patch.setattr(validation, "loss", _full)
        assert cli.main(["ablate", *asked, "--valid-tokens", "1"]) == 9
    assert "Memory ran out while the run 'c-seed0' was judged." in capsys.readouterr().err
    assert cli.main(["ablate", *asked, "--valid-tokens", "-1"]) == 2
    assert cli.main(["ablate", config, config, *data]) == 2
    assert "Two configurations have one name" in capsys.readouterr().err
    assert cli.main(["ablate", config, "--seeds", "0", *data]) == 2
    assert cli.main(["ablate", *asked, "--set", "lora.rank=4"]) == 9
    assert "another configuration" in capsys.readouterr().err
    assert cli.main(["ablate", *asked, "--prefix", "../"]) == 2
    with folders.hold(tmp_path / "cache" / "runs" / "c-seed0", "It"):
        assert cli.main(["ablate", *asked]) == 9
    assert "The run 'c-seed0' is in use" in capsys.readouterr().err
    wrong = ["ablate", *asked, "--prefix", "short-", "--set", "batch.max_tokens=20", "--set", "batch.row_tokens=20"]
    assert cli.main(wrong) == 9
    assert "batch.max_tokens is 20" in capsys.readouterr().err
    assert not (tmp_path / "cache" / "runs" / "short-c-seed0" / "config.json").exists()  # its id is free once mended


def test_one_process_has_one_precision(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, *data = own_data(base, tmp_path, "[run]\nprecision = 'fp32'\n")
    other = tmp_path / "half.toml"
    other.write_text(Path(config).read_text(encoding="utf-8").replace("fp32", "bf16"), encoding="utf-8")
    assert cli.main(["ablate", config, str(other), *data]) == 2
    assert "in different precisions" in capsys.readouterr().err
