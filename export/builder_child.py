"""Runs onnxruntime-genai's model builder as a child process, with two changes: which products stay in int8, and memory.

    python builder_child.py KEEP TEXTS BUILDER_PY ARGUMENTS...

KEEP=builder: as the builder's own algorithm says. KEEP=all: every product in int8. KEEP=read: query, key and value of
every layer, and the table of the embedding. KEEP=mixed: the head, and the products most sensitive to plain rounding
(llama.cpp's choice of layers), by plain rounding, which takes seconds where the builder's k_quant_mixed takes minutes.

TEXTS: a JSON file of token ids that rounding is calibrated with (export.calibrated), or "-".

Memory: the builder loads everything as float32 and writes it into one message before it rounds, eight bytes a weight
and more. Here weights stay in mapped files until their product is rounded, one after the other; the bytes that come out
are the same (tests/unit/test_export_builder.py).
"""

from __future__ import annotations

import ctypes
import importlib
import json
import runpy
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

_PR_SET_PDEATHSIG = 1
_ROWS = 1 << 14  # blocks of weights that are rounded at once: they stay in the processor's cache
_OUTPUTS = 1 << 13  # outputs that are calibrated at once
HEAD = "lm_head.MatMul.weight"

_READ = tuple(f"attn/{name}/MatMul" for name in ("qkv_proj", "q_proj", "k_proj", "v_proj"))
_SENSITIVE = ("attn/qkv_proj/MatMul", "attn/v_proj/MatMul", "mlp/down_proj/MatMul")
_ALL = (*_READ, "attn/o_proj/MatMul", *(f"mlp/{name}/MatMul" for name in ("gate_proj", "up_proj", "down_proj")))
_KEPT = {"all": _ALL, "read": _READ, "mixed": _SENSITIVE}


def int8_products(keep: str, layers: int) -> dict[str, dict[str, int]]:
    """The quantiser's per-node settings: names of the products in int8 for a decoder with so many layers.

    The head is one of them, since the embedding's table is made of it; see int4_head.
    """
    chosen = [layer for layer in range(layers) if keep != "mixed" or _sensitive(layer, layers)]
    names = [f"/model/layers.{layer}/{product}" for layer in chosen for product in _KEPT[keep]]
    return {name: {"bits": 8} for name in [*names, "/lm_head/MatMul"]}


def _sensitive(layer: int, layers: int) -> bool:
    """The first and last eighth, and every third layer between (llama.cpp, src/llama-quant.cpp, use_more_bits)."""
    eighth = layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2


def mapped_model(folder: str, **_: Any) -> Any:
    """The model in a Hugging Face folder, its weights as they are stored and left in the files until they are read."""
    import torch
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    for file in sorted(Path(folder).glob("*.safetensors")):
        state = load_file(file)
        # Norms and biases take part in arithmetic before they are written: that is done in float32.
        state = {name: tensor.float() if tensor.dim() == 1 else tensor for name, tensor in state.items()}
        model.load_state_dict(state, strict=False, assign=True)
    model.tie_weights()
    if missing := [name for name, parameter in model.named_parameters() if parameter.is_meta]:
        raise SystemExit(f"The folder lacks the weights {', '.join(missing[:5])}.")
    return model


def frugally(to_int4: Any, shared: Mapping[str, Any] | None = None) -> Any:
    """The builder's to_int4 with the weights kept out of its message, and fetched when their turn comes.

    shared: of export.calibrated.factors, by the weights' name; those are rounded by calibration in int4.
    """
    import onnx_ir as ir
    from onnxruntime.quantization.neural_compressor import weight_only

    def run(self: Any) -> Any:
        kept: dict[str, Any] = {}
        spreads = shared or {}
        head: Any = None  # stays at hand until it is rounded a second time
        for node in self.model.graph:
            weight = node.inputs[1] if node.op_type == "MatMul" else None
            if weight is not None and weight.const_value is not None:
                kept[weight.name] = tensor = weight.const_value
                head = tensor if weight.name == HEAD else head
                size = tensor.size * tensor.dtype.itemsize
                weight.const_value = ir.ExternalTensor(
                    "", 0, int(size), tensor.dtype, shape=tensor.shape, name=weight.name, base_dir=""
                )

        turn: list[str] = []

        def fetched(tensor: Any, base_dir: str = "") -> Any:
            turn[:] = [tensor.name]
            return kept.pop(tensor.name).numpy()

        def rounding(data: Any, num_bits: int, group_size: int, scheme: str, *rest: Any) -> tuple[Any, ...]:
            spread = spreads.get(turn[0])
            if spread is None or num_bits != 4 or len(spread) != data.shape[1]:  # padded to whole blocks
                return plain(data, num_bits, group_size, scheme, *rest)
            return by_calibration(data, spread, group_size, scheme)

        weight_only.numpy_helper = SimpleNamespace(to_array=fetched)
        plain = in_pieces(weight_only.quant_tensor)
        weight_only.quant_tensor = rounding
        weight_only.quant_tensor_k_quant_cuda = in_pieces(weight_only.quant_tensor_k_quant_cuda)
        model = to_int4(self)
        for name, tensor in kept.items():  # products that are not rounded
            model.graph.initializers[name].const_value = tensor
        if head is not None and HEAD in spreads:
            int4_head(model, head.numpy(), spreads[HEAD])
        return model

    return run


