"""Where a signing key's passphrase comes from: a file, else the terminal without echo."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

from edge.errors import UsageError


def passphrase(file: Path | None, prompt: str = "Passphrase of the signing key: ") -> str:
    """The passphrase of an existing key. Raises UsageError if no source has one."""
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file} cannot be read.", type(error).__name__, "Check the path.") from None
    if not sys.stdin.isatty():
        raise UsageError("There is no terminal to ask for a passphrase.", "", "Give --passphrase-file FILE.")
    return getpass.getpass(prompt)


def new_passphrase(file: Path | None) -> str:
    """A passphrase to be set: typed twice on a terminal. Raises UsageError if the two differ."""
    first = passphrase(file, "New passphrase (12 characters or more): ")
    if file is None and passphrase(None, "The same again: ") != first:
        raise UsageError("The two passphrases differ.", "", "Try again.")
    return first
