"""Logits of chosen positions of a text, from a Hugging Face folder or from an ONNX bundle's own weights.

A shipped bundle computes the last position only (its head is pruned). For measuring, that cut is moved in the graph, in
memory: same weights, same kernels, more positions. Only what is compared is computed: the head is a quarter of a small
model's work.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from edge.contract.onnx_file import PLACES
from edge.errors import BundleError

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# Read when torch is loaded. Threads that spin while they wait make a forward pass five times as slow beside other work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

CUT, UNCUT = "/lm_head/prune/Gather", "/lm_head/prune/Unsqueeze"


class LogitSource(Protocol):
    """A model that scores a text. Returns float32, shape (tokens - first, vocabulary), unnormalised.

    first: the first position that is wanted, from 0; its scores are those of the token that follows it.
    """

    def logits(self, ids: Sequence[int], first: int = 0) -> Any: ...


class KeptLogits:
    """Scores of a model on the disk: asked again, they are read, and the model need not stay in memory.

    load: makes the model when it is first needed. folder: where the scores go; texts that patients are in have no
    business there.
    """

    def __init__(self, load: Callable[[], LogitSource], folder: Path) -> None:
        self._load, self._folder = load, folder
        self._source: LogitSource | None = None

    def logits(self, ids: Sequence[int], first: int = 0) -> Any:
        """See LogitSource."""
        import numpy as np

        name = hashlib.sha256(json.dumps([list(ids), first]).encode()).hexdigest()
        path = self._folder / f"{name}.npy"
        if not path.exists():
            self._source = self._source or self._load()
            np.save(path, self._source.logits(ids, first))
        return np.load(path)

    def release(self) -> None:
        """Drop the model."""
        self._source = None


class HfLogits:
    """The reference: a Hugging Face folder in float32.

    halved: its weights were rounded to float16 before; computed in float32 all the same. adapter: put beside the
    weights and not merged into them, as it was trained, so that what merging gets wrong is seen.
    """

    def __init__(self, folder: Path, halved: bool = False, adapter: Path | None = None) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        self._torch = torch
        stored = torch.float16 if halved else torch.float32
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=stored, local_files_only=True)
        if adapter is not None:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model.float(), str(adapter), local_files_only=True)
        self._model = model.float().eval()

    def logits(self, ids: Sequence[int], first: int = 0) -> Any:
        """See LogitSource."""
        with self._torch.inference_mode():
            return self._model(self._torch.tensor([list(ids)]), logits_to_keep=len(ids) - first).logits[0].numpy()

    def open_session(self, capacity: int) -> HfSession:
        """An empty cache (edge.engine.base.Session); it grows as needed."""
        return HfSession(self._model, capacity)


class HfSession:
    """A transformers cache that the product's decoder drives."""

    def __init__(self, model: Any, capacity: int) -> None:
        from transformers import DynamicCache

        self.capacity, self.places = capacity, False
        self._model, self._cache = model, DynamicCache()
        self._scores: Any = None

    def rewind(self, length: int) -> None:
        """See Session."""
        self._cache.crop(length)

    def append(self, ids: Sequence[int], places: int = 1) -> None:
        """See Session."""
        import torch

        with torch.inference_mode():
            tokens = torch.tensor([list(ids)])
            self._scores = self._model(tokens, past_key_values=self._cache, use_cache=True, logits_to_keep=1).logits

    def logits(self, back: int = 0) -> Any:
        """See Session."""
        return self._scores[0, -1].float().numpy()


class OnnxLogits:
    """The weights of a verified ONNX bundle, or of a build folder."""

    def __init__(self, folder: Path, threads: int = 0) -> None:
        import onnx
        import onnxruntime as ort

        config = json.loads((folder / "genai_config.json").read_text(encoding="utf-8"))["model"]["decoder"]
        self._layers, self._heads = config["num_hidden_layers"], config["num_key_value_heads"]
        self._size = config["head_size"]
        graph = onnx.load(str(folder / config["filename"]), load_external_data=False)
        _choose_positions(graph)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors; it warns of the constants that the moved cut leaves behind
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # beside other work waiting is cheaper
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder))
        try:
            self._session = ort.InferenceSession(graph.SerializeToString(), options, ["CPUExecutionProvider"])
        except (RuntimeError, ort.capi.onnxruntime_pybind11_state.Fail) as error:
            raise BundleError("The runtime could not load the bundle.", str(error).splitlines()[0][:200]) from None
        overridable = self._session.get_overridable_initializers()  # of our builds, the places that are scored
        self._inputs = {i.name: i.type for i in (*self._session.get_inputs(), *overridable)}

    def logits(self, ids: Sequence[int], first: int = 0) -> Any:
        """See LogitSource."""
        import numpy as np

        empty = np.zeros((1, self._heads, 0, self._size), dtype=_numpy_type(self._inputs["past_key_values.0.key"]))
        feed: dict[str, Any] = {
            "input_ids": np.asarray([ids], dtype=np.int64),
            "attention_mask": np.ones((1, len(ids)), dtype=np.int64),
            "position_ids": np.arange(len(ids), dtype=np.int64)[None],
            PLACES: np.arange(first, len(ids), dtype=np.int64),
        }
        for layer in range(self._layers):
            feed[f"past_key_values.{layer}.key"] = feed[f"past_key_values.{layer}.value"] = empty
        known = {name: value for name, value in feed.items() if name in self._inputs}
        (scores,) = self._session.run(["logits"], known)
        return scores[0][first - len(ids) :].astype(np.float32)


def _numpy_type(kind: str) -> str:
    return "float16" if kind == "tensor(float16)" else "float32"


def _choose_positions(model: Any) -> None:
    """Feed the head with the hidden states that are asked for instead of the last; a full head stays as it is."""
    import onnx

    graph = model.graph
    nodes = {node.name: node for node in graph.node if node.name in (CUT, UNCUT)}
    if len(nodes) < 2:
        return
    pruned = nodes[UNCUT].output[0]
    graph.node.remove(nodes[UNCUT])
    nodes[CUT].input[1], nodes[CUT].output[0] = PLACES, pruned  # one index dropped a dimension, several keep it
    graph.input.append(onnx.helper.make_tensor_value_info(PLACES, onnx.TensorProto.INT64, ["chosen"]))
    for value in [*graph.output, *graph.value_info]:
        if value.name in ("logits", pruned):
            value.type.tensor_type.shape.dim[1].dim_param = "chosen"
