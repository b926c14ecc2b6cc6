"""The whole recipe on tiny random weights: train, kill, resume, evaluate; and what can go wrong."""

import errno
import json
import math
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file

from edge.errors import TrainingError
from tests import tiny
from tests.training_kit import PREPARED, own_data
from tests.training_kit import quiet as _quiet
from tests.training_kit import small as _config
from training import checkpoint, cli, folders, lora, model, publish, runlog

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make("qwen2", tmp_path_factory.mktemp("base"))


def _losses(folder: Path) -> list[float]:
    return [facts["loss"] for facts in runlog.read(folder / "metrics.jsonl") if "loss" in facts]


def test_a_run_learns_and_leaves_what_it_promises(base: Path, tmp_path: Path) -> None:
    chosen = _config(base, optimiser={"epochs": 6}, run={"validate_steps": 4, "checkpoint_steps": 6})
    said: list[str] = []
    outcome = lora.train(chosen, PREPARED, tmp_path, False, said.append)
    losses = _losses(tmp_path)
    assert outcome.reason == "end"
    shown = [line for line in said if re.search(r" [\d]+ tok/s  .* %  left \d+:\d\d:\d\d  peak [\d.]+ GB$", line)]
    assert len(shown) == len(losses)
    assert "  100.0 %  left 0:00:00  " in shown[-1]
    assert outcome.steps == len(losses) >= 18
    assert sum(losses[-3:]) < 0.95 * sum(losses[:3])
    assert outcome.valid_loss is not None
    assert outcome.peak_bytes > 1e6
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()
    assert len(checkpoint.complete(tmp_path / "checkpoints")) == 2
    assert (runlog.curves(tmp_path) or Path()).read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def any_precision() -> Iterator[None]:
    """accelerate keeps one precision a process; the tests around this one have another."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.long
@pytest.mark.usefixtures("any_precision")
def test_half_precision_follows_the_curve_of_full_precision(base: Path, tmp_path: Path) -> None:
    plain = {"lora": {"dropout": 0.0}, "optimiser": {"epochs": 1}}
    for name in ("fp32", "bf16"):
        run = {"precision": name, "checkpoint_steps": 0}
        lora.train(_config(base, **plain, run=run), PREPARED, tmp_path / name, False, _quiet)
        AcceleratorState._reset_state(reset_partial_state=True)
    full, half = (_losses(tmp_path / name) for name in ("fp32", "bf16"))
    assert half == pytest.approx(full, rel=0.01)
    assert half != pytest.approx(full, rel=1e-6)
    assert half[-1] < 0.95 * half[0]
    weights = load_file(tmp_path / "bf16" / "adapter" / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}


def test_dora_and_rslora_are_what_they_say(base: Path, tmp_path: Path) -> None:
    for options, scaling in (({}, 8 / 4), ({"rslora": True, "dora": True}, 8 / 4**0.5)):
        chosen = _config(base, lora=options, optimiser={"max_steps": 2})
        network = model.adapted(base, chosen.base, chosen.lora, chosen.batch, torch.float32)
        layers = [m for m in network.modules() if isinstance(m, LoraLayer)]
        assert len(layers) == 14
        assert [layer.scaling["default"] for layer in layers] == [scaling] * 14
        fresh = {n: p.detach() for n, p in network.named_parameters() if "lora_magnitude_vector" in n}
        assert len(fresh) == (14 if "dora" in options else 0)
    lora.train(chosen, PREPARED, tmp_path, False, _quiet)
    saved = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    trained = {n: t for n, t in saved.items() if "lora_magnitude_vector" in n}
    assert len(trained) == 14
    for name, tensor in trained.items():
        first = next(p for n, p in fresh.items() if name.removesuffix(".weight") in n)
        assert not torch.equal(tensor, first), name
    shape = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
    assert shape["use_dora"]
    assert shape["use_rslora"]


def test_a_resumed_run_ends_where_an_unbroken_one_does(base: Path, tmp_path: Path) -> None:
    """The second run dies between two checkpoints, with dropout on, and loses only what was not saved."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    lora.train(_config(base), PREPARED, whole, False, _quiet)

    class Died(Exception):
        pass

    def dies(line: str) -> None:
        if line.startswith("step 5/"):
            raise Died

    with pytest.raises(Died):
        lora.train(_config(base), PREPARED, broken, False, dies)
    assert [p.name for p in checkpoint.complete(broken / "checkpoints")] == ["step-0000002", "step-0000004"]
    lora.train(_config(base), PREPARED, broken, True, _quiet)
    assert _losses(broken) == _losses(whole)
    first, second = (p / "adapter" / "adapter_model.safetensors" for p in (whole, broken))
    assert first.read_bytes() == second.read_bytes()


