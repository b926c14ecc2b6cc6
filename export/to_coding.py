"""A sentence encoder, as it comes or tuned, -> coding bundle: its graph, and in int8 the vectors of an edition's terms.

The vectors are made by the graph that ships. The gate is agreement with the float32 source: the mean cosine of both
over a sample of terms, and how often both find the same nearest term.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from edge import __version__
from edge.coding.encoder import OnnxTextEncoder, vector_bytes
from edge.coding.retrieval import rounded
from edge.contract.bundle import Bundle
from edge.contract.coding import CODING, CODING_GRAPH, CODING_WEIGHTS, MAX_TOKENS, VECTORS, CodingSpec, coding_bytes
from edge.contract.manifest import (
    FORMAT,
    FORMAT_VERSION,
    AdapterRef,
    BaseRef,
    FileEntry,
    Gate,
    Manifest,
)
from edge.contract.prompts import PROMPT_VERSION, load_tokenizer
from edge.errors import BaseModelError, BundleError
from edge.paths import cache_dir
from edge.terminology.catalogue import Catalogue
from export.base import base_digest, folder_digest, hf_folder
from export.catalog import Base, get
from export.files import named_disk_errors, need_space, sha256_file
from export.merge import adapter_facts
from export.options import Precision
from export.pack import pack
from export.progress import BuildProgress, silent
from export.to_onnx import Build
from export.to_tagger import add_change, round_weights, trace

PACKAGE = "onnxruntime"
LIMITS = {"cosine": 0.98, "nearest": 0.9}
_SAMPLE = 400
_BATCH = 2048


def make_coding_bundle(
    base_name: str, tuned: Path | None, name: str, out: Path, catalogue: Catalogue,
    precision: Precision = "fp32", threads: int = 0, progress: BuildProgress = silent,
) -> Bundle:  # fmt: skip
    """The bundle under out/name. precision: of the encoder; vectors are int8. threads: 0 for as many as there are.
    Raises BaseModelError for a folder that does not fit, BundleError if the rounded
    encoder finds other terms than its source."""
    base = get(base_name)
    folder = hf_folder(base.name, progress=progress)
    reference = tuned_ref(tuned)
    source = load(folder, tuned)
    texts = [text for _, text in catalogue.terms()]
    cache = cache_dir()
    need_space(cache, 12 * base.parameters, name)
    with (
        named_disk_errors(f"The bundle {name}", cache),
        tempfile.TemporaryDirectory(prefix=".coding.", dir=cache) as scratch,
    ):
        progress(f"Exporting {name}", 0, 0)
        built = Path(scratch) / "built"
        built.mkdir()
        _export(source, built, precision)
        shutil.copyfile(folder / "tokenizer.json", built / "tokenizer.json")
        encoder = OnnxTextEncoder(built / CODING_GRAPH, load_tokenizer(built / "tokenizer.json"), threads)
        gate = compare(source, encoder, built, texts[:: max(1, len(texts) // _SAMPLE)])
        vectors = _vectors(encoder, texts, progress)
        (built / VECTORS).write_bytes(vector_bytes(rounded(vectors)))
        spec = CodingSpec(
            edition=catalogue.edition, source_sha256=catalogue.source_sha256, layout=catalogue.layout,
            terms=len(texts), width=int(vectors.shape[1]),
        )  # fmt: skip
        (built / CODING).write_bytes(coding_bytes(spec))
        files = {path.name: sha256_file(path, progress=progress) for path in sorted(built.iterdir())}
        manifest = _manifest(name, base, base_digest(base, folder), reference, gate, spec, precision)
        if tuned is not None:
            data, figures = adapter_facts(tuned)
            manifest = manifest.model_copy(update={"data": data, "figures": figures})
        return pack(Build(built, files), manifest, out / name, progress)


def tuned_ref(folder: Path | None) -> AdapterRef | None:
    """A tuned encoder as a manifest names it. Raises BaseModelError if the folder holds none."""
    if folder is None:
        return None
    if not (folder / CODING_WEIGHTS).is_file():
        raise BaseModelError(
            f"{folder} is not a tuned encoder of codes.", f"It lacks {CODING_WEIGHTS}.",
            "Name a folder of `edgescribe-training coding`.",
        )  # fmt: skip
    digest = folder_digest({CODING_WEIGHTS: sha256_file(folder / CODING_WEIGHTS)})
    return AdapterRef(name=folder.resolve().name, sha256=digest)


def load(base: Path, tuned: Path | None) -> Any:
    """The encoder in float32 as a torch module: (ids, mask) -> last layer. Raises BaseModelError."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from torch import nn
    from transformers import AutoModel
    from transformers.utils import logging as narration

    narration.set_verbosity_error()  # it would call the unused pooler a warning
    try:
        encoder = AutoModel.from_pretrained(
            str(base), add_pooling_layer=False, attn_implementation="eager", dtype=torch.float32, local_files_only=True
        )
        if tuned is not None:
            add_change(encoder, load_file(str(tuned / CODING_WEIGHTS)))
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise BaseModelError("The encoder does not fit its base.", reason, "Copy both here again.") from None

    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    return Hidden().eval()


