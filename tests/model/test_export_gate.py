"""The gate on a real model: sound int8 weights pass, the same weights spoilt do not and cannot be signed in silence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from edge.contract.bundle import verify_bundle
from export import cli, gate
from export.bundles import make_onnx_bundle
from export.files import sha256_file
from export.options import OnnxOptions
from export.pack import describe

pytestmark = [pytest.mark.model, pytest.mark.long]

HELD = [
    ("Doctor: What brings you in?\nPatient: I have had chest pain for three days.", "Chest pain for three days."),
    ("Doctor: Any allergies?\nPatient: Penicillin gives me a rash.", "Penicillin, which causes a rash."),
]


def _spoil(sound: Path, target: Path) -> None:
    """The same bundle with every 8-bit weight moved by 8 of its 256 steps: well formed, and worse than int4."""
    shutil.copytree(sound, target)
    graph = onnx.load(str(sound / "model.onnx"), load_external_data=False).graph
    data = np.fromfile(sound / "model.onnx.data", dtype=np.uint8)
    for tensor in graph.initializer:
        if tensor.data_type == onnx.TensorProto.UINT8:
            where = {entry.key: entry.value for entry in tensor.external_data}
            data[int(where["offset"]) :][: int(where["length"])] ^= 8
    data.tofile(target / "model.onnx.data")
    manifest = verify_bundle(sound).manifest
    digest = sha256_file(target / "model.onnx.data")
    files = [f.model_copy(update={"sha256": digest}) if f.path == "model.onnx.data" else f for f in manifest.files]
    describe(target, manifest.model_copy(update={"name": target.name, "files": files}))


def test_spoilt_weights_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = make_onnx_bundle("smollm2-135m-instruct", OnnxOptions.of("int8"), out=tmp_path)[0].folder
    spoilt = tmp_path / "spoilt"
    _spoil(sound, spoilt)
    own = [
        {"document": f"Conversation:\n{said}", "instruction": "Write the section.", "answer": answer}
        for said, answer in HELD
    ]
    (tmp_path / "held.jsonl").write_text("\n".join(map(json.dumps, own)))
    real = gate.limits("int8")
    # Two documents without whole notes: the limits that are left are the real ones.
    kept = {name: real[name] for name in ("kl", "perplexity_ratio")} | {"documents": float(len(HELD))}
    monkeypatch.setattr(gate, "limits", lambda _: kept)
    command = ["verify", str(sound), str(spoilt), "--documents", str(tmp_path / "held.jsonl"), "--notes", "0"]
    assert cli.main(command) == 4
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["bundle"], line["passed"]) for line in said] == [(sound.name, True), ("spoilt", False)]
    assert said[1]["measured"]["kl"] > 3 * kept["kl"]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pass").write_text("correct horse battery\n")
    assert cli.main(["keygen", "it", "--passphrase-file", "pass"]) == 0
    signing = ["--key", "it.key", "--passphrase-file", "pass"]
    assert cli.main(["sign", str(sound), *signing]) == 0
    assert cli.main(["sign", str(spoilt), *signing]) == 4
    assert "has not passed the quality gate" in (refusal := capsys.readouterr().err)
    assert "kl" in refusal
    assert not (spoilt / "manifest.sig").exists()
    assert verify_bundle(spoilt).manifest.gate is not None
