"""Damaged or foreign bases and adapters, and memory that is too small: named by every verb that loads them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

from tests import tiny
from tests.training_kit import own_data
from training import bertscore, cli, lora

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two bases, and a qwen2 with one layer more."""
    folder = tmp_path_factory.mktemp("bases")
    found = {family: tiny.make(family, folder / family) for family in ("qwen2", "t5")}
    found["deep"] = Path(shutil.copytree(found["qwen2"], folder / "deep"))
    config = AutoConfig.from_pretrained(found["qwen2"])
    config.num_hidden_layers, config.layer_types = 3, ["full_attention"] * 3
    AutoModelForCausalLM.from_config(config).save_pretrained(str(found["deep"]))
    return found


@pytest.fixture(scope="module")
def adapters(bases: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An adapter of each."""
    folder = tmp_path_factory.mktemp("adapters")
    networks = {
        "qwen2": AutoModelForCausalLM.from_pretrained(bases["qwen2"]),
        "t5": AutoModelForSeq2SeqLM.from_pretrained(bases["t5"]),
        "deep": AutoModelForCausalLM.from_pretrained(bases["deep"]),
    }
    for name, network in networks.items():
        lora_config = LoraConfig(r=2, target_modules=["q" if name == "t5" else "q_proj"], init_lora_weights=False)
        get_peft_model(network, lora_config).save_pretrained(str(folder / name))
    return {name: folder / name for name in networks}


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", b"{", "config.json cannot be read"),
        ("config.json", b'{"model_type": "nosuch"}', "broken cannot be loaded"),
        ("tokenizer_config.json", b"[]", "tokenizer_config.json cannot be read"),
        ("tokenizer.json", b"{", "tokenizer.json cannot be read"),
        ("model.safetensors", b"half", "broken cannot be loaded"),
        ("model.safetensors", None, "broken cannot be loaded"),
    ],
)
def test_a_damaged_base_is_named_and_the_run_keeps_its_id(
    bases: dict[str, Path], tmp_path: Path, file: str, content: bytes | None, message: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("EDGESCRIBE_CACHE", str(tmp_path / "cache"))
    broken = Path(shutil.copytree(bases["qwen2"], tmp_path / "broken"))
    (broken / file).unlink()
    if content is not None:
        (broken / file).write_bytes(content)
    config, *data = own_data(broken, tmp_path, "[run]\nthreads = 1\n")
    assert cli.main(["run", config, "--id", "mine", *data]) == 8
    assert message in capsys.readouterr().err
    assert not (tmp_path / "cache" / "runs" / "mine" / "config.json").exists()
    own = str(tmp_path / "rows.jsonl")
    assert cli.main(["evaluate", "--base", str(broken), "--set", own, "--limit", "1"]) == 8
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("base", "adapter", "cut", "message"),
    [
        ("qwen2", "deep", "", "2 weights are in one of the two alone"),
        ("deep", "qwen2", "", "2 weights are in one of the two alone"),
        ("qwen2", "t5", "", "cannot be loaded"),
        ("t5", "qwen2", "", "cannot be loaded"),
        ("qwen2", "qwen2", "adapter_model.safetensors", "cannot be loaded"),
        ("t5", "t5", "adapter_model.safetensors", "cannot be loaded"),
        ("t5", "t5", "adapter_config.json", "cannot be loaded"),
    ],
)
def test_an_adapter_that_is_damaged_or_anothers_is_named(
    bases: dict[str, Path], adapters: dict[str, Path], tmp_path: Path, base: str, adapter: str, cut: str, message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = Path(shutil.copytree(adapters[adapter], tmp_path / "adapter"))
    if cut:
        (folder / cut).write_bytes((folder / cut).read_bytes()[:-9])
    own_data(bases[base], tmp_path, "")
    asked = [
        "--base",
        str(bases[base]),
        "--adapter",
        str(folder),
        "--set",
        str(tmp_path / "rows.jsonl"),
        "--limit",
        "1",
    ]
    kind = "encoder-decoder" if base == "t5" else "decoder"
    assert cli.main(["evaluate", *asked, "--kind", kind, "--out", str(tmp_path / "out"), "--threads", "1"]) == 9
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


OUT_OF_MEMORY = (MemoryError(), torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("can't allocate memory"))


def _raising(error: Exception) -> Callable[..., None]:
    def full(*_: object, **__: object) -> None:
        raise error

    return full


def test_memory_that_ends_before_the_first_step_says_what_to_change(
    bases: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGESCRIBE_CACHE", str(tmp_path / "cache"))
    config, *data = own_data(bases["qwen2"], tmp_path, "[run]\nthreads = 1\n")
    for where, name in ((AutoModelForCausalLM, "from_pretrained"), (lora, "_spread")):
        for error in OUT_OF_MEMORY:
            with monkeypatch.context() as patch:
                patch.setattr(where, name, _raising(error))
                assert cli.main(["run", config, "--id", "mine", *data]) == 9
            assert "Memory ran out before the first step. The base does not fit." in capsys.readouterr().err
    assert not (tmp_path / "cache" / "runs" / "mine" / "config.json").exists()


def _asked(base: Path, kind: str, folder: Path) -> list[str]:
    own_data(base, folder, "")
    asked = ["evaluate", "--base", str(base), "--kind", kind, "--set", str(folder / "rows.jsonl")]
    return [*asked, "--threads", "1", "--limit", "1", "--out", str(folder / "out")]


@pytest.mark.parametrize(("base", "kind"), [("qwen2", "decoder"), ("t5", "encoder-decoder")])
def test_memory_that_ends_while_a_base_is_loaded_for_answers_is_named(
    bases: dict[str, Path], tmp_path: Path, base: str, kind: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    asked = _asked(bases[base], kind, tmp_path)
    loader = AutoModelForCausalLM if kind == "decoder" else AutoModelForSeq2SeqLM
    for error in OUT_OF_MEMORY:
        with monkeypatch.context() as patch:
            patch.setattr(loader, "from_pretrained", _raising(error))
            assert cli.main(asked) == 9
        assert "Memory ran out while the base was loaded. It does not fit." in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("base", "kind", "code", "message"),
    [
        ("qwen2", "decoder", 6, "The model's runtime failed. Cause: MemoryError."),
        ("t5", "encoder-decoder", 9, "Memory ran out while an answer was written. Those before it are kept."),
    ],
)
def test_memory_that_ends_in_an_answer_ends_the_evaluation_and_counts_for_nothing(
    bases: dict[str, Path], tmp_path: Path, base: str, kind: str, code: int, message: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    asked = _asked(bases[base], kind, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.Embedding, "forward", _raising(MemoryError()))
        assert cli.main(asked) == code
    assert message in capsys.readouterr().err
    assert (tmp_path / "out" / "answers.jsonl").read_text(encoding="utf-8") == ""
    assert cli.main(asked) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 1


def test_bad_options_of_evaluate_are_named(
    bases: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_data(bases["qwen2"], tmp_path, "")
    asked = ["evaluate", "--set", str(tmp_path / "rows.jsonl"), "--out", str(tmp_path / "out")]
    assert cli.main([*asked, "--base", str(bases["qwen2"]), "--threads", "-1"]) == 2
    assert "--threads is -1" in capsys.readouterr().err
    for flag in (["--kind", "encoder-decoder"], ["--format", "plain"]):
        assert cli.main([*asked, "--bundle", str(tmp_path), *flag]) == 2
        assert "need --base" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_encoder_of_an_encoder_decoder_serves_for_bertscore(bases: dict[str, Path]) -> None:
    assert bertscore.f1(["the fever"], ["the fever"], bases["t5"]) == pytest.approx(100, abs=1e-3)
    assert bertscore.f1(["the fever"], ["old knee"], bases["t5"]) < 99
