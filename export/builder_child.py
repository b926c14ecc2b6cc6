"""Runs onnxruntime-genai's model builder as a child process, with one addition: which products are kept in int8.

    python builder_child.py KEEP BUILDER_PY ARGUMENTS...

KEEP=builder: as the builder's own algorithm says. KEEP=all: every product in int8. KEEP=mixed: the head, and the
products most sensitive to rounding (llama.cpp's choice of layers), by plain rounding, which takes seconds where the
builder's k_quant_mixed takes minutes.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

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


def main() -> None:
    """Replace this process's arguments with the builder's and run it as a program."""
    keep, builder, *arguments = sys.argv[1:]
    sys.path.insert(0, str(Path(builder).parent))
    if keep != "builder":
        from builders import base  # type: ignore[import-not-found]
        from onnxruntime.quantization.matmul_nbits_quantizer import RTNWeightOnlyQuantConfig

        def algorithm(self: Any, method: str) -> Any:
            return RTNWeightOnlyQuantConfig(customized_weight_config=int8_products(keep, self.num_layers))

        base.Model.make_int4_algo_config = algorithm
    sys.argv = [builder, *arguments]
    runpy.run_path(builder, run_name="__main__")


if __name__ == "__main__":
    main()
