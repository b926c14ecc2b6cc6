"""A small bundle made by hand, and ways to spoil it."""

from __future__ import annotations

import hashlib
import json
from importlib import metadata
from pathlib import Path
from typing import Any

from edge.contract.manifest import canonical

CONFIG: dict[str, Any] = {
    "model": {
        "bos_token_id": 1,
        "context_length": 64,
        "decoder": {
            "filename": "model.onnx",
            "head_size": 4,
            "hidden_size": 8,
            "inputs": {"input_ids": "input_ids"},
            "num_attention_heads": 2,
            "num_hidden_layers": 1,
            "num_key_value_heads": 1,
            "outputs": {"logits": "logits"},
            "session_options": {"log_id": "onnxruntime-genai", "provider_options": []},
        },
        "eos_token_id": [2, 0],
        "pad_token_id": 0,
        "type": "llama",
        "vocab_size": 16,
    },
    "search": {"do_sample": False, "max_length": 64},
}


def tiny_onnx(location: str = "model.onnx.data", domain: str = "", length: int = 64) -> bytes:
    """An ONNX file whose one weight lies outside it, at location."""
    import onnx
    from onnx import TensorProto, helper

    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[16], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", "0"), ("length", str(length))):
        entry = weight.external_data.add()
        entry.key, entry.value = key, value
    node = helper.make_node("Identity", ["w"], ["y"], domain=domain)
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [16])
    graph = helper.make_graph([node], "g", [], [output], initializer=[weight])
    opsets = [helper.make_opsetid("", 21)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=opsets)
    return bytes(model.SerializeToString())


def contents() -> dict[str, bytes]:
    """The files of a good bundle, manifest apart."""
    return {
        "genai_config.json": canonical(CONFIG),
        "model.onnx": tiny_onnx(),
        "model.onnx.data": bytes(range(64)),
        "tokenizer.json": b'{"model": {}}\n',
    }


def manifest_of(files: dict[str, bytes], **changes: Any) -> dict[str, Any]:
    """The manifest of files, as JSON data."""
    value: dict[str, Any] = {
        "format": "edgescribe-bundle",
        "format_version": 1,
        "name": "tiny",
        "runtime": "onnx",
        "runtime_version": metadata.version("onnxruntime-genai"),
        "precision": "int4",
        "options": {"block": 128, "symmetric": True, "algorithm": "rtn"},
        "base": {"name": "tiny", "origin": "o/t", "sha256": "0" * 64, "licence": "Apache-2.0", "parameters": 16},
        "adapter": None,
        "prompt_format": "chatml",
        "prompt_version": "1",
        "context_length": 64,
        "end_tokens": ["<|im_end|>"],
        "purpose": "test",
        "built_by": "tests",
        "files": [
            {"path": name, "size": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
            for name, raw in sorted(files.items())
        ],
        "data": [],
        "figures": [],
        "gate": None,
    }
    return {**value, **changes}


def write_bundle(folder: Path, files: dict[str, bytes] | None = None, **changes: Any) -> Path:
    """Write a bundle folder: files (default: a good bundle's) and their manifest with changes."""
    files = contents() if files is None else files
    folder.mkdir(parents=True)
    for name, raw in files.items():
        (folder / name).write_bytes(raw)
    (folder / "manifest.json").write_bytes(canonical(manifest_of(files, **changes)))
    return folder


def edit_manifest(folder: Path, **changes: Any) -> None:
    """Rewrite the manifest with changes, in canonical form."""
    value = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_bytes(canonical({**value, **changes}))
