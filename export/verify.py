"""Does the bundle still say what its source says? Source: the base (and adapter) in float32."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from edge.contract.bundle import Bundle, verify_bundle
from edge.contract.manifest import Gate, Manifest, canonical
from edge.engine import decode, loops
from edge.engine.base import Engine
from edge.engine.loader import load_engine
from edge.errors import BundleError
from edge.paths import cache_dir
from edge.tasks import note
from export.base import hf_folder
from export.compare import compare
from export.gate import judge
from export.held import load_held
from export.logits import HfLogits, LogitSource, OnnxLogits
from export.merge import adapter_digest, merge
from export.notes import Sets, load_sets, losses, remembered, start_engine, written_by
from export.progress import Progress, silent

NOTES = 3  # of each set, by default: each takes minutes on a laptop


def measure(
    folder: Path,
    against: Path | None = None,
    adapter: Path | None = None,
    documents: Path | None = None,
    count: int = 50,
    notes: int = NOTES,
    data: Path | None = None,
    progress: Progress = silent,
) -> Gate:
    """Measure the bundle in folder on count held documents, and on notes written about a few of each set; judge it.

    against: a Hugging Face folder; without it the manifest's base, merged with adapter if the manifest has one.
    documents: a file of the caller's own, in place of the public sets.
    Raises BundleError if the source is not that of the bundle, InputError for the documents.
    """
    bundle = verify_bundle(folder)
    held, sets = load_held(count, documents, data), load_sets(notes, documents, data)
    cache = cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".verify.", dir=cache) as scratch:
        source = against or _source(bundle, adapter, Path(scratch), progress)
        reference = HfLogits(source)
    tokenizer, prompt_format = folder / "tokenizer.json", bundle.manifest.prompt_format
    candidates = {"bundle": logit_source(bundle)}
    distance = compare(reference, candidates, held, tokenizer, prompt_format, progress)["bundle"]
    del candidates
    # Answers about a hospital's own documents may hold patients' words: those are never kept.
    key = None if against or documents or data else source_key(bundle.manifest, notes)
    written = from_source(reference, bundle.manifest, tokenizer, sets, key, progress)
    return judge(bundle.manifest.precision, distance, losses(sets, written, from_bundle(folder, sets, progress)))


def source_key(manifest: Manifest, notes: int) -> str:
    """Names what a source writes about the first notes of the public sets."""
    adapter = manifest.adapter.sha256 if manifest.adapter else ""
    code = [hashlib.sha256(Path(str(module.__file__)).read_bytes()).hexdigest() for module in (decode, loops, note)]
    parts = [manifest.base.sha256, adapter, manifest.prompt_version, notes, *code]
    return hashlib.sha256(canonical(parts)).hexdigest()[:16]


def from_source(
    source: HfLogits, manifest: Manifest, tokenizer: Path, sets: Sets, key: str | None, progress: Progress
) -> dict[str, list[str]]:
    """What the float32 source writes about sets, from the cache if key is given and it is there."""

    def start() -> Engine:
        return start_engine(source, tokenizer, manifest.prompt_format, manifest.end_tokens, manifest.context_length)

    if key is not None and sets:
        return remembered(key, cache_dir(), start, sets, progress)
    return written_by(start, sets, progress)


def from_bundle(folder: Path, sets: Sets, progress: Progress) -> dict[str, list[str]]:
    """What the shipped bundle writes, through the laptop's own loader."""
    return written_by(lambda: load_engine(folder, allow_unsigned=True), sets, progress)


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
