"""The ONNX runtime on CPU, driven one forward pass at a time by the decoder. The cache is ours: two buffers a layer
that the graph reads and extends in place, so that forgetting its end costs nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.contract.genai_config import GENAI_CONFIG
from edge.contract.onnx_file import GROUPED_TOKENS, PLACES
from edge.engine.base import Session
from edge.engine.threads import usable_cores
from edge.errors import EngineError

# Set before the import: from 1.29 on the runtime reports home unless told not to (docs/adr/0002).
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime as ort


def session_options(threads: int = 0) -> dict[str, int]:
    """What belongs to the machine and not to the bundle: left alone, the runtime takes one of two cores."""
    return {"intra_op_num_threads": threads or usable_cores()}


@dataclass(frozen=True)
class _Cache:
    """Its shape, from genai_config.json: layers, heads and width of a head; names of a layer's inputs and outputs.

    spare: tokens behind the last one that a pass may write over and that hold nothing.
    """

    layers: int
    heads: int
    width: int
    spare: int
    past: tuple[str, str]
    present: tuple[str, str]


class OnnxModel:
    """Weights of one verified bundle. Raises EngineError if the runtime refuses them."""

    def __init__(self, folder: Path, threads: int = 0) -> None:
        try:
            config = json.loads((folder / GENAI_CONFIG).read_text(encoding="utf-8"))["model"]["decoder"]
            self._session = _open(folder / config["filename"], session_options(threads)["intra_op_num_threads"])
            inputs, outputs, heads = config["inputs"], config["outputs"], config["num_key_value_heads"]
            self._cache = _Cache(
                config["num_hidden_layers"],
                heads,
                config["head_size"],
                GROUPED_TOKENS * config["num_attention_heads"] // heads,
                (inputs["past_key_names"], inputs["past_value_names"]),
                (outputs["present_key_names"], outputs["present_value_names"]),
            )
        except Exception as error:  # noqa: BLE001 - the runtime's errors share no base class
            raise EngineError(
                f"The runtime could not load the bundle {folder.name!r}.",
                f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}",
                "Check it with `edgescribe bundle verify`; build it again with this version's `edgescribe-export`.",
            ) from None

    def open_session(self, capacity: int) -> Session:
        """Return an empty cache for capacity tokens."""
        return OnnxSession(self._session, self._cache, capacity)


def _open(path: Path, threads: int) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors: scores of several places are not the shape that the graph declares
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class OnnxSession:
    """One cache and the scores of the last pass; choosing tokens is the decoder's work."""

    def __init__(self, session: Any, cache: _Cache, capacity: int) -> None:
        self.capacity = capacity
        self._session, self._length = session, 0
        inputs = {entry.name: entry.type for entry in session.get_inputs()}
        self.places = any(entry.name == PLACES for entry in session.get_overridable_initializers())
        self._positions = "position_ids" in inputs
        rows = capacity + cache.spare
        self._mask = np.ones((1, rows), dtype=np.int64)
        self._binding = session.io_binding()
        half = inputs[cache.past[0] % 0] == "tensor(float16)"
        shape, kind = [1, cache.heads, rows, cache.width], np.float16 if half else np.float32
        for layer in range(cache.layers):
            for past, present in zip(cache.past, cache.present, strict=True):
                buffer = ort.OrtValue.ortvalue_from_shape_and_type(shape, kind, "cpu")
                self._binding.bind_ortvalue_input(past % layer, buffer)
                self._binding.bind_ortvalue_output(present % layer, buffer)
        self._scores: Any = None

    def rewind(self, length: int) -> None:
        self._length = length

    def append(self, ids: Sequence[int], places: int = 1) -> None:
        start, end = self._length, self._length + len(ids)
        if end > self.capacity or not (ids and 1 <= places <= (len(ids) if self.places else 1)):
            raise EngineError("The runtime was given more than its cache holds.", "", "Report this with the bundle.")
        binding = self._binding
        binding.bind_cpu_input("input_ids", np.asarray([ids], dtype=np.int64))
        binding.bind_cpu_input("attention_mask", self._mask[:, :end])
        if self._positions:
            binding.bind_cpu_input("position_ids", np.arange(start, end, dtype=np.int64)[None])
        if self.places:
            chosen = np.arange(len(ids) - places, len(ids), dtype=np.int64)
            binding.bind_ortvalue_input(PLACES, ort.OrtValue.ortvalue_from_numpy(chosen))
        binding.bind_output("logits", "cpu")  # anew each time: it keeps the shape of the first pass otherwise
        try:
            self._session.run_with_iobinding(binding)
        except Exception as error:  # noqa: BLE001 - the runtime's errors share no base class
            raise EngineError("The runtime failed while reading.", f"Cause: {type(error).__name__}.") from None
        scores = binding.get_outputs()[-1].numpy()
        self._scores = scores.reshape(-1, scores.shape[-1])
        self._length = end

    def logits(self, back: int = 0) -> Any:
        return np.array(self._scores[-1 - back], dtype=np.float32)
