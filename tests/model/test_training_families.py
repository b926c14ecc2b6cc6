"""Every family goes through train and evaluate on tiny random weights: what the real ones will meet."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    Gemma3Config,
    Gemma3ForCausalLM,
    Gemma3ForConditionalGeneration,
    Gemma3TextConfig,
    SiglipVisionConfig,
)

from edge.contract import templates
from edge.contract.schemas import extraction_target
from edge.errors import TrainingError
from tests import tiny
from training import answering, cli, evaluation, lora, model, report, runlog, torch_engine
from training.config import BaseConfig, Config, as_dict, parse
from training.mixing import PreparedSets
from training.sources import Task, TrainingDocument, division_tasks, extract_task

pytestmark = pytest.mark.model


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def _config(base: Path, kind: str, **lora_options: object) -> Config:
    return parse(
        {
            "base": {"name": str(base), "kind": kind},
            "lora": {"rank": 2, **lora_options},
            "data": {"passes": {"own": 1}},
            "batch": {"tokens": 4000, "row_tokens": 2000, "free_tokens": 1000},
            "optimiser": {"max_steps": 3, "epochs": 0, "learning_rate": 1e-2},
            "run": {
                "precision": "fp32", "threads": 1, "validate_steps": 3, "stop_on": "rouge", "rouge_tokens": 4,
            },
        },
        "test",
    )  # fmt: skip


DIALOGUE = "Doctor: any fever?\nPatient: no, just the cough."
TASK = Task("section", templates.get("section:CC").sections[0].instruction, "Cough.", "CC")
DOCUMENT = TrainingDocument("d1", "own", "train", "Conversation:\n" + DIALOGUE, (TASK,), raw=DIALOGUE)


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_train_then_evaluate(family: str, tmp_path: Path) -> None:
    base = tiny.make(family, tmp_path / family)
    kind = "encoder-decoder" if family in {"bart", "t5"} else "decoder"
    prepared = PreparedSets({"own": [DOCUMENT] * 6}, [DOCUMENT], {})
    run = tmp_path / "run"
    outcome = lora.train(_config(base, kind), prepared, run, False, lambda _: None)
    assert outcome.steps == 3
    assert next(f["valid_rouge"] for f in runlog.read(run / "metrics.jsonl") if "valid_rouge" in f) >= 0
    assert (run / "adapter" / "adapter_model.safetensors").stat().st_size > 1000
    chosen = BaseConfig(name=str(base), kind=kind)
    engine = evaluation.checkpoint_engine(chosen, run / "adapter", 1)
    try:
        written = answering.write(engine, DOCUMENT)
    finally:
        engine.close()
    assert written.error == ""
    assert written.tokens > 0
    assert written.reasons[0] in {"end", "length", "loop"}


def test_an_overfitted_adapter_writes_its_target(tmp_path: Path) -> None:
    """Prompt, stop token and adapter agree from training to decoding: the one target it saw comes back and ends."""
    base = tiny.make("qwen2", tmp_path / "base")
    chosen = parse(
        {
            "base": {"name": str(base)},
            "lora": {"rank": 4, "alpha": 16},
            "data": {"passes": {"own": 1}},
            "optimiser": {"max_steps": 160, "learning_rate": 2e-2, "epochs": 0},
            "batch": {"tokens": 100},
            "run": {
                "precision": "fp32", "threads": 1, "checkpoint_seconds": 0,
                "validate_steps": 80, "stop_on": "rouge", "rouge_tokens": 12,
            },
        },
        "test",
    )  # fmt: skip
    lora.train(chosen, PreparedSets({"own": [DOCUMENT]}, [DOCUMENT], {}), tmp_path / "run", False, lambda _: None)
    facts = runlog.read(tmp_path / "run" / "metrics.jsonl")
    assert [f["valid_rouge"] for f in facts if "valid_rouge" in f][-1] == 100.0
    engine = torch_engine.load_checkpoint(BaseConfig(name=str(base)), tmp_path / "run" / "adapter", 1)
    try:
        written = answering.write(engine, DOCUMENT)
    finally:
        engine.close()
    assert (written.text, written.reasons) == ("Cough.", ("end",))


def test_evaluate_and_report_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGESCRIBE_CACHE", str(tmp_path / "cache"))
    base = tiny.make("qwen2", tmp_path / "tiny-qwen2")
    notes = [("a", "CHIEF COMPLAINT\n\nCough.\n\nASSESSMENT AND PLAN\n\nRest."), ("b", "CHIEF COMPLAINT\n\nGout.")]
    documents = [
        TrainingDocument(i, "aci", "valid", "", division_tasks({"subjective": n}), raw=DIALOGUE, note=n)
        for i, n in notes
    ]
    reports = [
        TrainingDocument(
            f"r{i}", "elmtex_aci", "valid", "", (extract_task({"age": ["58-year-old"]}),), raw="A 58-year-old man."
        )
        for i in range(2)
    ]
    monkeypatch.setattr(evaluation.sources, "read", lambda name, folder, split: documents if name == "aci" else reports)
    data = ["--data", str(tmp_path)]
    for name in ("aci-valid", "elmtex-valid"):
        assert cli.main(["evaluate", "--base", str(base), "--set", name, "--limit", "1", *data]) == 0
        result = json.loads(capsys.readouterr().out)
        assert result["n"] == 1
        assert result["precision"] == "fp32"
        assert "nearest" in result["floors"]
    assert result["figures"]["json.valid"] in {0.0, 100.0}
    # the same answers are not written twice, another model's are not mixed in
    assert cli.main(["evaluate", "--base", str(base), "--set", "aci-valid", *data]) == 0
    captured = capsys.readouterr()
    assert "2/2" in captured.err
    assert "1/2" not in captured.err
    assert json.loads(captured.out)["n"] == 2
    assert cli.main(["evaluate", "--base", str(base), "--set", "nope", *data]) == 9
    assert cli.main(["evaluate", "--bundle", str(tmp_path), "--adapter", "x", "--set", "aci-valid", *data]) == 2
    capsys.readouterr()
    assert cli.main(["report", "--out", str(tmp_path / "report")]) == 0
    markdown, page = (Path(p).read_text(encoding="utf-8") for p in capsys.readouterr().out.split())
    for wanted in (
        "## aci-valid",
        "## elmtex-valid",
        "| tiny-qwen2 | fp32 |",
        "nearest floor",
        "copy floor",
        "F1 relaxed",
    ):
        assert wanted in markdown
    assert page.count("<table>") == 3  # extraction by field, too
    assert "http" not in page
    assert report.load([tmp_path / "cache"]).keys() == {"aci-valid", "elmtex-valid"}
    assert extraction_target({})


def test_bad_bases_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = tiny.make("qwen2", tmp_path / "base")
    (base / "tokenizer_config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(TrainingError, match="no chat template"):
        model.prompt_format(base)
    assert model.prompt_format(base, "plain") == "plain"
    with pytest.raises(TrainingError, match="There is no adapter"):
        torch_engine.load_checkpoint(BaseConfig(name=str(base)), tmp_path, 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingError, match="needs a CUDA device"):
        model.load(base, BaseConfig(name=str(base), quantise="4bit"), torch.float32)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(model, "find_spec", lambda name: None)
    with pytest.raises(TrainingError, match=r"needs bitsandbytes(.|\n)*training-cuda"):
        model.load(base, BaseConfig(name=str(base), quantise="4bit"), torch.float32)
    monkeypatch.undo()
    with pytest.raises(TrainingError, match=r"lora\.layers is 9"):
        lora.train(
            _config(base, "decoder", layers=9), PreparedSets({"own": [DOCUMENT]}, [], {}), tmp_path, False, print
        )


@pytest.mark.parametrize(("family", "kind"), [("bart", "decoder"), ("t5", "decoder"), ("qwen2", "encoder-decoder")])
def test_a_base_of_the_other_kind_is_named(
    family: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """BART would load as a decoder with half of its weights new, T5 not at all; and a corrected run keeps its id."""
    monkeypatch.setenv("EDGESCRIBE_CACHE", str(tmp_path / "cache"))
    base = tiny.make(family, tmp_path / family)
    rows = tmp_path / "rows.jsonl"
    row = {"kind": "report", "instruction": "Which?", "document": "A letter.", "target": "Cough."}
    rows.write_text(json.dumps(row), encoding="utf-8")
    assert cli.main(["evaluate", "--base", str(base), "--kind", kind, "--set", str(rows)]) == 9
    (tmp_path / "c.toml").write_text(
        f"[base]\nname = {json.dumps(str(base))}\nkind = '{kind}'\n[data]\nvalidate = []\n"
        f"passes = {{ {json.dumps(str(rows))} = 1 }}\n[optimiser]\nmax_steps = 1\n[run]\nthreads = 1\n",
        encoding="utf-8",
    )
    asked = ["run", str(tmp_path / "c.toml"), "--id", "mine", "--data", str(tmp_path), "--set"]
    assert cli.main([*asked, f"base.kind={kind}"]) == 9
    said = capsys.readouterr().err
    right = "decoder" if kind == "encoder-decoder" else "encoder-decoder"
    assert said.count(f"is a model of kind {right}, not {kind}") == 2
    assert cli.main([*asked, "base.name=/nowhere/base"]) == 8
    assert cli.main([*asked, f"base.kind={right}"]) == 0


def test_a_sample_beyond_an_encoders_places_is_named(tmp_path: Path) -> None:
    base = tiny.make("bart", tmp_path / "bart")
    long = TrainingDocument("long", "own", "train", "Report:\n" + "x" * 5000, (TASK,), raw="x")
    chosen = parse(
        {**as_dict(_config(base, "encoder-decoder")), "batch": {"max_tokens": 20_000}},
        "test",
    )
    with pytest.raises(TrainingError, match=r"The sample long has a side of 5,\d+ tokens\. This base reads 4,096"):
        lora.train(chosen, PreparedSets({"own": [long]}, [], {}), tmp_path / "run", False, lambda _: None)


def test_a_base_that_takes_pictures_too_is_measured_and_its_text_part_trained(tmp_path: Path) -> None:
    """Gemma 3 from 4B up. The text part is made as docs/training.md says."""
    base, text = tiny.make("gemma3", tmp_path / "pictures"), tmp_path / "text"
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1}
    vision = SiglipVisionConfig(**sizes, image_size=28, patch_size=14)
    whole = Gemma3Config(
        text_config=Gemma3TextConfig.from_pretrained(base), vision_config=vision, mm_tokens_per_image=1
    )
    Gemma3ForConditionalGeneration(whole).save_pretrained(str(base))
    engine = evaluation.checkpoint_engine(BaseConfig(name=str(base)), None, 1)
    try:
        assert engine.info.context_length == 4096
        assert answering.write(engine, DOCUMENT).error == ""
    finally:
        engine.close()
    prepared = PreparedSets({"own": [DOCUMENT]}, [DOCUMENT], {})
    with pytest.raises(TrainingError, match=r"takes more than text \(gemma3\).*docs/training\.md"):
        lora.train(_config(base, "decoder"), prepared, tmp_path / "run", False, lambda _: None)
    guide = (Path(lora.__file__).parents[1] / "docs" / "training.md").read_text(encoding="utf-8")
    assert "Gemma3ForCausalLM as M; M.from_pretrained('BASE', dtype='auto').save_pretrained('TEXT')" in guide
    Gemma3ForCausalLM.from_pretrained(base, dtype="auto").save_pretrained(str(text))
    assert model.load(text, BaseConfig(name=str(text)), torch.float32).config.model_type == "gemma3_text"
    parts = (load_file(folder / "model.safetensors") for folder in (base, text))
    pictures, words = ({name.removeprefix("language_model."): t for name, t in part.items()} for part in parts)
    assert len(words) > 60
    assert all(torch.equal(pictures[name], tensor) for name, tensor in words.items())


def test_only_the_last_layers_are_adapted(tmp_path: Path) -> None:
    base = tiny.make("llama", tmp_path / "base")
    network = model.adapted(
        base,
        BaseConfig(name=str(base)),
        _config(base, "decoder", layers=1).lora,
        _config(base, "decoder").batch,
        torch.float32,
    )
    names = {n for n, p in network.named_parameters() if p.requires_grad}
    assert len(names) == 14
    assert all(".layers.1." in n for n in names)
