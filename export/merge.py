"""Adapter -> merged Hugging Face folder. The adapter's name in a manifest is the digest of its two files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from edge.contract.manifest import DataSet, Figure
from edge.errors import BaseModelError
from export.base import folder_digest
from export.files import sha256_file

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


def merge(base_folder: Path, adapter: Path, target: Path) -> None:
    """Write base plus adapter as a Hugging Face folder into target (which exists). Raises BaseModelError.

    Merged in float32, stored in float16: the rounding is far below that of any quantisation that follows.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base_folder, dtype=torch.float32, local_files_only=True)
    try:
        merged = PeftModel.from_pretrained(model, str(adapter), local_files_only=True).merge_and_unload(safe_merge=True)
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise BaseModelError(
            f"The adapter {adapter.name} does not fit this base.",
            str(error).splitlines()[0][:300] if str(error) else type(error).__name__,
            "Use the base that the adapter was trained on.",
        ) from None
    merged.to(torch.float16).save_pretrained(target, safe_serialization=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json", "config.json"):
        # The base's own config: the merged one would say float16 and forget nothing else.
        shutil.copyfile(base_folder / name, target / name)
