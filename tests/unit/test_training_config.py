"""Configurations: every shipped one is read, every mistake is named; order, steps and rates follow from the seed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import UsageError
from training import cli, config, mixing, packing, verbs
from training.config import BatchConfig, Data
from training.mixing import PreparedSets
from training.packing import Branch, Encoded
from training.schedule import Schedule
from training.sources import Task, TrainingDocument

CONFIGS = Path(config.__file__).parent / "configs"
SHIPPED = sorted(path for path in CONFIGS.rglob("*.toml") if path.parent.name != "taggers")


def test_every_shipped_configuration_is_valid() -> None:
    assert len(SHIPPED) >= 8
    for path in SHIPPED:
        assert config.load(path).base.name, path.name


@pytest.mark.parametrize(
    ("model", "cuda", "chosen"),
    [
        ("qwen2.5-coder-0.5b-instruct", True, "qwen2.5-coder-0.5b-instruct"),
        ("qwen2.5-coder-0.5b-instruct", False, "qwen2.5-coder-0.5b-instruct-cpu"),
        ("qwen2.5-coder-1.5b-instruct", False, "qwen2.5-coder-1.5b-instruct-cpu"),
        ("smollm2-135m-instruct", False, "smollm2-135m-instruct"),
    ],
)
def test_make_train_takes_the_recipe_that_suits_the_machine(
    tmp_path: Path, model: str, cuda: bool, chosen: str
) -> None:
    """All layers for three epochs, as on a card, are days on a CPU."""
    (tmp_path / "torch.py").write_text(
        f"from types import SimpleNamespace\ncuda = SimpleNamespace(is_available=lambda: {cuda})\n", encoding="utf-8"
    )
    for name, does in (("python", f'exec "{sys.executable}" "$@"'), ("edgescribe-training", 'echo "$@"')):
        (tmp_path / name).write_text(f"#!/bin/bash\n{does}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    root = Path(config.__file__).parents[1]
    outer = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}}
    done = subprocess.run(
        ["make", "-s", "train", f"BIN={tmp_path}", "PYTHON=true", f"MODEL={model}"],
        cwd=root, env={**outer, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["run", f"training/configs/{chosen}.toml", "--resume"]
    assert (root / "training" / "configs" / f"{chosen}.toml") in SHIPPED


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[base]\nname = 'x'\n[lorra]\nrank = 1", "no section [lorra]"),
        ("[base]\nname = 'x'\n[lora]\nrnak = 1", "no key lora.rnak"),
        ("[base]\nname = 'x'\n[lora]\nrank = 'high'", "lora.rank is 'high'"),
        ("[base]\nname = 'x'\n[lora]\nrank = true", "lora.rank is True"),
        ("[base]\nname = 'x'\n[lora]\nrank = 0", "lora.rank is 0"),
        ("[base]\nname = 'x'\n[lora]\ndropout = nan", "lora.dropout is nan"),
        ("[base]\nname = 'x'\nquantise = '2bit'", "base.quantise is '2bit'"),
        ("[base]\nname = 'x'\n[data]\npasses = { mts = -1 }", "data.passes"),
        ("[base]\nname = 'x'\n[data]\npasses = { mts = 0 }", "names no data"),
        ("[base]\nname = 'x'\n[optimiser]\nepochs = 0", "no end"),
        ("[base]\nname = 'x'\n[run]\npatience = -1", "run.patience is -1"),
        ("[base]\nname = 'x'\n[run]\nthreads = -1", "run.threads is -1"),
        ("[base]\nname = 'x'\n[run]\nvalidate_steps = -1", "run.validate_steps is -1"),
        ("[base]\nname = 'x'\n[run]\ncheckpoint_steps = -1", "run.checkpoint_steps is -1"),
        ("[base]\nname = 'x'\n[run]\nseed = 99999999999999999999", "run.seed is"),
        ("[lora]\nrank = 2", "base.name is missing"),
        ("base = 1", "must be a section"),
        ("not toml", "not valid TOML"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        config.load(path)
    assert message in str(caught.value)
    assert "c.toml" in str(caught.value)


def test_a_missing_file_and_overrides(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        config.load(tmp_path / "none.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        config.load(tmp_path)
    path = tmp_path / "c.toml"
    path.write_text("[base]\nname = 'x'\n", encoding="utf-8")
    changed = config.load(path, ("lora.rank=4", "base.name=other", "optimiser.learning_rate=1e-3"))
    assert (changed.lora.rank, changed.base.name, changed.optimiser.learning_rate) == (4, "other", 1e-3)
    with pytest.raises(UsageError, match=r"section\.key=value"):
        config.load(path, ("rank",))
    assert config.parse(config.as_dict(changed), "again") == changed
    path.write_text("base = 'x'\n", encoding="utf-8")
    with pytest.raises(UsageError, match="base must be a section"):
        config.load(path, ("base.name=other",))


def _document(name: str, i: int) -> TrainingDocument:
    return TrainingDocument(f"{name}{i}", name, "train", "t", (Task("s", "i", "t"),))


def test_epochs_follow_the_seed_and_cover_fractions() -> None:
    prepared = PreparedSets({"a": [_document("a", i) for i in range(10)], "b": [_document("b", 0)]}, [], {})
    data = Data(passes={"a": 0.5, "b": 2.0})
    first = mixing.epoch(prepared, data, 7, 0)
    assert first == mixing.epoch(prepared, data, 7, 0)
    assert first != mixing.epoch(prepared, data, 8, 0)
    assert len(first) == 7
    seen = {d.id for n in (0, 1) for d in mixing.epoch(prepared, data, 7, n) if d.source == "a"}
    assert len(seen) == 10


def _encoded(tokens: int) -> Encoded:
    return Encoded("x", (1,) * (tokens - 2), (Branch((2,), (3, 4)),))


def test_steps_keep_order_and_budgets() -> None:
    samples = [_encoded(n) for n in (30, 30, 30, 90, 10, 10, 200, 5)]
    plan = packing.steps(samples, BatchConfig(tokens=100, row_tokens=64))
    assert [e for step in plan for row in step for e in row] == samples
    for step in plan:
        assert sum(e.tokens for row in step for e in row) <= 100 or len(step) == len(step[0]) == 1
        assert all(sum(e.tokens for e in row) <= 64 or len(row) == 1 for row in step)
    assert packing.steps([], BatchConfig()) == []


def test_a_sample_beyond_the_limit_is_refused_or_dropped(byte_tokenizer: object) -> None:
    from edge.errors import TrainingError

    document = TrainingDocument("long", "s", "train", "x" * 400, (Task("s", "i", "t"), Task("s", "j", "t" * 600)))
    with pytest.raises(TrainingError, match="The sample long has"):
        packing.encode(document, "chatml", byte_tokenizer, BatchConfig(max_tokens=900))
    (kept,) = packing.encode(document, "chatml", byte_tokenizer, BatchConfig(max_tokens=900, too_long="drop"))
    assert len(kept.branches) == 1
    twice = TrainingDocument("two", "s", "train", "x" * 400, (Task("s", "i", "t" * 200), Task("s", "j", "t" * 200)))
    assert [len(e.branches) for e in packing.encode(twice, "chatml", byte_tokenizer, BatchConfig(max_tokens=900))] == [
        1,
        1,
    ]


def test_a_sample_beyond_the_places_of_the_base_is_refused_or_dropped() -> None:
    from edge.errors import TrainingError

    short, long = _encoded(60), _encoded(90)
    assert packing.within([short, long], 0, BatchConfig()) == [short, long]
    assert packing.within([short, long], 90, BatchConfig()) == [short, long]
    assert packing.within([short, long], 89, BatchConfig(too_long="drop")) == [short]
    with pytest.raises(TrainingError, match="made for 89"):
        packing.within([short, long], 89, BatchConfig())


def test_the_rate_warms_up_and_ends_at_zero() -> None:
    by_steps = Schedule(warmup=0.1, total_steps=100, max_seconds=0)
    rates = [by_steps.factor(by_steps.progress(i, 0.0)) for i in range(100)]
    assert max(rates) == pytest.approx(1.0, abs=0.01)
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.001
    assert by_steps.over(100, 0.0)
    assert not by_steps.over(99, 1e9)
    by_time = Schedule(warmup=0.03, total_steps=0, max_seconds=60)
    assert by_time.factor(by_time.progress(3, 60.0)) == pytest.approx(0.0, abs=1e-9)
    assert by_time.over(1, 60.0)
    assert not by_time.over(10_000, 59.0)


def test_help_needs_no_model_library() -> None:
    code = (
        "import sys\nfrom training.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'torch', 'transformers', 'peft', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
    assert all(verb in done.stdout for verb in ("prepare", "run", "evaluate", "report"))


@pytest.mark.parametrize(
    ("verb", "said"), [("run c.toml", "run --resume ID"), ("report --out x", "The same command goes on")]
)
def test_a_stop_says_how_to_go_on(
    verb: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(args: object) -> int:
        raise KeyboardInterrupt

    for name in ("run_train", "run_report"):
        monkeypatch.setattr(verbs, name, stop)
    assert cli.main(verb.split()) == 130
    assert said in capsys.readouterr().err
