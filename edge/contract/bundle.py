"""A model bundle on disk: found, listed, and verified byte for byte before any runtime may open it.

Everything here treats the folder as hostile; nothing here imports a runtime. What manifest.json says is in
edge.contract.manifest.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import IO

from edge import foreign
from edge.contract.coding import CODING, CODING_GRAPH, MAX_CODING_BYTES, VECTORS, parse_coding
from edge.contract.genai_config import GENAI_CONFIG, check_genai_config
from edge.contract.manifest import (
    MANIFEST,
    MAX_MANIFEST_BYTES,
    SIGNATURE,
    FileEntry,
    Manifest,
    ModelKind,
    damaged,
    parse_manifest,
)
from edge.contract.mlx_config import MLX_CONFIG, check_mlx_config
from edge.contract.onnx_file import MAX_ONNX_BYTES, check_onnx
from edge.contract.phrases import MAX_PHRASES_BYTES, PHRASES, Phrases, parse_phrases
from edge.contract.signing import MAX_SIGNATURE_BYTES, PublicKey, must_be_signed, signer, trusted_keys
from edge.contract.tagging import ENCODER_GRAPH, MAX_TAGGER_BYTES, SPAN_GRAPH, TAGGER, parse_spec
from edge.errors import BundleError

ProgressFn = Callable[[int, int], None]
Stamp = tuple[int, ...]

_CHUNK = 1 << 20
_MAX_CONFIG_BYTES = 1 << 20
# MLX reads what any of its versions wrote; so it is not asked.
_RUNTIME_PACKAGE: dict[tuple[str, ModelKind], str] = {
    ("onnx", "decoder"): "onnxruntime-genai",
    ("onnx", "encoder-decoder"): "onnxruntime",
    ("onnx", "embedding"): "onnxruntime",
    ("onnx", "tagger"): "onnxruntime",
    ("onnx", "coding"): "onnxruntime",
}


@dataclass(frozen=True)
class Bundle:
    """A bundle whose every byte was verified. sha256: of manifest.json, the bundle's identity in every record.

    signed_by: name of the trusted key that signed it, or None. stamps: of the files and the folder ("."), as they were
    when they were read.
    """

    folder: Path
    manifest: Manifest
    sha256: str
    signed_by: str | None = None
    stamps: Mapping[str, Stamp] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Found:
    """A folder with a readable manifest; its files are not verified yet."""

    folder: Path
    manifest: Manifest


def verify_bundle(
    folder: Path,
    progress: ProgressFn | None = None,
    *,
    require_signature: bool = False,
    keys: Mapping[str, PublicKey] | None = None,
) -> Bundle:
    """Check every file of a bundle against its manifest and return it.

    progress is called with bytes verified and bytes in total. keys: public keys by key_id (default: the pinned ones).
    Raises BundleError for anything missing, added, altered, linked, of another format version or of another runtime,
    for a signature that does not fit, and without one if require_signature.
    """
    manifest, raw = read_manifest(folder)
    key = signer(raw, _read_signature(folder), trusted_keys() if keys is None else keys)
    if require_signature:
        must_be_signed(key.name if key else None, folder.name)
    _check_listing(folder, manifest)
    _check_runtime(manifest)
    total, done = sum(entry.size for entry in manifest.files), 0
    stamps = {".": _stamp(folder.stat())}
    for entry in manifest.files:
        found, stamps[entry.path] = _hash(folder, entry, done, total, progress)
        if found != entry.sha256:
            raise damaged(f"{entry.path} was altered", f"Its sha256 is {found}")
        done += entry.size
    if manifest.runtime == "onnx":
        _check_onnx_files(folder, manifest)
    else:
        check_mlx_config(_read_small(folder / MLX_CONFIG, _MAX_CONFIG_BYTES), manifest.context_length)
    load_phrases(folder, manifest)
    return Bundle(folder, manifest, hashlib.sha256(raw).hexdigest(), key.name if key else None, stamps)


def load_phrases(folder: Path, manifest: Manifest) -> Phrases | None:
    """The table of phrases of a bundle, None without one. Raises BundleError for one that is damaged or belongs to
    another tokenizer."""
    hashes = {entry.path: entry.sha256 for entry in manifest.files}
    if PHRASES not in hashes:
        return None
    return parse_phrases(_read_small(folder / PHRASES, MAX_PHRASES_BYTES), hashes["tokenizer.json"])


def check_unchanged(bundle: Bundle) -> None:
    """What a runtime opened by name is what was verified: call it when the runtime has read the files.

    Compares inode, size and times of every file and of the folder with those at verification; the kernel sets the time
    of change itself. Raises BundleError.
    """
    for name in (".", *(entry.path for entry in bundle.manifest.files)):
        try:
            now = _stamp(bundle.folder.stat() if name == "." else os.lstat(bundle.folder / name))
        except OSError:
            now = ()
        if now != bundle.stamps.get(name):
            where = "its folder" if name == "." else name
            raise damaged(f"{where} was changed while it was loaded", "Another program wrote there")


def _stamp(status: os.stat_result) -> Stamp:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _read_signature(folder: Path) -> bytes | None:
    if not os.path.lexists(folder / SIGNATURE):
        return None
    return _read_small(folder / SIGNATURE, MAX_SIGNATURE_BYTES)


def _check_onnx_files(folder: Path, manifest: Manifest) -> None:
    sizes = {entry.path: entry.size for entry in manifest.files}
    if manifest.kind == "decoder":
        config = _read_small(folder / GENAI_CONFIG, _MAX_CONFIG_BYTES)
        check_genai_config(config, set(sizes), manifest.context_length)
    if manifest.kind == "tagger":
        for name in (ENCODER_GRAPH, SPAN_GRAPH, TAGGER):
            if name not in sizes:
                raise damaged(f"{name} is missing")
        parse_spec(_read_small(folder / TAGGER, MAX_TAGGER_BYTES))
    if manifest.kind == "coding":
        for name in (CODING_GRAPH, CODING, VECTORS):
            if name not in sizes:
                raise damaged(f"{name} is missing")
        parse_coding(_read_small(folder / CODING, MAX_CODING_BYTES))
    for name in sizes:
        if name.endswith(".onnx"):
            check_onnx(_read_small(folder / name, MAX_ONNX_BYTES), name, sizes)


def read_manifest(folder: Path) -> tuple[Manifest, bytes]:
    """The manifest of a bundle folder and its bytes; the other files are not looked at. Raises BundleError."""
    if not folder.is_dir():
        raise BundleError(f"There is no bundle folder {folder}.", "", "`edgescribe bundle list` shows what there is.")
    raw = _read_small(folder / MANIFEST, MAX_MANIFEST_BYTES)
    return parse_manifest(raw), raw


def signed_by(folder: Path) -> str | None:
    """Name of the pinned key that signed the manifest in folder, None without one; the files are not looked at."""
    try:
        key = signer(read_manifest(folder)[1], _read_signature(folder), trusted_keys())
    except BundleError:
        return None
    return key.name if key else None


def find_bundle(name_or_path: str, dirs: Iterable[Path]) -> Path:
    """Folder of a bundle, by name in one of dirs (first match wins) or by path. Raises BundleError."""
    dirs = list(dirs)
    if os.sep not in name_or_path and name_or_path not in (".", ".."):
        for parent in dirs:
            if (parent / name_or_path / MANIFEST).is_file():
                return parent / name_or_path
    path = Path(name_or_path).expanduser()
    if (path / MANIFEST).is_file():
        return path
    known = ", ".join(sorted({found.folder.name for found in list_bundles(dirs)})) or "none"
    raise BundleError(
        f"There is no bundle {name_or_path!r}.",
        f"Installed: {known}.",
        "Install one with `edgescribe bundle install FILE.tar`, or build one with `edgescribe-export`.",
    )


def scan_bundles(dirs: Iterable[Path]) -> list[tuple[Path, Manifest | BundleError]]:
    """Every bundle folder in dirs with its manifest, or with why it cannot be read. Hidden folders are left out."""
    result: list[tuple[Path, Manifest | BundleError]] = []
    for parent in dirs:
        if not parent.is_dir():
            continue
        for folder in sorted(p for p in parent.iterdir() if p.is_dir() and not p.name.startswith(".")):
            try:
                result.append((folder, read_manifest(folder)[0]))
            except BundleError as error:
                result.append((folder, error))
    return result


def list_bundles(dirs: Iterable[Path]) -> list[Found]:
    """Bundles in dirs whose manifest can be read and whose model writes."""
    found = [Found(folder, entry) for folder, entry in scan_bundles(dirs) if isinstance(entry, Manifest)]
    return [item for item in found if item.manifest.kind == "decoder"]


def _check_listing(folder: Path, manifest: Manifest) -> None:
    """Exactly the files listed, each a regular file of the listed size."""
    expected = {entry.path: entry for entry in manifest.files}
    try:
        with os.scandir(folder) as entries:
            present = {entry.name: entry.stat(follow_symlinks=False) for entry in entries}
    except OSError as error:
        raise damaged("its folder cannot be read", error.strerror or "") from None
    for name, status in sorted(present.items()):
        shown = ascii(name)
        if stat.S_ISLNK(status.st_mode):
            raise damaged(f"{shown} is a link", "A bundle holds regular files only")
        if not stat.S_ISREG(status.st_mode):
            raise damaged(f"{shown} is not a regular file", "A bundle holds regular files only")
        if name not in expected and name not in (MANIFEST, SIGNATURE):
            raise damaged(f"the file {shown} is not listed in manifest.json", "Somebody added it")
        if name in expected and status.st_size != expected[name].size:
            raise damaged(
                f"{shown} has the wrong size", f"{status.st_size:,} bytes, {expected[name].size:,} were built"
            )
    for name in expected:
        if name not in present:
            raise damaged(f"{name} is missing")


def _check_runtime(manifest: Manifest) -> None:
    """The runtime reads only what its own builder's release line wrote; another ends in a crash of native code."""
    package = _RUNTIME_PACKAGE.get((manifest.runtime, manifest.kind))
    if package is None:
        return
    try:
        installed = metadata.version(package)
    except metadata.PackageNotFoundError:
        raise BundleError(f"The package {package} is not installed.", "", "Install edgescribe again.") from None
    if installed.split(".")[:2] != manifest.runtime_version.split(".")[:2]:
        raise BundleError(
            f"This bundle was built for {package} {manifest.runtime_version}.",
            f"{installed} is installed here, and it cannot read other versions' bundles.",
            "Install the edgescribe version the bundle was made for, or ask IT to build it again.",
        )


