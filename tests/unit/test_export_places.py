"""A graph as the builder cuts it, made fit for guesses: any places are scored, attention has one row more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge.contract.onnx_file import PLACES, check_onnx
from export.logits import CUT, UNCUT
from export.places import widen

HEADS, KV, WIDTH, VOCABULARY, ROOM = 4, 2, 16, 40, 64
PACKED = (HEADS + 2 * KV) * WIDTH


def _graph(described: bool = True, cut: bool = True) -> Any:
    """One layer of attention over an embedding, and a head that reads the last place."""
    rng = np.random.default_rng(1)
    info, floats, whole = helper.make_tensor_value_info, TensorProto.FLOAT, TensorProto.INT64
    weights = {
        "table": rng.standard_normal((VOCABULARY, PACKED)).astype(np.float32),
        "head": rng.standard_normal((HEADS * WIDTH, VOCABULARY)).astype(np.float32),
        "cos": rng.random((ROOM, WIDTH // 2)).astype(np.float32),
        "sin": rng.random((ROOM, WIDTH // 2)).astype(np.float32),
        "one": np.array([1], np.int64),
        "axis": np.array(1, np.int64),
        "last": np.array(-1, np.int64),
    }
    settings = {"num_heads": HEADS, "kv_num_heads": KV, "do_rotary": 1}
    inputs = ["x", "", "", "past_key_values.0.key", "past_key_values.0.value", "lengths", "total", "cos", "sin"]
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["x"]),
        helper.make_node("ReduceSum", ["attention_mask", "one"], ["sum"], keepdims=1),
        helper.make_node("Sub", ["sum", "one"], ["less"]),
        helper.make_node("Cast", ["less"], ["lengths"], to=TensorProto.INT32),
        helper.make_node("Shape", ["attention_mask"], ["shape"]),
        helper.make_node("Gather", ["shape", "axis"], ["size"]),
        helper.make_node("Cast", ["size"], ["total"], to=TensorProto.INT32),
        helper.make_node(
            "GroupQueryAttention", inputs, ["y", "present.0.key", "present.0.value"], domain="com.microsoft", **settings
        ),
        helper.make_node("Gather", ["y", "last"], ["one_row"], CUT if cut else "", axis=1),
        helper.make_node("Unsqueeze", ["one_row", "one"], ["rows"], UNCUT),
        helper.make_node("MatMul", ["rows", "head"], ["logits"]),
    ]
    cache = [1, KV, "room", WIDTH]
    graph = helper.make_graph(
        nodes,
        "g",
        [
            info("input_ids", whole, [1, "tokens"]),
            info("attention_mask", whole, [1, "all"]),
            *(info(f"past_key_values.0.{kind}", floats, cache) for kind in ("key", "value")),
        ],
        [
            info("logits", floats, [1, 1, VOCABULARY]),
            *(info(f"present.0.{kind}", floats, cache) for kind in ("key", "value")),
        ],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
        value_info=[info("x", floats, [1, "tokens", PACKED])] if described else [],
    )
    domains = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=domains)
    model.ir_version = 10
    return model


def _run(path: Path, ids: list[int], places: list[int] | None) -> np.ndarray[Any, Any]:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    empty = np.zeros((1, KV, ROOM, WIDTH), np.float32)
    feed = {"input_ids": np.array([ids]), "attention_mask": np.ones((1, len(ids)), np.int64)}
    feed |= {"past_key_values.0.key": empty, "past_key_values.0.value": empty}
    if places is not None:
        feed[PLACES] = np.array(places)
    return np.asarray(session.run(["logits"], feed)[0][0])


def test_the_last_place_by_default_and_any_where_asked(tmp_path: Path) -> None:
    before, after = tmp_path / "before.onnx", tmp_path / "after.onnx"
    for path in (before, after):
        onnx.save(_graph(), str(path))
    widen(after)
    check_onnx(after.read_bytes(), after.name, {})
    ids = [3, 1, 4, 15, 9, 26]
    whole = _run(after, ids, list(range(6)))
    assert whole.shape == (6, VOCABULARY)
    assert (_run(after, ids, None) == whole[-1:]).all()
    assert (_run(after, ids, [1, 4]) == whole[[1, 4]]).all()
    for end in range(1, 7):
        assert _run(before, ids[:end], None) == pytest.approx(whole[end - 1 : end], abs=1e-5)


@pytest.mark.parametrize("changes", [{"described": False}, {"cut": False}])
def test_a_graph_of_another_make_stays_as_it_is(tmp_path: Path, changes: dict[str, bool]) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(_graph(**changes), str(path))
    was = path.read_bytes()
    widen(path)
    assert path.read_bytes() == was
