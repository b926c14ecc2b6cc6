"""Encoder-decoders and encoders through optimum, from tiny random models: same numbers; only embeddings run here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from embedding_kit import Embedder
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoModelForSeq2SeqLM,
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from edge.contract.bundle import list_bundles, signed_by, verify_bundle
from edge.contract.manifest import manifest_bytes, parse_manifest
from edge.engine.loader import load_engine
from edge.errors import BaseModelError, BundleError
from export import cli, to_optimum
from export.gate import may_be_signed
from export.to_optimum import run_graph
from tests import tiny

WORDS = ["<s>", "<pad>", "</s>", "<unk>", "knee", "pain", "fever", "none", "since", "monday"]


def save(model: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    model = BertModel(BertConfig(vocab_size=len(WORDS), max_position_embeddings=32, **sizes))
    return save(model, tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def bart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(2)
    sides = {f"{side}_{key}": value for side in ("encoder", "decoder")
             for key, value in (("layers", 1), ("attention_heads", 2), ("ffn_dim", 32))}  # fmt: skip
    model = BartForConditionalGeneration(BartConfig(vocab_size=16, d_model=16, max_position_embeddings=32, **sides))
    return save(model, tmp_path_factory.mktemp("bart"))


def build(folder: Path, name: str, out: Path, *more: str) -> Path:
    words = ["optimum", str(folder), "--as", name, "--origin", "tests", "--licence", "none", "--out", str(out), *more]
    assert cli.main(words) == 0
    return out / name


def answers(folder: Path, ids: Any, start: Any) -> Any:
    """Logits of an encoder-decoder bundle's two graphs, shape (1, tokens of start, vocabulary)."""
    ones = np.ones_like(ids)
    states = run_graph(folder / "encoder_model.onnx", {"input_ids": ids, "attention_mask": ones})[0]
    feed = {"input_ids": start, "encoder_hidden_states": states, "encoder_attention_mask": ones}
    return run_graph(folder / "decoder_model_merged.onnx", feed)[0]


def test_an_embedding_bundle_says_what_transformers_says(bert: Path, tmp_path: Path) -> None:
    folder = build(bert, "tiny-bert", tmp_path)
    manifest = verify_bundle(folder, require_signature=True).manifest
    assert (manifest.kind, manifest.precision, manifest.context_length) == ("embedding", "fp32", 32)
    assert manifest.base.parameters == sum(p.numel() for p in BertModel.from_pretrained(bert).parameters())
    assert sorted(entry.path for entry in manifest.files) == [
        "ml-bom.json", "model-card.md", "model.onnx", "model.onnx.data", "tokenizer.json",
    ]  # fmt: skip
    assert may_be_signed(manifest, None) is None  # its gate is the agreement of the numbers
    texts = ["knee pain since monday", "fever", "knee " * 100]
    found = Embedder(folder).embed(texts)
    model = BertModel.from_pretrained(bert).eval()
    for text, vector in zip(texts, found, strict=True):
        ids = torch.tensor([[WORDS.index(word) for word in text.split()][:32]])
        with torch.inference_mode():
            mean = model(input_ids=ids).last_hidden_state[0].mean(0)
        assert np.allclose(vector, (mean / mean.norm()).numpy(), atol=1e-5)


def test_it_is_not_offered_for_notes(bert: Path, tmp_path: Path) -> None:
    folder = build(bert, "tiny-bert", tmp_path)
    assert list_bundles([tmp_path]) == []
    with pytest.raises(BundleError, match=r"holds no model that writes notes. Its kind is embedding"):
        load_engine(folder)
    (folder / "manifest.sig").unlink()
    with pytest.raises(BundleError, match="not signed"):
        Embedder(folder)
    Embedder(folder, allow_unsigned=True)


def test_an_encoder_decoder_bundle_says_what_transformers_says(bart: Path, tmp_path: Path) -> None:
    folder = build(bart, "tiny-bart", tmp_path)
    manifest = verify_bundle(folder).manifest
    assert manifest.kind == "encoder-decoder"
    assert signed_by(folder) == "built-here"
    assert [entry.path for entry in manifest.files if entry.path.endswith((".onnx", ".data"))] == [
        "decoder_model_merged.onnx", "decoder_model_merged.onnx.data", "encoder_model.onnx", "encoder_model.onnx.data",
    ]  # fmt: skip
    ids, start = np.array([[4, 5, 8, 9, 2]]), np.array([[2, 0, 4]])
    model = BartForConditionalGeneration.from_pretrained(bart).eval()
    with torch.inference_mode():
        expected = model(input_ids=torch.from_numpy(ids), decoder_input_ids=torch.from_numpy(start)).logits.numpy()
    assert np.allclose(answers(folder, ids, start), expected, atol=1e-4)
    with pytest.raises(BundleError, match="Its kind is encoder-decoder"):
        load_engine(folder)
    with pytest.raises(BundleError, match="holds no embedding model"):
        Embedder(folder)


