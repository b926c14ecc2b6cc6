"""One call from a base's name to a verified bundle folder: fetch, convert, merge, build, pack."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from edge.contract.bundle import Bundle
from edge.contract.phrases import PHRASES, parse_phrases
from edge.errors import BaseModelError, BundleError, UsageError
from edge.paths import checkout, data_dir
from export.base import base_digest, hf_folder, purpose
from export.catalog import Base, get
from export.merge import adapter_ref, trained_languages, with_facts
from export.options import OnnxOptions, Precision
from export.pack import Recipe, manifest_for, pack
from export.progress import BuildProgress, silent
from export.to_onnx import PACKAGE as ONNX_PACKAGE
from export.to_onnx import Build, build, fit

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def make_onnx_bundle(
    name: str,
    options: OnnxOptions | None = None,
    adapter: Path | None = None,
    bundle_name: str | None = None,
    out: Path | None = None,
    cache: Path | None = None,
    progress: BuildProgress = silent,
    languages: Sequence[str] = (),
) -> tuple[Bundle, Build]:
    """Return the ONNX bundle of base `name` under out (default: models/bundles) and what its build took.

    bundle_name defaults to the base's name, with the precision if that is not int4. languages: of the notes that it was
    trained to write, by default what the adapter names. Raises BaseModelError, BundleError,
    UsageError.
    """
    asked = options or OnnxOptions()
    base = _decoder(name)

    def building(source: Path) -> tuple[Build, Recipe, int]:
        fitted = fit(asked, source)
        built = build(base, fitted, adapter, cache, progress)
        config = json.loads((built.folder / "genai_config.json").read_text(encoding="utf-8"))
        recipe = Recipe("onnx", ONNX_PACKAGE, fitted.precision, fitted.record())
        return built, recipe, config["model"]["context_length"]

    return _make(
        base, _target(name, bundle_name, asked.precision, "", out), adapter, cache, progress, languages, building
    )


def make_mlx_bundle(
    name: str,
    precision: Precision = "int4",
    adapter: Path | None = None,
    bundle_name: str | None = None,
    out: Path | None = None,
    cache: Path | None = None,
    progress: BuildProgress = silent,
    languages: Sequence[str] = (),
) -> tuple[Bundle, Build]:
    """The same for MLX; bundle_name defaults to the base's name and "-mlx"."""
    from export import to_mlx

    base = _decoder(name)

    def building(source: Path) -> tuple[Build, Recipe, int]:
        built = to_mlx.build_mlx(base, precision, adapter, cache, progress)
        options: dict[str, str | int | bool] = {} if precision == "fp16" else {"group": to_mlx.GROUP}
        return built, Recipe("mlx", to_mlx.PACKAGE, precision, options), to_mlx.context_length(built)

    return _make(
        base, _target(name, bundle_name, precision, "-mlx", out), adapter, cache, progress, languages, building
    )


def _make(
    base: Base, target: Path, adapter: Path | None, cache: Path | None, progress: BuildProgress,
    given: Sequence[str], building: Callable[[Path], tuple[Build, Recipe, int]],
) -> tuple[Bundle, Build]:  # fmt: skip
    """Build from the base's Hugging Face folder, describe, pack. A wrong adapter is told before anything is built."""
    reference, spoken = adapter_ref(adapter), trained_languages(adapter, given)
    source = hf_folder(base.name, cache, progress=progress)
    built, recipe, length = building(source)
    manifest = manifest_for(target.name, base, base_digest(base, source), recipe, reference, length)
    named = {**recipe.options, "languages": " ".join(spoken)}
    described = with_facts(manifest, adapter).model_copy(update={"purpose": purpose(base, source), "options": named})
    built = with_phrases(built, adapter)
    return pack(built, described, target, progress), built


def with_phrases(built: Build, adapter: Path | None) -> Build:
    """A build with the table of phrases that lies with an adapter, if one does. Raises BaseModelError for a table that
    is damaged or belongs to another tokenizer."""
    path = adapter / PHRASES if adapter is not None else None
    if path is None or not path.is_file():
        return built
    raw = path.read_bytes()
    try:
        parse_phrases(raw, built.files["tokenizer.json"])
    except BundleError as error:
        raise BaseModelError(
            f"The table of phrases {path} does not fit.", error.what,
            "Count it again with `edgescribe-training phrases`, or remove the file.",
        ) from None  # fmt: skip
    files = built.files | {PHRASES: hashlib.sha256(raw).hexdigest()}
    return replace(built, files=files, beside={**built.beside, PHRASES: path})


def _decoder(name: str) -> Base:
    base = get(name)
    if base.kind != "decoder":
        raise BaseModelError(
            f"{name} writes nothing: it is an encoder.", "", "`edgescribe-export tagger NAME` builds a tagger from it."
        )
    return base


def _target(name: str, bundle_name: str | None, precision: str, suffix: str, out: Path | None) -> Path:
    return bundle_folder(bundle_name or name + suffix + ("" if precision == "int4" else f"-{precision}"), out)


def bundle_folder(bundle_name: str, out: Path | None = None) -> Path:
    """Where a bundle of that name is built. Raises UsageError for what cannot be a name."""
    if not _NAME.fullmatch(bundle_name):
        raise UsageError(f"{bundle_name!r} cannot name a bundle.", "Use small letters, digits, '.', '_' and '-'.")
    return (out or bundles_folder()) / bundle_name


def bundles_folder() -> Path:
    """Where bundles are built: models/bundles of the checkout, else the laptop's own folder."""
    root = checkout()
    return root / "models" / "bundles" if root is not None else data_dir() / "bundles"
