"""Bundles come and go on a laptop: a .tar is checked while it is unpacked, and the version before is kept for rollback.

The archive holds manifest.json, manifest.sig if it is signed, then the listed files in the listed order, nothing else.
Sizes are the manifest's, whose signature is checked before a byte is written.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from edge.contract.bundle import Bundle, ProgressFn, verify_bundle
from edge.contract.manifest import (
    MANIFEST,
    MAX_MANIFEST_BYTES,
    SIGNATURE,
    FileEntry,
    Manifest,
    damaged,
    parse_manifest,
)
from edge.contract.signing import MAX_SIGNATURE_BYTES, PublicKey, must_be_signed, signer, trusted_keys
from edge.errors import BundleError
from edge.paths import data_dir

PREVIOUS = ".previous"
_CHUNK = 1 << 20


def installed_folder() -> Path:
    """Where installed bundles lie."""
    return data_dir() / "bundles"


def install(
    archive: Path,
    *,
    allow_unsigned: bool = False,
    folder: Path | None = None,
    keys: Mapping[str, PublicKey] | None = None,
    progress: ProgressFn | None = None,
) -> Bundle:
    """Install a bundle archive under its own name; an installed one of that name becomes the previous version.

    Nothing is changed unless the whole archive passes. progress: bytes unpacked, bytes in total. Raises BundleError.
    """
    folder = folder or installed_folder()
    keys = trusted_keys() if keys is None else keys
    try:
        with tarfile.open(archive, "r:") as tar:
            return _install(_Members(tar), folder, keys, allow_unsigned, progress)
    except tarfile.TarError as error:
        raise damaged(f"{archive.name} is not a bundle archive", type(error).__name__) from None
    except FileNotFoundError:
        raise BundleError(f"There is no file {archive}.", "", "Check the path.") from None
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise BundleError(
            f"The bundle {archive.name} could not be installed.",
            "The disk became full." if full else (error.strerror or type(error).__name__),
            "Nothing was changed." + (" Free some space and try again." if full else ""),
        ) from None


def rollback(name: str, folder: Path | None = None) -> Path:
    """Put the previous version of a bundle back; the present one becomes the previous. Raises BundleError."""
    folder = folder or installed_folder()
    current, before = folder / name, folder / PREVIOUS / name
    if os.sep in name or name.startswith(".") or not before.is_dir():
        raise BundleError(
            f"There is no previous version of {name!r}.", "", "`edgescribe bundle list` shows what there is."
        )
    verify_bundle(before)
    _swap(before, current, folder)
    return current


class _Members:
    """The regular files of an archive in order, each with the name, kind and size that was announced, or a refusal."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar

    def next(self) -> tarfile.TarInfo | None:
        member = self._tar.next()
        if member is not None and (member.type != tarfile.REGTYPE or member.pax_headers.keys() - {"path", "size"}):
            raise damaged(f"{ascii(member.name)[:80]} in the archive is not a regular file")
        return member

    def open(self, member: tarfile.TarInfo) -> IO[bytes]:
        file = self._tar.extractfile(member)
        if file is None:
            raise damaged(f"{ascii(member.name)[:80]} in the archive cannot be read")
        return file

    def small(self, member: tarfile.TarInfo | None, name: str, limit: int) -> bytes:
        if member is None or member.name != name:
            raise damaged(f"the archive lacks {name} at its place")
        if member.size > limit:
            raise damaged(f"{name} is longer than {limit:,} bytes")
        return self.open(member).read(limit)


def _install(
    members: _Members, folder: Path, keys: Mapping[str, PublicKey], allow_unsigned: bool, progress: ProgressFn | None
) -> Bundle:
    raw = members.small(members.next(), MANIFEST, MAX_MANIFEST_BYTES)
    manifest = parse_manifest(raw)
    member, signature = members.next(), None
    if member is not None and member.name == SIGNATURE:
        signature = members.small(member, SIGNATURE, MAX_SIGNATURE_BYTES)
        member = members.next()
    key = signer(raw, signature, keys)
    if not allow_unsigned:
        must_be_signed(key.name if key else None, manifest.name)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _need_space(folder, sum(entry.size for entry in manifest.files))
    with tempfile.TemporaryDirectory(prefix=f".{manifest.name}.", suffix=".part", dir=folder) as name:
        new = Path(name) / "bundle"
        new.mkdir(mode=0o755)
        (new / MANIFEST).write_bytes(raw)
        if signature is not None:
            (new / SIGNATURE).write_bytes(signature)
        _unpack(members, member, manifest, new, progress)
        verified = verify_bundle(new, keys=keys)
        _swap(new, folder / manifest.name, folder)
    return Bundle(folder / manifest.name, verified.manifest, verified.sha256, verified.signed_by)


def _unpack(
    members: _Members, member: tarfile.TarInfo | None, manifest: Manifest, new: Path, progress: ProgressFn | None
) -> None:
    total, done = sum(entry.size for entry in manifest.files), 0
    for entry in manifest.files:
        if member is None or member.name != entry.path or member.size != entry.size:
            raise damaged(f"the archive lacks {entry.path} at its place, or with another size")
        _write(members.open(member), new / entry.path, entry)
        done += entry.size
        if progress is not None:
            progress(done, total)
        member = members.next()
    if member is not None:
        raise damaged(f"the archive holds {ascii(member.name)[:80]}, which is not listed in manifest.json")


def _write(source: IO[bytes], target: Path, entry: FileEntry) -> None:
    digest, left = hashlib.sha256(), entry.size
    with target.open("xb") as file:
        while left > 0 and (block := source.read(min(_CHUNK, left))):
            digest.update(block)
            file.write(block)
            left -= len(block)
        file.flush()
        os.fsync(file.fileno())
    if left or digest.hexdigest() != entry.sha256:
        raise damaged(f"{entry.path} in the archive was altered or cut short")


def _need_space(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size + (16 << 20):
        raise BundleError(
            "There is no space for this bundle.",
            f"{size / 1e6:,.0f} MB are needed, {free / 1e6:,.0f} MB are free.",
            "Free some space and try again.",
        )


def _swap(new: Path, current: Path, folder: Path) -> None:
    """Put new in current's place and current in that of the previous version; a failed last step is undone."""
    before = folder / PREVIOUS / current.name
    with tempfile.TemporaryDirectory(prefix=".swap.", dir=folder) as name:
        holding = Path(name) / "new"
        new.rename(holding)
        if current.exists():
            before.parent.mkdir(exist_ok=True)
            if before.exists():
                before.rename(Path(name) / "oldest")
            current.rename(before)
        try:
            holding.rename(current)
        except OSError:
            if before.exists():
                before.rename(current)
            raise
