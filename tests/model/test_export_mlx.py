"""The MLX bundle of the 135M, converted, loaded and compared on the CPU: few tokens, since MLX is slow there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.contract.bundle import verify_bundle
from edge.contract.prompts import load_tokenizer
from edge.errors import BundleError
from export.base import hf_folder
from export.bundles import make_mlx_bundle
from export.logits import HfLogits
from export.to_mlx import MlxLogits

pytestmark = pytest.mark.model

TEXT = "Patient"  # one token: MLX needs about ten seconds for each on a CPU


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_mlx_bundle("smollm2-135m-instruct", out=tmp_path_factory.mktemp("mlx"))[0].folder


def test_the_bundle_is_verified_and_small(bundle: Path) -> None:
    manifest = verify_bundle(bundle).manifest
    assert bundle.name == "smollm2-135m-instruct-mlx"
    assert (manifest.runtime, manifest.precision, manifest.options) == ("mlx", "int4", {"group": 64, "languages": "en"})
    assert sorted(entry.path for entry in manifest.files) == [
        "config.json", "ml-bom.json", "model-card.md", "model.safetensors", "tokenizer.json",
    ]  # fmt: skip
    assert sum(entry.size for entry in manifest.files) < 90e6  # the tied matrix once


def test_it_says_what_its_source_says(bundle: Path) -> None:
    ids = load_tokenizer(bundle / "tokenizer.json").encode(TEXT, add_special_tokens=False).ids
    expected = HfLogits(hf_folder("smollm2-135m-instruct")).logits(ids)
    found = MlxLogits(bundle).logits(ids)
    assert found.shape == expected.shape
    cosine = (expected * found).sum(-1) / np.linalg.norm(expected, axis=-1) / np.linalg.norm(found, axis=-1)
    assert cosine.min() > 0.9


def test_a_configuration_that_chooses_other_code_is_refused(bundle: Path) -> None:
    config = bundle / "config.json"
    original = config.read_bytes()
    try:
        config.write_bytes(original.replace(b'"llama"', b'"qwen3"'))
        with pytest.raises(BundleError, match=r"config.json was altered"):
            verify_bundle(bundle)
    finally:
        config.write_bytes(original)
    assert verify_bundle(bundle).manifest.runtime == "mlx"
