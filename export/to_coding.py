"""A sentence encoder, as it comes or tuned, -> coding bundle: its graph, and an edition's terms as vectors in int8.

The vectors are made by the graph that ships. The gate is agreement with the float32 source: the mean cosine of both
over a sample of terms, and how often both find the same nearest term.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.coding.encoder import OnnxTextEncoder, vector_bytes
from edge.coding.retrieval import rounded
from edge.contract.bundle import Bundle
from edge.contract.coding import (
    CODING,
    CODING_GRAPH,
    CODING_WEIGHTS,
    MAX_TOKENS,
    VECTORS,
    CodingSpec,
    coding_bytes,
    parse_coding,
)
from edge.contract.manifest import AdapterRef, Gate
from edge.contract.prompts import load_tokenizer
from edge.errors import BaseModelError, BundleError
from edge.paths import cache_dir
from edge.terminology.catalogue import Catalogue
from export.base import base_digest, folder_digest, hf_folder
from export.catalog import get
from export.encoders import Facts, Made, already, manifest_of, round_weights, save_apart, trace_encoder, tuned_encoder
from export.files import named_disk_errors, need_space, sha256_file
from export.merge import adapter_facts
from export.options import Precision
from export.pack import pack
from export.progress import BuildProgress, silent
from export.to_onnx import Build

LIMITS = {"cosine": 0.98, "nearest": 0.9}
_SAMPLE = 400
_BATCH = 2048


def make_coding_bundle(
    base_name: str, tuned: Path | None, name: str, out: Path, catalogue: Catalogue,
    precision: Precision = "int8", threads: int = 0, progress: BuildProgress = silent,
) -> Bundle:  # fmt: skip
    """The bundle under out/name; what is there already and made of the very same is kept.

    precision: of the encoder's weights; vectors are int8. threads: 0 for as many as there are. Raises BaseModelError
    for a folder that does not fit, BundleError if the rounded encoder finds other terms than its source.
    """
    base = get(base_name)
    folder = hf_folder(base.name, progress=progress)
    reference = tuned_ref(tuned)
    digest = base_digest(base, folder)
    facts: Facts = adapter_facts(tuned) if tuned is not None else ([], [])
    kept = already(out / name, reference, digest, precision, facts)
    if kept is not None and _of(kept, catalogue):
        return kept
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
        made = Made(name, base, digest, reference, precision, gate, base.parameters)
        manifest = manifest_of(made, "coding", {"edition": spec.edition, "terms": spec.terms})
        manifest = manifest.model_copy(update={"data": facts[0], "figures": facts[1]})
        return pack(Build(built, files), manifest, out / name, progress)


def _of(bundle: Bundle, catalogue: Catalogue) -> bool:
    spec = parse_coding((bundle.folder / CODING).read_bytes())
    return (spec.source_sha256, spec.layout) == (catalogue.source_sha256, catalogue.layout)


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
    from torch import nn

    changed = tuned / CODING_WEIGHTS if tuned is not None else None
    encoder, _ = tuned_encoder(base, changed, "The encoder does not fit its base.")

    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    return Hidden().eval()


def _export(source: Any, built: Path, precision: Precision) -> None:
    import onnx

    raw = built / f"raw-{CODING_GRAPH}"
    trace_encoder(source, raw, ["hidden"], "texts")
    model = onnx.load(str(raw))
    if precision == "int8":
        round_weights(model)
    save_apart(model, built / CODING_GRAPH)
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
