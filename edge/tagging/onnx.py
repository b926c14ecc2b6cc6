"""Tagger bundles on the CPU: verified, then run by onnxruntime."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from edge.contract.bundle import Bundle, check_unchanged, verify_bundle
from edge.contract.prompts import load_tokenizer
from edge.contract.tagging import ENCODER_GRAPH, SPAN_GRAPH, TAGGER, TaggerSpec, parse_spec
from edge.engine.threads import usable_cores
from edge.errors import BundleError, EngineError
from edge.tagging.scorer import features
from edge.tagging.tagger import Tagger
from edge.tagging.verdicts import Verdicts

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before the import (docs/adr/0002)

import numpy as np
import onnxruntime as ort


class OnnxBackend:
    """edge.tagging.tagger.Backend over the two graphs of a bundle."""

    def __init__(self, folder: Path, threads: int = 0) -> None:
        """threads: 0 for what this process may use. Raises EngineError if the runtime refuses a graph."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or usable_cores()
        options.enable_cpu_mem_arena = False  # windows have many lengths; the arena would keep the most of each
        options.log_severity_level = 3
        self._encoder, self._spans = (_session(folder / name, options) for name in (ENCODER_GRAPH, SPAN_GRAPH))
        self._inputs = {entry.name for entry in self._encoder.get_inputs()}

    def encode(self, ids: Any, mask: Any) -> tuple[Any, Any]:
        """See Backend."""
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        given = {name: value for name, value in feed.items() if name in self._inputs}
        hidden, tokens = self._encoder.run(["hidden", "tokens"], given)
        return hidden, tokens

    def judge(self, vectors: Any) -> Any:
        """See Backend."""
        return self._spans.run(["judged"], {"vectors": np.ascontiguousarray(vectors, dtype=np.float32)})[0]


def _session(path: Path, options: Any) -> Any:
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - the runtime's errors share no base class
        raise EngineError(
            f"The runtime could not load {path.name} of the bundle {path.parent.name!r}.",
            f"Cause: {type(error).__name__}.",
        ) from None


def load_tagger(folder: Path, *, allow_unsigned: bool = False, threads: int = 0) -> Tagger:
    """Verify and load the tagger bundle in folder. Raises BundleError, EngineError."""
    return open_tagger(verify_bundle(folder, require_signature=not allow_unsigned), threads)


def open_tagger(bundle: Bundle, threads: int = 0) -> Tagger:
    """Load a verified bundle. Raises BundleError for one of another kind, EngineError."""
    return Tagger(*_parts(bundle, threads))


def load_verdicts(folder: Path, *, allow_unsigned: bool = False, threads: int = 0) -> Verdicts:
    """Verify and load the bundle of a judge of pairs in folder. Raises BundleError, EngineError."""
    return Verdicts(*_parts(verify_bundle(folder, require_signature=not allow_unsigned), threads))


def _parts(bundle: Bundle, threads: int) -> tuple[TaggerSpec, Any, OnnxBackend]:
    """Spec, tokenizer and backend of a verified bundle."""
    manifest = bundle.manifest
    if manifest.kind != "tagger":
        raise BundleError(
            f"The bundle {manifest.name!r} holds no tagger.",
            f"Its kind is {manifest.kind}.",
            "`edgescribe bundle list` shows what there is.",
        )
    spec = parse_spec((bundle.folder / TAGGER).read_bytes())
    for task in spec.tasks:
        if task.scorer and task.scorer.features != features([label.key for label in task.labels]):
            raise BundleError(
                f"The bundle {manifest.name!r} was tuned by another version.", "Its scorer has other features.",
                "Build it again.",
            )  # fmt: skip
    tokenizer = load_tokenizer(bundle.folder / "tokenizer.json")
    backend = OnnxBackend(bundle.folder, threads)
    check_unchanged(bundle)
    if spec.window + 2 > manifest.context_length:
        raise BundleError(f"The bundle {manifest.name!r} reads windows longer than its model.", "", "Build it again.")
    return spec, tokenizer, backend
