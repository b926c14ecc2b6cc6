"""Runs onnxruntime-genai's model builder as a child process, with one addition: weights in int8 throughout.

    python builder_child.py BITS BUILDER_PY ARGUMENTS...

The builder itself knows int4 with some layers in int8. BITS=8 makes every product int8, by naming each layer to it.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

_PRODUCTS = (
    *(f"attn/{name}/MatMul" for name in ("qkv_proj", "q_proj", "k_proj", "v_proj", "o_proj")),
    *(f"mlp/{name}/MatMul" for name in ("gate_proj", "up_proj", "down_proj")),
)


def int8_weights(layers: int) -> dict[str, dict[str, int]]:
    """The quantiser's per-node settings that make every product of a decoder with so many layers int8."""
    names = [f"/model/layers.{layer}/{product}" for layer in range(layers) for product in _PRODUCTS]
    return {name: {"bits": 8} for name in [*names, "/lm_head/MatMul"]}


def main() -> None:
    """Replace this process's arguments with the builder's and run it as a program."""
    bits, builder, *arguments = sys.argv[1:]
    sys.path.insert(0, str(Path(builder).parent))
    if bits == "8":
        from builders import base  # type: ignore[import-not-found]
        from onnxruntime.quantization.matmul_nbits_quantizer import RTNWeightOnlyQuantConfig

        def algorithm(self: Any, method: str) -> Any:
            return RTNWeightOnlyQuantConfig(customized_weight_config=int8_weights(self.num_layers))

        base.Model.make_int4_algo_config = algorithm
    sys.argv = [builder, *arguments]
    runpy.run_path(builder, run_name="__main__")


if __name__ == "__main__":
    main()
