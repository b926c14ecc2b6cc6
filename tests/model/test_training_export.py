"""From training to a bundle in fp32: its greedy answer is the one transformers writes, and the one it was taught."""

import hashlib
import json
import os
from pathlib import Path

import pytest
import torch

from edge.contract.prompts import FORMATS, chat_format
from edge.engine.loader import load_engine
from export import catalog
from export import cli as export
from training import cli as training
from training import evaluate, model, own, tiny, torch_engine
from training.config import Base

pytestmark = pytest.mark.model
# The two that differ most from what the 135M's bundle shows; all of them under EDGESCRIBE_STRESS.
FAMILIES = ("qwen2", "llama", "mistral", "gemma3") if os.environ.get("EDGESCRIBE_STRESS") else ("qwen2", "gemma3")
DIALOGUE = "Doctor: any fever?\nPatient: no, just the cough."


def _catalogue(folder: Path, name: str, path: Path) -> None:
    """A catalogue whose only entry is the tiny base, named by its hashes as a publisher's folder would be."""
    format_name = model.prompt_format(folder)
    end = chat_format(format_name).end.token
    weights = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.glob("*.safetensors")}
    facts = {
        "origin": "nobody/tiny", "licence": "Apache-2.0", "parameters": 30_000, "context_length": 4096,
        "prompt_format": format_name, "end": end, "pad": "<pad>", "stop": [end], "purpose": "test", "tied": True,
    }  # fmt: skip
    lines = [f"{key} = {json.dumps(value)}" for key, value in facts.items()]
    hashes = ", ".join(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in weights.items())
    path.write_text("\n".join([f'["{name}"]', *lines, f"weights = {{ {hashes} }}"]) + "\n", encoding="utf-8")


@pytest.mark.parametrize("family", FAMILIES)
def test_from_training_to_the_answer_of_a_bundle(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGESCRIBE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EDGESCRIBE_HOME", str(tmp_path / "home"))
    torch.set_num_threads(1)
    name = f"tiny-{family}"
    folder = tiny.make(family, tmp_path / name)
    _catalogue(folder, name, tmp_path / "catalog.toml")
    monkeypatch.setattr(catalog, "catalogue_path", lambda: tmp_path / "catalog.toml")
    assert export.main(["fetch", name, "--from", str(folder)]) == 0
    row = {"kind": "conversation", "document": DIALOGUE, "template": "section:CC", "target": "the cough"}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    (tmp_path / "c.toml").write_text(
        f"[base]\nname = {json.dumps(str(folder))}\n[data]\nvalidate = []\n"
        f"passes = {{ {json.dumps(str(tmp_path / 'rows.jsonl'))} = 1.0 }}\n[lora]\nrank = 4\nalpha = 16\n"
        "[optimiser]\nlearning_rate = 2e-2\nepochs = 0\nmax_steps = 60\n[run]\nthreads = 1\nprecision = 'fp32'\n",
        encoding="utf-8",
    )
    assert training.main(["run", str(tmp_path / "c.toml"), "--id", "run", "--data", str(tmp_path)]) == 0
    adapter = tmp_path / "cache" / "runs" / "run" / "adapter"
    out = ["--adapter", str(adapter), "--precision", "fp32", "--as", name, "--out", str(tmp_path / "bundles")]
    assert export.main(["onnx", name, *out]) == 0, capsys.readouterr().err
    (document,) = own.read(tmp_path / "rows.jsonl", "test")
    answers = []
    for engine in (load_engine(tmp_path / "bundles" / name), torch_engine.load_checkpoint(Base(str(folder)), adapter)):
        try:
            assert engine.info.prompt_format in FORMATS
            answers.append(evaluate.write(engine, document))
        finally:
            engine.close()
    assert [(a.error, a.text, a.reasons) for a in answers] == [("", "the cough", ("end",))] * 2
