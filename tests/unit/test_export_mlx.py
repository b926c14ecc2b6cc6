"""MLX conversion of a model with random weights: the same logits as its source, as far as its bits allow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT

from edge.contract.mlx_config import check_mlx_config
from edge.errors import BundleError, UsageError
from export.catalog import get
from export.logits import HfLogits
from export.to_mlx import MlxLogits, _convert, build_mlx

IDS = [5, 9, 200, 31, 7, 88, 150, 2]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A llama of two layers, with its embedding tied."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=256, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128, tie_word_embeddings=True, eos_token_id=[2],
        initializer_range=0.05,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("tiny")
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("bits", "least"), [(0, 0.99999), (8, 0.999), (4, 0.95)])
def test_the_same_logits_as_far_as_the_bits_allow(source: Path, tmp_path: Path, bits: int, least: float) -> None:
    _convert(source, tmp_path, bits)
    expected, found = HfLogits(source).logits(IDS), MlxLogits(tmp_path).logits(IDS)
    assert found.shape == expected.shape == (len(IDS), 256)
    cosine = (expected * found).sum(-1) / np.linalg.norm(expected, axis=-1) / np.linalg.norm(found, axis=-1)
    assert cosine.min() > least


def test_the_configuration_is_plain_and_the_tied_matrix_is_stored_once(source: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    _convert(source, tmp_path, 4)
    raw = (tmp_path / "config.json").read_bytes()
    check_mlx_config(raw, 128)
    config: dict[str, Any] = json.loads(raw)
    assert config["quantization"] == {"bits": 4, "group_size": 64, "mode": "affine"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    assert not [name for name in load_file(tmp_path / "model.safetensors") if name.startswith("lm_head")]


def test_the_whole_parity_is_there_for_a_mac_and_left_out_elsewhere() -> None:
    group = ROOT / "tests" / "model" / "test_export_mac.py"
    command = [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider", str(group)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    assert ("5 tests collected" if sys.platform == "darwin" else "no tests collected (5 deselected)") in said


def test_what_cannot_be_converted_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no precision 'int2'"):
        build_mlx(get("smollm2-135m-instruct"), "int2", cache=tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "nothing"}')
    (tmp_path / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    with pytest.raises(BundleError, match="could not convert"):
        _convert(tmp_path, tmp_path / "out", 4)
