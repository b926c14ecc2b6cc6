"""A built graph made fit for guessing ahead: it scores any places of a pass, and gives the same bits in any company.

The builder's graph scores the last place alone. Here which places are scored becomes an input whose default is the last
one; so a reading costs no more, and a pass over guessed tokens scores each of them.

A guess may change no answer, so a pass over several tokens must give the very bits of one token after the other. The
products of int4 and int8 weights in blocks of 32 do. Attention does not: one row goes through another kernel of the
runtime than several, and rounds differently in the last bit; activations are then rounded to int8, and the difference
grows to tenths of a logit. So every attention gets one more row, of zeros, behind its own: it never sees a single one.
What that row writes into the cache is written over by the next token (docs/adr/0095).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge.contract.onnx_file import PLACES
from export.logits import CUT, UNCUT

_ATTENTION = "GroupQueryAttention"
_QUERY, _LENGTHS, _TOTAL = (0, 1, 2), 5, 6  # inputs: query, key, value (or all in the first); last index; length


def widen(path: Path) -> None:
    """Rewrite the graph at path in place. One without the builder's cut, attention or widths stays as it is: it is read
    as before, and nothing is guessed with it."""
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    nodes = {node.name for node in model.graph.node}
    attention = [node for node in model.graph.node if node.op_type == _ATTENTION]
    kinds = {value.name: value.type.tensor_type for value in model.graph.value_info}
    rows = {name: kinds.get(name) for node in attention for name in (node.input[at] for at in _QUERY) if name}
    if not attention or not {CUT, UNCUT} <= nodes or not all(_width(kind) for kind in rows.values()):
        return
    _choose_places(model.graph)
    _spare_row(model.graph, attention)
    onnx.save(model, str(path))


def _choose_places(graph: Any) -> None:
    """The head reads the places that are asked for; the graph still declares one, as the runtime's own loop expects."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    nodes = {node.name: node for node in graph.node if node.name in (CUT, UNCUT)}
    pruned = nodes[UNCUT].output[0]
    graph.node.remove(nodes[UNCUT])
    nodes[CUT].input[1], nodes[CUT].output[0] = PLACES, pruned  # one index dropped a dimension, several keep it
    graph.input.append(helper.make_tensor_value_info(PLACES, TensorProto.INT64, ["places"]))
    graph.initializer.append(numpy_helper.from_array(np.array([-1], dtype=np.int64), PLACES))
    for value in [value for value in graph.value_info if value.name == pruned]:
        graph.value_info.remove(value)


def _spare_row(graph: Any, attention: list[Any]) -> None:
    """Give each attention one row more, and the lengths that count it."""
    import numpy as np
    from onnx import helper, numpy_helper

    constants = {"one": np.array(1, dtype=np.int32), "start": [0], "end": [-1], "axis": [1]}
    for name, value in constants.items():
        array = np.asarray(value, dtype=np.int32 if name == "one" else np.int64)
        graph.initializer.append(numpy_helper.from_array(array, f"/spare/{name}"))
    added: dict[str, Any] = {}  # what is shared by all layers is added once
    for node in attention:
        before = []
        for at in (_LENGTHS, _TOTAL):
            name = node.input[at]
            if name not in added:
                added[name] = helper.make_node("Add", [name, "/spare/one"], [f"{name}/spare"], f"{name}/spare")
                before.append(added[name])
            node.input[at] = f"{name}/spare"
        for at in (at for at in _QUERY if node.input[at]):
            name = node.input[at]
            row = _zeros(graph, name)
            before.append(helper.make_node("Concat", [name, row], [f"{name}/spare"], f"{name}/spare", axis=1))
            node.input[at] = f"{name}/spare"
        output = node.output[0]
        node.output[0] = f"{output}/spare"
        words = [f"{output}/spare", "/spare/start", "/spare/end", "/spare/axis"]
        after = helper.make_node("Slice", words, [output], f"{output}/rows")
        place = list(graph.node).index(node)
        graph.node.insert(place + 1, after)
        for number, one in enumerate(before):
            graph.node.insert(place + number, one)


def _zeros(graph: Any, name: str) -> str:
    """The name of a row of zeros as wide as the tensor of that name."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    kind = next(value.type.tensor_type for value in graph.value_info if value.name == name)
    width = _width(kind)
    row = f"/spare/row_{width}"
    if row not in {tensor.name for tensor in graph.initializer}:
        zeros = np.zeros((1, 1, width), dtype=helper.tensor_dtype_to_np_dtype(kind.elem_type or TensorProto.FLOAT))
        graph.initializer.append(numpy_helper.from_array(zeros, row))
    return row


def _width(kind: Any) -> int:
    """Numbers in a row of a tensor of shape (batch, tokens, width); 0 if the graph does not say."""
    return int(kind.shape.dim[2].dim_value) if kind is not None and len(kind.shape.dim) == 3 else 0
