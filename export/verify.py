"""Does the bundle still say what its source says? Source: the base (and adapter) in float32."""

from __future__ import annotations

import tempfile
from pathlib import Path

from edge.contract.bundle import Bundle, verify_bundle
from edge.contract.manifest import Gate
from edge.errors import BundleError
from edge.paths import cache_dir
from export.base import hf_folder
from export.compare import compare
from export.gate import judge
from export.held import load_held
from export.logits import HfLogits, LogitSource, OnnxLogits
from export.merge import adapter_digest, merge
from export.progress import Progress, silent


def measure(
    folder: Path,
    against: Path | None = None,
    adapter: Path | None = None,
    documents: Path | None = None,
    count: int = 50,
    progress: Progress = silent,
) -> Gate:
    """Measure the bundle in folder on held documents and judge it by the limits of its precision.

    against: a Hugging Face folder; without it the manifest's base, merged with adapter if the manifest has one.
    Raises BundleError if the source is not that of the bundle, InputError for the documents.
    """
    bundle = verify_bundle(folder)
    held = load_held(count, documents)
    cache = cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".verify.", dir=cache) as scratch:
        source = against or _source(bundle, adapter, Path(scratch), progress)
        reference = HfLogits(source)
    distance = compare(
        reference,
        {"bundle": logit_source(bundle)},
        held,
        folder / "tokenizer.json",
        bundle.manifest.prompt_format,
        progress,
    )["bundle"]
    return judge(bundle.manifest.precision, distance)


def logit_source(bundle: Bundle) -> LogitSource:
    """The scorer for a verified bundle's runtime."""
    if bundle.manifest.runtime == "mlx":
        from export.to_mlx import MlxLogits

        return MlxLogits(bundle.folder)
    return OnnxLogits(bundle.folder)


def _source(bundle: Bundle, adapter: Path | None, scratch: Path, progress: Progress) -> Path:
    """The float32 source that the manifest names."""
    wanted = bundle.manifest.adapter
    if (adapter_digest(adapter) if adapter else None) != (wanted.sha256 if wanted else None):
        raise BundleError(
            f"The bundle {bundle.manifest.name!r} was not made from this source.",
            f"Its manifest names {f'the adapter {wanted.name} ({wanted.sha256})' if wanted else 'no adapter'}.",
            "Give that adapter with --adapter DIR." if wanted else "Leave --adapter away.",
        )
    base = hf_folder(bundle.manifest.base.name, progress=progress)
    if adapter is None:
        return base
    progress(f"Merging {adapter.name}", 0, 0)
    merge(base, adapter, scratch)
    return scratch
