"""What an ONNX file may ask of the runtime: known operator sets, and weights in the bundle's own files only.

Reads the protobuf wire format of the few messages that matter (onnx.proto3, IR version 10), so that the laptop needs no
ONNX library to refuse a file before the runtime opens it.
"""

from __future__ import annotations

from collections.abc import Iterator

from edge.contract.manifest import damaged

MAX_ONNX_BYTES = 64 << 20
PLACES = "chosen_positions"  # input of a decoder's graph: the places of a pass that are scored; by default the last
_DOMAINS = {"", "ai.onnx", "com.microsoft"}
GROUPED_TOKENS = 16  # tokens of a pass, at most, whose attention has the heads of a group as rows
_MAX_DEPTH = 8

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MODEL_GRAPH, _MODEL_OPSET, _MODEL_TRAINING, _MODEL_FUNCTIONS = 7, 8, 20, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_NODE_ATTRIBUTE, _NODE_DOMAIN = 5, 7
_ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE = {5, 10}, {6, 11}, {22, 23}
_TENSOR_EXTERNAL, _OPSET_DOMAIN = 13, 1

OnnxField = tuple[int, int, memoryview]


def check_onnx(raw: bytes, name: str, sizes: dict[str, int]) -> None:
    """Raise BundleError unless the ONNX file uses known operators and keeps its weights in the files of sizes.

    name is for the error; sizes: file name -> bytes.
    """
    try:
        _check_model(memoryview(raw), name, sizes)
    except (IndexError, UnicodeDecodeError, ValueError) as error:
        raise damaged(f"{name} is not an ONNX file", type(error).__name__) from None


def _check_model(message: memoryview, name: str, sizes: dict[str, int]) -> None:
    graphs = 0
    for field, _, value in _fields(message):
        if field == _MODEL_GRAPH:
            graphs += 1
            _check_graph(value, name, sizes, 0)
        elif field == _MODEL_OPSET:
            _check_domain(_text(value, _OPSET_DOMAIN), name)
        elif field in (_MODEL_FUNCTIONS, _MODEL_TRAINING):
            raise damaged(f"{name} defines operators of its own")
    if graphs != 1:
        raise damaged(f"{name} is not an ONNX file", f"It holds {graphs} graphs")


def _check_graph(message: memoryview, name: str, sizes: dict[str, int], depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise damaged(f"{name} is nested too deeply")
    for field, _, value in _fields(message):
        if field == _GRAPH_NODE:
            _check_node(value, name, sizes, depth)
        elif field == _GRAPH_INITIALIZER:
            _check_tensor(value, name, sizes)
        elif field == _GRAPH_SPARSE:
            raise damaged(f"{name} holds sparse weights", "The builder writes none")


def _check_node(message: memoryview, name: str, sizes: dict[str, int], depth: int) -> None:
    for field, _, value in _fields(message):
        if field == _NODE_DOMAIN:
            _check_domain(bytes(value).decode(), name)
        elif field == _NODE_ATTRIBUTE:
            for inner, _, part in _fields(value):
                if inner in _ATTRIBUTE_TENSORS:
                    _check_tensor(part, name, sizes)
                elif inner in _ATTRIBUTE_GRAPHS:
                    _check_graph(part, name, sizes, depth + 1)
                elif inner in _ATTRIBUTE_SPARSE:
                    raise damaged(f"{name} holds sparse weights", "The builder writes none")


def _check_domain(domain: str, name: str) -> None:
    if domain not in _DOMAINS:
        raise damaged(f"{name} uses custom operators", f"Operator set {ascii(domain)[:80]}")


def _check_tensor(message: memoryview, name: str, sizes: dict[str, int]) -> None:
    entries = {_text(value, 1): _text(value, 2) for field, _, value in _fields(message) if field == _TENSOR_EXTERNAL}
    if not entries:
        return
    location = entries.get("location", "")
    if location not in sizes:
        raise damaged(f"{name} keeps weights outside the bundle", f"At {ascii(location)[:80]}")
    offset, length = int(entries.get("offset", "0")), int(entries.get("length", "0"))
    if offset < 0 or length < 0 or offset + length > sizes[location]:
        raise damaged(f"{name} reads beyond the end of {location}")


def _text(message: memoryview, wanted: int) -> str:
    """The last string of field number `wanted`, "" if there is none."""
    found = ""
    for field, kind, value in _fields(message):
        if field == wanted and kind == _BYTES:
            found = bytes(value).decode()
    return found


def _fields(message: memoryview) -> Iterator[OnnxField]:
    """Number, wire type and bytes of each field. Raises ValueError or IndexError if the message is malformed."""
    position, end = 0, len(message)
    while position < end:
        key, position = _varint(message, position)
        kind = key & 7
        if kind == _VARINT:
            _, stop = _varint(message, position)
        elif kind == _BYTES:
            length, position = _varint(message, position)
            stop = position + length
        elif kind in (_FIXED64, _FIXED32):
            stop = position + (8 if kind == _FIXED64 else 4)
        else:
            raise ValueError("unknown wire type")
        if stop > end:
            raise ValueError("field beyond the end")
        yield key >> 3, kind, message[position:stop]
        position = stop


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("number too long")
