"""The vault for verbs and windows: where the passphrase comes from, and the few calls that open one.

A passphrase comes from a file (--passphrase-file, or the file that EDGESCRIBE_PASSPHRASE_FILE names) or from the
terminal; never from the command line or an environment variable itself, which other programs can read.
"""

from __future__ import annotations

import os
from pathlib import Path

from edge import paths
from edge.errors import UsageError
from edge.store.kdf import KdfParameters
from edge.store.repo import RecordFilter, Records
from edge.store.secret import Passphrase, read_passphrase_file, read_passphrase_tty
from edge.store.vault import Vault

__all__ = ["KdfParameters", "Passphrase", "RecordFilter", "Records", "Vault", "ask", "ask_new", "create", "open_vault"]

PASSPHRASE_FILE_VARIABLE = "EDGESCRIBE_PASSPHRASE_FILE"


def _file(given: str | os.PathLike[str] | None) -> str | os.PathLike[str] | None:
    return given or os.environ.get(PASSPHRASE_FILE_VARIABLE) or None


def ask(passphrase_file: str | os.PathLike[str] | None = None, prompt: str = "Passphrase: ") -> Passphrase:
    """The passphrase of an existing vault. Raises UsageError if no source has one."""
    if (file := _file(passphrase_file)) is not None:
        return read_passphrase_file(file)
    return read_passphrase_tty(prompt)


def ask_new(
    passphrase_file: str | os.PathLike[str] | None = None, prompt: str = "New passphrase (12 characters or more): "
) -> Passphrase:
    """A passphrase to be set: typed twice on a terminal. Raises UsageError if the two differ."""
    if (file := _file(passphrase_file)) is not None:
        return read_passphrase_file(file)
    first = read_passphrase_tty(prompt)
    with read_passphrase_tty("The same again: ") as second:
        if first != second:
            first.wipe()
            raise UsageError("The two passphrases differ.", "", "Try again.")
    return first


def open_vault(path: Path | None = None, passphrase_file: str | os.PathLike[str] | None = None) -> Vault:
    """Ask for the passphrase and open the vault at path (None: the user's own). Raises the errors of Vault.open."""
    with ask(passphrase_file) as passphrase:
        return Vault.open(path or paths.default_vault(), passphrase)


def create(
    path: Path | None = None,
    passphrase_file: str | os.PathLike[str] | None = None,
    kdf: KdfParameters | None = None,
) -> Vault:
    """Ask for a new passphrase and make a vault at path. Raises the errors of Vault.create."""
    with ask_new(passphrase_file) as passphrase:
        return Vault.create(path or paths.default_vault(), passphrase, kdf=kdf)
