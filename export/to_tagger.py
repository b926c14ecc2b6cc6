"""A tuned tagger -> ONNX bundle: base plus published change, two graphs, int8 where nothing is lost by it.

The gate is agreement with the float32 source: which tokens of the shipped samples lie within a span of which label.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

from edge.contract.bundle import Bundle
from edge.contract.manifest import AdapterRef, Gate
from edge.contract.prompts import load_tokenizer
from edge.contract.tagging import (
    ENCODER_GRAPH,
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
from export.catalog import get
from export.encoders import (
    Made,
    already,
    manifest_of,
    misfits,
    round_products,
    save_apart,
    trace,
    trace_encoder,
    tuned_encoder,
)
from export.files import named_disk_errors, need_space, sha256_file
from export.merge import adapter_facts
from export.options import Precision
from export.pack import pack
from export.progress import BuildProgress, silent
from export.to_onnx import Build

AGREEMENT = {"agreement": 0.99}


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
    digest = base_digest(base, folder)
    if (kept := already(out / name, reference, digest, precision, facts)) is not None:
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
        spec = source.spec
        options: dict[str, str | int | bool] = {
            "window": spec.window,
            "overlap": spec.overlap,
            "tasks": " ".join(task.key for task in spec.tasks),
        }
        made = Made(name, base, digest, reference, precision, gate, source.parameters)
        manifest = manifest_of(made, "tagger", options).model_copy(update={"data": facts[0], "figures": facts[1]})
        return pack(Build(built, files), manifest, out / name, progress)


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
    from torch import nn

    spec = parse_spec((tagger / TAGGER).read_bytes())
    misfit = f"{tagger.name} does not fit its base."
    encoder, tensors = tuned_encoder(base, tagger / TAGGER_WEIGHTS, misfit)
    try:
        tokens = _linear(tensors, TOKEN_HEAD)
        spans = nn.Sequential(_linear(tensors, f"{SPAN_HEAD}0."), nn.GELU(), _linear(tensors, f"{SPAN_HEAD}3."))
    except (KeyError, RuntimeError) as error:
        raise misfits(misfit, error) from None
    parameters = sum(p.numel() for module in (encoder, tokens, spans) for p in module.parameters())
    return TunedTagger(spec, _with_tokens(encoder, tokens).eval(), spans.eval(), parameters)


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

    raw, graph = built / f"raw-{ENCODER_GRAPH}", built / ENCODER_GRAPH
    trace_encoder(source.encoder, raw, ["hidden", "tokens"], "windows")
    trace(
        source.spans, (torch.zeros(2, source.spans[0].in_features),), built / SPAN_GRAPH, ["vectors"], ["judged"],
        {"vectors": {0: "spans"}, "judged": {0: "spans"}},
    )  # fmt: skip
    if precision == "int8":
        round_products(raw, graph)
    save_apart(onnx.load(str(graph if precision == "int8" else raw)), graph)
    raw.unlink()


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
