"""What bundles of encoders are built from: a base with its published change, its graph, its weights in int8."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from edge import __version__
from edge.contract.bundle import Bundle, read_manifest, verify_bundle
from edge.contract.manifest import (
    FORMAT,
    FORMAT_VERSION,
    AdapterRef,
    BaseRef,
    DataSet,
    Figure,
    FileEntry,
    Gate,
    Manifest,
    ModelKind,
)
from edge.contract.prompts import PROMPT_VERSION
from edge.contract.tagging import ENCODER, SCALE
from edge.errors import BaseModelError, BundleError
from export.catalog import Base
from export.options import Precision

PACKAGE = "onnxruntime"
Facts = tuple[list[DataSet], list[Figure]]
_OPSET = 17
_EXTERNAL = ".data"
_LARGEST = 127.0
_TABLE = 1024  # rows of a table that is worth rounding: one of places is small, and what it loses is not


@dataclass(frozen=True)
class Made:
    """What was built. digest: of the base's files; reference: what was tuned; parameters: of the model."""

    name: str
    base: Base
    digest: str
    reference: AdapterRef | None
    precision: Precision
    gate: Gate
    parameters: int


def manifest_of(made: Made, kind: ModelKind, options: dict[str, str | int | bool]) -> Manifest:
    """The manifest of a bundle of an encoder, its files still to be named."""
    base = made.base
    return Manifest(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        name=made.name,
        runtime="onnx",
        runtime_version=metadata.version(PACKAGE),
        precision=made.precision,
        options=options,
        base=BaseRef(
            name=base.name, origin=base.origin, sha256=made.digest, licence=base.licence, parameters=made.parameters
        ),
        adapter=made.reference,
        prompt_format="none",
        prompt_version=PROMPT_VERSION,
        context_length=base.context_length,
        end_tokens=list(base.stop),
        purpose=base.purpose,
        built_by=built_by(),
        files=[FileEntry(path="tokenizer.json", size=0, sha256="0" * 64)],
        gate=made.gate,
        kind=kind,
    )


def already(
    target: Path, reference: AdapterRef | None, digest: str, precision: Precision, facts: Facts
) -> Bundle | None:
    """The bundle in target, verified, if it was built here from the very same. facts: data and figures of reference."""
    try:
        found = read_manifest(target)[0]
        same = (found.adapter, found.base.sha256, found.precision) == (reference, digest, precision)
        same = same and (found.data, found.figures) == facts
        return verify_bundle(target) if same and found.built_by == built_by() else None
    except BundleError:
        return None


def built_by() -> str:
    """What a manifest names as the builder of these bundles."""
    return f"edgescribe {__version__}, {PACKAGE} {metadata.version(PACKAGE)}"


def tuned_encoder(base: Path, changed: Path | None, misfit: str) -> tuple[Any, dict[str, Any]]:
    """The encoder of a base's folder in float32 with what a tuned one changes, and every tensor of changed.

    changed: a safetensors file, None for the base as it comes. misfit: what BaseModelError says if they don't fit.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from transformers import AutoModel
    from transformers.utils import logging as narration

    narration.set_verbosity_error()  # it would call the unused pooler a warning
    try:
        encoder = AutoModel.from_pretrained(
            str(base), add_pooling_layer=False, attn_implementation="eager", dtype=torch.float32, local_files_only=True
        )
        tensors = load_file(str(changed)) if changed is not None else {}
        _add_change(encoder, tensors)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise misfits(misfit, error) from None
    return encoder, tensors


def misfits(what: str, cause: Exception) -> BaseModelError:
    """The error of a change that does not fit its base."""
    return BaseModelError(what, (str(cause).splitlines() or [type(cause).__name__])[0][:200], "Copy both here again.")


def _add_change(encoder: Any, tensors: dict[str, Any]) -> None:
    import torch

    state = encoder.state_dict()
    with torch.no_grad():
        for name, value in tensors.items():
            if name.startswith(ENCODER) and not name.endswith(SCALE):
                change = value.float()
                if name + SCALE in tensors:
                    change = change * tensors[name + SCALE].float()[:, None]
                state[name.removeprefix(ENCODER)] += change


def trace(
    module: Any, given: tuple[Any, ...], path: Path, inputs: list[str], outputs: list[str], axes: dict[str, Any]
) -> None:
    """Write a torch module as an ONNX graph. axes: name -> the dimensions that vary."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's, about shapes that are fixed on purpose
        torch.onnx.export(
            module, given, str(path), input_names=inputs, output_names=outputs, dynamic_axes=axes, opset_version=_OPSET,
            dynamo=False,
        )  # fmt: skip