def test_a_tuned_baseline_says_what_base_and_adapter_say(tmp_path: Path) -> None:
    base = tiny.make("t5", tmp_path / "t5")
    lora = LoraConfig(r=2, lora_alpha=64, target_modules="all-linear", init_lora_weights=False)
    model = get_peft_model(AutoModelForSeq2SeqLM.from_pretrained(base), lora).eval()
    model.save_pretrained(str(tmp_path / "tuned"))
    facts = {"data": [{"name": "sections", "licence": "CC-BY-4.0", "role": "training", "records": 3}], "figures": []}
    (tmp_path / "tuned" / "adapter.json").write_text(json.dumps(facts))
    folder = build(base, "tuned-t5", tmp_path / "bundles", "--adapter", str(tmp_path / "tuned"))
    manifest = verify_bundle(folder).manifest
    assert manifest.adapter is not None
    assert (manifest.adapter.name, [d.name for d in manifest.data]) == ("tuned", ["sections"])
    ids, start = np.array([[40, 50, 60, 70, 1]]), np.array([[1, 30, 31]])
    given = {"input_ids": torch.from_numpy(ids), "decoder_input_ids": torch.from_numpy(start)}
    with torch.inference_mode():
        together = model(**given).logits.numpy()
        with model.disable_adapter():
            alone = model(**given).logits.numpy()
    found = answers(folder, ids, start)
    assert np.allclose(found, together, atol=1e-3)
    assert np.abs(alone - together).max() > 0.1  # the adapter has its say


def test_an_adapter_of_another_baseline_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bases = [tiny.make(family, tmp_path / family) for family in ("bart", "t5")]
    adapter = tmp_path / "tuned"
    model = AutoModelForSeq2SeqLM.from_pretrained(bases[1])
    get_peft_model(model, LoraConfig(r=2, target_modules=["wi", "wo"])).save_pretrained(str(adapter))
    words = ["optimum", str(bases[0]), "--as", "x", "--origin", "o", "--licence", "l", "--out", str(tmp_path / "out")]
    assert cli.main([*words, "--adapter", str(adapter)]) == 8
    assert "does not fit this base" in capsys.readouterr().err
    assert cli.main([*words, "--adapter", str(tmp_path)]) == 8
    assert "is not an adapter" in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize(("file", "code"), [("model.safetensors", 4), ("tokenizer.json", 8)])
def test_a_damaged_source_is_named(
    bert: Path, tmp_path: Path, file: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = Path(shutil.copytree(bert, tmp_path / "broken"))
    (broken / file).write_bytes((bert / file).read_bytes()[:-9])
    words = ["optimum", str(broken), "--as", "x", "--origin", "o", "--licence", "l", "--out", str(tmp_path / "out")]
    assert cli.main(words) == code
    said = capsys.readouterr().err
    assert "could not export broken" in said or f"{file} cannot be read" in said
    assert not list((tmp_path / "out").glob("*"))


def test_a_graph_with_other_numbers_is_refused(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    export = to_optimum._export

    def spoiled(folder: Path, kind: Any, raw: Path, built: Path) -> None:
        export(folder, kind, raw, built)
        data = bytearray((built / "model.onnx.data").read_bytes())
        data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
        (built / "model.onnx.data").write_bytes(data)

    monkeypatch.setattr(to_optimum, "_export", spoiled)
    words = ["optimum", str(bert), "--as", "x", "--origin", "o", "--licence", "l", "--out", str(tmp_path)]
    assert cli.main(words) == 4
    assert "computes other numbers" in capsys.readouterr().err
    assert list(tmp_path.glob("x*")) == []


def test_a_decoder_is_built_by_its_name(tmp_path: Path) -> None:
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    folder = save(LlamaForCausalLM(LlamaConfig(vocab_size=16, **sizes)), tmp_path / "llama")
    with pytest.raises(BaseModelError, match="holds a decoder"):
        to_optimum.kind_of(folder)
    with pytest.raises(BaseModelError, match="cannot be read"):
        to_optimum.kind_of(tmp_path)


def test_the_kind_is_written_only_where_it_says_something(bert: Path, tmp_path: Path) -> None:
    manifest = verify_bundle(build(bert, "tiny-bert", tmp_path)).manifest
    assert b'"kind": "embedding"' in manifest_bytes(manifest)
    plain = manifest_bytes(manifest.model_copy(update={"kind": "decoder"}))
    assert b'"kind"' not in plain  # bundles of before there were kinds keep their bytes, and their signatures
    assert parse_manifest(plain).kind == "decoder"
