"""Two processes against one, on tiny random weights: the rows of a step shared, and with run.shard the weights too."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import several
import torch
from once import once
from safetensors.torch import load_file

from edge.errors import TrainingError, UsageError
from tests import tiny
from training import checkpoint, cli, config, lora, runlog
from training.mixing import PreparedSets

pytestmark = [pytest.mark.model, pytest.mark.long]

OPTIONS = """
[lora]
rank = 3
alpha = 6
[batch]
tokens = 400
row_tokens = 130
free_tokens = 100
[optimiser]
learning_rate = 5e-3
epochs = 100
max_steps = 6
[run]
shard = true
threads = 1
precision = "fp32"
checkpoint_steps = 3
checkpoint_seconds = 0
validate_steps = 3
stop_on = "rouge"
rouge_answers = 3
rouge_tokens = 4
"""
EARLY = ["optimiser.learning_rate=1e-5", "run.validate_steps=1", "run.patience=2"]  # the same is written at every step


@dataclass(frozen=True)
class Made:
    """cache: where the runs lie. code, said: of the launcher of two processes, one of which was killed at the end."""

    cache: Path
    code: int
    said: str

    def run(self, name: str) -> Path:
        return self.cache / "runs" / name

    def figures(self, name: str, key: str) -> list[float]:
        return [facts[key] for facts in runlog.read(self.run(name) / "metrics.jsonl") if key in facts]


def _rows(path: Path, first: int, count: int) -> str:
    line = {"kind": "report", "instruction": "Which number?"}
    rows = [
        {**line, "document": f"the number {i} " + "and the other " * (i % 5), "target": f"the {i}"}
        for i in range(first, first + count)
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return json.dumps(str(path))


def _config(folder: Path, family: str, kind: str) -> Path:
    base = tiny.make(family, folder / family)
    shape = json.loads((base / "config.json").read_text(encoding="utf-8"))
    still = {key: 0.0 if "dropout" in key else value for key, value in shape.items()}
    (base / "config.json").write_text(json.dumps(still), encoding="utf-8")
    train, valid = _rows(folder / "rows.jsonl", 0, 13), _rows(folder / "valid.jsonl", 90, 5)
    own = f"[base]\nname = {json.dumps(str(base))}\nkind = {json.dumps(kind)}\n"
    data = f"[data]\npasses = {{ {train} = 1.0 }}\nvalidate = [{valid}]\n"
    path = folder / f"{family}.toml"
    path.write_text(own + data + OPTIONS, encoding="utf-8")
    return path


def _argv(path: Path, name: str, *changes: str) -> list[str]:
    sets = [word for change in changes for word in ("--set", change)]
    return ["run", str(path), "--id", name, "--data", str(path.parent), *sets]


def _cut_back(cache: Path, source: str, target: str) -> list[str]:
    """A run as it was after step 3, and the command line that goes on with it."""
    run = cache / "runs" / target
    shutil.copytree(cache / "runs" / source, run)
    shutil.rmtree(run / "checkpoints" / "step-0000006")
    shutil.rmtree(run / "adapter")
    return ["run", "--resume", target, "--data", str(cache)]


def _make(cache: Path) -> Made:
    decoder, other = _config(cache, "qwen2", "decoder"), _config(cache, "bart", "encoder-decoder")
    pairs: dict[str, list[str]] = {
        "shared": _argv(decoder, "shared"),
        "early": _argv(other, "early", *EARLY),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGESCRIBE_CACHE", str(cache))
        for name, argv in pairs.items():
            assert cli.main([f"{name}-1" if word == name else word for word in argv]) == 0
        jobs: list[dict[str, Any]] = [{"argv": argv, "look": name == "shared"} for name, argv in pairs.items()]
        jobs += [
            {"argv": _cut_back(cache, "shared-1", "from-one")},
            {"argv": _argv(decoder, "rows", "run.shard=false")},
            {"argv": _argv(decoder, "killed"), "dies_at": 5},
        ]
        return Made(cache, *several.launch(jobs, cache))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return once(tmp_path_factory, "processes", _make)


@pytest.fixture(autouse=True)
def cache(made: Made, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGESCRIBE_CACHE", str(made.cache))
    return made.cache


def _same_weights(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> None:
    assert one.keys() == two.keys()
    assert len(one) >= 28
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-4, atol=1e-6, msg=name)


def _adapter(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "adapter" / "adapter_model.safetensors")


def _same_run(made: Made, one: str, two: str) -> None:
    for key in ("loss", "valid_loss", "norm"):
        assert made.figures(two, key) == pytest.approx(made.figures(one, key), rel=1e-4)
    assert made.figures(two, "valid_rouge") == made.figures(one, "valid_rouge")
    _same_weights(_adapter(made.run(one)), _adapter(made.run(two)))


def test_rows_shared_by_two_processes_follow_the_curve_of_one(made: Made) -> None:
    assert "2 process(es)" in made.said
    assert len(made.figures("shared-1", "loss")) == 6
    _same_run(made, "shared-1", "rows")


def test_weights_shared_by_two_processes_follow_the_curve_of_one(made: Made) -> None:
    assert len(made.figures("shared-1", "valid_loss")) == 2 == len(made.figures("shared-1", "valid_rouge"))
    assert min(made.figures("shared-1", "norm")) > 1  # all are clipped, by the norm over both shares
    _same_run(made, "shared-1", "shared")


def test_each_process_holds_its_share_alone(made: Made) -> None:
    """Between steps, counted over every tensor of the process: about half of base, adapter and optimiser. After each
    layer of the forward pass: about half of the weights but those outside the layers."""
    state = torch.load(checkpoint.complete(made.run("shared") / "checkpoints")[0] / "state.pt", weights_only=True)
    trained = sum(t.nbytes for t in state["model"].values())
    base = load_file(made.cache / "qwen2" / "model.safetensors")
    weights = sum(t.nbytes for t in base.values()) + trained
    outside = sum(t.nbytes for name, t in base.items() if ".layers." not in name)
    held = [json.loads((made.cache / f"held-{rank}.json").read_text(encoding="utf-8")) for rank in (0, 1)]
    assert sum(h["between"] for h in held) >= weights + 2 * trained
    assert max(h["between"] for h in held) < 0.6 * (weights + 2 * trained)
    assert outside < min(h["within"] for h in held)
    assert max(h["within"] for h in held) < outside + 0.6 * (weights - outside)


def test_a_checkpoint_of_several_is_that_of_one(made: Made) -> None:
    one, two = (
        torch.load(made.run(name) / "checkpoints" / "step-0000003" / "state.pt", weights_only=True)
        for name in ("shared-1", "shared")
    )
    assert one.keys() == two.keys()
    _same_weights(one["model"], two["model"])
    first, second = one["optimiser"], two["optimiser"]
    assert first["param_groups"] == second["param_groups"]
    assert first["state"].keys() == second["state"].keys()
    for number, values in first["state"].items():
        assert values.keys() == {"step", "exp_avg", "exp_avg_sq"}
        for key, value in values.items():
            torch.testing.assert_close(second["state"][number][key], value, rtol=1e-3, atol=1e-6)


def test_two_go_on_with_a_run_of_one_and_one_with_a_run_of_two(made: Made) -> None:
    _same_run(made, "shared-1", "from-one")
    assert cli.main(_cut_back(made.cache, "shared", "from-two")) == 0
    _same_run(made, "shared-1", "from-two")


def test_early_stopping_by_written_answers_takes_the_best_weights(made: Made) -> None:
    """An encoder-decoder this time."""
    assert len(made.figures("early", "valid_rouge")) == 3 == len(made.figures("early", "loss"))
    _same_run(made, "early-1", "early")
    best = torch.load(made.run("early") / "checkpoints" / "best.pt", weights_only=True)
    last = torch.load(checkpoint.complete(made.run("early") / "checkpoints")[-1] / "state.pt", weights_only=True)
    weights = _adapter(made.run("early"))
    adapter = {name.replace(".weight", ".default.weight"): tensor for name, tensor in weights.items()}
    assert adapter.keys() == best.keys()
    assert all(torch.equal(adapter[name], best[name]) for name in best)
    assert any(not torch.equal(adapter[name], last["model"][name]) for name in best)


def test_a_killed_process_ends_the_other_and_nothing_saved_is_lost(made: Made) -> None:
    assert made.code != 0
    assert "SIGKILL" in made.said or "exitcode  : -9" in made.said, made.said[-2000:]
    assert len(made.figures("killed", "loss")) < 6
    assert [p.name for p in checkpoint.complete(made.run("killed") / "checkpoints")] == ["step-0000003"]
    assert cli.main(["run", "--resume", "killed", "--data", str(made.cache)]) == 0
    _same_run(made, "shared-1", "killed")


def test_the_process_that_is_left_says_so() -> None:
    loop: Any = SimpleNamespace(accelerator=SimpleNamespace(num_processes=2), cursor=checkpoint.Cursor(step=4))
    with pytest.raises(TrainingError, match="Another process of this run ended at step 4"), lora._named_errors(loop):
        raise RuntimeError("[pair.cc:537] Read error [127.0.0.1]:57064: Connection reset by peer.")


@pytest.mark.parametrize("way", ["FSDP", "DEEPSPEED", "MEGATRON_LM", "PARALLELISM_CONFIG"])
def test_other_ways_to_cut_a_model_are_refused(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"ACCELERATE_USE_{way}", "true")
    with pytest.raises(TrainingError, match=r"not supported.*run\.shard = true"):
        lora.train(config.Config(), PreparedSets({}, [], {}), tmp_path, False, print)


def test_a_quantised_base_is_not_shared() -> None:
    raw = {"base": {"name": "b", "quantise": "4bit"}, "run": {"shard": True}}
    with pytest.raises(UsageError, match=r"run\.shard does not go with base\.quantise"):
        config.parse(raw, "test")
