"""From training to a bundle in fp32: its greedy answer is the one transformers writes, and the one it was taught.

Every family. One builds in a process of its own, as the product does; for the others the builder runs in the
test's process, where its imports, nearly all of its time, are done once.
"""

import hashlib
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from edge.contract.prompts import FORMATS, chat_format
from edge.engine.loader import load_engine
from export import builder_child, catalog, to_onnx
from export import cli as export
from tests import tiny
from training import answering, model, own
from training import cli as training

pytestmark = [pytest.mark.model, pytest.mark.long]
FAMILIES = ("qwen2", "llama", "mistral", "gemma3", "qwen3", "phi3")
ALONE = "qwen2"  # its builder is a process
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


def _build_here(patch: pytest.MonkeyPatch) -> None:
    """Let the next export run the builder's command in this process, and leave nothing changed."""

    class Here:
        def __init__(self, command: list[str], **_: object) -> None:
            patch.setattr(sys, "argv", command[1:])
            patch.setattr(sys, "path", [str(Path(command[4]).parent), *sys.path])
            base = importlib.import_module("builders.base")
            for owner, name in ((base, "AutoModelForCausalLM"), (base.Model, "to_int4")):
                patch.setattr(owner, name, getattr(owner, name))  # what the child replaces comes back afterwards
            builder_child.main()
            self.stdout = open(os.devnull, "rb")  # noqa: SIM115 - _wait closes it
            self.returncode = 0

    patch.setattr(builder_child, "_die_with_parent", lambda: None)
    names = {name: getattr(subprocess, name) for name in ("PIPE", "STDOUT")}
    patch.setattr(to_onnx, "subprocess", SimpleNamespace(Popen=Here, **names))
    patch.setattr(to_onnx, "_wait", lambda process: process.stdout.close() or 0)


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
    data = ["--data", str(tmp_path)]
    capsys.readouterr()
    assert training.main(["prepare", str(tmp_path / "c.toml"), *data]) == 0
    assert json.loads(capsys.readouterr().out)["train"][str(tmp_path / "rows.jsonl")]["tasks"] == 1
    assert training.main(["run", str(tmp_path / "c.toml"), "--id", "run", *data]) == 0
    adapter = tmp_path / "cache" / "runs" / "run" / "adapter"
    out = ["--adapter", str(adapter), "--precision", "fp32", "--as", name, "--out", str(tmp_path / "bundles")]
    with monkeypatch.context() as patch:
        if family != ALONE:
            _build_here(patch)
        assert export.main(["onnx", name, *out]) == 0, capsys.readouterr().err
    (document,) = own.read(tmp_path / "rows.jsonl", "test")
    engine = load_engine(tmp_path / "bundles" / name)
    try:
        assert engine.info.prompt_format in FORMATS
        answer = answering.write(engine, document)
    finally:
        engine.close()
    assert (answer.error, answer.text, answer.reasons) == ("", "the cough", ("end",))
    asked = ["--base", str(folder), "--adapter", str(adapter), "--set", str(tmp_path / "rows.jsonl")]
    assert training.main(["evaluate", *asked, *data, "--out", str(tmp_path / "evaluation")]) == 0
    figures = json.loads((tmp_path / "evaluation" / "result.json").read_text(encoding="utf-8"))["figures"]
    assert (figures["rouge1"], figures["error"], figures["cut"]) == (100.0, 0.0, 0.0)
    (line,) = (tmp_path / "evaluation" / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["text"] == answer.text
