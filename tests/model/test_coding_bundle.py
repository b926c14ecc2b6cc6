"""The encoder of codes from training to the laptop, with a tiny random encoder: the whole way, no quality."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tagging_kit import tiny_encoder

import training.cli
import training.model
from edge.coding.candidates import Coder
from edge.coding.encoder import OnnxTextEncoder, installed_model, open_model
from edge.contract.bundle import verify_bundle
from edge.contract.coding import CODING, CODING_GRAPH, VECTORS
from edge.contract.prompts import load_tokenizer
from edge.errors import BaseModelError, BundleError
from edge.terminology.catalogue import Catalogue
from edge.terminology.index import open_edition
from export import encoders, to_coding
from export.catalog import Base
from training import code_train, precision
from training.code_train import CodeTraining

pytestmark = pytest.mark.model
NAMES = ["gout", "asthma", "cough", "migraine", "pneumonia", "anemia", "cystitis", "sinusitis"]
WORDS = f"{' '.join(NAMES)} acute chronic disease of the unspecified with patient history 1 . ,"
ENTRIES = "".join(
    f"<diag><name>A{n:02}</name><desc>{kind} {name}</desc></diag>"
    for n, (kind, name) in enumerate((kind, name) for name in NAMES for kind in ("Acute", "Chronic"))
)
RAW = (
    '<?xml version="1.0"?><ICD10CM.tabular><version>2099</version><chapter><name>1</name><desc>All</desc>'
    f'<section id="A00-A99"><desc>All</desc>{ENTRIES}</section></chapter></ICD10CM.tabular>'
)
ENTRY = Base(
    name="tiny", origin="tests", licence="CC0", kind="encoder", parameters=1, context_length=64, purpose="test",
    prompt_format="none", end="[SEP]", pad="[PAD]", stop=("[SEP]",), tied=False, file="tiny.zip", bytes=1,
    sha256="0" * 64,
)  # fmt: skip


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    folder = tmp_path_factory.mktemp("edition")
    (folder / "codes.xml").write_text(RAW)
    return open_edition(folder / "codes.xml", folder / "index")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder(tmp_path_factory.mktemp("bases") / "tiny", WORDS)


def make(base: Path, tuned: Path | None, out: Path, catalogue: Catalogue) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(to_coding, "hf_folder", lambda *_, **__: base)
        patch.setattr(to_coding, "get", lambda _: ENTRY)
        patch.setattr(to_coding, "LIMITS", {"cosine": 0.9, "nearest": 0.0})  # random weights of 32 columns round badly
        return to_coding.make_coding_bundle("tiny", tuned, "coding-tiny", out, catalogue).folder


@pytest.fixture(scope="module")
def bundle(base: Path, catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(base, None, tmp_path_factory.mktemp("bundles"), catalogue)


def test_the_bundle_says_what_it_is_and_finds_its_own_terms(bundle: Path, catalogue: Catalogue) -> None:
    manifest = verify_bundle(bundle).manifest
    assert (manifest.kind, manifest.options["edition"], manifest.adapter) == ("coding", "ICD-10-CM 2099", None)
    model = open_model(bundle, allow_unsigned=True, threads=1)
    retriever = model.retriever(catalogue)
    for code, text in catalogue.terms():
        if "-" not in code and code.startswith("A"):
            (near,) = retriever.dense([text], 3)
            assert near[0][0] == code
            assert near[0][1] == pytest.approx(1.0, abs=0.02)
    found = Coder(catalogue, retriever).code("ASSESSMENT\n\n1. Gout, acute, of the patient.")
    assert all(note.quote for note in found.codes)


def test_its_weights_are_whole_numbers_and_its_vectors_those_of_float32(bundle: Path, base: Path) -> None:
    import onnx

    model = onnx.load(str(bundle / CODING_GRAPH))
    whole = [one for one in model.graph.initializer if one.name.endswith(".int8")]
    assert len(whole) == 2 * 6  # six products a layer; this table of tokens is too small to be rounded
    assert {one.data_type for one in whole} == {onnx.TensorProto.INT8}
    source = to_coding.load(base, None)
    plain = to_coding.compare(
        source, OnnxTextEncoder(bundle / CODING_GRAPH, load_tokenizer(bundle / "tokenizer.json"), 1), bundle, NAMES
    )
    assert plain.measured["cosine"] > 0.999


def test_weights_that_were_rounded_are_read_as_they_were(tmp_path: Path) -> None:
    from onnx import TensorProto, helper, numpy_helper
    from onnxruntime import InferenceSession

    chance = np.random.default_rng(0)
    table, weights = chance.normal(size=(2000, 6)).astype("f4"), chance.normal(size=(6, 5)).astype("f4")
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "ids"], ["rows"]), helper.make_node("MatMul", ["rows", "w"], ["out"])],
        "g", [helper.make_tensor_value_info("ids", TensorProto.INT64, ["n"])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 5])],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(weights, "w")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    encoders.round_weights(model)
    assert {one.name for one in model.graph.initializer} == {
        f"{n}.{p}" for n in ("table", "w") for p in ("int8", "scale")
    }
    (tmp_path / "g.onnx.data").write_bytes(bytes(100_000))  # of a build before
    encoders.save_apart(model, tmp_path / "g.onnx")
    assert (tmp_path / "g.onnx.data").stat().st_size < 2000 * 10 + 100
    ids = np.array([3, 1999])
    (got,) = InferenceSession(str(tmp_path / "g.onnx")).run(None, {"ids": ids})
    steps = [np.abs(table).max(1, keepdims=True) / 127, np.abs(weights).max(0, keepdims=True) / 127]
    left, right = (np.round(w / s) * s for w, s in zip((table, weights), steps, strict=True))
    assert np.abs(got - left[ids] @ right).max() < 1e-5


def test_a_bundle_of_the_very_same_is_kept(
    base: Path, catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make(base, None, tmp_path, catalogue)
    made = (first / VECTORS).stat().st_mtime_ns
    assert (make(base, None, tmp_path, catalogue) / VECTORS).stat().st_mtime_ns == made
    (tmp_path / "other.xml").write_text(RAW.replace("2099", "2100"))
    other = open_edition(tmp_path / "other.xml", tmp_path / "index")
    assert json.loads((make(base, None, tmp_path, other) / CODING).read_text())["edition"] == "ICD-10-CM 2100"


def test_vectors_of_another_edition_are_refused(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "other.xml").write_text(RAW.replace("2099", "2100"))
    other = open_edition(tmp_path / "other.xml", tmp_path / "index")
    model = open_model(bundle, allow_unsigned=True, threads=1)
    assert not model.fits(other)
    with pytest.raises(BundleError, match="another list of codes"):
        model.retriever(other)


def test_only_a_bundle_that_a_known_key_signed_is_taken_by_itself(bundle: Path, catalogue: Catalogue) -> None:
    assert installed_model([bundle.parent], catalogue) is None
    with pytest.raises(BundleError):
        open_model(bundle)


def test_changed_vectors_are_refused(bundle: Path, tmp_path: Path) -> None:
    copy = tmp_path / bundle.name
    shutil.copytree(bundle, copy)
    raw = bytearray((copy / VECTORS).read_bytes())
    raw[0] ^= 1
    (copy / VECTORS).write_bytes(bytes(raw))
    with pytest.raises(BundleError):
        open_model(copy, allow_unsigned=True)


def test_training_writes_what_the_exporter_reads(base: Path, catalogue: Catalogue, tmp_path: Path) -> None:
    said: list[str] = []
    config = CodeTraining(steps=3, batch=4, rate=1e-3, bf16=False)
    tuned = code_train.tune(base, catalogue, config, tmp_path / "tuned", said.append)
    assert json.loads((tuned / "training.json").read_text())["steps"] == 3
    folder = make(base, tuned, tmp_path, catalogue)
    manifest = verify_bundle(folder).manifest
    assert manifest.adapter is not None
    assert [one.role for one in manifest.data] == ["training"]
    assert json.loads((folder / CODING).read_text())["terms"] == len(list(catalogue.terms()))
    with pytest.raises(BaseModelError, match="not a tuned encoder"):
        make(base, tmp_path, tmp_path / "x", catalogue)


def test_texts_of_any_length_keep_their_vectors_and_their_order(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = code_train.encoder(base).eval(), load_tokenizer(base / "tokenizer.json")
    texts = ["acute gout of the patient with history", "gout", "chronic cough , unspecified", "asthma"] * 2
    monkeypatch.setattr(code_train, "_GROUP", 3)
    together = code_train.embed(model, tokenizer, texts).detach().numpy()
    alone = np.concatenate([code_train.embed(model, tokenizer, [text]).detach().numpy() for text in texts])
    assert np.abs(together - alone).max() < 1e-5


@pytest.mark.parametrize(("ratio", "expected"), [(0.06, False), (2.0, True)])
def test_bf16_only_where_the_processor_multiplies_it(
    ratio: float, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.setattr(precision, "gain", lambda: ratio)
    monkeypatch.setattr(code_train, "tune", lambda _, __, config, out, ___: seen.append(config.bf16) or out)
    monkeypatch.setattr(training.model, "base_folder", lambda _: tmp_path)
    assert training.cli.main(["coding", "--out", str(tmp_path / "out"), "--steps", "1"]) == 0
    assert training.cli.main(["coding", "--out", str(tmp_path / "out"), "--steps", "1", "--fp32"]) == 0
    assert seen == [expected, False]


def test_the_loss_is_least_where_anchors_meet_their_terms() -> None:
    import torch

    eye = torch.eye(4)
    good = code_train.ranking_loss(torch.cat([eye, eye, -eye]), 4)
    bad = code_train.ranking_loss(torch.cat([eye, eye.roll(1, 0), eye]), 4)
    assert float(good) < 0.01 < float(bad)
    assert np.isfinite(float(bad))