def _export(source: Any, built: Path, precision: Precision) -> None:
    import onnx
    import torch

    ids = torch.ones(2, 8, dtype=torch.long)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0  # a mask of ones alone would be traced away
    shape = {0: "texts", 1: "length"}
    raw, graph = built / f"raw-{CODING_GRAPH}", built / CODING_GRAPH
    names = {"input_ids": shape, "attention_mask": shape, "hidden": shape}
    trace(source, (ids, mask), raw, ["input_ids", "attention_mask"], ["hidden"], names)
    if precision == "int8":
        round_weights(raw, graph)
    model = onnx.load(str(graph if precision == "int8" else raw))
    graph.unlink(missing_ok=True)
    onnx.save_model(
        model, str(graph), save_as_external_data=True, location=f"{CODING_GRAPH}.data", size_threshold=0
    )  # fmt: skip
    raw.unlink()


def compare(source: Any, encoder: OnnxTextEncoder, built: Path, texts: Sequence[str]) -> Gate:
    """Cosine and nearest neighbours of float32 and int8 over texts. Raises BundleError."""
    import numpy as np
    import torch

    tokenizer = load_tokenizer(built / "tokenizer.json")
    plain = []
    for text in texts:
        ids = torch.tensor([tokenizer.encode(text).ids[:MAX_TOKENS]])
        with torch.inference_mode():
            mean = source(ids, torch.ones_like(ids))[0].mean(0)
        plain.append((mean / mean.norm()).numpy())
    left, right = np.stack(plain), encoder.embed(texts)
    nearest = []
    for vectors in (left, right):
        scores = vectors @ vectors.T
        np.fill_diagonal(scores, -2)
        nearest.append(scores.argmax(axis=1))
    measured = {
        "cosine": round(float((left * right).sum(axis=1).mean()), 5),
        "nearest": round(float((nearest[0] == nearest[1]).mean()), 5),
    }
    if any(measured[key] < least for key, least in LIMITS.items()):
        raise BundleError(
            "The built encoder finds other terms than its source.",
            ", ".join(f"{key} {value:.3f} (at least {LIMITS[key]})" for key, value in measured.items()) + ".",
            "",
        )
    return Gate(passed=True, measured=measured, limits=LIMITS)


def _vectors(encoder: OnnxTextEncoder, texts: Sequence[str], progress: BuildProgress) -> Any:
    import numpy as np

    found = []
    for first in range(0, len(texts), _BATCH):
        found.append(encoder.embed(texts[first : first + _BATCH]))
        progress("Vectors of terms", min(first + _BATCH, len(texts)), len(texts))
    return np.concatenate(found)


def _manifest(
    name: str,
    base: Base,
    digest: str,
    reference: AdapterRef | None,
    gate: Gate,
    spec: CodingSpec,
    precision: Precision,
) -> Manifest:
    version = metadata.version(PACKAGE)
    return Manifest(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        name=name,
        runtime="onnx",
        runtime_version=version,
        precision=precision,
        options={"edition": spec.edition, "terms": spec.terms},
        base=BaseRef(
            name=base.name, origin=base.origin, sha256=digest, licence=base.licence, parameters=base.parameters
        ),
        adapter=reference,
        prompt_format="none",
        prompt_version=PROMPT_VERSION,
        context_length=base.context_length,
        end_tokens=list(base.stop),
        purpose=base.purpose,
        built_by=f"edgescribe {__version__}, {PACKAGE} {version}",
        files=[FileEntry(path="tokenizer.json", size=0, sha256="0" * 64)],
        gate=gate,
        kind="coding",
    )
