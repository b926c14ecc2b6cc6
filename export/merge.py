"""Adapter -> merged Hugging Face folder. The adapter's name in a manifest is the digest of its two files."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.contract.manifest import AdapterRef, DataSet, Figure, Manifest, ModelKind
from edge.contract.prompts import RENDERERS
from edge.errors import BaseModelError
from export.base import folder_digest
from export.files import sha256_file

_ENDS = {"lm_head", "embed_tokens", "wte", "embed_out"}
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")


def adapter_digest(adapter: Path) -> str:
    """sha256 that names an adapter folder; raises BaseModelError if it is not one."""
    missing = [name for name in ADAPTER_FILES if not (adapter / name).is_file()]
    if missing:
        raise BaseModelError(
            f"{adapter} is not an adapter.",
            f"It lacks {', '.join(missing)}.",
            "Name a folder written by `edgescribe-training`.",
        )
    return folder_digest({name: sha256_file(adapter / name) for name in ADAPTER_FILES})


def check_head(base_folder: Path, adapter: Path) -> None:
    """Raise BaseModelError if an adapter trains the head or the embedding of a base that has one matrix for both.

    Merged, the change of the one would be the change of the other, which training never saw: logits would be off by
    whole units, and a comparison with a reference that was merged the same way would not show it.
    """
    try:
        config = json.loads((base_folder / "config.json").read_text(encoding="utf-8"))
        asked = json.loads((adapter / ADAPTER_FILES[0]).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return  # said where they are loaded
    text = config.get("text_config", config)
    if not (text.get("tie_word_embeddings") or config.get("tie_word_embeddings")):
        return
    targets = asked.get("target_modules") or []
    wanted = [*(asked.get("modules_to_save") or []), *([targets] if isinstance(targets, str) else targets)]
    ends = sorted({name for name in wanted if str(name).rsplit(".", 1)[-1] in _ENDS} | _trained_ends(adapter))
    if ends:
        raise BaseModelError(
            f"The adapter {adapter.name} trains {', '.join(ends)} of a base that uses one matrix for both.",
            "Merged, its head would not be the one that was trained.",
            "Train it again on the linear layers alone (all-linear leaves the head out), or untie the base.",
        )


def _trained_ends(adapter: Path) -> set[str]:
    """Head and embedding among the weights of an adapter, whatever its configuration says."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(adapter / ADAPTER_FILES[1], "pt") as saved:
            parts = {part for name in saved.keys() for part in name.split(".")}  # noqa: SIM118 - no dict
    except (OSError, SafetensorError):
        return set()
    return parts & _ENDS


def adapter_facts(adapter: Path) -> tuple[list[DataSet], list[Figure]]:
    """Data sets and figures that training recorded in adapter.json, if it did. Raises BaseModelError if malformed.

    {"data": [DataSet…], "figures": [Figure…]}, as in a manifest (edge.contract.manifest); other keys are not read.
    """
    path = adapter / "adapter.json"
    if not path.is_file():
        return [], []
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        data = [DataSet.model_validate_json(json.dumps(entry)) for entry in raw.get("data", [])]
        return data, [Figure.model_validate_json(json.dumps(entry)) for entry in raw.get("figures", [])]
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise BaseModelError(
            f"{path} is not what training writes.", type(error).__name__, "Correct or remove the file."
        ) from None


def adapter_ref(adapter: Path | None) -> AdapterRef | None:
    """An adapter as a manifest names it. Raises BaseModelError if the folder is none or its adapter.json malformed."""
    if adapter is None:
        return None
    adapter_facts(adapter), adapter_version(adapter)  # said now, not after minutes of building
    return AdapterRef(name=adapter.resolve().name, sha256=adapter_digest(adapter))


def with_facts(manifest: Manifest, adapter: Path | None) -> Manifest:
    """The manifest with what training recorded about the adapter. Raises BaseModelError if that became malformed."""
    if adapter is None:
        return manifest
    data, figures = adapter_facts(adapter)
    version = adapter_version(adapter) or manifest.prompt_version
    return manifest.model_copy(update={"data": data, "figures": figures, "prompt_version": version})


