"""Built files -> bundle folder: copied under their hashes, the manifest written last, verified, renamed."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from edge import __version__
from edge.contract.bundle import Bundle, read_manifest, verify_bundle
from edge.contract.manifest import (
    FORMAT,
    FORMAT_VERSION,
    MANIFEST,
    AdapterRef,
    BaseRef,
    FileEntry,
    Manifest,
    manifest_bytes,
)
from edge.contract.prompts import PROMPT_VERSION
from edge.errors import BundleError
from export.card import BOM, CARD, described
from export.catalog import Base
from export.files import named_disk_errors, need_space, new_file, new_folder, sha256_file
from export.options import Precision
from export.progress import BuildProgress, silent
from export.to_onnx import Build


@dataclass(frozen=True)
class Recipe:
    """How the weights were made: runtime, the package that made them, precision and its options."""

    runtime: Literal["onnx", "mlx"]
    package: str
    precision: Precision
    options: dict[str, str | int | bool]


def manifest_for(
    name: str, base: Base, digest: str, recipe: Recipe, adapter: AdapterRef | None, context_length: int
) -> Manifest:
    """The manifest of a bundle, with no files yet named but the tokenizer."""
    version = metadata.version(recipe.package)
    return Manifest(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        name=name,
        runtime=recipe.runtime,
        runtime_version=version,
        precision=recipe.precision,
        options=recipe.options,
        base=BaseRef(
            name=base.name, origin=base.origin, sha256=digest, licence=base.licence, parameters=base.parameters
        ),
        adapter=adapter,
        prompt_format=base.prompt_format,
        prompt_version=PROMPT_VERSION,
        context_length=context_length,
        end_tokens=list(base.stop),
        purpose=base.purpose,
        built_by=f"edgescribe {__version__}, {recipe.package} {version}",
        files=[FileEntry(path="tokenizer.json", size=0, sha256="0" * 64)],
    )


def _already(build: Build, manifest: Manifest, target: Path) -> Bundle | None:
    """The bundle in target if it is the very one that packing would write, verified."""
    try:
        found = read_manifest(target)[0]
        # A verdict of the gate is added after packing; it stays as long as the rest is the same.
        same = found.model_copy(update={"files": manifest.files, "gate": manifest.gate}) == manifest
        weights = {entry.path: entry.sha256 for entry in found.files if entry.path not in (CARD, BOM)}
        if not same or weights != build.files or described(found)[0] != found:
            return None
        return verify_bundle(target)
    except BundleError:
        return None


def pack(build: Build, manifest: Manifest, target: Path, progress: BuildProgress = silent) -> Bundle:
    """Write the bundle folder target, whole or not at all; an older one of that name is replaced.

    Raises BundleError if a built file changed under way or the result would not load.
    """
    if (kept := _already(build, manifest, target)) is not None:
        return kept
    total = sum(build.path(name).stat().st_size for name in build.files)
    need_space(target.parent, total, f"the bundle {target.name}")
    with named_disk_errors(f"The bundle {target.name}", target.parent), new_folder(target) as folder:
        entries = []
        for name in sorted(build.files):
            shutil.copyfile(build.path(name), folder / name)
            digest = sha256_file(folder / name, f"Packing {name}", progress)
            if digest != build.files[name]:
                raise BundleError(f"The built {name} was altered.", "", f"Remove {build.folder} and build again.")
            entries.append(FileEntry(path=name, size=(folder / name).stat().st_size, sha256=digest))
        identity = describe(folder, manifest.model_copy(update={"files": entries}))
        complete = verify_bundle(folder).manifest
    return Bundle(target, complete, identity)


def describe(folder: Path, manifest: Manifest) -> str:
    """Write card, ML-BOM and, last, manifest.json into a bundle folder; returns the manifest's sha256."""
    complete, about = described(manifest)
    for name, raw in about.items():
        with new_file(folder / name) as temporary:
            temporary.write_bytes(raw)
    raw = manifest_bytes(complete)
    with new_file(folder / MANIFEST) as temporary:
        temporary.write_bytes(raw)
    return hashlib.sha256(raw).hexdigest()
