"""Evaluations on a tiny random base: of one's own documents, cut off and gone on with, never two models in one."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from edge.contract.prompts import PROMPT_VERSION
from tests import tiny
from training import answering, cli, folders, model
from training.answering import Written
from training.config import BaseConfig, Lora

pytestmark = pytest.mark.model
LETTER = {"kind": "report", "instruction": "Welcher Befund?"}
LETTERS = [{**LETTER, "document": f"Größe {i} cm, Müller", "target": f"Größe {i} cm"} for i in range(4)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return tiny.make("qwen2", tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGESCRIBE_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "own.jsonl"
    path.write_text("\n".join(json.dumps(x, ensure_ascii=False) for x in LETTERS), encoding="utf-8")
    return path


def _adapter(base: Path, folder: Path, seed: int) -> Path:
    """An adapter with random weights, as a run would leave it."""
    torch.manual_seed(seed)
    chosen = BaseConfig(name=str(base))
    wrapped = model.add_lora(model.load(base, chosen, torch.float32), Lora(rank=2), chosen)
    with torch.no_grad():
        for name, p in wrapped.named_parameters():
            if "lora_B" in name:
                p.normal_()
    wrapped.save_pretrained(str(folder / "adapter"))
    return folder / "adapter"


def test_own_documents_are_scored_beside_the_floors(
    base: Path, own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["evaluate", "--base", str(base), "--set", str(own), "--out", str(tmp_path / "out"), "--limit"]
    assert cli.main([*asked, "1"]) == 0
    captured = capsys.readouterr()
    first = json.loads(captured.out)
    assert first["floors"].keys() == {"copy", "reference"}
    assert "No nearest-example floor" in captured.err
    assert first["floors"]["reference"]["figures"]["rouge1"] == 100.0
    train = tmp_path / "train.jsonl"
    rows = [{**LETTER, "document": "Größe 0 cm, Maier", "target": "Größe 0 cm"}, LETTERS[0]]
    train.write_text("\n".join(json.dumps(x) for x in rows), encoding="utf-8")
    assert cli.main([*asked, "1", "--train", str(train)]) == 0
    captured = capsys.readouterr()
    nearest = json.loads(captured.out)["floors"]["nearest"]
    assert nearest["figures"]["rouge1"] == 100.0
    assert nearest["figures"]["unsupported.numbers"] == 0.0
    assert "1/1" not in captured.err  # the answer was there
    assert cli.main([*asked, "-1"]) == 2
    assert cli.main([*asked, "1", "--encoder", str(tmp_path)]) == 9
    assert "holds no encoder" in capsys.readouterr().err
    own.write_text(own.read_text(encoding="utf-8").replace("Größe 0", "Größe 9"), encoding="utf-8")
    assert cli.main([*asked, "1"]) == 2
    assert "answers of another model" in capsys.readouterr().err


def test_two_runs_of_one_base_are_two_models(
    base: Path, own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their adapters lie in folders of the same name; neither may be scored on the other's answers."""
    first, second = (_adapter(base, tmp_path / f"run-{seed}", seed) for seed in (1, 2))
    asked = ["evaluate", "--base", str(base), "--set", str(own), "--limit", "1"]
    results = []
    for adapter in (first, second):
        assert cli.main([*asked, "--adapter", str(adapter)]) == 0
        results.append(json.loads(capsys.readouterr().out))
    assert [r["model"] for r in results] == ["tiny+run-1", "tiny+run-2"]
    assert results[0]["adapter_sha256"] != results[1]["adapter_sha256"]
    out = ["--out", str(tmp_path / "out"), "--label", "mine"]
    assert cli.main([*asked, *out, "--adapter", str(first)]) == 0
    assert cli.main([*asked, *out, "--adapter", str(second)]) == 2
    assert "adapter" in capsys.readouterr().err
    (second / "adapter_model.safetensors").unlink()
    assert cli.main([*asked, "--adapter", str(second)]) == 9
    assert "There is no adapter" in capsys.readouterr().err


@pytest.mark.long
def test_an_evaluation_killed_half_way_goes_on(
    base: Path, own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """kill -9 after the second answer, and a third of which half a letter reached the disk."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    asked = ["evaluate", "--base", str(base), "--set", str(own), "--threads", "1", "--out"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()}
    command = [sys.executable, "-m", "training.cli", *asked, str(broken)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if line.startswith("2/4"):
            process.send_signal(signal.SIGKILL)
            break
    assert process.wait(240) == -signal.SIGKILL, said
    process.stderr.close()
    saved = (broken / "answers.jsonl").read_bytes().split(b"\n")[:2]
    cut = json.dumps({"id": "own-3", "text": "Größe"}, ensure_ascii=False).encode()
    (broken / "answers.jsonl").write_bytes(b"\n".join([*saved, cut[: cut.index("ö".encode()) + 1]]))
    assert cli.main([*asked, str(whole)]) == 0
    want = json.loads(capsys.readouterr().out)
    assert cli.main([*asked, str(broken)]) == 0
    captured = capsys.readouterr()
    assert [number for number in "1234" if f"{number}/4" in captured.err] == ["3", "4"]
    got = json.loads(captured.out)
    for result in (want, got):
        result["figures"].pop("seconds")
    assert got == want
    answers = [[(w.id, w.text) for w in answering.read_written(p / "answers.jsonl")] for p in (whole, broken)]
    assert answers[0] == answers[1]
    assert len(answers[0]) == 4
    assert got["figures"]["error"] == 0.0 < got["figures"]["tokens"]


def test_one_process_a_folder(base: Path, own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["evaluate", "--base", str(base), "--set", str(own), "--limit", "1", "--out", str(tmp_path / "out")]
    with folders.hold(tmp_path / "out", "It"):
        assert cli.main(asked) == 9
        assert "is in use" in capsys.readouterr().err
    assert cli.main(asked) == 0


def test_what_an_older_version_left_is_gone_on_with(base: Path, own: Path, tmp_path: Path) -> None:
    """Its mark says less of the model; what it says must still be the same."""
    asked = ["evaluate", "--base", str(base), "--set", str(own), "--limit", "1", "--out", str(tmp_path)]
    facts = {"model": "tiny", "precision": "fp32", "set": "own.jsonl", "prompt_version": PROMPT_VERSION}
    facts["bundle_sha256"] = ""
    (tmp_path / "model.json").write_text(json.dumps(facts), encoding="utf-8")
    kept = Written("own-1", "Größe 0 cm", ("end",), 3, 1.0)
    (tmp_path / "answers.jsonl").write_text(json.dumps(kept.__dict__) + "\n", encoding="utf-8")
    assert cli.main(asked) == 0
    assert json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))["figures"]["rouge1"] == 100.0
    assert "base_sha256" in json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    (tmp_path / "model.json").write_text(json.dumps({**facts, "precision": "int4"}), encoding="utf-8")
    assert cli.main(asked) == 2
    (tmp_path / "model.json").write_text("{", encoding="utf-8")
    assert cli.main(asked) == 2
