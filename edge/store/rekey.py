"""Changing keys: a new passphrase re-wraps, a rotation re-encrypts. A crash at any moment leaves a vault that opens.

A rotation writes the key file with the old and the new keys, builds the re-encrypted file beside the old one, checks
it, renames it over, and writes the key file with the new keys only. Which of the two files is in place is told by its
salt, so the next open knows how far it came (edge.store.unlock). What the user knows opens the vault throughout.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from edge import disk
from edge.errors import UsageError, VaultError
from edge.store import files, header, unlock, upgrade
from edge.store.files import Progress, VaultFiles, VaultLock, no_progress
from edge.store.header import Header, KeySet
from edge.store.kdf import KdfParameters
from edge.store.secret import Passphrase, SecretBytes
from edge.store.secretkeys import Secret

Slots = tuple[dict[str, Any], ...]


def parameters_of(head: Header) -> KdfParameters:
    """Costs of the passphrase slot, kept when it is re-wrapped."""
    slot = next((slot for slot in head.slots if slot["kind"] == header.PASSPHRASE), None)
    return KdfParameters.from_header(slot["kdf"]) if slot else KdfParameters()


def set_passphrase(paths: VaultFiles, current: Secret, new: Passphrase, kdf: KdfParameters | None = None) -> Header:
    """Replace the passphrase; current may be the old one or the recovery key. Nothing is re-encrypted."""
    head = unlock.read_header(paths)
    return _rewrap(paths, head, current, new, kdf or parameters_of(head), _secret_slots(head))


def add_secret(paths: VaultFiles, passphrase: Passphrase, kind: str, secret: SecretBytes) -> Header:
    """Add a slot for a random secret, in place of one of that kind."""
    head = unlock.read_header(paths)
    others = tuple(slot for slot in _secret_slots(head) if slot["kind"] != kind)
    with SecretBytes.random(32) as unused:
        new = header.secret_slot(kind, head.vault_id, secret, unused)  # only its public key is used below
    return _rewrap(paths, head, passphrase, passphrase, parameters_of(head), (*others, new))


def remove_secret(paths: VaultFiles, passphrase: Passphrase, kind: str) -> Header:
    """Take away the slots of a kind; the key they held opens nothing afterwards."""
    head = unlock.read_header(paths)
    rest = tuple(slot for slot in _secret_slots(head) if slot["kind"] != kind)
    if len(rest) == len(_secret_slots(head)):
        raise UsageError(f"This vault has no {kind} key.")
    return _rewrap(paths, head, passphrase, passphrase, parameters_of(head), rest)


def _secret_slots(head: Header) -> Slots:
    return tuple(slot for slot in head.slots if slot["kind"] != header.PASSPHRASE)


def _rewrap(
    paths: VaultFiles, head: Header, current: Secret, new: Passphrase, kdf: KdfParameters, secret_slots: Slots
) -> Header:
    with unlock.master_key(head, current) as old_master, SecretBytes.random(32) as master:
        keysets = header.unseal(head, old_master)
        try:
            fresh = _with_slots(head, master, new, kdf, secret_slots)
            fresh = header.seal(fresh, master, *keysets)
        finally:
            for keys in keysets:
                keys.wipe()
    files.replace_file(paths.header, fresh.serialise())
    return fresh


def _with_slots(
    head: Header, master: SecretBytes, passphrase: Passphrase, kdf: KdfParameters, secret_slots: Slots
) -> Header:
    first = header.passphrase_slot(head.vault_id, passphrase, master, kdf)
    return replace(head, slots=(first, *(header.resealed(slot, head.vault_id, master) for slot in secret_slots)))


def rotate(paths: VaultFiles, passphrase: Passphrase, connection: Any, progress: Progress = no_progress) -> None:
    """Re-encrypt the vault under new keys. connection is closed; open the vault again afterwards.

    The caller holds the writer's lock and has recorded the change. Needs free space for one more copy. Raises
    WrongKeyError, VaultBusyError (a backup is running) or VaultError, each with the vault as it was. progress:
    "sealing", "copying" in pages, "checking" in checks, "replacing", "ending".
    """
    head = unlock.read_header(paths)
    with VaultLock(paths.maintenance).hold(), unlock.master_key(head, passphrase) as old_master:
        old = header.unseal(head, old_master)[0]
        new = old.rotated()
        try:
            with SecretBytes.random(32) as master:
                fresh = _with_slots(head, master, passphrase, parameters_of(head), _secret_slots(head))
                both = header.seal(fresh, master, old, new)
                progress("sealing", 0, 1)
                files.replace_file(paths.header, both.serialise())
                _swap(paths, connection, new, progress)
                progress("ending", 0, 1)
                files.replace_file(paths.header, header.seal(both, master, new).serialise())
            files.remove(*upgrade.copies(paths))  # they open with the keys that were just given up
        finally:
            old.wipe()
            new.wipe()


def _swap(paths: VaultFiles, connection: Any, new: KeySet, progress: Progress) -> None:
    files.remove_database(paths.incoming)
    try:
        upgrade.copy_database(connection, paths.incoming, new.database, progress)
        progress("replacing", 0, 1)
        connection.close()  # the last connection brings the write-ahead log into the file and removes it
        if any(log.exists() and log.stat().st_size for log in paths.wal[:1]):
            raise VaultError(
                "The keys were not changed.", "Another program still reads the vault.", "Close it and try again."
            )
        files.remove(*paths.wal)
        os.replace(paths.incoming, paths.database)
        disk.sync_folder(paths.database.parent)
    except OSError as error:
        raise files.io_error("The vault could not be re-encrypted", error) from None
    except BaseException:
        files.remove_database(paths.incoming)
        raise
