"""Who vouches for a bundle: Ed25519 signatures over manifest.json, and the public keys that this laptop trusts.

A public key is one line of text, "edgescribe-ed25519 BASE64 NAME"; the trusted ones lie in the data folder under
trusted_keys. Private keys never come here (export.sign).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge import disk, foreign
from edge.contract.manifest import canonical, damaged, parse_json
from edge.errors import BundleError, UsageError
from edge.paths import data_dir

# Signed bytes start with this, so that a signature made for one purpose never serves another.
DOMAIN = b"edgescribe bundle manifest v1\x00"
MAX_SIGNATURE_BYTES = 4096
BUILT_HERE = "built-here"  # this machine's own key (export.machine); no other may take its name
_KIND = "edgescribe-ed25519"
_LINE = re.compile(rf"{_KIND} ([A-Za-z0-9+/]{{43}}=) ([A-Za-z0-9][A-Za-z0-9._@-]{{0,63}})\n?")


@dataclass(frozen=True)
class PublicKey:
    """name is its owner's word for it; key_id: 16 hex digits of the sha256 of the 32 raw bytes."""

    name: str
    raw: bytes

    @property
    def key_id(self) -> str:
        """Names the key in a signature."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    def line(self) -> str:
        """The text of a public key file."""
        return f"{_KIND} {base64.b64encode(self.raw).decode()} {self.name}\n"


def read_key(path: Path) -> PublicKey:
    """Read a public key file; raises UsageError if it is not one."""
    try:
        text = foreign.read(path, MAX_SIGNATURE_BYTES).decode("ascii")
    except (OSError, ValueError) as error:
        why = str(error) if isinstance(error, foreign.Refused) else type(error).__name__
        raise UsageError(f"The key {path} cannot be read.", why, "Check the path.") from None
    match = _LINE.fullmatch(text)
    if match is None:
        raise UsageError(f"{path} is not a public key.", f'It should be one line, "{_KIND} … NAME".')
    return PublicKey(match[2], base64.b64decode(match[1]))


def keys_folder() -> Path:
    """Where the keys that this laptop trusts lie."""
    return data_dir() / "trusted_keys"


def trusted_keys(folder: Path | None = None) -> dict[str, PublicKey]:
    """The pinned keys by key_id. Raises UsageError if one of the files is not a key."""
    folder = folder or keys_folder()
    if not folder.is_dir():
        return {}
    keys = [read_key(path) for path in sorted(folder.glob("*.pub"))]
    return {key.key_id: key for key in keys}


def trust(path: Path, folder: Path | None = None) -> PublicKey:
    """Pin the key in path. Raises UsageError rather than replace another key of the same name."""
    folder = folder or keys_folder()
    key = read_key(path)
    target = folder / f"{key.name}.pub"
    if key.name == BUILT_HERE:
        raise UsageError(
            f"No key from elsewhere may be named {BUILT_HERE!r}.",
            "That is the name of this machine's own key.",
            "Ask IT for a key of another name.",
        )
    if target.exists():
        if read_key(target).raw != key.raw:
            raise UsageError(
                f"Another key named {key.name!r} is trusted already.",
                "The two differ.",
                f"Ask IT which is right; remove {target} to trust the new one.",
            )
        return key
    pin(key, folder)
    return key


def pin(key: PublicKey, folder: Path | None = None) -> None:
    """Trust key from now on; one pinned under its name before is replaced."""
    folder = folder or keys_folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    disk.write(folder / f"{key.name}.pub", key.line().encode("ascii"))


def signature_file(key_id: str, signature: bytes) -> bytes:
    """manifest.sig for a signature of 64 bytes."""
    value = {"key": key_id, "signature": base64.b64encode(signature).decode(), "type": _KIND, "version": 1}
    return canonical(value)


def signer(manifest: bytes, signature: bytes | None, keys: Mapping[str, PublicKey]) -> PublicKey | None:
    """The trusted key that signed these manifest bytes; None if there is no signature or its key is not trusted.

    Raises BundleError if the signature is malformed, or is not that of the trusted key that it names.
    """
    if signature is None:
        return None
    key_id, raw = _parse(signature)
    if (key := keys.get(key_id)) is None:
        return None
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key.raw).verify(raw, DOMAIN + manifest)
    except InvalidSignature:
        raise damaged(f"its signature is not by the key {key.name!r} that it names") from None
    return key


def _parse(signature: bytes) -> tuple[str, bytes]:
    value: Any = parse_json(signature, "manifest.sig")
    try:
        raw = base64.b64decode(value["signature"], validate=True)
        if value["type"] != _KIND or value["version"] != 1 or canonical(value) != signature or len(raw) != 64:
            raise ValueError
        return str(value["key"]), raw
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise damaged("manifest.sig is not a signature that this program knows") from None


def must_be_signed(signed_by: str | None, folder_name: str) -> None:
    """Raise BundleError for a bundle that no trusted key signed."""
    if signed_by is None:
        raise BundleError(
            f"The bundle {folder_name!r} is not signed by a key that this machine trusts.",
            "Anybody could have made it.",
            "Ask IT for a signed one and its public key (`edgescribe bundle trust FILE.pub`), build it on this machine "
            "(`edgescribe-export`), or use --allow-unsigned.",
        )
