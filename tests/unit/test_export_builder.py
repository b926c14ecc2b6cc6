"""The builder as a child: it needs less memory than the builder's own way, and writes the same bytes."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import onnxruntime_genai
import pytest
import torch

from edge.engine import onnx as runtime
from edge.errors import BundleError
from export import builder_child, calibrated, to_onnx
from export.builder_child import frugally, in_pieces, int8_products, mapped_model
from export.catalog import get

WIDTH = 64
CHANGED = ("numpy_helper", "quant_tensor", "quant_tensor_k_quant_cuda")  # by the child, for good


@pytest.fixture(scope="module")
def base() -> Any:
    """The builder's own base module, imported as the child does it."""
    sys.path.insert(0, str(Path(onnxruntime_genai.__file__).parent / "models"))
    try:
        from builders import base as module  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    return module


def two_products(seed: int, table: bool = False) -> ir.Model:
    """x -> value and head products, and one product without a constant weight. table: another node reads what the head
    will have in int8, as the embedding does."""
    rng = np.random.default_rng(seed)
    names = ("/model/layers.1/attn/v_proj/MatMul", "/lm_head/MatMul")
    shape = ir.Shape(["n", WIDTH])
    current = first = ir.Value(name="x", shape=shape, type=ir.TensorType(ir.DataType.FLOAT))
    nodes, weights = [], []
    for name in names:
        tensor = ir.tensor(
            rng.standard_normal((WIDTH, WIDTH)).astype(np.float32), name=f"{name[1:].replace('/', '.')}.weight"
        )
        weights.append(ir.Value(name=tensor.name, shape=tensor.shape, type=ir.TensorType(tensor.dtype)))
        weights[-1].const_value = tensor
        nodes.append(ir.node("MatMul", [current, weights[-1]], name=name))
        current = nodes[-1].outputs[0]
        current.name, current.shape, current.type = f"{name}/output_0", shape, ir.TensorType(ir.DataType.FLOAT)
    nodes.append(ir.node("MatMul", [current, first], name="/free/MatMul"))
    nodes[-1].outputs[0].name = "y"
    if table:
        eights = ir.Value(name="lm_head.MatMul.weight_Q8G32")
        nodes.insert(0, ir.node("Identity", [eights], name="/table"))
        nodes[0].outputs[0].name = "table"
    graph = ir.Graph(
        [first], [nodes[-1].outputs[0]], nodes=nodes, initializers=weights, opset_imports={"": 21}, name="g"
    )
    return ir.Model(graph, ir_version=10)


def quantised_by(monkeypatch: pytest.MonkeyPatch, keep: str, symmetric: bool) -> dict[str, Any]:
    """The builder's own settings of int4 in blocks of 32; what the child changes in the quantiser is undone after the
    test. keep: of int8_products."""
    from onnxruntime.quantization.matmul_nbits_quantizer import RTNWeightOnlyQuantConfig
    from onnxruntime.quantization.neural_compressor import weight_only

    for name in CHANGED:
        monkeypatch.setattr(weight_only, name, getattr(weight_only, name))
    int4 = {
        "qdq_block_size": 32, "is_symmetric": symmetric, "accuracy_level": 4, "nodes_to_exclude": [],
        "op_types_to_quantize": ("MatMul",),
        "algo_config": RTNWeightOnlyQuantConfig(customized_weight_config=int8_products(keep, 8)),
    }  # fmt: skip
    return {"int4": int4, "use_qdq": False}


@pytest.mark.parametrize("symmetric", [True, False])
def test_rounding_one_product_after_the_other_gives_the_same_bytes(
    base: Any, symmetric: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder_child, "_ROWS", 50)
    settings = quantised_by(monkeypatch, "mixed", symmetric)
    made = []
    for to_int4 in (base.Model.to_int4, frugally(base.Model.to_int4)):
        fake = SimpleNamespace(model=two_products(1), quant_attrs=settings)
        made.append(ir.to_proto(to_int4(fake)).SerializeToString(deterministic=True))
    assert made[0] == made[1]
    quantised = ir.from_proto(onnx.ModelProto.FromString(made[0]))
    assert [node.attributes["bits"].value for node in quantised.graph if node.op_type == "MatMulNBits"] == [4, 8]


