"""The int4 bundle of the 135M: it loads, it stops, it is small because it is tied, and it says what its source says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime_genai as og
import pytest

from edge.contract.bundle import verify_bundle
from edge.contract.prompts import chat_format, load_tokenizer
from export.base import hf_folder
from export.bundles import make_onnx_bundle
from export.compare import compare
from export.held import Held
from export.logits import HfLogits, OnnxLogits

pytestmark = pytest.mark.model

HELD = [
    Held(
        "Conversation:\nDoctor: What brings you in?\nPatient: I have had chest pain for three days.",
        "Write the chief complaint.",
        "Chest pain for three days.",
    ),
    Held(
        "Conversation:\nDoctor: Any allergies?\nPatient: Penicillin gives me a rash.",
        "Write the allergies.",
        "Penicillin, which causes a rash.",
    ),
]


@pytest.fixture(scope="module")
def model(bundle_135m: Path) -> Any:
    return og.Model(og.Config(str(bundle_135m)))


def generator(model: Any, ids: list[int]) -> Any:
    settings = og.GeneratorParams(model)
    settings.set_search_options(max_length=128, do_sample=False)
    made = og.Generator(model, settings)
    made.append_tokens(np.asarray(ids, dtype=np.int32))
    return made


def test_the_bundle_is_verified_and_says_what_it_is(bundle_135m: Path) -> None:
    manifest = verify_bundle(bundle_135m).manifest
    assert manifest.base.name == "smollm2-135m-instruct"
    assert manifest.purpose == "test"
    assert manifest.precision == "int4"
    assert manifest.options == {
        "algorithm": "gptq_mixed", "block": 32, "symmetric": False, "accuracy_level": 4, "prune_head": True,
        "languages": "en",
    }  # fmt: skip
    assert sorted(entry.path for entry in manifest.files) == [
        "genai_config.json", "ml-bom.json", "model-card.md", "model.onnx", "model.onnx.data", "tokenizer.json",
    ]  # fmt: skip


def test_the_token_that_ends_a_training_target_stops_the_bundle(bundle_135m: Path, model: Any) -> None:
    manifest = verify_bundle(bundle_135m).manifest
    tokenizer = load_tokenizer(bundle_135m / "tokenizer.json")
    end = tokenizer.token_to_id(chat_format(manifest.prompt_format).end.token)
    assert end in json.loads((bundle_135m / "genai_config.json").read_text())["model"]["eos_token_id"]
    trained = json.loads((hf_folder(manifest.base.name) / "tokenizer_config.json").read_text())["eos_token"]
    assert tokenizer.token_to_id(trained) == end
    for token in manifest.end_tokens:
        running = generator(model, [5, 6, 7])
        scores = np.full(running.get_logits().shape, -1e9, dtype=np.float32)
        scores[..., tokenizer.token_to_id(token)] = 1e9
        running.set_logits(scores)
        running.generate_next_token()
        assert running.is_done(), token


def test_the_embedding_is_stored_once(bundle_135m: Path) -> None:
    graph = onnx.load(str(bundle_135m / "model.onnx"), load_external_data=False).graph
    large = [int(np.prod(t.dims)) for t in graph.initializer if int(np.prod(t.dims)) >= 49152 * 576 // 2]
    assert sorted(large) == [49152 * 576 // 2, 49152 * 576]  # the head in int4, and the table of tokens in int8


def test_the_weights_say_what_the_source_says(bundle_135m: Path) -> None:
    source = hf_folder("smollm2-135m-instruct")
    bundle = OnnxLogits(bundle_135m)
    distance = compare(HfLogits(source), {"int4": bundle}, HELD, bundle_135m / "tokenizer.json", "chatml")["int4"]
    assert distance.tokens > 10
    assert distance.agreement > 0.6
    assert distance.perplexity_ratio < 1.4
    assert 0 < distance.kl < 0.4


def test_measured_logits_are_those_of_the_shipped_runtime(bundle_135m: Path, model: Any) -> None:
    ids = (
        load_tokenizer(bundle_135m / "tokenizer.json")
        .encode("The patient reports chest pain", add_special_tokens=False)
        .ids
    )
    shipped = generator(model, ids).get_logits().reshape(-1)
    measured = OnnxLogits(bundle_135m).logits(ids)
    assert measured.shape == (len(ids), shipped.size)
    assert np.abs(measured[-1] - shipped).max() < 0.05
    assert np.abs(OnnxLogits(bundle_135m).logits(ids, 2) - measured[2:]).max() < 1e-3


def test_a_second_build_comes_from_the_cache_and_is_the_same(bundle_135m: Path, tmp_path: Path) -> None:
    again, built = make_onnx_bundle("smollm2-135m-instruct", out=tmp_path)
    assert built.seconds == 0
    assert again.sha256 == verify_bundle(bundle_135m).sha256
