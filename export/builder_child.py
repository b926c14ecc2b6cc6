"""Runs onnxruntime-genai's model builder as a child process, with two changes: which products stay in int8, and memory.

    python builder_child.py KEEP TEXTS BUILDER_PY ARGUMENTS...

KEEP=builder: as the builder's own algorithm says. KEEP=all: every product in int8. KEEP=mixed: the head, and the
products most sensitive to rounding (llama.cpp's choice of layers), by plain rounding, which takes seconds where the
builder's k_quant_mixed takes minutes.

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

_SENSITIVE = ("attn/qkv_proj/MatMul", "attn/v_proj/MatMul", "mlp/down_proj/MatMul")
_ALL = (
    *_SENSITIVE,
    *(f"attn/{name}/MatMul" for name in ("q_proj", "k_proj", "o_proj")),
    *(f"mlp/{name}/MatMul" for name in ("gate_proj", "up_proj")),
)


def int8_products(keep: str, layers: int) -> dict[str, dict[str, int]]:
    """The quantiser's per-node settings: names of the products in int8 for a decoder with so many layers."""
    chosen = [layer for layer in range(layers) if keep == "all" or _sensitive(layer, layers)]
    products = _ALL if keep == "all" else _SENSITIVE
    names = [f"/model/layers.{layer}/{product}" for layer in chosen for product in products]
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
        for node in self.model.graph:
            weight = node.inputs[1] if node.op_type == "MatMul" else None
            if weight is not None and weight.const_value is not None:
                kept[weight.name] = tensor = weight.const_value
                size = tensor.size * tensor.dtype.itemsize
                weight.const_value = ir.ExternalTensor(
                    "", 0, int(size), tensor.dtype, shape=tensor.shape, name=weight.name, base_dir=""
                )

        turn: list[str] = []

        def fetched(tensor: Any, base_dir: str = "") -> Any:
            turn[:] = [tensor.name]
            return kept.pop(tensor.name).numpy()

        def rounding(data: Any, num_bits: int, group_size: int, scheme: str, *rest: Any) -> tuple[Any, ...]:
            spread = (shared or {}).get(turn[0])
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
        return model

    return run


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

    weights = torch.from_numpy(np.ascontiguousarray(data, dtype=np.float32))
    return calibrated.rounded(weights, spread, group_size, scheme == "sym")


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
