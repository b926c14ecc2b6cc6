"""Hugging Face folder -> ONNX weights and runtime configuration, by the runtime's own builder as a child process.

The builder prints, keeps gigabytes and writes where it is told; here it is told a temporary folder. Its output is kept
in the cache under a key of everything that went in, so the same build is never made twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import IO, Any

from edge.contract.manifest import canonical
from edge.errors import BundleError, EngineError
from edge.paths import cache_dir
from export import calibrated, families, places, rewind
from export.base import base_digest, hf_folder
from export.catalog import Base
from export.compare import encode_held
from export.files import claimed, named_disk_errors, need_space, new_folder, sha256_file
from export.gguf import CONVERTER_VERSION
from export.held import load_held
from export.merge import adapter_digest, merge
from export.options import OnnxOptions
from export.progress import BuildProgress, silent

PACKAGE = "onnxruntime-genai"
BUILD_VERSION = "8"  # a change of this module that alters what is built is a new version
HASHES = "build.json"
_MODEL_FILES = ("model.onnx", "model.onnx.data")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)%")


@dataclass(frozen=True)
class Build:
    """A finished build in the cache. files: name -> sha256. seconds, peak_bytes: the builder's, 0 if cached.

    beside: where files lie that are not in the folder.
    """

    folder: Path
    files: dict[str, str]
    seconds: float = 0.0
    peak_bytes: int = 0
    beside: Mapping[str, Path] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """Where a file of it lies."""
        return self.beside.get(name, self.folder / name)


def build(
    base: Base,
    options: OnnxOptions,
    adapter: Path | None = None,
    cache: Path | None = None,
    progress: BuildProgress = silent,
) -> Build:
    """Return the built files of base (and adapter), from the cache if this very build was made before.

    Raises BaseModelError if the base or adapter cannot be had, BundleError if the builder fails.
    """
    cache = cache or cache_dir()
    source = hf_folder(base.name, cache, progress=progress)
    families.check(source, "onnx")
    options = fit(options, source)
    final = cache / "bundles" / build_key(base, base_digest(base, source), options, adapter)
    with named_disk_errors(f"The build of {base.name}", final.parent), claimed(final, progress):
        return cached(final) or _build(source, final, base, options, adapter, progress)


def _build(
    source: Path, final: Path, base: Base, options: OnnxOptions, adapter: Path | None, progress: BuildProgress
) -> Build:
    need_space(final.parent, base.parameters * (6 if adapter else 4), f"building {base.name}")
    with tempfile.TemporaryDirectory(prefix=".build.", dir=final.parent) as scratch:
        if adapter is not None:
            progress(f"Merging {adapter.name}", 0, 0)
            merged = Path(scratch) / "merged"
            merged.mkdir()
            merge(source, adapter, merged)
            source = merged
        out = Path(scratch) / "out"
        seconds, peak = _run_builder(source, out, base, options, progress)
        with new_folder(final) as folder:
            files = _collect(out, source, base, folder, progress)
            _try(folder, source, base)
        return Build(final, files, seconds, peak)


def build_key(base: Base, digest: str, options: OnnxOptions, adapter: Path | None) -> str:
    """Name of a build in the cache: everything that shapes its bytes."""
    parts = {
        "base": digest,
        "end": [base.stop, base.pad, base.context_length],
        "adapter": adapter_digest(adapter) if adapter else None,
        "options": asdict(options),
        "versions": [BUILD_VERSION, CONVERTER_VERSION, *(metadata.version(p) for p in (PACKAGE, "onnxruntime"))],
    }
    return f"{base.name}-{options.precision}-{hashlib.sha256(canonical(parts)).hexdigest()[:16]}"


def fit(options: OnnxOptions, source: Path) -> OnnxOptions:
    """Options that suit the model in a Hugging Face folder."""
    return options.fitted(json.loads((source / "config.json").read_text(encoding="utf-8"))["hidden_size"])


def cached(folder: Path) -> Build | None:
    """The build in folder if it is whole; its bytes are checked against build.json when they are packed."""
    try:
        files = json.loads((folder / HASHES).read_text(encoding="utf-8"))
        if all((folder / name).is_file() for name in files):
            return Build(folder, dict(files))
    except (OSError, ValueError):
        return None
    return None


def _run_builder(
    source: Path, out: Path, base: Base, options: OnnxOptions, progress: BuildProgress
) -> tuple[float, int]:
    """Run the builder; returns its seconds and peak memory in bytes. Raises BundleError with its last words."""
    import onnxruntime_genai

    builder = Path(onnxruntime_genai.__file__).parent / "models" / "builder.py"
    child = Path(__file__).with_name("builder_child.py")
    keep, precision = options.builder_precision()
    texts = _calibration(source, out.parent, base) if options.calibrated else "-"
    command = [sys.executable, str(child), keep, texts, str(builder)]
    command += ["-i", str(source), "-o", str(out), "-p", precision, "-e", "cpu"]
    command += ["-c", str(out.parent / "scratch"), "--extra_options", *options.builder_options(base.tied)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "ORT_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false"}
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
    try:
        assert process.stdout is not None
        tail = _follow(process.stdout, base.name, progress)
        peak = _wait(process)
    except BaseException:
        process.kill()
        process.wait()
        raise
    if process.returncode != 0:
        raise BundleError(
            f"The builder could not make {base.name}.",
            next((line for line in reversed(tail) if line.strip()), "It gave no reason.")[:300],
            "Check free memory and disk; the export extra must be installed as pinned.",
        )
    return time.monotonic() - started, peak


def _calibration(source: Path, folder: Path, base: Base) -> str:
    """A file in folder with the token ids of the texts that rounding is calibrated with, as the model reads them."""
    from edge.contract.prompts import load_tokenizer

    tokenizer = load_tokenizer(source / "tokenizer.json")
    held = load_held(calibrated.COUNT, calibrated.TEXTS)
    path = folder / "calibration.json"
    path.write_text(json.dumps([encode_held(one, tokenizer, base.prompt_format)[0] for one in held]), encoding="utf-8")
    return str(path)


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for the process and return its peak resident bytes (0 where the system does not tell)."""
    if not hasattr(os, "wait4"):
        process.wait()
        return 0
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return int(usage.ru_maxrss) * (1 if sys.platform == "darwin" else 1024)


