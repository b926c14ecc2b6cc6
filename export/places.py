"""A built graph made fit for guessing ahead, long caches and little memory: it scores any places of a pass, attention
reads each key once, a pass gives the same bits in any company, and the embedding's table stays in its file.

The builder's graph scores the last place alone. Here which places are scored becomes an input whose default is the last
one; so a reading costs no more, and a pass over guessed tokens scores each of them.

The runtime's attention multiplies every query head for itself, and copies the keys that a group of heads shares anew
for each head. In a pass over few tokens that is most of its time. So such passes go through another branch: the heads
of a group become rows of one head, behind one another, each with the position of its token, and a mask hides from a row
what its token does not see. The numbers are the same to the bit. The rows that are not the group's first bring no keys:
what they write into the cache is hidden, and written over by the next token. There is always more than one row then, so
that the runtime's kernel for a single row, which rounds differently in the last bit, is never taken (docs/adr/0095).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge.contract.onnx_file import GROUPED_TOKENS, PLACES
from export.logits import CUT, UNCUT

_ATTENTION = "GroupQueryAttention"
_LENGTHS, _TOTAL, _POSITIONS, _BIAS = 5, 6, 9, 10  # inputs: last index, length, positions, what is added to scores
_HIDDEN = -1e4  # added to the score of a hidden key: its share of the sum is zero to the last bit


def widen(path: Path) -> None:
    """Rewrite the graph at path in place. One without the builder's cut stays as it is: it is read as before, and
    nothing is guessed with it. Attention of another kind (a window, other inputs) stays as well."""
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    if not {CUT, UNCUT} <= {node.name for node in model.graph.node}:
        return
    _choose_places(model.graph)
    _map_table(model.graph)
    attention = [node for node in model.graph.node if node.op_type == _ATTENTION]
    if attention and all(_plain(node) for node in attention):
        _group_heads(model.graph, attention)
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


def _map_table(graph: Any) -> None:
    """The embedding's table names the bytes of the head's weights in the file, in its own shape.

    The builder reshapes the head's weights for it, and the runtime then keeps a copy of them for good. Named a second
    time they stay mapped, and only the rows that are looked up are ever read.
    """
    from onnx import TensorProto

    weights = {tensor.name: tensor for tensor in graph.initializer}
    shapes = {node.output[0]: _attributes(node).get("value") for node in graph.node if node.op_type == "Constant"}
    readers = [node for node in graph.node if node.op_type == "GatherBlockQuantized"]
    for node in [node for node in graph.node if node.op_type == "Reshape" and node.input[0] in weights]:
        held = weights[node.input[0]]
        (table,) = node.output
        uses = [reader for reader in readers if reader.input[0] == table]
        shape = _shape(weights.get(node.input[1], shapes.get(node.input[1])))
        if not (uses and shape and held.external_data):
            continue
        again = TensorProto()
        again.CopyFrom(held)
        again.name, again.dims[:] = table, shape
        graph.initializer.append(again)
        graph.node.remove(node)
        if not any(held.name in other.input for other in graph.node):  # the head has weights of its own
            graph.initializer.remove(held)


def _shape(tensor: Any) -> list[int]:
    """The numbers of a small initializer, none if it is not one."""
    from onnx import numpy_helper

    return [] if tensor is None or tensor.external_data else [int(n) for n in numpy_helper.to_array(tensor)]


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import helper

    return {one.name: helper.get_attribute_value(one) for one in node.attribute}


def _plain(node: Any) -> bool:
    """Attention over all that was read, of several heads a group, with nothing added to its scores."""
    settings = _attributes(node)
    window = settings.get("local_window_size", -1) > 0
    return not window and settings["num_heads"] > settings["kv_num_heads"] and not any(node.input[_POSITIONS:])


def _group_heads(graph: Any, attention: list[Any]) -> None:
    """Put each attention into a branch of an If, beside one whose rows are the heads of a group."""
    from onnx import helper

    settings = _attributes(attention[0])
    heads, groups = settings["num_heads"], settings["kv_num_heads"]
    past = next(value for value in graph.input if value.name == attention[0].input[3]).type.tensor_type
    width = past.shape.dim[3].dim_value
    shared = _shared(graph, heads // groups, groups * width)
    first = list(graph.node).index(attention[0])
    for number, node in enumerate(shared):
        graph.node.insert(first + number, node)
    for node in attention:
        outputs = list(node.output)
        whole = helper.make_graph([_renamed(node, "whole")], "whole", [], _declared(outputs, "whole", past.elem_type))
        rows = _rows(node, heads, groups, width)
        grouped = helper.make_graph(rows, "grouped", [], _declared(outputs, "grouped", past.elem_type))
        choice = helper.make_node(
            "If", ["/group/few"], outputs, f"{node.name}/choice", then_branch=grouped, else_branch=whole
        )
        place = list(graph.node).index(node)
        graph.node.remove(node)
        graph.node.insert(place, choice)


def _declared(outputs: list[str], branch: str, kind: int) -> list[Any]:
    from onnx import helper

    return [helper.make_tensor_value_info(f"{name}/{branch}", kind, None) for name in outputs]


def _renamed(node: Any, branch: str) -> Any:
    from onnx import NodeProto

    other = NodeProto()
    other.CopyFrom(node)
    for at, name in enumerate(node.output):
        other.output[at] = f"{name}/{branch}"
    return other


def _shared(graph: Any, size: int, width: int) -> list[Any]:
    """Nodes that all layers share: whether a pass is over few tokens, and then positions, mask, lengths and no keys.

    size: heads of a group. width: numbers of a key of all groups.
    """
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    kind = next(value for value in graph.input if "past" in value.name).type.tensor_type.elem_type
    constants = {
        "axis": 1, "zero": 0, "one": 1, "most": GROUPED_TOKENS, "size": size, "others": size - 1, "front": [0],
        "back": [1], "both": [0, 1], "width": [width], "single": [1],
    }  # fmt: skip
    arrays = {name: np.array(value, dtype=np.int64) for name, value in constants.items()}
    floats = helper.tensor_dtype_to_np_dtype(kind)
    arrays |= {"seen": np.array(0.0, dtype=floats), "hidden": np.array(_HIDDEN, dtype=floats)}
    graph.initializer.extend(numpy_helper.from_array(array, f"/group/{name}") for name, array in arrays.items())
    kinds = {"positions": TensorProto.INT64, "bias": kind, "none": kind}
    kinds |= {"last": TensorProto.INT32, "total": TensorProto.INT32}
    empty = [
        helper.make_node("Constant", [], [f"/group/no_{name}"], value=helper.make_tensor("empty", code, [0], []))
        for name, code in kinds.items()
    ]

    def branch(nodes: list[Any], letters: str) -> Any:
        results = [helper.make_tensor_value_info(f"/group/{letters}_{name}", kinds[name], None) for name in kinds]
        return helper.make_graph(nodes, letters, [], results)

    choice = helper.make_node("If", ["/group/few"], [f"/group/{name}" for name in kinds], "/group/choice")
    for name, graph_of in (("then_branch", branch(_few(), "few")), ("else_branch", branch(empty, "no"))):
        choice.attribute.append(helper.make_attribute(name, graph_of))
    always = [
        _node("Shape", "input_ids", "shape"), _node("Gather", "shape axis", "tokens"),
        _node("Shape", "attention_mask", "all_shape"), _node("Gather", "all_shape axis", "all"),
        _node("Sub", "all tokens", "past"), _node("LessOrEqual", "tokens most", "short"),
        _node("Greater", "past zero", "later"), _node("And", "short later", "few"),
    ]  # fmt: skip
    return [*always, choice]


def _node(kind: str, inputs: str, output: str, **settings: Any) -> Any:
    """A node over what all layers share, named after its output."""
    from onnx import helper

    names = [one if one in ("input_ids", "attention_mask") else f"/group/{one}" for one in inputs.split()]
    return helper.make_node(kind, names, [f"/group/{output}"], f"/group/{output}", **settings)


def _few() -> list[Any]:
    """Positions (1, rows), mask (1, 1, rows, all), rows of zeros for keys, last index and length, of a short pass."""
    from onnx import TensorProto

    return [
        _node("Mul", "tokens size", "rows"), _node("Add", "past rows", "length"), _node("Sub", "length one", "index"),
        _node("Range", "zero rows one", "row"), _node("Mod", "row tokens", "token"),
        _node("Add", "past token", "place"),
        _node("Unsqueeze", "place front", "few_positions"), _node("Unsqueeze", "place back", "column"),
        _node("Range", "zero length one", "key"), _node("LessOrEqual", "key column", "sees"),
        _node("Where", "sees seen hidden", "flat"), _node("Unsqueeze", "flat both", "few_bias"),
        _node("Mul", "tokens others", "without"), _node("Reshape", "without single", "without_1"),
        _node("Concat", "single without_1 width", "none_shape", axis=0), _node("Expand", "seen none_shape", "few_none"),
        _node("Cast", "index", "index_32", to=TensorProto.INT32), _node("Reshape", "index_32 single", "few_last"),
        _node("Cast", "length", "few_total", to=TensorProto.INT32),
    ]  # fmt: skip


def _rows(node: Any, heads: int, groups: int, width: int) -> list[Any]:
    """The nodes of an attention whose rows are the heads of a group, behind one another."""
    from onnx import helper

    prefix = f"{node.name}/rows"
    nodes: list[Any] = []

    def add(kind: str, inputs: list[str], *outputs: str, **settings: Any) -> str:
        names = [f"{prefix}/{one}" for one in outputs]
        nodes.append(helper.make_node(kind, inputs, names, names[0], **settings))
        return names[0]

    def constant(name: str, values: list[int]) -> str:
        return add("Constant", [], name, value_ints=values)

    query, key, value = node.input[:3]
    if not key:  # all in the first
        sizes = constant("sizes", [heads * width, groups * width, groups * width])
        query = add("Split", [query, sizes], "q", "k", "v", axis=2)
        key, value = f"{prefix}/k", f"{prefix}/v"
    size = heads // groups
    apart = add("Reshape", [query, constant("apart", [1, -1, groups, size, width])], "q_apart")
    behind = add("Transpose", [apart], "q_behind", perm=[0, 3, 1, 2, 4])
    rows = add("Reshape", [behind, constant("flat", [1, -1, groups * width])], "q_rows")
    keys = add("Concat", [key, "/group/none"], "k_rows", axis=1)
    values = add("Concat", [value, "/group/none"], "v_rows", axis=1)
    settings = _attributes(node) | {"num_heads": groups}
    inputs = [rows, keys, values, *node.input[3:5], "/group/last", "/group/total", *node.input[7:9]]
    inputs += ["/group/positions", "/group/bias"]
    results = ["y", *(f"{name}/grouped" for name in node.output[1:])]
    nodes.append(
        helper.make_node(
            _ATTENTION, inputs, [f"{prefix}/y", *results[1:]], f"{prefix}/attention", domain=node.domain, **settings
        )
    )
    together = add("Reshape", [f"{prefix}/y", constant("split", [1, size, -1, groups, width])], "y_apart")
    beside = add("Transpose", [together], "y_beside", perm=[0, 2, 3, 1, 4])
    final = add("Reshape", [beside, constant("whole", [1, -1, heads * width])], "y_whole")
    nodes.append(helper.make_node("Identity", [final], [f"{node.output[0]}/grouped"], f"{prefix}/end"))
    return nodes
