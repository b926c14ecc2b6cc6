"""Hugging Face folder -> MLX weights and a plain configuration, by mlx-lm, for Apple Silicon. Runs on Linux CPU too.

Groups of 64 weights share a scale and an offset; float16 elsewhere.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from edge.contract.manifest import canonical
from edge.contract.mlx_config import ALLOWED, MLX_CONFIG
from edge.errors import BundleError, EngineError, UsageError
from edge.paths import cache_dir
from export import families, rewind
from export.base import base_digest, hf_folder
from export.catalog import Base
from export.files import claimed, named_disk_errors, need_space, new_folder, sha256_file
from export.gguf import CONVERTER_VERSION
from export.merge import adapter_digest, merge
from export.progress import BuildProgress, silent
from export.speed import peak_bytes
from export.to_onnx import HASHES, Build, cached

PACKAGE = "mlx-lm"
GROUP = 64
BUILD_VERSION = "1"
_READ = 16  # tokens beyond a sliding window that the check of rewinding reads
_BITS = {"int4": 4, "int8": 8, "fp16": 0}


def build_mlx(
    base: Base, precision: str, adapter: Path | None = None, cache: Path | None = None, progress: BuildProgress = silent
) -> Build:
    """Return the built files of base (and adapter) for MLX, from the cache if this very build was made before.

    precision: int4, int8 or fp16. Raises UsageError, BaseModelError, BundleError.
    """
    if precision not in _BITS:
        raise UsageError(f"MLX bundles have no precision {precision!r}.", f"Known: {', '.join(_BITS)}.")
    cache = cache or cache_dir()
    source = hf_folder(base.name, cache, progress=progress)
    families.check(source, "mlx")
    parts = {
        "runtime": "mlx",
        "base": [base_digest(base, source), base.stop, base.pad, base.context_length],
        "adapter": adapter_digest(adapter) if adapter else None,
        "options": [precision, GROUP],
        "versions": [BUILD_VERSION, CONVERTER_VERSION, metadata.version(PACKAGE), metadata.version("mlx")],
    }
    key = hashlib.sha256(canonical(parts)).hexdigest()[:16]
    final = cache / "bundles" / f"{base.name}-mlx-{precision}-{key}"
    with named_disk_errors(f"The build of {base.name}", final.parent), claimed(final, progress):
        return cached(final) or _build(source, final, base, precision, adapter, progress)


def _try(folder: Path, source: Path, name: str) -> None:
    """Read and rewind as the product does; a short text, as MLX off Apple's chips reads a token or two a second."""
    from edge.engine.mlx import MlxModel

    try:
        model = MlxModel(folder)
        session = model.open_session(8)
        session.append([4, 5])
        vocabulary = len(session.logits())
    except (RuntimeError, EngineError) as error:
        reason = str(error).splitlines()[0][:300]
        raise BundleError(f"The converted {name} does not run.", reason, "Choose another precision.") from None
    rewind.check(model.open_session, vocabulary, families.window(source), name, read=_READ)


def _build(
    source: Path, final: Path, base: Base, precision: str, adapter: Path | None, progress: BuildProgress
) -> Build:
    need_space(final.parent, base.parameters * 4, f"building {base.name}")
    with (
        tempfile.TemporaryDirectory(prefix=".build.", dir=final.parent) as scratch,
        new_folder(final) as folder,
    ):
        if adapter is not None:
            progress(f"Merging {adapter.name}", 0, 0)
            merge(source, adapter, Path(scratch))
            source = Path(scratch)
        started = time.monotonic()
        progress(f"Converting {base.name} for MLX", 0, 0)
        with contextlib.redirect_stdout(sys.stderr):  # mlx-lm narrates; stdout is data
            _convert(source, folder, _BITS[precision])
        _try(folder, source, base.name)
        (folder / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())
        files = {path.name: sha256_file(path, progress=progress) for path in sorted(folder.iterdir())}
        (folder / HASHES).write_bytes(canonical(files))
    return Build(final, files, time.monotonic() - started, peak_bytes())


def _convert(source: Path, folder: Path, bits: int) -> None:
    import mlx.core as mx
    from mlx.utils import tree_map
    from mlx_lm.utils import load_model, quantize_model, save_model

    try:
        model, config = load_model(source, lazy=True)
        model.update(tree_map(lambda w: w.astype(mx.float16), model.parameters()))
        if bits:
            model, config = quantize_model(model, config, GROUP, bits)
        save_model(folder, model, donate_model=True)
    except (ValueError, RuntimeError, KeyError) as error:
        raise BundleError(
            "mlx-lm could not convert this model.",
            str(error).splitlines()[0][:200],
            "Check the export extra's versions.",
        ) from None
    (folder / "model.safetensors.index.json").unlink(missing_ok=True)
    plain = {key: value for key, value in config.items() if key in ALLOWED and value is not None}
    (folder / MLX_CONFIG).write_bytes(canonical(plain))


class MlxLogits:
    """The weights of an MLX bundle (export.logits.LogitSource)."""

    def __init__(self, folder: Path) -> None:
        from mlx_lm.utils import load_model

        self._model, _ = load_model(folder)

    def logits(self, ids: Sequence[int], first: int = 0) -> Any:
        """See LogitSource."""
        import mlx.core as mx
        import numpy as np

        return np.array(self._model(mx.array([list(ids)]))[0, first:].astype(mx.float32))


def context_length(build: Build) -> int:
    """Tokens that the built model takes."""
    config = json.loads((build.folder / MLX_CONFIG).read_text(encoding="utf-8"))
    return int(config["max_position_embeddings"])
