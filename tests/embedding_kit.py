"""Texts as vectors, on the CPU: an embedding bundle behind one call, for comparing texts by meaning.

Mean over the tokens of the last layer, scaled to length 1, as sentence encoders are trained (Reimers & Gurevych 2019).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.contract.bundle import check_unchanged, verify_bundle
from edge.contract.prompts import load_tokenizer
from edge.errors import BundleError, EngineError

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before the import (docs/adr/0002)

import numpy as np
import onnxruntime as ort

GRAPH = "model.onnx"


class Embedder:
    """A loaded embedding bundle."""

    def __init__(self, folder: Path, *, allow_unsigned: bool = False) -> None:
        """Verify and load the bundle in folder. Raises BundleError, EngineError."""
        bundle = verify_bundle(folder, require_signature=not allow_unsigned)
        manifest = bundle.manifest
        if manifest.kind != "embedding" or manifest.runtime != "onnx":
            raise BundleError(
                f"The bundle {manifest.name!r} holds no embedding model.", f"Its kind is {manifest.kind}."
            )
        self._limit = manifest.context_length
        self._tokenizer = load_tokenizer(folder / "tokenizer.json")
        try:
            self._session = ort.InferenceSession(str(folder / GRAPH), providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001 - the runtime's errors share no base class
            raise EngineError(
                f"The runtime could not load the bundle {folder.name!r}.", f"Cause: {type(error).__name__}."
            ) from None
        check_unchanged(bundle)
        self._inputs = {entry.name for entry in self._session.get_inputs()}

    def embed(self, texts: Sequence[str]) -> Any:
        """Unit vectors: float32, shape (texts, width). A text longer than the context is cut there."""
        return np.stack([self._one(text) for text in texts])

    def _one(self, text: str) -> Any:
        ids = np.asarray([self._tokenizer.encode(text).ids[: self._limit]], dtype=np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        states = self._session.run(None, {name: value for name, value in feed.items() if name in self._inputs})[0]
        mean = states[0].mean(axis=0).astype(np.float32)
        return mean / max(float(np.linalg.norm(mean)), 1e-12)