def _open(path: Path) -> IO[bytes]:
    """A regular file, never through a link. Raises BundleError."""
    try:
        return foreign.open_regular(path, links=False)
    except FileNotFoundError:
        raise damaged(f"{path.name} is missing") from None
    except OSError as error:
        raise damaged(f"{path.name} cannot be opened", error.strerror or "") from None
    except foreign.Refused:
        raise damaged(f"{path.name} is not a regular file") from None


def _read_small(path: Path, limit: int) -> bytes:
    with _open(path) as file:
        raw = file.read(limit + 1)
    if len(raw) > limit:
        raise damaged(f"{path.name} is longer than {limit:,} bytes")
    return raw


def _hash(folder: Path, entry: FileEntry, done: int, total: int, progress: ProgressFn | None) -> tuple[str, Stamp]:
    digest = hashlib.sha256()
    with _open(folder / entry.path) as file:
        # Windows gives an open file and its name different numbers in some versions of Python.
        seen = os.fstat(file.fileno()) if os.name == "posix" else os.lstat(folder / entry.path)
        size, stamp = 0, _stamp(seen)
        while size <= entry.size and (block := file.read(_CHUNK)):
            digest.update(block)
            size += len(block)
            if progress is not None:
                progress(done + min(size, entry.size), total)
    if size != entry.size:
        raise damaged(f"{entry.path} has the wrong size")
    return digest.hexdigest(), stamp
