"""Signing keys and signatures, on IT's machine. The private key is sealed under a passphrase.

The laptop's half, checking, is edge.contract.signing.
"""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path
from typing import Any

from edge.contract.manifest import MANIFEST, SIGNATURE, canonical
from edge.contract.signing import DOMAIN, PublicKey, signature_file
from edge.errors import BundleError, UsageError
from export.files import new_file

_FORMAT = "edgescribe-signing-key"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
MIN_PASSPHRASE = 12
# Argon2id, RFC 9106's second recommended setting: 64 MiB, 3 passes, 4 lanes.
_KDF = {"algorithm": "argon2id", "memory_kib": 65536, "passes": 3, "lanes": 4}


def keygen(name: str, folder: Path, passphrase: str) -> tuple[Path, Path]:
    """Write NAME.key (private, mode 0600) and NAME.pub into folder; returns both paths. Raises UsageError."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot name a key.", "Use letters, digits and . _ @ -")
    if len(passphrase) < MIN_PASSPHRASE:
        raise UsageError("The passphrase is too short.", f"It needs {MIN_PASSPHRASE} characters or more.")
    private_path, public_path = folder / f"{name}.key", folder / f"{name}.pub"
    for path in (private_path, public_path):
        if path.exists():
            raise UsageError(f"{path} exists already.", "A key is never overwritten.", "Choose another name.")
    private = Ed25519PrivateKey.generate()
    public = PublicKey(name, private.public_key().public_bytes_raw())
    salt, nonce = os.urandom(16), os.urandom(12)
    sealed = _cipher(passphrase, salt, _KDF).encrypt(nonce, private.private_bytes_raw(), public.line().encode())
    value = {
        "format": _FORMAT,
        "version": 1,
        "kdf": _KDF,
        "salt": _text(salt),
        "nonce": _text(nonce),
        "sealed": _text(sealed),
        "public": public.line().strip(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    with open(private_path, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(canonical(value))
    with new_file(public_path) as temporary:
        temporary.write_text(public.line(), encoding="ascii")
    return private_path, public_path


def sign(folder: Path, key_file: Path, passphrase: str) -> PublicKey:
    """Write manifest.sig into a bundle folder and return the key. Raises UsageError for a wrong key or passphrase."""
    private, public = _open_key(key_file, passphrase)
    write_signature(folder, private, public)
    return public


def write_signature(folder: Path, private: Any, public: PublicKey) -> None:
    """Sign the manifest in folder with an Ed25519 key. Raises BundleError without a manifest."""
    try:
        manifest = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise BundleError(f"{folder} is not a bundle.", error.strerror or "", "Name a bundle folder.") from None
    with new_file(folder / SIGNATURE) as temporary:
        temporary.write_bytes(signature_file(public.key_id, private.sign(DOMAIN + manifest)))


def _open_key(path: Path, passphrase: str) -> tuple[Any, PublicKey]:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        value = json.loads(path.read_text(encoding="ascii"))
        if value["format"] != _FORMAT or value["version"] != 1 or value["kdf"] != _KDF:
            raise ValueError
        salt, nonce, sealed = (base64.b64decode(value[key], validate=True) for key in ("salt", "nonce", "sealed"))
        line = f"{value['public']}\n"
        name = line.split()[2]
        raw = _cipher(passphrase, salt, value["kdf"]).decrypt(nonce, sealed, line.encode())
    except InvalidTag:
        raise UsageError("The passphrase does not open this signing key.", "Or the key file was altered.") from None
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        raise UsageError(f"{path} is not a signing key.", "", "Make one with `edgescribe-export keygen`.") from None
    private = Ed25519PrivateKey.from_private_bytes(raw)
    return private, PublicKey(name, private.public_key().public_bytes_raw())


def _cipher(passphrase: str, salt: bytes, kdf: dict[str, Any]) -> Any:
    from argon2.low_level import Type, hash_secret_raw
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    key = hash_secret_raw(
        passphrase.encode(), salt, kdf["passes"], kdf["memory_kib"], kdf["lanes"], hash_len=32, type=Type.ID
    )
    return ChaCha20Poly1305(key)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
