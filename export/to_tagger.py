"""A tuned tagger -> ONNX bundle: base plus published change, two graphs, int8 where nothing is lost by it.

The gate is agreement with the float32 source: which tokens of the shipped samples lie within a span of which label.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import warnings
from dataclasses import dataclass, field
from importlib import metadata, resources
from itertools import pairwise
from pathlib import Path
from typing import Any

from edge import __version__
from edge.contract.bundle import Bundle, read_manifest, verify_bundle
from edge.contract.manifest import (
    FORMAT,
    FORMAT_VERSION,
    AdapterRef,
    BaseRef,
    DataSet,
    Figure,
    FileEntry,
    Gate,
    Manifest,
)
from edge.contract.prompts import PROMPT_VERSION, load_tokenizer
from edge.contract.tagging import (
    ENCODER,
    ENCODER_GRAPH,
    SCALE,
    SPAN_GRAPH,
    SPAN_HEAD,
    TAGGER,
    TAGGER_WEIGHTS,
    TOKEN_HEAD,
    TaggerSpec,
    parse_spec,
    spec_bytes,
)
from edge.errors import BaseModelError, BundleError
from edge.paths import cache_dir
from export.base import base_digest, folder_digest, hf_folder
from export.catalog import Base, get
from export.files import named_disk_errors, need_space, sha256_file
from export.merge import adapter_facts
from export.options import Precision
from export.pack import pack
from export.progress import BuildProgress, silent
from export.to_onnx import Build

PACKAGE = "onnxruntime"
AGREEMENT = {"agreement": 0.99}
_OPSET = 17
_EXTERNAL = ".data"


@dataclass(frozen=True)
class TunedTagger:
    """A tuned tagger in float32. encoder, heads: torch modules in evaluation mode."""

    spec: TaggerSpec
    encoder: Any = field(repr=False)
    spans: Any = field(repr=False)
    parameters: int = 0


def make_tagger_bundle(
    base_name: str, tagger: Path, name: str, out: Path, precision: Precision = "int8", progress: BuildProgress = silent
) -> Bundle:
    """The bundle of a tuned tagger under out/name. Raises BaseModelError for a folder that is none or does not fit,
    BundleError if what was built finds other spans than its source."""
    base = get(base_name)
    folder = hf_folder(base.name, progress=progress)
    reference = tagger_ref(tagger)
    facts = adapter_facts(tagger)
    if (kept := _already(out / name, reference, base_digest(base, folder), precision, facts)) is not None:
        return kept
    source = load(folder, tagger)
    cache = cache_dir()
    need_space(cache, 12 * base.parameters, name)
    with (
        named_disk_errors(f"The bundle {name}", cache),
        tempfile.TemporaryDirectory(prefix=".tagger.", dir=cache) as scratch,
    ):
        progress(f"Exporting {name}", 0, 0)
        built = Path(scratch) / "built"
        built.mkdir()
        export(source, built, precision)
        shutil.copyfile(folder / "tokenizer.json", built / "tokenizer.json")
        (built / TAGGER).write_bytes(spec_bytes(source.spec))
        gate = compare(source, built)
        files = {path.name: sha256_file(path, progress=progress) for path in sorted(built.iterdir())}
        manifest = _manifest(name, base, base_digest(base, folder), source, reference, gate, precision)
        manifest = manifest.model_copy(update={"data": facts[0], "figures": facts[1]})
        return pack(Build(built, files), manifest, out / name, progress)


def _already(
    target: Path, reference: AdapterRef, digest: str, precision: Precision, facts: tuple[list[DataSet], list[Figure]]
) -> Bundle | None:
    """The bundle in target, verified, if it was built here from the very same."""
    try:
        found = read_manifest(target)[0]
        same = (found.adapter, found.base.sha256, found.precision) == (reference, digest, precision)
        same = same and (found.data, found.figures) == facts
        return verify_bundle(target) if same and found.built_by == _built_by() else None
    except BundleError:
        return None


def _built_by() -> str:
    return f"edgescribe {__version__}, {PACKAGE} {metadata.version(PACKAGE)}"


def tagger_ref(folder: Path) -> AdapterRef:
    """A tuned tagger as a manifest names it. Raises BaseModelError if the folder is none."""
    names = (TAGGER, TAGGER_WEIGHTS)
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise BaseModelError(
            f"{folder} is not a tuned tagger.",
            f"It lacks {', '.join(missing)}.",
            "Name a folder of `edgescribe-training`.",
        )
    adapter_facts(folder)
    return AdapterRef(
        name=folder.resolve().name, sha256=folder_digest({name: sha256_file(folder / name) for name in names})
    )


def load(base: Path, tagger: Path) -> TunedTagger:
    """The tuned tagger in float32. Raises BaseModelError, BundleError."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from torch import nn
    from transformers import AutoModel
    from transformers.utils import logging as narration

    narration.set_verbosity_error()  # it would call the unused pooler a warning
    spec = parse_spec((tagger / TAGGER).read_bytes())
    try:
        encoder = AutoModel.from_pretrained(
            str(base), add_pooling_layer=False, attn_implementation="eager", dtype=torch.float32, local_files_only=True
        )
        tensors = load_file(str(tagger / TAGGER_WEIGHTS))
        add_change(encoder, tensors)
        tokens = _linear(tensors, TOKEN_HEAD)
        spans = nn.Sequential(_linear(tensors, f"{SPAN_HEAD}0."), nn.GELU(), _linear(tensors, f"{SPAN_HEAD}3."))
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise BaseModelError(f"{tagger.name} does not fit its base.", reason, "Copy both here again.") from None
    parameters = sum(p.numel() for module in (encoder, tokens, spans) for p in module.parameters())
    return TunedTagger(spec, _with_tokens(encoder, tokens).eval(), spans.eval(), parameters)


