"""Compares a bundle with its source, the base (and adapter) in float32."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from edge.contract.bundle import Bundle, verify_bundle
from edge.contract.manifest import Gate, Manifest, canonical
from edge.engine.base import Engine
from edge.engine.loader import load_engine
from edge.errors import BundleError
from edge.paths import cache_dir
from export import compare as comparison
from export import logits as scoring
from export.base import hf_folder
from export.card import BOM, CARD
from export.compare import Distance, compare
from export.files import new_file
from export.gate import judge, limits
from export.held import Held, load_held
from export.logits import HfLogits, LogitSource, OnnxLogits
from export.merge import adapter_digest, check_head
from export.notes import Sets, answers_key, load_sets, losses, remembered, start_engine, written_by
from export.progress import BuildProgress, silent

NOTES = 3  # of each set, by default: each takes minutes on a laptop


@dataclass(frozen=True)
class VerifyTrial:
    """What bundles are compared with, and on what.

    against: a Hugging Face folder; without it the manifest's base, merged with adapter if the manifest has one.
    documents: a file of the caller's own in place of the public sets of data (default: EDGESCRIBE_DATA). count: held
    documents for the distance. notes: conversations of each set that are written about.
    """

    against: Path | None = None
    adapter: Path | None = None
    documents: Path | None = None
    count: int = 50
    notes: int = NOTES
    data: Path | None = None


def measure(folders: Sequence[Path], trial: VerifyTrial, progress: BuildProgress = silent) -> list[Gate]:
    """Measure bundles of one source against it, and judge each by the limits of its precision.

    Raises BundleError if the source is not that of a bundle, InputError for the documents.
    """
    bundles = [verify_bundle(folder) for folder in folders]
    for bundle in bundles:
        limits(bundle.manifest.precision)  # there are some: said before the minutes of work, not after
    if trial.against is None:
        _check_source(bundles, trial.adapter)
        _check_as_fetched(bundles, hf_folder(bundles[0].manifest.base.name, progress=progress), trial.adapter)
    held = load_held(trial.count, trial.documents, trial.data)
    sets = load_sets(trial.notes, trial.documents, trial.data)
    first, tokenizer = bundles[0].manifest, folders[0] / "tokenizer.json"
    # Answers about a hospital's own documents may hold patients' words: nothing about those is ever kept.
    key = None if trial.against or trial.documents or trial.data else source_key(first)

    @cache
    def reference() -> HfLogits:
        if trial.against is not None:
            return HfLogits(trial.against)
        return HfLogits(hf_folder(first.base.name, progress=progress), adapter=trial.adapter)

    distances = _distances(bundles, held, reference, key, progress)
    source = from_source(reference, first, tokenizer, sets, key, progress)
    reference.cache_clear()  # its memory is needed for the bundles
    return [
        judge(
            bundle.manifest.precision,
            distances[str(bundle.folder)],
            losses(sets, source, from_bundle(bundle.folder, sets, progress)),
        )
        for bundle in bundles
    ]


def _distances(
    bundles: Sequence[Bundle],
    held: Sequence[Held],
    reference: Callable[[], HfLogits],
    key: str | None,
    progress: BuildProgress,
) -> dict[str, Distance]:
    """The distance of every bundle by its folder; those from a kept source are kept too (they hold no text)."""
    files = {str(b.folder): _distance_file(key, b, held) if key else None for b in bundles}
    found = {name: kept for name, path in files.items() if path and (kept := _kept_distance(path))}
    candidates = {str(b.folder): logit_source(b) for b in bundles if str(b.folder) not in found}
    if candidates:
        tokenizer, prompt_format = bundles[0].folder / "tokenizer.json", bundles[0].manifest.prompt_format
        found |= compare(reference(), candidates, held, tokenizer, prompt_format, progress)
    for name, path in files.items():
        if path is not None and name in candidates:
            with new_file(path) as temporary:
                temporary.write_text(json.dumps(asdict(found[name])), encoding="utf-8")
    return found


def _distance_file(key: str, bundle: Bundle, held: Sequence[Held]) -> Path:
    """Where the distance of these weights from the source of that key is kept."""
    weights = [f"{f.path} {f.sha256}" for f in bundle.manifest.files if f.path not in (CARD, BOM)]
    code = [hashlib.sha256(Path(str(module.__file__)).read_bytes()).hexdigest() for module in (comparison, scoring)]
    named = hashlib.sha256(canonical([key, *weights, *code, *map(repr, held)])).hexdigest()[:16]
    return cache_dir() / "distances" / f"{named}.json"


def _kept_distance(path: Path) -> Distance | None:
    """What is kept there, None if it was not measured yet, or not by us."""
    try:
        return Distance(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def source_key(manifest: Manifest) -> str:
    """Names the answers of a source."""
    adapter = manifest.adapter.sha256 if manifest.adapter else ""
    return answers_key(manifest.base.sha256, adapter)


def from_source(
    source: Callable[[], HfLogits],
    manifest: Manifest,
    tokenizer: Path,
    sets: Sets,
    key: str | None,
    progress: BuildProgress,
) -> dict[str, list[str]]:
    """What the float32 source writes about sets, from the cache if key is given and it is there."""

    def start() -> Engine:
        return start_engine(source(), tokenizer, manifest.prompt_format, manifest.end_tokens, manifest.context_length)

    if key is not None and sets:
        return remembered(key, cache_dir(), start, sets, progress)
    return written_by(start, sets, progress)


def from_bundle(folder: Path, sets: Sets, progress: BuildProgress) -> dict[str, list[str]]:
    """What the shipped bundle writes, through the laptop's own loader."""
    return written_by(lambda: load_engine(folder, allow_unsigned=True), sets, progress)


