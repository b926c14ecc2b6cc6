"""One call from a base's name to a verified bundle folder: fetch, convert, merge, build, pack."""

from __future__ import annotations

import json
import re
from pathlib import Path

from edge.contract.bundle import Bundle
from edge.contract.manifest import AdapterRef
from edge.errors import UsageError
from edge.paths import checkout, data_dir
from export.base import base_digest, hf_folder
from export.catalog import get
from export.merge import adapter_digest
from export.options import OnnxOptions
from export.pack import onnx_manifest, pack
from export.progress import Progress, silent
from export.to_onnx import Build, build, fit

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def make_onnx_bundle(
    name: str,
    options: OnnxOptions | None = None,
    adapter: Path | None = None,
    bundle_name: str | None = None,
    out: Path | None = None,
    cache: Path | None = None,
    progress: Progress = silent,
) -> tuple[Bundle, Build]:
    """Return the bundle of base `name` under out (default: models/bundles of the checkout) and what its build took.

    bundle_name defaults to the base's name, with the precision if that is not int4. Raises BaseModelError, BundleError,
    UsageError.
    """
    base = get(name)
    options = options or OnnxOptions()
    bundle_name = bundle_name or (name if options.precision == "int4" else f"{name}-{options.precision}")
    if not _NAME.fullmatch(bundle_name):
        raise UsageError(f"{bundle_name!r} cannot name a bundle.", "Use small letters, digits, '.', '_' and '-'.")
    reference = None
    if adapter is not None:
        reference = AdapterRef(name=adapter.resolve().name, sha256=adapter_digest(adapter))
    source = hf_folder(name, cache, progress=progress)
    options = fit(options, source)
    built = build(base, options, adapter, cache, progress)
    config = json.loads((built.folder / "genai_config.json").read_text(encoding="utf-8"))
    digest = base_digest(base, source)
    manifest = onnx_manifest(bundle_name, base, digest, options, reference, config["model"]["context_length"])
    return pack(built, manifest, (out or bundles_folder()) / bundle_name, progress), built


def bundles_folder() -> Path:
    """Where bundles are built: models/bundles of the checkout, else the laptop's own folder."""
    root = checkout()
    return root / "models" / "bundles" if root is not None else data_dir() / "bundles"
