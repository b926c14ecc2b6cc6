"""The quality gate: what is measured, what is judged, and that nobody signs past it in silence."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundle_kit import write_bundle
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from edge.contract.bundle import verify_bundle
from edge.contract.manifest import Gate
from edge.contract.signing import read_key
from edge.errors import BundleError, InputError, UsageError
from export import cli
from export.compare import Distance, compare
from export.gate import failures, judge, limits, may_be_signed, record
from export.held import Held, load_held
from export.logits import KeptLogits
from export.sign import keygen, sign

GOOD = Distance(tokens=1000, documents=50, perplexity=10.1, reference_perplexity=10.0, kl=0.01, agreement=0.97)
BAD = Distance(tokens=1000, documents=50, perplexity=20.0, reference_perplexity=10.0, kl=0.9, agreement=0.5)
NOTES = {"rouge1_loss": 1.5}
FEW = Distance(tokens=10, documents=2, perplexity=10.0, reference_perplexity=10.0, kl=0.0, agreement=1.0)


class Fixed:
    """Scores that depend on the position only."""

    def __init__(self, vocabulary: int, seed: int, shift: float = 0.0) -> None:
        self._rng, self._vocabulary, self._shift = seed, vocabulary, shift

    def logits(self, ids: Sequence[int], first: int = 0) -> Any:
        scores = np.random.default_rng(self._rng).standard_normal((len(ids), self._vocabulary)).astype(np.float32)
        scores[:, 0] += self._shift
        return scores[first:]


@pytest.fixture
def tokenizer_file(byte_tokenizer: Any, tmp_path: Path) -> Path:
    byte_tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def test_a_model_is_at_no_distance_from_itself(tokenizer_file: Path) -> None:
    held = [Held("abc", "write", "an answer"), Held("d", "write", "b")]
    same = compare(Fixed(300, 1), {"same": Fixed(300, 1)}, held, tokenizer_file, "chatml")["same"]
    assert same.tokens == len("an answer") + 1 + len("b") + 1  # every byte and the end token
    assert same.documents == 2
    assert same.perplexity_ratio == pytest.approx(1.0)
    assert same.kl == pytest.approx(0.0, abs=1e-6)
    assert same.agreement == 1.0


def test_distance_follows_the_definitions(tokenizer_file: Path) -> None:
    held = [Held("abc", "write", "xyz")]
    moved = compare(Fixed(300, 1), {"m": Fixed(300, 1, shift=2.0)}, held, tokenizer_file, "chatml")["m"]
    assert 0 < moved.kl < 2.0
    assert moved.agreement <= 1.0
    assert moved.perplexity > moved.reference_perplexity  # mass went to a token that is never the answer
    assert math.isfinite(moved.perplexity)


def test_a_kept_reference_says_the_same_without_its_model(tokenizer_file: Path, tmp_path: Path) -> None:
    held, loads = [Held("abc", "write", "xyz"), Held("d", "write", "b")], []

    def load() -> Fixed:
        loads.append(1)
        return Fixed(300, 1)

    kept = KeptLogits(load, tmp_path)
    assert compare(kept, {}, held, tokenizer_file, "chatml") == {}
    kept.release()
    moved = {"m": Fixed(300, 1, shift=2.0)}
    found = compare(kept, moved, held, tokenizer_file, "chatml")
    assert found == compare(Fixed(300, 1), moved, held, tokenizer_file, "chatml")
    assert loads == [1]
    assert len(list(tmp_path.glob("*.npy"))) == 2


def test_every_precision_has_limits_and_they_tighten_with_it() -> None:
    known = [limits(precision) for precision in ("int4", "int8", "fp16", "fp32")]
    assert all(set(entry) == {"perplexity_ratio", "kl", "agreement", "documents", "rouge1_loss"} for entry in known)
    assert [entry["rouge1_loss"] for entry in known] == sorted((entry["rouge1_loss"] for entry in known), reverse=True)
    assert [entry["kl"] for entry in known] == sorted((entry["kl"] for entry in known), reverse=True)
    assert [entry["agreement"] for entry in known] == sorted(entry["agreement"] for entry in known)
    with pytest.raises(UsageError):
        limits("int2")


def test_the_verdict_names_what_failed() -> None:
    assert judge("int4", GOOD, NOTES).passed
    assert "rouge1_loss not measured (limit: at most 10)" in failures(judge("int4", GOOD, {}))
    assert not judge("int4", GOOD, {}).passed
    assert "rouge1_loss 30 (limit: at most 10)" in failures(judge("int4", GOOD, {"rouge1_loss": 30.0}))
    verdict = judge("int4", BAD, NOTES)
    assert not verdict.passed
    for word in ("perplexity_ratio 2", "kl 0.9", "agreement 0.5"):
        assert word in failures(verdict)
    assert "documents 2 (limit: at least" in failures(judge("int8", FEW, NOTES))


def test_signing_past_the_gate_needs_a_reason_that_stays(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "tiny")
    for gate in (None, judge("int4", BAD, NOTES)):
        if gate is not None:
            record(folder, gate)
        with pytest.raises(BundleError, match="has not passed the quality gate"):
            may_be_signed(verify_bundle(folder).manifest, "  ")
        accepted = may_be_signed(verify_bundle(folder).manifest, "for a trial")
        assert accepted is not None
        assert accepted.accepted == "for a trial"
        assert not accepted.passed
    record(folder, accepted)
    assert verify_bundle(folder).manifest.gate == accepted
    assert "for a trial" in (folder / "model-card.md").read_text()
    record(folder, judge("int4", GOOD, NOTES))
    assert may_be_signed(verify_bundle(folder).manifest, None) is None


def test_a_new_verdict_removes_the_old_signature(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "tiny")
    private, public = keygen("it", tmp_path, "correct horse battery")
    sign(folder, private, "correct horse battery")
    key = read_key(public)
    assert verify_bundle(folder, keys={key.key_id: key}).signed_by == "it"
    record(folder, Gate(passed=True, measured={}, limits={}))
    assert not (folder / "manifest.sig").exists()
    assert verify_bundle(folder, keys={key.key_id: key}).signed_by is None


def test_the_bill_of_materials_lists_every_part(tmp_path: Path) -> None:
    data = [{"name": "MTS-Dialog", "licence": "CC BY 4.0", "role": "training", "records": 1201}]
    figures = [
        {"metric": "ROUGE-1", "value": 40.0, "low": 38.0, "high": 42.0, "dataset": "mts", "documents": 200},
        {"metric": "loop", "value": 100 / 3, "low": None, "high": None, "dataset": "aci", "documents": 6},
        {"metric": "unsupported.drugs", "value": 0.0, "low": None, "high": None, "dataset": "aci", "documents": 6},
    ]
    adapter = {"name": "tuned", "sha256": "1" * 64}
    folder = write_bundle(tmp_path / "tiny", data=data, figures=figures, adapter=adapter)
    record(folder, judge("int4", GOOD, NOTES))
    bom = json.loads((folder / "ml-bom.json").read_text())
    schema = JsonStrictValidator(SchemaVersion.V1_6)
    bare = write_bundle(tmp_path / "bare")
    record(bare, judge("int4", BAD, NOTES))
    for made in (folder, bare):
        assert schema.validate_str((made / "ml-bom.json").read_text()) is None
    spoilt = {**bom, "components": [{"name": "of no type"}]}
    assert schema.validate_str(json.dumps(spoilt)) is not None
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    refs = {part["bom-ref"] for part in bom["components"]}
    assert refs == {
        "base:tiny", "library:onnxruntime-genai", "adapter", "data:MTS-Dialog", "file:genai_config.json",
        "file:model.onnx", "file:model.onnx.data", "file:tokenizer.json",
    }  # fmt: skip
    assert set(bom["dependencies"][0]["dependsOn"]) == refs
    metric = bom["metadata"]["component"]["modelCard"]["quantitativeAnalysis"]["performanceMetrics"][0]
    assert metric["confidenceInterval"] == {"lowerBound": "38", "upperBound": "42"}
    card = (folder / "model-card.md").read_text()
    for words in (
        "MTS-Dialog: training, 1,201 records, CC BY 4.0",
        "| ROUGE-1 | 40 | 38 to 42 | mts | 200 |",
        "| loop | 33.3 | not computed | aci | 6 |",
        "- Counted: 33 % of its answers were cut because it repeated itself (aci, 6 documents).",
        "passed",
    ):
        assert words in card
    assert "drugs a document" not in card


def test_held_documents_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "held.jsonl"
    path.write_text('{"document": "d\\u001b[0m", "instruction": "i", "answer": "a"}\n\n')
    assert load_held(5, path) == [Held("d\ufffd[0m", "i", "a")]
    for text in ("", "{}", "[1]", "nonsense"):
        path.write_text(text)
        with pytest.raises(InputError):
            load_held(5, path)
    with pytest.raises(InputError):
        load_held(5, tmp_path / "none")


def test_the_command_line_signs_packs_and_says_why_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pass").write_text("correct horse battery\n")
    folder = write_bundle(tmp_path / "tiny")
    assert cli.main(["keygen", "it", "--passphrase-file", "pass"]) == 0
    assert capsys.readouterr().out.strip() == "it.pub"
    command = ["sign", str(folder), "--key", "it.key", "--passphrase-file", "pass", "--tar", "tiny.tar"]
    assert cli.main(command) == 4
    assert "has not passed the quality gate" in capsys.readouterr().err
    assert cli.main([*command, "--accept", "a test bundle"]) == 0
    assert capsys.readouterr().out.strip() == "tiny.tar"
    gate = verify_bundle(folder).manifest.gate  # the reason lies in what was signed
    assert gate is not None
    assert (gate.passed, gate.accepted) == (False, "a test bundle")
    assert verify_bundle(folder, keys={key.key_id: key for key in [read_key(tmp_path / "it.pub")]}).signed_by == "it"
    assert cli.main(["keygen", "it", "--passphrase-file", "none"]) == 2
    assert cli.main(["fetch", "nobody"]) == 8
