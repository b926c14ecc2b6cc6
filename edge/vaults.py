"""Opening a vault, for both doors: where the passphrase comes from, and the few calls that open, make or restore one.

What a front end may hold: an open Vault, the secrets that open one, and the values that its parts return.

A passphrase comes from a file (--passphrase-file, or the file that EDGESCRIBE_PASSPHRASE_FILE names) or from the
terminal; never from the command line or an environment variable itself, which other programs can read.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from edge import paths
from edge.errors import UsageError, VaultBusyError
from edge.store import backup, policy
from edge.store.admin import RECOVERY
from edge.store.backup import BackupManifest
from edge.store.chain import Event, Report
from edge.store.edits import Revision, Signature
from edge.store.encounters import EncounterFilter
from edge.store.files import Progress, VaultFiles, no_progress
from edge.store.kdf import KdfParameters
from edge.store.retention import Plan
from edge.store.search import SearchHit
from edge.store.secret import Passphrase, read_passphrase_file
from edge.store.secretkeys import RecoveryKey, Secret
from edge.store.terminal import read_passphrase_tty
from edge.store.vault import Vault, refuse_existing

__all__ = [
    "RECOVERY",
    "BackupManifest",
    "EncounterFilter",
    "KdfParameters",
    "Passphrase",
    "Plan",
    "Progress",
    "RecoveryKey",
    "Report",
    "Revision",
    "SearchHit",
    "Secret",
    "Signature",
    "Vault",
    "ask",
    "ask_new",
    "ask_new_on_terminal",
    "ask_recovery_key",
    "check_backup",
    "check_free",
    "create",
    "open_beside_if_busy",
    "open_or_beside",
    "open_vault",
    "restore",
    "score",
    "strength",
]

PASSPHRASE_FILE_VARIABLE = "EDGESCRIBE_PASSPHRASE_FILE"
NEW_PROMPT = "New passphrase (12 characters or more): "


def _file(given: str | os.PathLike[str] | None) -> str | os.PathLike[str] | None:
    return given or os.environ.get(PASSPHRASE_FILE_VARIABLE) or None


def _from_file(file: str | os.PathLike[str]) -> Passphrase:
    """The passphrase in a file; a space at its edge is said, as the same words typed would not open the vault."""
    passphrase = read_passphrase_file(file)
    if passphrase.spaced:
        print(
            f"The passphrase in {os.fspath(file)} begins or ends with a space, which belongs to it.",
            file=sys.stderr,
        )
    return passphrase


def ask(passphrase_file: str | os.PathLike[str] | None = None, prompt: str = "Passphrase: ") -> Passphrase:
    """The passphrase of an existing vault. Raises UsageError if no source has one."""
    if (file := _file(passphrase_file)) is not None:
        return _from_file(file)
    return read_passphrase_tty(prompt)


def ask_new(passphrase_file: str | os.PathLike[str] | None = None, prompt: str = NEW_PROMPT) -> Passphrase:
    """A passphrase to be set, from a file or typed twice on a terminal. Raises UsageError if the two differ."""
    if (file := _file(passphrase_file)) is not None:
        return _from_file(file)
    return ask_new_on_terminal(prompt)


def ask_new_on_terminal(prompt: str = NEW_PROMPT) -> Passphrase:
    """A passphrase to be set, typed twice. Raises UsageError if the two differ."""
    first = read_passphrase_tty(prompt)
    with read_passphrase_tty("The same again: ") as second:
        if first != second:
            first.wipe()
            raise UsageError("The two passphrases differ.", "", "Try again.")
    return first


def ask_recovery_key(file: str | os.PathLike[str] | None = None) -> RecoveryKey:
    """The recovery key, from a file or typed. Raises UsageError if it was mistyped."""
    with _from_file(file) if file else read_passphrase_tty("Recovery key: ") as typed:
        return RecoveryKey.parse(bytes(typed.view()).decode())


def restore(
    source: Path,
    secret: Secret,
    path: Path | None = None,
    *,
    replace: bool = False,
    progress: Progress = no_progress,
) -> BackupManifest:
    """Make a vault at path from a backup, open it once and note it in its audit chain.

    Nothing is replaced before the backup passed every check. Raises the errors of edge.store.backup.restore.
    """
    target = path or paths.default_vault()
    manifest = backup.restore(source, secret, target, replace=replace, progress=progress)
    with Vault.open(target, secret) as vault:
        vault.session.record(Event.RESTORE, "", made=manifest.made, entries=manifest.chain_seq)
    return manifest


def check_backup(source: Path, secret: Secret, progress: Progress = no_progress) -> BackupManifest:
    """Authenticate every byte of a backup and tell what it holds. Raises the errors of edge.store.backup.check."""
    return backup.check(source, secret, progress)


def open_vault(
    path: Path | None = None, passphrase_file: str | os.PathLike[str] | None = None, *, beside: bool = False
) -> Vault:
    """Ask for the passphrase and open the vault at path (None: the user's own). Raises the errors of Vault.open.

    beside: next to a program that has it open, for a backup, a check or an audit.
    """
    with ask(passphrase_file) as passphrase:
        return Vault.open(path or paths.default_vault(), passphrase, beside=beside)


def open_or_beside(path: Path | None = None, passphrase_file: str | os.PathLike[str] | None = None) -> Vault:
    """open_vault(), and beside the program that has it open if there is one: for a backup or a check at any time."""
    with ask(passphrase_file) as passphrase:
        return open_beside_if_busy(path, passphrase)


def open_beside_if_busy(path: Path | None, passphrase: Passphrase) -> Vault:
    """open_or_beside() with a passphrase that is known already."""
    target = path or paths.default_vault()
    try:
        return Vault.open(target, passphrase)
    except VaultBusyError:
        return Vault.open(target, passphrase, beside=True)


def check_free(path: Path | None = None) -> None:
    """Raise VaultError if there is a vault at path already: before anybody types a passphrase for a new one."""
    refuse_existing(VaultFiles(path or paths.default_vault()))


def create(
    path: Path | None = None,
    passphrase_file: str | os.PathLike[str] | None = None,
    kdf: KdfParameters | None = None,
) -> Vault:
    """Ask for a new passphrase and make a vault at path. Raises the errors of Vault.create."""
    check_free(path)
    with ask_new(passphrase_file) as passphrase:
        return Vault.create(path or paths.default_vault(), passphrase, kdf=kdf)


def strength(passphrase: Passphrase) -> tuple[bool, str]:
    """Whether a new passphrase may be used, and what to do about it if not."""
    try:
        policy.check_strength(passphrase)
    except UsageError as error:
        return False, f"{error.why} {error.hint}".strip()
    return True, ""


def score(text: str) -> int:
    """Estimated strength of a passphrase, 0 (guessed at once) to 4 (out of reach); under 12 characters at most 1."""
    return policy.estimate(text)[0] if text else 0