def _check_as_fetched(bundles: Sequence[Bundle], base: Path, adapter: Path | None) -> None:
    """What a comparison of logits cannot see by its construction: both sides read the bundle's own tokenizer.

    Raises BundleError if that is not the base's, BaseModelError for an adapter that merging would falsify.
    """
    if adapter is not None:
        check_head(base, adapter)
    wanted = hashlib.sha256((base / "tokenizer.json").read_bytes()).hexdigest()
    for manifest in (bundle.manifest for bundle in bundles):
        found = next((entry.sha256 for entry in manifest.files if entry.path == "tokenizer.json"), "")
        if found != wanted:
            raise BundleError(
                f"The bundle {manifest.name!r} has another tokenizer than its base.",
                "It would read and write other words than the model knows.", "Build the bundle again.",
            )  # fmt: skip


def logit_source(bundle: Bundle) -> LogitSource:
    """The scorer for a verified bundle's runtime."""
    if bundle.manifest.runtime == "mlx":
        from export.to_mlx import MlxLogits

        return MlxLogits(bundle.folder)
    return OnnxLogits(bundle.folder)


def _check_source(bundles: Sequence[Bundle], adapter: Path | None) -> None:
    """All bundles are of one base and of that adapter, by their manifests. Raises BundleError."""
    digest = adapter_digest(adapter) if adapter else None
    for manifest in (bundle.manifest for bundle in bundles):
        wanted = manifest.adapter
        if digest != (wanted.sha256 if wanted else None):
            raise BundleError(
                f"The bundle {manifest.name!r} was not made from this source.",
                f"Its manifest names {f'the adapter {wanted.name} ({wanted.sha256})' if wanted else 'no adapter'}.",
                "Give that adapter with --adapter DIR." if wanted else "Leave --adapter away.",
            )
        if manifest.base != bundles[0].manifest.base:
            raise BundleError(
                f"The bundle {manifest.name!r} has another base than {bundles[0].manifest.name!r}.",
                "",
                "Verify them one at a time.",
            )
