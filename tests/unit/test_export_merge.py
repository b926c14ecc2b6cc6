"""An adapter merged into its base says what base and adapter say together; another adapter is refused."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from edge.errors import BaseModelError
from export.logits import HfLogits
from export.merge import adapter_digest, adapter_facts, check_head, merge, trained_languages
from export.options import OnnxOptions

IDS = [5, 9, 200, 31, 7]


def make_base(folder: Path, width: int = 64, layers: int = 2) -> Path:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=256, hidden_size=width, intermediate_size=128, num_hidden_layers=layers, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128, tie_word_embeddings=True, eos_token_id=[2],
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_text("{}")
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapter") / "tuned"
    lora = LoraConfig(r=4, lora_alpha=64, target_modules=["q_proj", "v_proj", "down_proj"], init_lora_weights=False)
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), lora).save_pretrained(str(folder))
    return folder


def test_merged_says_what_the_two_say_together(base: Path, adapter: Path, tmp_path: Path) -> None:
    merge(base, adapter, tmp_path)
    together = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(adapter)).eval()
    with torch.inference_mode():
        expected = together(torch.tensor([IDS])).logits[0].numpy()
    found, plain = HfLogits(tmp_path).logits(IDS), HfLogits(base).logits(IDS)
    assert np.abs(found - expected).max() < 0.01 * np.abs(expected - plain).max()  # float16 on disk, and no more
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix == ".bin") == []


def test_unmerged_it_says_the_same(base: Path, adapter: Path, tmp_path: Path) -> None:
    """`verify` compares with the adapter beside the weights: what merging gets wrong is seen."""
    merge(base, adapter, tmp_path)
    merged, beside = HfLogits(tmp_path).logits(IDS), HfLogits(base, adapter=adapter).logits(IDS)
    assert np.abs(merged - beside).max() < 0.01 * np.abs(beside - HfLogits(base).logits(IDS)).max()


@pytest.mark.parametrize("how", ["lora on the head", "lora on the embedding", "saved head"])
def test_a_trained_head_of_a_tied_base_is_refused(how: str, base: Path, tmp_path: Path) -> None:
    """Merged, the embedding would change with the head: logits off by whole units, and nobody would see it."""
    options = {
        "lora on the head": {"target_modules": ["q_proj", "lm_head"]},
        "lora on the embedding": {"target_modules": ["q_proj", "embed_tokens"]},
        "saved head": {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
    }[how]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrapped = get_peft_model(AutoModelForCausalLM.from_pretrained(base), LoraConfig(r=4, **options))
        wrapped.save_pretrained(str(tmp_path / "headed"))
    (tmp_path / "out").mkdir()
    with pytest.raises(BaseModelError, match=r"one matrix for both.*not be the one that was trained") as refused:
        merge(base, tmp_path / "headed", tmp_path / "out")
    assert refused.value.exit_code == 8
    assert not list((tmp_path / "out").iterdir())
    untied = Path(shutil.copytree(base, tmp_path / "untied"))
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    (untied / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": False}), encoding="utf-8")
    check_head(untied, tmp_path / "headed")  # an untied base has a head of its own


def test_a_merged_model_keeps_its_tied_matrix_once(base: Path, adapter: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    merge(base, adapter, tmp_path)
    assert not [name for name in load_file(tmp_path / "model.safetensors") if name.startswith("lm_head")]


def test_an_adapter_of_another_base_is_refused(adapter: Path, tmp_path: Path) -> None:
    other = make_base(tmp_path / "other", width=128)
    (tmp_path / "out").mkdir()
    with pytest.raises(BaseModelError, match="does not fit this base"):
        merge(other, adapter, tmp_path / "out")
    for layers in (1, 3):  # one less and one more than its own: not the part of it that has a place
        another = make_base(tmp_path / f"of {layers}", layers=layers)
        with pytest.raises(BaseModelError, match=r"does not fit this base\. 6 weights are in one of the two alone"):
            merge(another, adapter, tmp_path / "out")


def test_damage_is_named(base: Path, adapter: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    torn = Path(shutil.copytree(adapter, tmp_path / "torn"))
    (torn / "adapter_model.safetensors").write_bytes((adapter / "adapter_model.safetensors").read_bytes()[:-9])
    with pytest.raises(BaseModelError, match="copy the adapter here again"):
        merge(base, torn, tmp_path / "out")
    broken = Path(shutil.copytree(base, tmp_path / "broken"))
    (broken / "model.safetensors").write_bytes((base / "model.safetensors").read_bytes()[:-9])
    with pytest.raises(BaseModelError, match="broken cannot be loaded"):
        merge(broken, adapter, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_the_digest_names_the_weights_and_their_settings(adapter: Path, tmp_path: Path) -> None:
    before = adapter_digest(adapter)
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (copy / name).write_bytes((adapter / name).read_bytes())
    assert adapter_digest(copy) == before
    (copy / "adapter_config.json").write_text("{}")
    assert adapter_digest(copy) != before
    with pytest.raises(BaseModelError, match=r"is not an adapter.*adapter_config.json"):
        adapter_digest(tmp_path)


def test_facts_recorded_by_training_are_read_strictly(tmp_path: Path) -> None:
    assert adapter_facts(tmp_path) == ([], [])
    data = {"name": "MTS-Dialog", "licence": "CC BY 4.0", "role": "training", "records": 3}
    figure = {"metric": "ROUGE-1", "value": 0.4, "dataset": "valid", "documents": 2}
    (tmp_path / "adapter.json").write_text(json.dumps({"data": [data], "figures": [figure], "more": 1}))
    sets, figures = adapter_facts(tmp_path)
    assert (sets[0].name, figures[0].value) == ("MTS-Dialog", 0.4)
    for raw in ("[]", "{", '{"data": [{}]}', '{"figures": [{"metric": "m"}]}', '{"data": 3}'):
        (tmp_path / "adapter.json").write_text(raw)
        with pytest.raises(BaseModelError, match="not what training writes"):
            adapter_facts(tmp_path)


def test_the_languages_of_the_notes_that_it_was_trained_to_write(tmp_path: Path) -> None:
    assert trained_languages(None) == trained_languages(tmp_path) == ("en",)
    (tmp_path / "adapter.json").write_text(json.dumps({"languages": ["de", "en", "de"]}))
    assert trained_languages(tmp_path) == ("de", "en")
    assert trained_languages(tmp_path, ["es"]) == ("es",)
    for wrong in ("English", "", "EN", "e"):
        with pytest.raises(BaseModelError, match="no languages"):
            trained_languages(tmp_path, [wrong])


@pytest.mark.parametrize(
    ("width", "given", "block", "symmetric"),
    [
        (576, OnnxOptions.of("int4"), 32, False),
        (896, OnnxOptions.of("int4"), 64, False),
        (896, OnnxOptions.of("int4", "rtn_mixed"), 32, False),
        (576, OnnxOptions.of("int8"), 64, True),
        (896, OnnxOptions.of("int8"), 128, True),
        (896, OnnxOptions.of("int4", "rtn_last", 128, True), 128, True),
        (896, OnnxOptions.of("int4", "rtn_last", 128, False), 64, False),  # seven blocks: zero points go in pairs
        (576, OnnxOptions.of("int4", "k_quant_last", 64, True), 32, False),  # k_quant always writes zero points
    ],
)
def test_blocks_fit_the_width(width: int, given: OnnxOptions, block: int, symmetric: bool) -> None:
    fitted = given.fitted(width)
    assert (fitted.block, fitted.symmetric) == (block, symmetric)
    assert width % fitted.block == 0
