"""From a secret to the keys: the key file, failed attempts and their delay, and ending what a crash left half done."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge import foreign
from edge.errors import DamagedVaultError, NotAVaultError, VaultError, WrongKeyError
from edge.store import files, header
from edge.store.files import VaultFiles
from edge.store.header import Header, KeySet
from edge.store.secret import Passphrase, SecretBytes
from edge.store.secretkeys import Secret

Sleep = Callable[[float], None]
_FREE_ATTEMPTS = 3
_LONGEST_DELAY = 30.0
_REMEMBERED = 1000
_LARGEST_LOCK = 64 * 1024


@dataclass(frozen=True)
class Unlocked:
    """An authenticated header with its one key set."""

    header: Header
    keys: KeySet


def read_header(paths: VaultFiles) -> Header:
    """The parsed key file of a vault. Raises NotAVaultError, DamagedVaultError or VaultError."""
    try:
        with foreign.open_regular(paths.header) as file:
            content = file.read(header.MAX_BYTES + 1)
    except FileNotFoundError:
        if not paths.database.exists():
            raise NotAVaultError(
                f"There is no vault at {paths.database}.", "", "`edgescribe vault create` makes one."
            ) from None
        raise _without_keys(paths) from None
    except OSError as error:
        raise files.io_error("The vault's key file could not be read", error) from None
    except foreign.Refused as error:
        raise header.damaged(str(error)) from None
    return header.parse(content)


def _without_keys(paths: VaultFiles) -> VaultError:
    return NotAVaultError(
        f"{paths.database} has no key file beside it.",
        f"{paths.header.name} is missing, or this is not a vault.",
        "Put the key file back, or restore a backup (`vault restore`).",
    )


def master_key(head: Header, secret: Secret) -> SecretBytes:
    """The master key that secret opens. Raises WrongKeyError."""
    if isinstance(secret, Passphrase):
        return header.open_with_passphrase(head, secret)
    return header.open_with_secret(head, header.RECOVERY, secret)


def unlock(paths: VaultFiles, secret: Secret, sleep: Sleep = time.sleep, *, repair: bool = True) -> Unlocked:
    """The keys of the vault at paths. A wrong secret is remembered and answered more slowly each time.

    repair: end or undo an unfinished rotation (the caller holds the writer's lock); without it one is an error.
    Raises WrongKeyError, NotAVaultError, DamagedVaultError.
    """
    head = read_header(paths)
    try:
        master = master_key(head, secret)
    except WrongKeyError:
        sleep(delay(remember_failure(paths)))
        raise
    with master:
        keysets = header.unseal(head, master)
        if not paths.database.exists():
            raise _no_records(paths, head)
        chosen = _fitting(paths, keysets)
        if len(keysets) > 1 or head.generation == 0:
            if not repair:
                raise VaultError("A key rotation was interrupted.", "", "Open the vault once to finish it.")
            files.remove_database(paths.incoming)
            head = header.seal(head, master, chosen)
            files.replace_file(paths.header, head.serialise())
        for keys in keysets:
            if keys is not chosen:
                keys.wipe()
        return Unlocked(head, chosen)


def _no_records(paths: VaultFiles, head: Header) -> VaultError:
    if head.generation <= 1 and not paths.database.exists():
        why = "It was never finished, or its record file was removed."
    else:
        why = f"{paths.database} is not there."
    return DamagedVaultError("The vault's record file is missing.", why, "Restore it from a backup (`vault restore`).")


def _fitting(paths: VaultFiles, keysets: list[KeySet]) -> KeySet:
    """The key set whose salt the record file begins with: SQLCipher keeps the salt of a raw key there in clear."""
    try:
        with open(paths.database, "rb") as file:
            salt = file.read(16)
    except OSError as error:
        raise files.io_error("The vault's record file could not be read", error) from None
    for keys in keysets:
        if bytes(keys.database.view()[32:]) == salt:
            return keys
    for keys in keysets:
        keys.wipe()
    raise DamagedVaultError(
        "The vault's two files do not belong together, or the record file is damaged.",
        "The record file does not begin as this key file says.",
        "Put back both files from the same backup (`vault restore`).",
    )


def delay(failures: int) -> float:
    """Seconds to wait after that many failures in a row: three are free, then 1, 2, 4 … 30."""
    return 0.0 if failures <= _FREE_ATTEMPTS else min(_LONGEST_DELAY, 2.0 ** (failures - _FREE_ATTEMPTS - 1))


def failures(paths: VaultFiles) -> list[float]:
    """Times of failed attempts since the last unlock, seconds since the epoch. What can't be read counts as none."""
    try:
        raw: Any = foreign.parse_json(foreign.read(paths.lock, _LARGEST_LOCK, links=False) or b"[]", depth=1)
    except (OSError, ValueError):
        return []
    return [float(t) for t in raw if isinstance(t, (int, float))][-_REMEMBERED:] if isinstance(raw, list) else []


def remember_failure(paths: VaultFiles) -> int:
    """Note a failed attempt beside the vault, for the audit chain at the next unlock. Returns how many there were."""
    known = [*failures(paths), round(time.time(), 3)]
    _write_failures(paths, known)
    return len(known)


def forget_failures(paths: VaultFiles) -> None:
    """After they went into the audit chain."""
    _write_failures(paths, [])


def _write_failures(paths: VaultFiles, known: list[float]) -> None:
    # In place: the file is also the lock, and a lock belongs to the file that was opened. Never through a link: whoever
    # may make one here could have another file of the user overwritten.
    try:
        descriptor = os.open(paths.lock, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "r+b") as file:
            file.write(json.dumps(known[-_REMEMBERED:]).encode())
            file.truncate()
    except OSError:
        return  # a vault on a read-only medium: opening it will say so
