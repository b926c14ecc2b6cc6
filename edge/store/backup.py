"""Backups: one file with the sealed keys, a sealed manifest and the encrypted records; and restoring one.

    title line | length, key file | length, sealed manifest | length, record file

The manifest (counts, chain head, SHA-256 of the record file) is sealed with the backup key, the key file is its
associated data; so every byte is authenticated once the file opens, and nothing is replaced before all of it fits.
A backup opens with what opened the vault when it was made, on any machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from edge import disk, foreign
from edge.errors import DamagedVaultError, NotAVaultError, UsageError, VaultError
from edge.store import db, files, header, unlock, upgrade
from edge.store.files import Progress, VaultFiles, VaultLock, no_progress
from edge.store.header import Header, KeySet
from edge.store.secret import RawKey, SecretBytes
from edge.store.secretkeys import Secret
from edge.store.session import text_of

TITLE = b"edgescribe backup 1\n"
_LENGTH = struct.Struct(">Q")
_CHUNK = 1 << 20
_MANIFEST_LIMIT = 64 * 1024
_NAME = re.compile(r"records-\d{8}T\d{9}Z\.backup")


@dataclass(frozen=True)
class BackupManifest:
    """What a backup holds. counts: rows by table; chain_seq, chain_mac: head of the audit chain in it (hex)."""

    vault_id: str
    made: str
    schema: int
    counts: dict[str, int]
    chain_seq: int
    chain_mac: str
    records_bytes: int
    records_sha256: str


def target_file(destination: Path, moment: datetime) -> Path:
    """The backup's file: a dated name in a folder, or the path itself."""
    if not destination.is_dir():
        return destination
    stamp = re.sub(r"[-:.]", "", text_of(moment))
    return destination / f"records-{stamp}.backup"


def write(
    connection: Any,
    key: RawKey,
    backup_key: SecretBytes,
    paths: VaultFiles,
    target: Path,
    made: str,
    *,
    lock: bool = True,
    progress: Progress = no_progress,
) -> BackupManifest:
    """Write a checked backup under target, whole or not at all, while the vault is in use. Raises VaultError.

    lock: take the maintenance lock, unless the caller holds it. progress: "copying" in pages, "checking" in checks,
    "writing" and "reading" in bytes.
    """
    if target.exists():
        raise VaultError(f"{target} exists already.", "A backup replaces no file.", "Give another name, or a folder.")
    records = target.with_name(f".{target.name}.{secrets.token_hex(4)}.records")
    packed = records.with_suffix(".tmp")
    try:
        with VaultLock(paths.maintenance).hold() if lock else contextlib.nullcontext():
            head = unlock.read_header(paths)
            upgrade.copy_database(connection, records, key, progress)
        manifest = _manifest(records, key, head, made)
        _pack(packed, head, manifest, backup_key, records, progress)
        _check_packed(packed, head, manifest, backup_key, progress)
        os.replace(packed, target)
        disk.sync_folder(target.parent)
    except OSError as error:
        raise files.io_error("The backup could not be written", error) from None
    finally:
        files.remove_database(records)
        files.remove(packed)
    return manifest


