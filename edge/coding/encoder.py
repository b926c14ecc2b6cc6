"""A coding bundle on the CPU: the encoder and the vectors of one edition, verified before they are used."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.coding.retrieval import Retriever, TermVectors
from edge.contract.bundle import Bundle, check_unchanged, scan_bundles, signed_by, verify_bundle
from edge.contract.coding import CODING, CODING_GRAPH, MAX_TOKENS, VECTORS, CodingSpec, parse_coding
from edge.contract.manifest import Manifest, damaged
from edge.contract.prompts import load_tokenizer
from edge.engine.threads import usable_cores
from edge.errors import BundleError, EngineError
from edge.terminology.catalogue import Catalogue

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before the import (docs/adr/0002)

import numpy as np
import onnxruntime as ort

_BATCH = 16  # texts of like length at once


class OnnxTextEncoder:
    """edge.coding.retrieval.TextEncoder over one graph: mean of the last layer, length 1."""

    def __init__(self, graph: Path, tokenizer: Any, threads: int = 0) -> None:
        """threads: 0 for what this process may use. Raises EngineError if the runtime refuses the graph."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or usable_cores()
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        self._tokenizer = tokenizer
        try:
            self._session = ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001 - the runtime's errors share no base class
            raise EngineError(
                f"The runtime could not load {graph.name} of the bundle {graph.parent.name!r}.",
                f"Cause: {type(error).__name__}.",
            ) from None

    def embed(self, texts: Sequence[str]) -> Any:
        """Unit vectors: float32, shape (texts, width). A text is read up to 64 tokens."""
        ids = [self._tokenizer.encode(text).ids[:MAX_TOKENS] for text in texts]
        order = sorted(range(len(ids)), key=lambda number: len(ids[number]))
        rows: list[Any] = [None] * len(ids)
        for first in range(0, len(order), _BATCH):
            part = order[first : first + _BATCH]
            for number, vector in zip(part, self._batch([ids[number] for number in part]), strict=True):
                rows[number] = vector
        return np.stack(rows)

    def _batch(self, ids: Sequence[Sequence[int]]) -> Any:
        given = np.zeros((len(ids), max(map(len, ids))), dtype=np.int64)
        mask = np.zeros_like(given)
        for row, one in enumerate(ids):
            given[row, : len(one)] = one
            mask[row, : len(one)] = 1
        states = self._session.run(["hidden"], {"input_ids": given, "attention_mask": mask})[0]
        mean = (states * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        return (mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)).astype(np.float32)


@dataclass(frozen=True)
class CodingModel:
    """A loaded coding bundle."""

    name: str
    spec: CodingSpec
    encoder: OnnxTextEncoder = field(repr=False)
    vectors: TermVectors = field(repr=False)

    def fits(self, catalogue: Catalogue) -> bool:
        """Whether its vectors are those of a catalogue's terms."""
        return (self.spec.source_sha256, self.spec.layout) == (catalogue.source_sha256, catalogue.layout)

    def retriever(self, catalogue: Catalogue) -> Retriever:
        """A retriever by words and by meaning. Raises BundleError if the vectors are of another edition."""
        if not self.fits(catalogue):
            raise BundleError(
                f"The bundle {self.name!r} was built for another list of codes.",
                f"It holds {self.spec.edition}, this program has {catalogue.edition}.",
                "Build it again with `edgescribe-export coding`.",
            )
        return Retriever(catalogue, self.encoder, self.vectors)


def open_model(folder: Path, *, allow_unsigned: bool = False, threads: int = 0) -> CodingModel:
    """Verify and load the coding bundle in folder. Raises BundleError, EngineError."""
    bundle = verify_bundle(folder, require_signature=not allow_unsigned)
    if bundle.manifest.kind != "coding":
        raise BundleError(
            f"The bundle {bundle.manifest.name!r} is not for codes.", f"Its kind is {bundle.manifest.kind}.",
            "`edgescribe bundle list` shows what there is.",
        )  # fmt: skip
    spec = parse_coding((folder / CODING).read_bytes())
    vectors = _vectors(bundle, spec)
    encoder = OnnxTextEncoder(folder / CODING_GRAPH, load_tokenizer(folder / "tokenizer.json"), threads)
    check_unchanged(bundle)
    return CodingModel(bundle.manifest.name, spec, encoder, vectors)


def _vectors(bundle: Bundle, spec: CodingSpec) -> TermVectors:
    raw = (bundle.folder / VECTORS).read_bytes()
    cells = spec.terms * spec.width
    if len(raw) != cells + 4 * spec.terms:
        raise damaged(f"{VECTORS} does not hold what {CODING} says")
    rows = np.frombuffer(raw, dtype=np.int8, count=cells).reshape(spec.terms, spec.width)
    scales = np.frombuffer(raw, dtype="<f4", offset=cells).astype(np.float32)
    if not bool(np.isfinite(scales).all()):
        raise damaged(f"{VECTORS} holds numbers that are not finite")
    return TermVectors(rows, scales)


def vector_bytes(vectors: TermVectors) -> bytes:
    """vectors.data of a bundle."""
    return bytes(vectors.rows.astype(np.int8).tobytes() + vectors.scales.astype("<f4").tobytes())


def installed_model(dirs: Iterable[Path], catalogue: Catalogue, threads: int = 0) -> CodingModel | None:
    """The coding bundle of this machine for a catalogue: signed by a known key, first by name; None if there is none.

    threads: 0 for what this process may use. Raises BundleError if it is damaged, EngineError if the runtime refuses
    it.
    """
    for folder, manifest in sorted(scan_bundles(list(dirs)), key=lambda found: found[0].name):
        if not isinstance(manifest, Manifest) or manifest.kind != "coding" or signed_by(folder) is None:
            continue
        model = open_model(folder, threads=threads)
        if model.fits(catalogue):
            return model
    return None
