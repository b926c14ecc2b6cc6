"""This machine's own signing key: what is built here runs here without --allow-unsigned (docs/adr/0065).

The private half is an unsealed file of the user's, beside the trusted keys that the same user may change anyway.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from edge.contract.bundle import signed_by
from edge.contract.manifest import SIGNATURE
from edge.contract.signing import BUILT_HERE, PublicKey, pin
from edge.errors import UsageError
from edge.paths import data_dir
from export.sign import write_signature


def built_here(folder: Path) -> bool:
    """True if this machine's own key signed the bundle in folder."""
    return signed_by(folder) == BUILT_HERE


def sign_here(folder: Path) -> str:
    """Sign a bundle that this machine has just built, unless a pinned key has signed it; returns the signer's name.

    Makes and pins the machine's key at first use. Raises UsageError if the key cannot be used.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if (signer := signed_by(folder)) is not None:
        return signer
    private = Ed25519PrivateKey.from_private_bytes(_key(key_file()))
    public = PublicKey(BUILT_HERE, private.public_key().public_bytes_raw())
    pin(public)
    (folder / SIGNATURE).unlink(missing_ok=True)
    write_signature(folder, private, public)
    return public.name


def key_file() -> Path:
    """Where the private half lies: 32 bytes as hex."""
    return data_dir() / "machine_key" / f"{BUILT_HERE}.key"


def _key(path: Path) -> bytes:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        with open(temporary, "x", opener=lambda name, flags: os.open(name, flags, 0o600), encoding="ascii") as file:
            file.write(os.urandom(32).hex() + "\n")
        try:
            with contextlib.suppress(FileExistsError):  # two first builds at once agree on one key
                os.link(temporary, path)
        finally:
            temporary.unlink()
    try:
        raw = bytes.fromhex(path.read_text(encoding="ascii"))
        if len(raw) != 32:
            raise ValueError
        return raw
    except (OSError, ValueError):
        raise UsageError(
            f"The machine's key {path} cannot be used.", "", "Remove it; the next build makes another."
        ) from None