def add_change(encoder: Any, tensors: dict[str, Any]) -> None:
    """Add the published change to the base's weights."""
    import torch

    state = encoder.state_dict()
    with torch.no_grad():
        for name, value in tensors.items():
            if name.startswith(ENCODER) and not name.endswith(SCALE):
                change = value.float()
                if name + SCALE in tensors:
                    change = change * tensors[name + SCALE].float()[:, None]
                state[name.removeprefix(ENCODER)] += change


def _linear(tensors: dict[str, Any], prefix: str) -> Any:
    from torch import nn

    weight, bias = tensors[f"{prefix}weight"].float(), tensors[f"{prefix}bias"].float()
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer


def _with_tokens(encoder: Any, tokens: Any) -> Any:
    from torch import nn

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.tokens = encoder, tokens

        def forward(self, input_ids: Any, attention_mask: Any) -> tuple[Any, Any]:
            hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            return hidden, self.tokens(hidden)

    return Encoder()


def export(source: TunedTagger, built: Path, precision: Precision) -> None:
    """Write both graphs. Weights of the encoder lie beside its graph."""
    import onnx
    import torch

    ids = torch.ones(2, 8, dtype=torch.long)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0  # a mask of ones alone would be traced away
    shape = {0: "windows", 1: "length"}
    names = {"input_ids": shape, "attention_mask": shape, "hidden": shape, "tokens": shape}
    raw, graph = built / f"raw-{ENCODER_GRAPH}", built / ENCODER_GRAPH
    trace(source.encoder, (ids, mask), raw, ["input_ids", "attention_mask"], ["hidden", "tokens"], names)
    trace(
        source.spans, (torch.zeros(2, source.spans[0].in_features),), built / SPAN_GRAPH, ["vectors"], ["judged"],
        {"vectors": {0: "spans"}, "judged": {0: "spans"}},
    )  # fmt: skip
    if precision == "int8":
        round_weights(raw, graph)
    model = onnx.load(str(graph if precision == "int8" else raw))
    graph.unlink(missing_ok=True)
    onnx.save_model(model, str(graph), save_as_external_data=True, location=ENCODER_GRAPH + _EXTERNAL, size_threshold=0)
    raw.unlink()


def trace(
    module: Any, given: tuple[Any, ...], path: Path, inputs: list[str], outputs: list[str], axes: dict[str, Any]
) -> None:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's, about shapes that are fixed on purpose
        torch.onnx.export(
            module, given, str(path), input_names=inputs, output_names=outputs, dynamic_axes=axes, opset_version=_OPSET,
            dynamo=False,
        )  # fmt: skip