def test_what_was_watched_is_rounded_by_calibration_and_nothing_else(
    base: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from onnxruntime.quantization.neural_compressor import weight_only

    settings = quantised_by(monkeypatch, "mixed", False)
    spread = spread_of_inputs()
    plain, found = weight_only.quant_tensor, []
    for shared in ({}, {"model.layers.1.attn.v_proj.MatMul.weight": spread}):
        monkeypatch.setattr(weight_only, "quant_tensor", plain)
        fake = SimpleNamespace(model=two_products(1), quant_attrs=settings)
        made = ir.to_proto(frugally(base.Model.to_int4, shared)(fake)).graph.initializer
        found.append({one.name: onnx.numpy_helper.to_array(one) for one in made})
    assert found[0].keys() == found[1].keys()
    differ = {name for name in found[0] if not np.array_equal(found[0][name], found[1][name])}
    assert any("v_proj.MatMul.weight_Q4" in name for name in differ)
    assert not any("lm_head" in name for name in differ)  # in int8


def spread_of_inputs() -> Any:
    inputs = torch.randn(300, 5) @ torch.randn(5, WIDTH) + 0.2 * torch.randn(300, WIDTH)
    return calibrated.factor(inputs.T @ inputs)


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("table", [True, False])
def test_the_head_is_int4_and_the_table_of_the_embedding_stays_int8(
    base: Any, symmetric: bool, table: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder_child, "_OUTPUTS", 20)
    settings = quantised_by(monkeypatch, "read", symmetric)
    fake = SimpleNamespace(model=two_products(1, table), quant_attrs=settings)
    weights = two_products(1).graph.initializers["lm_head.MatMul.weight"].const_value.numpy()
    spread = spread_of_inputs()
    made = ir.to_proto(frugally(base.Model.to_int4, {builder_child.HEAD: spread})(fake))
    nodes = {node.name: {one.name: one.i for one in node.attribute} for node in made.graph.node}
    assert [nodes[name]["bits"] for name in ("/model/layers.1/attn/v_proj/MatMul_Q8", "/lm_head/MatMul_Q4")] == [8, 4]
    names = {one.name for one in made.graph.initializer}
    assert ("lm_head.MatMul.weight_Q8G32" in names) is table
    numbers, scales, zeros = calibrated.rounded(torch.from_numpy(weights.T.copy()), spread, 32, symmetric)
    expected = (numbers.astype(np.float32) - zeros) * scales
    rows = np.eye(WIDTH, dtype=np.float32)
    head = [node for node in made.graph.node if node.name == "/lm_head/MatMul_Q4"]
    alone = onnx.helper.make_graph(
        head, "g", [onnx.helper.make_tensor_value_info(head[0].input[0], 1, [WIDTH, WIDTH])],
        [onnx.helper.make_tensor_value_info(head[0].output[0], 1, [WIDTH, WIDTH])],
        [one for one in made.graph.initializer if one.name in head[0].input],
    )  # fmt: skip
    model = onnx.helper.make_model(alone, opset_imports=made.opset_import, ir_version=10)
    del model.graph.node[0].attribute[[one.name for one in model.graph.node[0].attribute].index("accuracy_level")]
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (got,) = session.run(None, {head[0].input[0]: rows})
    assert np.allclose(got.T, expected.reshape(WIDTH, WIDTH), atol=1e-5)


def test_a_product_that_is_not_rounded_keeps_its_weight(base: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from onnxruntime.quantization.neural_compressor import weight_only

    for name in CHANGED:
        monkeypatch.setattr(weight_only, name, getattr(weight_only, name))
    model = two_products(2)
    expected = model.graph.initializers["lm_head.MatMul.weight"].const_value.numpy().copy()
    same = frugally(lambda fake: ir.from_proto(ir.to_proto(fake.model)))(SimpleNamespace(model=model))
    assert np.array_equal(same.graph.initializers["lm_head.MatMul.weight"].const_value.numpy(), expected)


@pytest.mark.parametrize("rounding", ["rtn", "k_quant"])
def test_pieces_make_the_whole(rounding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from onnxruntime.quantization.neural_compressor.weight_only import quant_tensor, quant_tensor_k_quant_cpu

    monkeypatch.setattr(builder_child, "_ROWS", 7)
    data = np.random.default_rng(3).standard_normal((10, WIDTH)).astype(np.float32)
    rule, *rest = (quant_tensor_k_quant_cpu,) if rounding == "k_quant" else (quant_tensor, "asym", "uint", 1)
    whole = rule(data, 4, 16, *rest)
    pieces = in_pieces(rule)(data, 4, 16, *rest)
    for expected, found in zip(whole, pieces, strict=True):
        assert np.array_equal(expected.astype(found.dtype), found)


def test_weights_are_those_of_the_folder_as_they_are_stored(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=32, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(config).to(torch.float16).save_pretrained(tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    model = mapped_model(str(tmp_path))
    for name, tensor in stored.items():
        found = model.get_parameter(name)
        assert found.dtype == (torch.float32 if tensor.dim() == 1 else torch.float16)
        assert torch.equal(found.float(), tensor.float())
    assert model.lm_head.weight is model.model.embed_tokens.weight
    del stored["model.layers.1.mlp.up_proj.weight"]
    save_file(stored, tmp_path / "model.safetensors")
    with pytest.raises(SystemExit, match=r"lacks the weights model.layers.1.mlp.up_proj.weight"):
        mapped_model(str(tmp_path))


def test_what_runs_from_an_empty_cache_only_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half precision on a CPU reads one prompt and no second; the product reads in chunks, and again from a start."""

    class HalfSession:
        def __init__(self) -> None:
            self.length = 0

        def append(self, ids: list[int], places: int = 1) -> None:
            if self.length:
                raise RuntimeError("invalid expand shape")
            self.length += len(ids)

        def logits(self, back: int = 0) -> Any:
            return np.zeros(100, dtype=np.float32)

    model = SimpleNamespace(open_session=lambda _: HalfSession())
    monkeypatch.setattr(runtime, "OnnxModel", lambda _: model)
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BundleError, match=r"cannot be run and rewound\. invalid expand shape"):
        to_onnx._try(tmp_path, tmp_path, get("smollm2-135m-instruct"))
