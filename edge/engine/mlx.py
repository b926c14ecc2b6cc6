"""The MLX runtime (Apple Silicon; on Linux for parity tests only): mlx-lm's model and cache behind a Session."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
from mlx_lm.models.cache import make_prompt_cache, trim_prompt_cache
from mlx_lm.utils import load_model

from edge.engine.base import Session
from edge.errors import EngineError


class MlxModel:
    """Weights of one verified bundle. Raises EngineError if the runtime refuses them."""

    def __init__(self, folder: Path) -> None:
        try:
            self._model, _ = load_model(folder)
        except (RuntimeError, ValueError, OSError, KeyError) as error:
            raise EngineError(
                f"The runtime could not load the bundle {folder.name!r}.",
                f"Cause: {type(error).__name__}.",
                "Check it with `edgescribe bundle verify`; build it again with this version's `edgescribe-export`.",
            ) from None

    def open_session(self, capacity: int) -> Session:
        """Return an empty cache; it grows as needed, capacity is what the decoder will ask for at most."""
        return MlxSession(self._model, capacity)


class MlxSession:
    """One key-value cache of mlx-lm and the scores after its last token."""

    def __init__(self, model: Any, capacity: int) -> None:
        self.capacity = capacity
        self.places = False  # its kernels round otherwise for one row than for several: guesses could change an answer
        self._model = model
        self._cache = make_prompt_cache(model)
        self._length = 0
        self._scores: Any = None

    def rewind(self, length: int) -> None:
        trimmed = trim_prompt_cache(self._cache, self._length - length)
        if trimmed != self._length - length:
            raise EngineError("This model's cache cannot be rewound.", "", "Use the ONNX bundle of the same model.")
        self._length = length

    def append(self, ids: Sequence[int], places: int = 1) -> None:
        scores = self._model(mx.array([list(ids)]), cache=self._cache)[0, -1].astype(mx.float32)
        mx.eval(scores)
        self._scores = scores
        self._length += len(ids)

    def logits(self, back: int = 0) -> Any:
        return np.array(self._scores)
