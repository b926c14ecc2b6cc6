"""A graph as the builder cuts it, made fit for guesses and long caches: any places are scored, heads become rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge.contract.onnx_file import GROUPED_TOKENS, PLACES, check_onnx
from edge.engine.onnx import OnnxSession, _Cache
from export.logits import CUT, UNCUT
from export.places import widen

HEADS, KV, WIDTH, VOCABULARY, ROOM = 4, 2, 16, 40, 64
PACKED = (HEADS + 2 * KV) * WIDTH


def _graph(cut: bool = True, packed: bool = True, **settings: int) -> Any:
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
    settings = {"num_heads": HEADS, "kv_num_heads": KV, "do_rotary": 1} | settings
    parts = ["x", "", ""] if packed else ["query", "key", "value"]
    inputs = [*parts, "past_key_values.0.key", "past_key_values.0.value", "lengths", "total", "cos", "sin"]
    weights["parts"] = np.array([HEADS * WIDTH, KV * WIDTH, KV * WIDTH], np.int64)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["x"]),
        *([] if packed else [helper.make_node("Split", ["x", "parts"], parts, axis=2)]),
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


def _attention(path: Path) -> list[str]:
    """The kinds of the nodes of the graph that stand for its attention."""
    kinds = [node.op_type for node in onnx.load(str(path)).graph.node if node.output[0] == "y"]
    assert len(kinds) == 1
    return kinds


def _scores(path: Path, ids: list[int], sizes: list[int], spare: int) -> np.ndarray[Any, Any]:
    """Scores of every token, read as the product does in passes of these sizes."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    runtime = ort.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    names = ("past_key_values.%d.key", "past_key_values.%d.value"), ("present.%d.key", "present.%d.value")
    session = OnnxSession(runtime, _Cache(1, KV, WIDTH, spare, *names), len(ids))
    found: list[Any] = []
    for size in sizes:
        session.append(ids[len(found) : len(found) + size], size)
        found += [session.logits(size - 1 - place) for place in range(size)]
        session.append(ids[:2], 1) if len(found) + 2 <= len(ids) else None  # a guess that comes to nothing
        session.rewind(len(found))
    return np.array(found)


@pytest.mark.parametrize("packed", [True, False])
def test_heads_as_rows_give_the_scores_of_the_attention_as_built(tmp_path: Path, packed: bool) -> None:
    """Passes over one token and several, few and many, from an empty cache and a full one, however they are cut."""
    path = tmp_path / "model.onnx"
    onnx.save(_graph(packed=packed), str(path))
    built = path.read_bytes()
    widen(path)
    check_onnx(path.read_bytes(), path.name, {})
    assert _attention(path) == ["If"]
    ids = [(7 * at + at * at) % VOCABULARY for at in range(60)]
    (tmp_path / "built.onnx").write_bytes(built)
    wanted = np.array([_run(tmp_path / "built.onnx", ids[:end], None)[0] for end in range(1, 61)])
    spare = GROUPED_TOKENS * HEADS // KV
    cuts = ([60], [20, 3, 1, 16, 17, 2, 1], [1] * 60, [5, GROUPED_TOKENS, GROUPED_TOKENS + 1, 22], [3] * 20)
    for sizes in cuts:
        assert sum(sizes) == len(ids)
        assert _scores(path, ids, sizes, spare) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("settings", [{"local_window_size": 8}, {"num_heads": HEADS, "kv_num_heads": HEADS}])
def test_attention_of_another_kind_stays_and_places_are_chosen_all_the_same(
    tmp_path: Path, settings: dict[str, int]
) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(_graph(True, True, **settings), str(path))
    widen(path)
    assert _attention(path) == ["GroupQueryAttention"]
    assert PLACES in {one.name for one in onnx.load(str(path)).graph.input}


def test_a_graph_of_another_make_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(_graph(cut=False), str(path))
    was = path.read_bytes()
    widen(path)
    assert path.read_bytes() == was


def test_the_table_of_the_embedding_is_not_a_copy_of_the_head(tmp_path: Path) -> None:
    """It names the same bytes of the same file; the scores stay the same, and the file of weights as it was."""
    rng = np.random.default_rng(2)
    info, floats, whole = helper.make_tensor_value_info, TensorProto.FLOAT, TensorProto.INT64
    arrays = {
        "head": rng.integers(0, 256, (VOCABULARY, 2, 32), dtype=np.uint8),
        "scale": rng.random((VOCABULARY, 2)).astype(np.float32),
        "zero": rng.integers(0, 256, (VOCABULARY, 2), dtype=np.uint8),
        "last": np.array(-1, np.int64),
        "one": np.array([1], np.int64),
    }
    eights = {"bits": 8, "block_size": 32, "domain": "com.microsoft"}
    shape = numpy_helper.from_array(np.array([VOCABULARY, 64], np.int64))
    nodes = [
        helper.make_node("Constant", [], ["shape"], value=shape),
        helper.make_node("Reshape", ["head", "shape"], ["table"]),
        helper.make_node(
            "GatherBlockQuantized", ["table", "input_ids", "scale", "zero"], ["x"],
            gather_axis=0, quantize_axis=1, **eights,
        ),
        helper.make_node("Gather", ["x", "last"], ["row"], CUT, axis=1),
        helper.make_node("Unsqueeze", ["row", "one"], ["rows"], UNCUT),
        helper.make_node(
            "MatMulNBits", ["rows", "head", "scale", "zero"], ["logits"], K=64, N=VOCABULARY, accuracy_level=4, **eights
        ),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes, "g", [info("input_ids", whole, [1, "tokens"])], [info("logits", floats, [1, 1, VOCABULARY])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )  # fmt: skip
    domains = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=domains)
    model.ir_version = 10
    path, weights = tmp_path / "model.onnx", tmp_path / "model.onnx.data"
    onnx.save(model, str(path), save_as_external_data=True, location=weights.name, size_threshold=1024)
    stored = weights.read_bytes()
    wanted = ort.InferenceSession(str(path)).run(None, {"input_ids": [[3, 1, 4]]})[0]
    widen(path)
    check_onnx(path.read_bytes(), path.name, {weights.name: len(stored)})
    found = onnx.load(str(path), load_external_data=False)
    assert "Reshape" not in [node.op_type for node in found.graph.node]
    places = {one.name: {e.key: e.value for e in one.external_data} for one in found.graph.initializer}
    assert places["table"] == places["head"]
    assert places["head"]["location"] == weights.name
    assert weights.read_bytes() == stored
    assert (ort.InferenceSession(str(path)).run(None, {"input_ids": [[3, 1, 4]]})[0] == wanted).all()