def _manifest(records: Path, key: RawKey, head: Header, made: str) -> BackupManifest:
    copy = db.connect(records, key)
    try:
        seq, mac = copy.execute("SELECT seq, mac FROM chain_state").fetchone()
        counts, schema = upgrade.counts(copy), db.user_version(copy)
    finally:
        copy.close()
    with open(records, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return BackupManifest(head.vault_id, made, schema, counts, seq, mac.hex(), records.stat().st_size, digest)


def _pack(
    packed: Path,
    head: Header,
    manifest: BackupManifest,
    backup_key: SecretBytes,
    records: Path,
    progress: Progress,
) -> None:
    header_bytes, nonce = head.serialise(), os.urandom(12)
    box = nonce + ChaCha20Poly1305(backup_key.view()).encrypt(
        nonce, json.dumps(asdict(manifest)).encode(), header_bytes
    )
    descriptor = os.open(packed, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "wb") as out, open(records, "rb") as source:
        out.write(TITLE)
        for part in (header_bytes, box):
            out.write(_LENGTH.pack(len(part)) + part)
        out.write(_LENGTH.pack(manifest.records_bytes))
        while chunk := source.read(_CHUNK):
            out.write(chunk)
            progress("writing", source.tell(), manifest.records_bytes)
        out.flush()
        os.fsync(out.fileno())


def _check_packed(
    packed: Path, head: Header, manifest: BackupManifest, backup_key: SecretBytes, progress: Progress
) -> None:
    with open(packed, "rb") as file:
        found, box = _read_front(file)
        if found != head or _open_manifest(head.serialise(), box, backup_key) != manifest:
            raise VaultError("The backup did not read back as it was written.", "", "Check the disk it is written to.")
        _check_records(file, manifest, progress)


def _read_front(file: IO[bytes]) -> tuple[Header, bytes]:
    if file.read(len(TITLE)) != TITLE:
        raise NotAVaultError("This is not an edgescribe backup.", "Its first line is another.")
    header_bytes = _read_part(file, header.MAX_BYTES)
    head = header.parse(header_bytes)
    if head.serialise() != header_bytes:
        raise _damaged("its key part is not in its one form")
    return head, _read_part(file, _MANIFEST_LIMIT)


def _read_part(file: IO[bytes], limit: int) -> bytes:
    length = _read_length(file)
    part = file.read(length) if length <= limit else b""
    if len(part) != length:
        raise _damaged("it is cut short or its lengths are wrong")
    return part


def _read_length(file: IO[bytes]) -> int:
    raw = file.read(_LENGTH.size)
    if len(raw) != _LENGTH.size:
        raise _damaged("it is cut short")
    return int(_LENGTH.unpack(raw)[0])


def _damaged(why: str) -> DamagedVaultError:
    return DamagedVaultError(
        "The backup is damaged.", f"Checked before anything was replaced: {why}.", "Use another backup."
    )


def _open_manifest(header_bytes: bytes, box: bytes, backup_key: SecretBytes) -> BackupManifest:
    try:
        plain = ChaCha20Poly1305(backup_key.view()).decrypt(box[:12], box[12:], header_bytes)
        return BackupManifest(**foreign.parse_json(plain, depth=2))
    except (InvalidTag, ValueError, TypeError):
        raise _damaged("its manifest does not pass authentication") from None


def _check_records(file: IO[bytes], manifest: BackupManifest, progress: Progress, out: IO[bytes] | None = None) -> None:
    """Read the record part to its end, into out if given, and compare it with the manifest."""
    if _read_length(file) != manifest.records_bytes:
        raise _damaged("the size of its record part is wrong")
    digest, size = hashlib.sha256(), 0
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
        if out is not None:
            out.write(chunk)
        progress("reading", size, max(size, manifest.records_bytes))
    if size != manifest.records_bytes or digest.hexdigest() != manifest.records_sha256:
        raise _damaged("its record part does not fit its manifest")


@contextlib.contextmanager
def opened(source: Path, secret: Secret) -> Iterator[tuple[Header, KeySet, BackupManifest, IO[bytes]]]:
    """A backup with authenticated keys and manifest, the file standing before its record part.

    Raises NotAVaultError, WrongKeyError, DamagedVaultError.
    """
    try:
        file = foreign.open_regular(source)
    except OSError as error:
        raise files.io_error(f"The backup {source} could not be read", error) from None
    except foreign.Refused as error:
        raise NotAVaultError("This is not an edgescribe backup.", f"{error}.") from None
    with file:
        head, box = _read_front(file)
        with unlock.master_key(head, secret) as master:
            keys = header.unseal(head, master)[0]
        try:
            yield head, keys, _open_manifest(head.serialise(), box, keys.backup), file
        finally:
            keys.wipe()


def check(source: Path, secret: Secret, progress: Progress = no_progress) -> BackupManifest:
    """Authenticate every byte of a backup. Returns its manifest; raises as opened(). progress: "reading" in bytes."""
    with opened(source, secret) as (_, _, manifest, file):
        _check_records(file, manifest, progress)
        return manifest


def restore(
    source: Path, secret: Secret, target: Path, *, replace: bool = False, progress: Progress = no_progress
) -> BackupManifest:
    """Make a vault at target from a backup; one that is there is set aside (replace) under a dated name, or refused.

    Nothing is replaced before the backup has passed all checks. Raises as opened(), VaultError, VaultBusyError.
    progress: "reading" in bytes, "checking" in checks.
    """
    paths = VaultFiles(target)
    files.make_folder(target.parent)
    with VaultLock(paths.lock).hold(), VaultLock(paths.maintenance).hold():
        there = [path for path in (paths.database, paths.header) if path.exists()]
        if there and not replace:
            raise UsageError(
                f"There is a vault at {target} already.", "", "Add --replace to set it aside, or give another place."
            )
        with opened(source, secret) as (head, keys, manifest, file):
            try:
                _extract(file, manifest, keys, paths, progress)
                _set_aside(paths, there)
                files.replace_file(paths.header, head.serialise())
                os.replace(paths.incoming, paths.database)
                disk.sync_folder(target.parent)
            except OSError as error:
                raise files.io_error("The backup could not be restored", error) from None
            finally:
                files.remove_database(paths.incoming)
    return manifest


def _extract(file: IO[bytes], manifest: BackupManifest, keys: KeySet, paths: VaultFiles, progress: Progress) -> None:
    files.remove_database(paths.incoming)
    descriptor = os.open(paths.incoming, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "wb") as out:
        _check_records(file, manifest, progress, out)
        out.flush()
        os.fsync(out.fileno())
    connection = db.connect(paths.incoming, keys.database)
    try:
        if found := db.problems(connection, progress=lambda done, total: progress("checking", done, total)):
            raise _damaged(found[0])
        if upgrade.counts(connection) != manifest.counts:
            raise _damaged("it does not hold what its manifest counts")
    finally:
        connection.close()


def _set_aside(paths: VaultFiles, there: list[Path]) -> None:
    if not there:
        return
    stamp = secrets.token_hex(4)
    for path in (*there, *paths.wal):
        if path.exists():
            suffix = path.name.removeprefix(paths.database.name)
            os.replace(path, path.with_name(f"{paths.database.name}.replaced-{stamp}{suffix}"))


def prune(folder: Path, vault_id: str, keep: int) -> list[Path]:
    """Delete this vault's oldest dated backups in folder beyond keep. Returns what went; never the newest."""
    ours: list[Path] = []
    for path in sorted(folder.iterdir()):
        if _NAME.fullmatch(path.name) and path.is_file():
            with contextlib.suppress(VaultError, OSError), open(path, "rb") as file:
                if _read_front(file)[0].vault_id == vault_id:
                    ours.append(path)
    gone = ours[: -max(keep, 1)]
    files.remove(*gone)
    return gone
