"""The ONNX runtime: onnxruntime-genai on CPU, driven one forward pass at a time by the decoder."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.engine.base import Session
from edge.engine.threads import usable_cores
from edge.errors import EngineError

# Set before the import: from 1.29 on the runtime reports home unless told not to (docs/adr/0002).
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime_genai as og


def session_options(threads: int = 0) -> dict[str, int]:
    """What belongs to the machine and not to the bundle: left alone, the runtime takes one of two cores."""
    return {"intra_op_num_threads": threads or usable_cores()}


class OnnxModel:
    """Weights of one verified bundle. Raises EngineError if the runtime refuses them."""

    def __init__(self, folder: Path, threads: int = 0) -> None:
        try:
            config = og.Config(str(folder))
            config.overlay(json.dumps({"model": {"decoder": {"session_options": session_options(threads)}}}))
            self._model = og.Model(config)
        except (RuntimeError, OSError) as error:
            raise EngineError(
                f"The runtime could not load the bundle {folder.name!r}.",
                str(error).splitlines()[0][:200],
                "Check it with `edgescribe bundle verify`; build it again with this version's `edgescribe-export`.",
            ) from None

    def open_session(self, capacity: int) -> Session:
        """Return an empty cache for capacity tokens."""
        return OnnxSession(self._model, capacity)


class OnnxSession:
    """One generator of the runtime, used for its cache and scores only; choosing tokens is the decoder's work."""

    def __init__(self, model: Any, capacity: int) -> None:
        self.capacity = capacity
        params = og.GeneratorParams(model)
        params.set_search_options(max_length=capacity, do_sample=False)
        self._generator = og.Generator(model, params)

    def rewind(self, length: int) -> None:
        self._generator.rewind_to(length)

    def append(self, ids: Sequence[int]) -> None:
        try:
            self._generator.append_tokens(np.asarray(ids, dtype=np.int32))
        except RuntimeError as error:
            raise EngineError("The runtime failed while reading.", str(error).splitlines()[0][:200]) from None

    def logits(self) -> Any:
        scores = self._generator.get_logits()
        return np.array(scores.reshape(-1, scores.shape[-1])[-1], dtype=np.float32)
