"""Bundles come and go on a laptop: a .tar is checked while it is unpacked, and the version before is kept for rollback.

The archive holds manifest.json, manifest.sig if it is signed, then the listed files in the listed order, nothing else.
Sizes are the manifest's, whose signature is checked before a byte is written.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from edge import foreign
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
_BLOCK = 512  # bytes of a tar header, and what content is padded to
_LARGEST_EXTENDED = 2048
_OCTAL = re.compile(rb"[0-7]{1,11}")


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
        with foreign.open_regular(archive) as file:
            return _install(_Members(file), folder, keys, allow_unsigned, progress)
    except foreign.Refused as error:
        raise damaged(f"{archive.name} is not a bundle archive", str(error)) from None
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


@dataclass(frozen=True)
class _Member:
    """A file in an archive. at: where its content begins, in bytes."""

    name: str
    size: int
    at: int


class _Members:
    """The regular files of an archive in order, each with the name and size that was announced, or a refusal.

    Reads what export.archive writes (POSIX.1-2001 pax, at most one extended header a file with "path" and "size") and
    nothing else: Python's tarfile follows chains of long names and maps of sparse files before anybody can refuse them.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._next = 0

    def next(self) -> _Member | None:
        """The next file; None at the end. Raises BundleError."""
        kind, name, size = self._header()
        extended: dict[str, str] = {}
        if kind == b"x":
            extended = self._extended(size)
            kind, name, size = self._header()
        if kind == b"":
            return None
        if kind not in (b"0", b"\0") or extended.keys() - {"path", "size"}:
            raise damaged(f"{ascii(name)[:80]} in the archive is not a regular file")
        length = extended.get("size", str(size))
        if not length.isdecimal() or len(length) > 15:
            raise damaged("a size in the archive is no number")
        member = _Member(extended.get("path", name), int(length), self._next)
        self._next += -(-member.size // _BLOCK) * _BLOCK
        return member

    def _header(self) -> tuple[bytes, str, int]:
        """(kind, name, size) of the next header; the kind is empty at the end."""
        self._file.seek(self._next)
        block = self._file.read(_BLOCK)
        self._next += _BLOCK
        if not block.strip(b"\0"):
            return b"", "", 0
        told, size = block[148:156].strip(b" \0"), block[124:136].strip(b" \0")
        counted = sum(block[:148]) + 8 * 32 + sum(block[156:])
        if len(block) != _BLOCK or not _OCTAL.fullmatch(told) or not _OCTAL.fullmatch(size) or int(told, 8) != counted:
            raise damaged("the archive is cut short or no archive of a bundle")
        parts = [block[345:500].split(b"\0")[0], block[:100].split(b"\0")[0]]
        return block[156:157], b"/".join(part for part in parts if part).decode("utf-8", "replace"), int(size, 8)

    def _extended(self, size: int) -> dict[str, str]:
        """The records of an extended header: "LENGTH NAME=VALUE" and a line end, each."""
        raw = self._file.read(size) if size <= _LARGEST_EXTENDED else b""
        found: dict[str, str] = {}
        self._next += -(-size // _BLOCK) * _BLOCK
        while raw:
            length, _, _ = raw.partition(b" ")
            if not length.isdigit() or len(length) > 5 or not len(length) < int(length) <= len(raw):
                break
            name, _, value = raw[len(length) + 1 : int(length) - 1].decode("utf-8", "replace").partition("=")
            found[name] = value
            raw = raw[int(length) :]
        if raw or not found:
            raise damaged("a header in the archive is malformed or too long")
        return found

    def open(self, member: _Member) -> IO[bytes]:
        """The archive, standing at the content of member."""
        self._file.seek(member.at)
        return self._file

    def small(self, member: _Member | None, name: str, limit: int) -> bytes:
        """The content of a file that must stand here and be short."""
        if member is None or member.name != name:
            raise damaged(f"the archive lacks {name} at its place")
        if member.size > limit:
            raise damaged(f"{name} is longer than {limit:,} bytes")
        return self.open(member).read(member.size)


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
    members: _Members, member: _Member | None, manifest: Manifest, new: Path, progress: ProgressFn | None
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