def adapter_version(adapter: Path) -> str:
    """The prompt version that an adapter was trained with, "" where training left no word of it.

    Raises BaseModelError for one that this program does not know.
    """
    path = adapter / "adapter.json"
    version = json.loads(path.read_text(encoding="utf-8")).get("prompt_version", "") if path.is_file() else ""
    if version and version not in RENDERERS:
        raise BaseModelError(
            f"The adapter {adapter.name} was trained with another prompt version.",
            f"This program knows {', '.join(RENDERERS)}.", "Update edgescribe, or train it again.",
        )  # fmt: skip
    return str(version)


def trained_languages(adapter: Path | None, given: Sequence[str] = ()) -> tuple[str, ...]:
    """ISO 639-1 codes of the languages that a bundle was trained to write notes in: those given, else those that
    training recorded with the adapter, else English. Raises BaseModelError for what is no such code."""
    path = adapter / "adapter.json" if adapter is not None else None
    recorded = json.loads(path.read_text(encoding="utf-8")).get("languages") if path and path.is_file() else None
    found = tuple(given) or (tuple(recorded) if isinstance(recorded, list) else ("en",))
    if not found or not all(isinstance(code, str) and re.fullmatch("[a-z]{2}", code) for code in found):
        raise BaseModelError("The adapter names no languages.", "Codes of two letters are needed: en, de.", "")
    return tuple(dict.fromkeys(found))


def auto_class(kind: ModelKind) -> Any:
    """The class of transformers that loads a model of this kind."""
    from transformers import AutoModel, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    return {"decoder": AutoModelForCausalLM, "encoder-decoder": AutoModelForSeq2SeqLM, "embedding": AutoModel}[kind]


def load_source(folder: Path, kind: ModelKind) -> Any:
    """The model of a Hugging Face folder, float32. Raises BaseModelError if its files are none that can be read."""
    import torch
    from safetensors import SafetensorError

    try:
        return auto_class(kind).from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise BaseModelError(f"{folder} cannot be loaded.", reason, "Copy its files here again.") from None


def merge(base_folder: Path, adapter: Path, target: Path, kind: ModelKind = "decoder") -> None:
    """Write base plus adapter as a Hugging Face folder into target (which exists). Raises BaseModelError.

    Merged in float32. A decoder is stored in float16: the rounding is far below that of any quantisation that follows;
    the other kinds, whose bundles are not rounded, in float32.
    """
    import torch
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import SafetensorError, safe_open

    check_head(base_folder, adapter)
    model = load_source(base_folder, kind)
    try:
        wrapped = PeftModel.from_pretrained(model, str(adapter), local_files_only=True)
        taken = get_peft_model_state_dict(wrapped, save_embedding_layers=False)  # else it looks for a base by name
        with safe_open(adapter / ADAPTER_FILES[1], "pt") as saved:
            unlike = [name for name in set(saved.keys()).symmetric_difference(taken) if "lora_" in name]
        if unlike:  # peft passes over what the base has no place for, and leaves as they are layers that it lacks
            raise ValueError(f"{len(unlike)} weights are in one of the two alone.")
        merged = wrapped.merge_and_unload(safe_merge=True)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise BaseModelError(
            f"The adapter {adapter.name} does not fit this base.",
            str(error).splitlines()[0][:300] if str(error) else type(error).__name__,
            "Use the base that the adapter was trained on, and copy the adapter here again if it is damaged.",
        ) from None
    stored = merged.to(torch.float16) if kind == "decoder" else merged
    stored.save_pretrained(target, safe_serialization=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json", "config.json"):
        # The base's own config: the merged one would say float16 and forget nothing else.
        if kind == "decoder" or (base_folder / name).is_file():
            shutil.copyfile(base_folder / name, target / name)
