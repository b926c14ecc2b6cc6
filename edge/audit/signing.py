"""The key that signs evidence packs: Ed25519, made at first use, kept beside the vault, readable by its owner alone.

It shows that a pack was not changed since, and that two packs come from one installation; not who ran it. The auditor
writes the fingerprint down in person. The pack is checked with sha256sum and openssl, not with this program.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.errors import SealError

KEY_FILE = "audit-signing.key"
LIST, SIGNATURE, PUBLIC = "SHA256SUMS", "SHA256SUMS.sig", "signing-key.pem"


def load_or_make(folder: Path) -> Ed25519PrivateKey:
    """Return the signing key kept in folder, made now if there is none. Raises SealError if it cannot be used."""
    path = folder / KEY_FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _write_new(path, Ed25519PrivateKey.generate())
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError) as fault:
        raise SealError(
            "The key that signs evidence packs cannot be used.",
            f"{KEY_FILE}: {type(fault).__name__}",
            "Move the file away; a new key is made at the next run, with a new fingerprint.",
        ) from fault
    if not isinstance(key, Ed25519PrivateKey):
        raise SealError("The key that signs evidence packs is of another kind.", KEY_FILE, "Move the file away.")
    return key


def _write_new(path: Path, key: Ed25519PrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)


def public_pem(key: Ed25519PrivateKey) -> bytes:
    """Return the public half in PEM."""
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def fingerprint(key: Ed25519PrivateKey) -> str:
    """Return the sha256 of the public key's DER form, as `openssl pkey -pubin -outform DER | sha256sum` prints it."""
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def sign_folder(folder: Path, key: Ed25519PrivateKey) -> None:
    """Write the list of hashes of every file in folder, its signature, and the public key."""
    (folder / PUBLIC).write_bytes(public_pem(key))
    names = sorted(p.name for p in folder.iterdir() if p.is_file() and p.name not in (LIST, SIGNATURE))
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    listing = "".join(lines).encode()
    (folder / LIST).write_bytes(listing)
    (folder / SIGNATURE).write_bytes(key.sign(listing))