def round_weights(raw: Path, graph: Path) -> None:
    """Weights of products and embeddings to int8, a scale a column; activations are rounded as they come."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.disable(logging.WARNING)  # the package advises on the root logger
    try:
        quantize_dynamic(
            str(raw),
            str(graph),
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["MatMul", "Gather"],
        )
    finally:
        logging.disable(logging.NOTSET)


def compare(source: TunedTagger, built: Path) -> Gate:
    """Share of decisions on the shipped samples that are the same on both sides: whether a token lies within a span of
    a label; of a judge of pairs, whether an answer is likelier than not. Raises BundleError."""
    import numpy as np
    import torch

    from edge.reading.conversation import parse
    from edge.tagging.decode import OUTSIDE, probabilities
    from edge.tagging.onnx import OnnxBackend
    from edge.tagging.tagger import Tagger
    from edge.tagging.verdicts import Verdicts
    from edge.tagging.windows import of_report, of_transcript

    class Original:
        def encode(self, ids: Any, mask: Any) -> tuple[Any, Any]:
            with torch.inference_mode():
                hidden, tokens = source.encoder(torch.from_numpy(ids), torch.from_numpy(mask))
            return hidden.numpy(), tokens.numpy()

        def judge(self, vectors: Any) -> Any:
            with torch.inference_mode():
                return source.spans(torch.from_numpy(np.ascontiguousarray(vectors, dtype=np.float32))).numpy()

    tokenizer = load_tokenizer(built / "tokenizer.json")
    both, either = 0, 0
    backends = (Original(), OnnxBackend(built))
    samples = resources.files("edge.samples")
    visit, report = ((samples / name).read_text(encoding="utf-8") for name in ("visit.txt", "report.txt"))
    for segments in (of_transcript(parse(visit)), of_report(report)):
        if all(task.source == "pair" for task in source.spec.tasks):
            within = [
                _judged(Verdicts(source.spec, tokenizer, backend), [s.text for s in segments]) for backend in backends
            ]
        else:
            read = [Tagger(source.spec, tokenizer, backend).read(segments).tokens for backend in backends]
            within = [1 - probabilities(one.reshape(len(one), -1, 3))[:, :, OUTSIDE] >= 0.5 for one in read]
        both += int((within[0] == within[1]).sum())
        either += within[0].size
    agreement = round(both / max(1, either), 6)
    if agreement < AGREEMENT["agreement"]:
        raise BundleError(
            "The built tagger finds other spans than its source.",
            f"{agreement:.2%} of its decisions agree; {AGREEMENT['agreement']:.0%} is the least.",
            "Build it with --precision fp32.",
        )
    return Gate(passed=True, measured={"agreement": agreement}, limits=AGREEMENT)


def _judged(verdicts: Any, texts: list[str]) -> Any:
    """Whether each answer of each task is likelier than not, for each text beside the next. shape (pairs, answers)."""
    import numpy as np

    pairs = list(pairwise(texts))
    tasks = [verdicts.judge(task.key, pairs) for task in verdicts.spec.tasks]
    return np.asarray([[share >= 0.5 for one in row for share in one.values()] for row in zip(*tasks, strict=True)])


def _manifest(
    name: str, base: Base, digest: str, source: TunedTagger, reference: AdapterRef, gate: Gate, precision: Precision
) -> Manifest:
    version = metadata.version(PACKAGE)
    spec = source.spec
    return Manifest(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        name=name,
        runtime="onnx",
        runtime_version=version,
        precision=precision,
        options={"window": spec.window, "overlap": spec.overlap, "tasks": " ".join(task.key for task in spec.tasks)},
        base=BaseRef(
            name=base.name, origin=base.origin, sha256=digest, licence=base.licence, parameters=source.parameters
        ),
        adapter=reference,
        prompt_format="none",
        prompt_version=PROMPT_VERSION,
        context_length=base.context_length,
        end_tokens=list(base.stop),
        purpose=base.purpose,
        built_by=_built_by(),
        files=[FileEntry(path="tokenizer.json", size=0, sha256="0" * 64)],
        gate=gate,
        kind="tagger",
    )