def int4_head(model: Any, weights: Any, spread: Any) -> None:
    """The head of a rounded model in int4 by calibration, in blocks as large as those it had in int8.

    weights: (inputs, outputs), float32; spread: of export.calibrated.factor. What it had in int8 stays where another
    node reads it: of the embedding's table only single rows are ever read, so that it takes hardly any memory.
    """
    import onnx_ir as ir
    from onnxruntime.quantization.neural_compressor import weight_only

    node = next(node for node in model.graph if node.op_type == "MatMulNBits" and node.inputs[1].name.startswith(HEAD))
    block, plain = node.attributes["block_size"].value, [value for value in node.inputs[1:] if value is not None]
    if node.attributes["bits"].value == 4 or weights.shape[0] % block:
        return
    numbers, scales, zeros = by_calibration(weights.T, spread, block, "asym" if len(plain) > 2 else "sym")
    _, tensors = weight_only.make_matmul_weight_only_node(
        SimpleNamespace(input=["", "lm_head.int4"], output=[], name=""), weights.shape, 4, block,
        weights.shape[0] // block, numbers, scales, zeros if len(plain) > 2 else None,
    )  # fmt: skip
    made = {tensor.name: ir.from_proto(tensor) for tensor in tensors}
    order = [next(name for name in made if "_Q4G" in name), "lm_head.int4_scale", "lm_head.int4_zp"]
    for place, name in enumerate(order[: len(plain)], start=1):
        value = ir.Value(name=name, shape=made[name].shape, type=ir.TensorType(made[name].dtype))
        value.const_value = made[name]
        model.graph.register_initializer(value)
        node.replace_input_with(place, value)
    node.attributes["bits"], node.name = ir.AttrInt64("bits", 4), str(node.name).replace("_Q8", "_Q4")
    for value in plain:
        if not value.uses():
            del model.graph.initializers[value.name]


def in_pieces(quant_tensor: Any) -> Any:
    """The quantiser's rounding of a matrix, some blocks at a time: it works in float64 and keeps many copies."""
    import numpy as np

    def run(data: Any, num_bits: int, group_size: int, *rest: Any) -> tuple[Any, ...]:
        blocks = data.reshape(-1, group_size)
        parts = []
        for start in range(0, len(blocks), _ROWS):
            rounded, scale, zero_point = quant_tensor(blocks[start : start + _ROWS], num_bits, group_size, *rest)
            parts.append((rounded.astype("uint8"), scale, zero_point))
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    return run


def by_calibration(data: Any, spread: Any, group_size: int, scheme: str) -> tuple[Any, ...]:
    """As the quantiser's own rounding of weights (outputs, inputs), by export.calibrated."""
    import numpy as np
    import torch

    from export import calibrated

    parts = []
    for start in range(0, len(data), _OUTPUTS):  # outputs do not depend on each other
        weights = torch.from_numpy(np.ascontiguousarray(data[start : start + _OUTPUTS], dtype=np.float32))
        parts.append(calibrated.rounded(weights, spread, group_size, scheme == "sym"))
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def watched(folder: str, texts: Path) -> Mapping[str, Any]:
    """What export.calibrated needs of the model in a Hugging Face folder; it is computed in float32 and let go."""
    import torch
    from transformers import AutoModelForCausalLM

    from export import calibrated

    ids = json.loads(texts.read_text(encoding="utf-8"))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()
    return calibrated.factors(model, ids, lambda done: print(f"Calibrating {done}/{len(ids)}", flush=True))


def _die_with_parent() -> None:
    """Leave no builder behind when the program that wants its work is killed outright (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def main() -> None:
    """Replace this process's arguments with the builder's and run it as a program."""
    _die_with_parent()
    keep, texts, builder, *arguments = sys.argv[1:]
    sys.path.insert(0, str(Path(builder).parent))
    base: Any = importlib.import_module("builders.base")
    base.AutoModelForCausalLM = SimpleNamespace(from_pretrained=mapped_model)
    shared = watched(arguments[arguments.index("-i") + 1], Path(texts)) if texts != "-" else {}
    base.Model.to_int4 = frugally(base.Model.to_int4, shared)
    if keep != "builder":
        from onnxruntime.quantization.matmul_nbits_quantizer import RTNWeightOnlyQuantConfig

        def algorithm(self: Any, method: str) -> Any:
            return RTNWeightOnlyQuantConfig(customized_weight_config=int8_products(keep, self.num_layers))

        base.Model.make_int4_algo_config = algorithm
    sys.argv = [builder, *arguments]
    runpy.run_path(builder, run_name="__main__")


if __name__ == "__main__":
    main()