def trace_encoder(module: Any, path: Path, outputs: list[str], rows: str) -> None:
    """Write the graph of (input_ids, attention_mask) -> outputs. rows: name of the first dimension."""
    import torch

    ids = torch.ones(2, 8, dtype=torch.long)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0  # a mask of ones alone would be traced away
    names = ["input_ids", "attention_mask"]
    trace(module, (ids, mask), path, names, outputs, {name: {0: rows, 1: "length"} for name in (*names, *outputs)})


def save_apart(model: Any, graph: Path) -> None:
    """Write a graph, its weights in a file beside it."""
    import onnx

    beside = graph.with_name(f"{graph.name}{_EXTERNAL}")
    for old in (graph, beside):
        old.unlink(missing_ok=True)  # the package appends to what is there
    onnx.save_model(model, str(graph), save_as_external_data=True, location=beside.name, size_threshold=0)


def round_products(raw: Path, graph: Path) -> None:
    """Products of whole numbers: weights to int8, a scale a column, and what they are multiplied with as it comes."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.disable(logging.WARNING)  # the package advises on the root logger
    try:
        quantize_dynamic(
            str(raw),
            str(graph),
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["MatMul", "Gather"],
        )
    finally:
        logging.disable(logging.NOTSET)


def round_weights(model: Any) -> None:
    """Store the weights of a graph in int8, and compute in float32 as before: products with a scale a column, tables
    of tokens with a scale a row. The runtime makes float32 of products when it loads them, of tables only the rows
    that are read."""
    from onnx import numpy_helper

    graph = model.graph
    held = {one.name: numpy_helper.to_array(one) for one in graph.initializer if len(one.dims) == 2}
    whole: dict[str, Any] = {}
    nodes: list[Any] = []
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in held:
            whole |= _whole(node.input[1], held[node.input[1]], axis=0)
            nodes += [*_scaled(node.input[1], f"{node.output[0]}.weight"), node]
            node.input[1] = f"{node.output[0]}.weight"
        elif node.op_type == "Gather" and len(held.get(node.input[0], ())) >= _TABLE:
            whole |= _whole(node.input[0], held[node.input[0]], axis=1)
            nodes += _read(node)
        else:
            nodes.append(node)
    used = {name for node in nodes for name in node.input}
    kept = [one for one in graph.initializer if one.name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend([*kept, *whole.values()])


def _whole(name: str, weights: Any, axis: int) -> dict[str, Any]:
    """Weights as NAME.int8 and NAME.scale: the largest along axis becomes 127."""
    import numpy as np
    from onnx import numpy_helper

    scale = np.maximum(np.abs(weights).max(axis=axis, keepdims=True), 1e-12) / _LARGEST
    parts = {"int8": np.round(weights / scale).astype(np.int8), "scale": scale.astype(np.float32)}
    return {f"{name}.{part}": numpy_helper.from_array(value, f"{name}.{part}") for part, value in parts.items()}


def _scaled(name: str, result: str) -> list[Any]:
    """Nodes that make result of NAME.int8 and NAME.scale."""
    from onnx import TensorProto, helper

    return [
        helper.make_node("Cast", [f"{name}.int8"], [f"{result}.cast"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{result}.cast", f"{name}.scale"], [result]),
    ]


def _read(node: Any) -> list[Any]:
    """Nodes that read rows of a table in int8 where node reads the table itself."""
    from onnx import helper

    table, places = node.input
    result = node.output[0]
    rows = [helper.make_node("Gather", [f"{table}.{p}", places], [f"{result}.{p}"]) for p in ("int8", "scale")]
    return [*rows, *_scaled(result, result)]
