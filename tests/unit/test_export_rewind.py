"""Rewinding is checked at every export, and families that cannot rewind are refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.errors import BaseModelError, BundleError, EngineError
from export import families, rewind

SIZE = 50


class Remembering:
    """A session whose next token hangs on what it has read. stale: what a rewind leaves behind, as recurrent state."""

    def __init__(self, capacity: int, stale: bool = False, window: int = 0, keeps: int = 1 << 30) -> None:
        self.capacity, self._stale, self._window, self._keeps = capacity, stale, window, keeps
        self.ids: list[int] = []
        self.places = False
        self._state = 0

    def rewind(self, length: int) -> None:
        if len(self.ids) - length > self._keeps:
            raise EngineError("This model's cache cannot be rewound.")
        del self.ids[length:]
        if not self._stale:
            self._state = 0

    def append(self, ids: Sequence[int], places: int = 1) -> None:
        assert ids
        self.ids.extend(ids)
        assert len(self.ids) <= self.capacity
        self._state += sum(ids) if self._stale else 0

    def logits(self, back: int = 0) -> Any:
        seen = self.ids[-self._window :] if self._window else self.ids
        scores = np.zeros(SIZE, dtype=np.float32)
        scores[(sum((i + 1) * one for i, one in enumerate(seen)) + self._state) % SIZE] = 1
        return scores


def test_a_cache_that_rewinds_passes() -> None:
    rewind.check(Remembering, SIZE, 0, "good")
    rewind.check(lambda capacity: Remembering(capacity, window=24), SIZE, 24, "good")


def test_a_state_that_stays_behind_is_found() -> None:
    with pytest.raises(BundleError, match=r"does not rewind.*sections would mix"):
        rewind.check(lambda capacity: Remembering(capacity, stale=True), SIZE, 0, "hybrid")


def test_a_runtime_that_refuses_to_rewind_is_named() -> None:
    with pytest.raises(BundleError, match=r"cannot be run and rewound.*cache cannot be rewound"):
        rewind.check(lambda capacity: Remembering(capacity, keeps=4), SIZE, 24, "sliding")


def test_more_is_read_than_the_window_holds() -> None:
    read: list[int] = []

    class Counting(Remembering):
        def append(self, ids: Sequence[int], places: int = 1) -> None:
            super().append(ids, places)
            read.append(len(self.ids))

    rewind.check(Counting, SIZE, 512, "sliding")
    assert max(read) > 512 + 64


def _folder(tmp_path: Path, **config: object) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"model_type": "qwen3_5"}, "Qwen3.5"),
        ({"model_type": "lfm2", "layer_types": ["conv", "full_attention"]}, "LFM2"),
        ({"model_type": "granitemoehybrid"}, "Granite 4 hybrid"),
        ({"model_type": "gemma3n", "text_config": {"model_type": "gemma3n_text"}}, "Gemma 3n"),
        ({"model_type": "next_year", "layer_types": ["linear_attention", "full_attention"]}, "next_year"),
        ({"model_type": "other", "mamba_d_state": 16}, "other"),
    ],
)
def test_hybrids_are_refused_by_name_with_the_reason(config: dict[str, Any], name: str, tmp_path: Path) -> None:
    with pytest.raises(BaseModelError, match=rf"{name} cannot be exported.*cannot rewind") as refused:
        families.check(_folder(tmp_path, **config), "onnx")
    assert refused.value.exit_code == 8


def test_what_transformers_lacks_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BaseModelError, match=r"Ministral 3 cannot be exported.*transformers"):
        families.check(_folder(tmp_path, model_type="ministral3"), "mlx")


def test_a_family_that_one_runtime_lacks_is_refused_for_it_alone(tmp_path: Path) -> None:
    folder = _folder(tmp_path, model_type="smollm3", no_rope_layers=[1, 1, 1, 0])
    families.check(folder, "mlx")
    with pytest.raises(BaseModelError, match=r"SmolLM3 cannot be exported to ONNX.*MLX"):
        families.check(folder, "onnx")


@pytest.mark.parametrize(
    ("config", "window"),
    [
        ({"model_type": "qwen2", "sliding_window": 32768, "use_sliding_window": False}, 0),
        ({"model_type": "qwen3", "sliding_window": None}, 0),
        ({"model_type": "gemma3_text", "sliding_window": 512, "layer_types": ["sliding_attention"]}, 512),
        ({"model_type": "gemma3", "text_config": {"model_type": "gemma3_text", "sliding_window": 1024}}, 1024),
    ],
)
def test_attention_alone_goes_through(config: dict[str, Any], window: int, tmp_path: Path) -> None:
    families.check(_folder(tmp_path, **config), "onnx")
    assert families.window(tmp_path) == window


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    checked: list[Callable[[Path], object]] = [lambda path: families.check(path, "onnx"), families.window]
    for check in checked:
        with pytest.raises(BaseModelError, match=r"config\.json"):
            check(tmp_path)