def _follow(stream: IO[bytes], name: str, progress: BuildProgress) -> list[str]:
    """Turn the builder's talk into progress; returns its last lines."""
    tail: list[str] = []
    label, pending = f"Reading {name}", b""
    while block := os.read(stream.fileno(), 8192):
        *lines, pending = re.split(rb"[\r\n]", pending + block)
        for raw in lines:
            line = raw.decode("utf-8", "replace")
            tail = [*tail[-30:], line]
            if line.startswith("Reading layer "):
                with contextlib.suppress(ValueError):
                    progress(label, int(line.split()[-1]), 0)
            elif line.startswith("Calibrating ") and "/" in line:
                with contextlib.suppress(ValueError):
                    done, _, total = line.removeprefix("Calibrating ").partition("/")
                    progress(f"Calibrating {name}", int(done), int(total))
            elif line.startswith("Progress: ") and (match := _PERCENT.search(line)):
                progress(f"Quantising {name}", int(float(match[1]) * 10), 1000)
            elif line.startswith("Saving ") and (match := _PERCENT.search(line)):
                progress(f"Writing {name}", int(float(match[1]) * 10), 1000)
    return tail


def _try(folder: Path, source: Path, base: Base) -> None:
    """Read and rewind as the product does.

    The builder can write graphs that the runtime cannot run, or only from an empty cache (half precision on a CPU).
    """
    import numpy as np

    from edge.engine.onnx import OnnxModel

    try:
        model = OnnxModel(folder)
        session = model.open_session(32)
        session.append([4, 5, 6, 7])
        scores = session.logits()
    except (RuntimeError, EngineError) as error:
        raise BundleError(
            f"The builder made a model of {base.name} that does not run.",
            str(error).splitlines()[0][:300],
            "Choose other options (precision, block, algorithm).",
        ) from None
    if not np.isfinite(scores).all():
        raise BundleError(f"The built {base.name} computes no numbers.", "", "Choose other options or precision.")
    rewind.check(model.open_session, len(scores), families.window(source), base.name)


def _collect(out: Path, source: Path, base: Base, folder: Path, progress: BuildProgress) -> dict[str, str]:
    """Move what a bundle needs from the builder's folder into folder; everything else it wrote is left behind."""
    for name in _MODEL_FILES:
        (out / name).rename(folder / name)
    places.widen(folder / _MODEL_FILES[0])
    (folder / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())
    config = json.loads((out / "genai_config.json").read_text(encoding="utf-8"))
    (folder / "genai_config.json").write_bytes(canonical(_runtime_config(config, source, base)))
    files = {path.name: sha256_file(path, progress=progress) for path in sorted(folder.iterdir())}
    (folder / HASHES).write_bytes(canonical(files))
    return files


def _runtime_config(config: dict[str, Any], source: Path, base: Base) -> dict[str, Any]:
    """The builder's configuration with our end tokens and greedy decoding: nothing may keep a finished answer going."""
    from edge.contract.prompts import load_tokenizer

    tokenizer = load_tokenizer(source / "tokenizer.json")
    ids = [tokenizer.token_to_id(token) for token in base.stop]
    if None in ids:
        raise BundleError(f"The tokenizer of {base.name} lacks an end token.", "", "Correct `stop` in the catalogue.")
    model, search = config["model"], config["search"]
    model |= {"eos_token_id": ids, "pad_token_id": tokenizer.token_to_id(base.pad)}
    model |= {"context_length": min(base.context_length, model["context_length"])}
    search |= {"do_sample": False, "max_length": model["context_length"], "top_k": 1, "temperature": 1.0, "top_p": 1.0}
    return config