def _environment(cache: Path) -> dict[str, str]:
    own = {"EDGESCRIBE_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    return {**os.environ, **own, "PYTHONPATH": os.getcwd()}


# Dies by SIGKILL while the second checkpoint is being written, its weights half on disk.
DIES = """
import os, signal, sys
from training import checkpoint, cli
saved = []
def sync(file):
    saved.extend([file] if "/checkpoints/" in os.readlink(f"/proc/self/fd/{file}") else [])
    if len(saved) == 3:  # weights and cursor of the first, weights of the second
        os.ftruncate(file, os.fstat(file).st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)
checkpoint.os.fsync = sync
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.long
def test_kill_9_while_saving_loses_one_checkpoint_interval(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGESCRIBE_CACHE", str(tmp_path))
    options = "[lora]\ndropout = 0.1\n[batch]\ntokens = 100\n[run]\ncheckpoint_steps = 4\nthreads = 1\n"
    arguments = own_data(base, tmp_path, options + 'checkpoint_seconds = 0\nprecision = "fp32"\n')
    command = [sys.executable, "-c", DIES, "run", *arguments, "--id", "killed"]
    out = subprocess.PIPE
    process = subprocess.Popen(command, env=_environment(tmp_path), stdout=out, stderr=subprocess.STDOUT, text=True)
    assert cli.main(["run", *arguments, "--id", "whole"]) == 0
    said, _ = process.communicate(timeout=240)
    assert process.returncode == -signal.SIGKILL, said[-2000:]
    whole, killed = (tmp_path / "runs" / name for name in ("whole", "killed"))
    assert [p.name for p in checkpoint.complete(killed / "checkpoints")] == ["step-0000004"]
    assert len(_losses(killed)) == 8 < len(_losses(whole))
    assert cli.main(["run", "--resume", "killed", "--data", str(tmp_path)]) == 0
    assert _losses(killed) == _losses(whole)


@pytest.mark.long
def test_a_full_disk_is_named_and_loses_one_checkpoint_interval(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The disk is full while the second checkpoint is synced; with room again the run ends as an unbroken one does."""
    monkeypatch.setenv("EDGESCRIBE_CACHE", str(tmp_path))
    options = "[batch]\ntokens = 100\n[run]\ncheckpoint_steps = 4\nthreads = 1\n"
    arguments = own_data(base, tmp_path, options + 'checkpoint_seconds = 0\nprecision = "fp32"\n')
    assert cli.main(["run", *arguments, "--id", "whole"]) == 0
    sync, synced = os.fsync, []

    def full(file: int) -> None:
        synced.extend([file] if "/checkpoints/" in os.readlink(f"/proc/self/fd/{file}") else [])
        if len(synced) == 3:  # weights and cursor of the first, weights of the second
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(file)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert cli.main(["run", *arguments, "--id", "full"]) == 9
    assert "cannot be written. No space left on device" in capsys.readouterr().err
    checkpoints = tmp_path / "runs" / "full" / "checkpoints"
    assert [p.name for p in checkpoint.complete(checkpoints)] == ["step-0000004"]
    assert len(list(checkpoints.iterdir())) == 2
    assert cli.main(["run", "--resume", "full", "--data", str(tmp_path)]) == 0
    assert _losses(tmp_path / "runs" / "full") == _losses(tmp_path / "runs" / "whole")
    assert not list(checkpoints.glob(".*"))


def test_a_run_belongs_to_one_process(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGESCRIBE_CACHE", str(tmp_path))
    arguments = own_data(base, tmp_path, "[batch]\ntokens = 900\n[run]\nthreads = 1\n")
    with folders.hold(tmp_path / "runs" / "mine", "It"):
        assert cli.main(["run", *arguments, "--id", "mine"]) == 9
    assert "The run 'mine' is in use" in capsys.readouterr().err
    assert [p.name for p in (tmp_path / "runs" / "mine").iterdir()] == [".lock"]
    assert cli.main(["run", *arguments, "--id", "mine"]) == 0
    rows = tmp_path / "rows.jsonl"
    rows.write_text("\n".join(rows.read_text(encoding="utf-8").splitlines()[:-1]), encoding="utf-8")
    assert cli.main(["run", "--resume", "mine", *arguments[1:]]) == 9
    assert "rows.jsonl has changed since the run began. It holds 11 documents, then 12." in capsys.readouterr().err
    (tmp_path / "runs" / "mine" / "config.json").write_text("{", encoding="utf-8")
    assert cli.main(["run", "--resume", "mine", *arguments[1:]]) == 9
    assert "config.json is damaged" in capsys.readouterr().err


def test_run_and_resume_from_the_command_line(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGESCRIBE_CACHE", str(tmp_path / "cache"))
    config, *data = own_data(base, tmp_path, "[batch]\ntokens = 900\n[run]\nthreads = 1\n")
    assert cli.main(["prepare", config, *data]) == 0
    shown = json.loads(capsys.readouterr().out)["train"][str(tmp_path / "rows.jsonl")]
    assert (shown["documents"], shown["tasks"]) == (12, 12)
    assert shown["document_words"] == {"median": 4, "longest": 4, "all": 48}  # with the word that opens a report
    assert shown["answer_words"] == {"median": 2, "longest": 2, "all": 24}
    assert cli.main(["run", config, "--id", "mine", *data]) == 0
    folder = Path(capsys.readouterr().out.strip())
    assert folder == tmp_path / "cache" / "runs" / "mine"
    names = {"config.json", "environment.json", "metrics.jsonl", "curves.png", "adapter", "checkpoints"}
    assert names <= {p.name for p in folder.iterdir()}
    assert cli.main(["run", config, "--id", "mine", *data]) == 9
    assert "exists" in capsys.readouterr().err
    before = _losses(folder)
    assert cli.main(["run", "--resume", "mine", *data]) == 0
    assert _losses(folder) == before
    assert f"end: {len(before)} steps, loss {before[-1]:.4f}" in capsys.readouterr().err  # of a run that had ended, too
    assert cli.main(["run", "--resume", "other", *data]) == 9
    for _ in range(2):  # the command that is given again: starts, then finds its own run
        assert cli.main(["run", config, "--resume", *data]) == 0
    assert _losses(tmp_path / "cache" / "runs" / "c") == before
    assert cli.main(["run", *data]) == 2
    assert cli.main(["run", config, "--id", "../up", *data]) == 2
    capsys.readouterr()
    # as the hints say: a run goes on at another rate, and further; what its samples or weights hang on stays
    further = ["--set", "optimiser.learning_rate=1e-6", "--set", "optimiser.epochs=2", *data]
    assert cli.main(["run", "--resume", "mine", *further]) == 0
    rates = [facts["rate"] for facts in runlog.read(folder / "metrics.jsonl")]
    assert _losses(folder)[: len(before)] == before
    assert len(rates) == 2 * len(before)
    assert max(rates[len(before) :]) <= 1e-6 < max(rates)
    assert json.loads((folder / "config.json").read_text(encoding="utf-8"))["optimiser"]["epochs"] == 2
    for arguments in (["--resume", "mine"], [config, "--resume", "mine", "--set", "optimiser.epochs=2"]):
        assert cli.main(["run", *arguments, "--set", "lora.rank=2", "--set", "batch.tokens=50", *data]) == 9
        assert "begun with another configuration (batch.tokens, lora.rank)" in capsys.readouterr().err


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_what_was_saved(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    functional = lora.torch.nn.functional
    attend = functional.scaled_dot_product_attention

    def poison(line: str) -> None:
        if line.startswith("step 3/"):
            monkeypatch.setattr(functional, "scaled_dot_product_attention", lambda *a, **k: attend(*a, **k) * math.nan)

    with pytest.raises(TrainingError, match="The loss became nan at step 3"):
        lora.train(_config(base), PREPARED, tmp_path, False, poison)
    assert [p.name for p in checkpoint.complete(tmp_path / "checkpoints")] == ["step-0000002"]


def test_out_of_memory_says_what_to_change(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")

    monkeypatch.setattr(lora.torch.nn.functional, "scaled_dot_product_attention", full)
    with pytest.raises(TrainingError, match="free_tokens"):
        lora.train(_config(base), PREPARED, tmp_path, False, _quiet)


def test_a_share_of_an_epoch_under_a_step_is_one_step(base: Path, tmp_path: Path) -> None:
    chosen = _config(base, optimiser={"epochs": 0.001}, run={"checkpoint_steps": 0})

    def ends(line: str) -> None:
        assert not line.startswith("step 2")

    assert lora.train(chosen, PREPARED, tmp_path, False, ends).steps == 1


def test_a_checkpoint_of_another_shape_is_refused(base: Path, tmp_path: Path) -> None:
    lora.train(_config(base, optimiser={"max_steps": 2}), PREPARED, tmp_path, False, _quiet)
    with pytest.raises(TrainingError, match="does not fit this model"):
        lora.train(_config(base, lora={"rank": 8}), PREPARED, tmp_path, True, _quiet)


@pytest.mark.parametrize("file", ["state.pt", "cursor.json"])
def test_a_damaged_checkpoint_costs_the_one_before_it(base: Path, tmp_path: Path, file: str) -> None:
    """As a power cut or a bad disk leaves it: the run goes back one interval and ends where an unbroken one does."""
    lora.train(_config(base), PREPARED, tmp_path, False, _quiet)
    losses = _losses(tmp_path)
    first, last = checkpoint.complete(tmp_path / "checkpoints")
    (last / file).write_bytes((last / file).read_bytes()[: len((last / file).read_bytes()) // 2])
    said: list[str] = []
    lora.train(_config(base), PREPARED, tmp_path, True, said.append)
    assert f"The checkpoint {last.name} is damaged: going back to the one before it." in said
    assert _losses(tmp_path) == losses
    assert sum(line.startswith("step ") for line in said) == len(losses) - int(first.name.removeprefix("step-"))
    for one in checkpoint.complete(tmp_path / "checkpoints"):
        (one / file).write_bytes(b"")
    with pytest.raises(TrainingError, match="Every checkpoint of the run is damaged"):
        lora.train(_config(base), PREPARED, tmp_path, True, _quiet)


def test_a_half_written_checkpoint_is_never_used(base: Path, tmp_path: Path) -> None:
    lora.train(_config(base, optimiser={"max_steps": 2}), PREPARED, tmp_path, False, _quiet)
    (tmp_path / "checkpoints" / "step-0000009").mkdir()
    (tmp_path / "checkpoints" / "step-0000009" / "state.pt").write_bytes(b"half")
    assert [p.name for p in checkpoint.complete(tmp_path / "checkpoints")] == ["step-0000002"]


def test_a_run_goes_on_from_an_adapter(base: Path, tmp_path: Path) -> None:
    """Its first loss is the adapter's own, measured by loading it the way inference does; a fresh run's is another."""
    from peft import PeftModel

    plain = {"lora": {"dropout": 0.0}, "optimiser": {"epochs": 3}}
    lora.train(_config(base, **plain), PREPARED, tmp_path / "first", False, _quiet)
    start = tmp_path / "published"
    publish.shrink(tmp_path / "first" / "adapter", "tiny", start)
    again = {"lora": {"dropout": 0.0, "start": str(start)}, "optimiser": {"max_steps": 1}}
    lora.train(_config(base, **again), PREPARED, tmp_path / "second", False, _quiet)
    chosen = _config(base, **again)
    loaded = PeftModel.from_pretrained(model.load(base, chosen.base, torch.float32), str(start))
    step = lora._Plan(chosen, PREPARED, base).epoch(0)[0]
    with torch.no_grad():
        total = sum(float(model.PackedLoss(loaded, 10_000).eval()(row)) for row in step)
    want = total / sum(e.answer_tokens for row in step for e in row)
    assert _losses(tmp_path / "second") == [pytest.approx(want, rel=1e-5)]
    assert _losses(tmp_path / "first")[0] != pytest.approx(want, rel=1e-2)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rank": 8}, "Its r is 4, that of this run 8"),
        ({"alpha": 16}, "Its lora_alpha is 8"),
        ({"layers": 1}, "others"),
    ],
)
def test_an_adapter_of_another_shape_is_no_start(
    base: Path, tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    lora.train(_config(base, optimiser={"max_steps": 1}), PREPARED, tmp_path / "first", False, _quiet)
    start = {"start": str(tmp_path / "first" / "adapter")}
    with pytest.raises(TrainingError, match=reason):
        lora.train(_config(base, lora={**start, **change}), PREPARED, tmp_path / "second", False, _quiet)
    with pytest.raises(TrainingError, match="cannot start from"):
        lora.train(_config(base, lora={"start": str(tmp_path)}), PREPARED, tmp_path / "third", False, _quiet)
    damaged = tmp_path / "first" / "adapter" / "adapter_model.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:50])
    with pytest.raises(TrainingError, match="cannot start from"):
        lora.train(_config(base, lora=start), PREPARED, tmp_path / "fourth", False, _quiet)


def test_shares_that_come_to_no_document_are_named(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGESCRIBE_CACHE", str(tmp_path / "cache"))
    config, *data = own_data(base, tmp_path, "[run]\nthreads = 1\n")
    path = Path(config)
    path.write_text(path.read_text(encoding="utf-8").replace('" = 1.0 }', '" = 0.01 }'), encoding="utf-8")
    assert cli.main(["run", config, "--id", "none", *data]) == 9
    assert "The shares of data.passes give no sample" in capsys.readouterr().err
    assert not (tmp_path / "cache" / "runs" / "none" / "config.json").exists()
