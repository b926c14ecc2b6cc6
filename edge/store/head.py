"""The signed head of an audit chain: a few lines to keep elsewhere, against which a later file is checked.

The signature is Ed25519 (RFC 8032) over the lines above it, with a key derived from the vault's audit key, so anybody
with the public key can check a head with openssl; docs/threat-model.md has the commands.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from edge.errors import InputError
from edge.store.secret import SecretBytes

_TITLE = "edgescribe audit head 1"
_FORM = re.compile(
    rf"\s*(?P<body>{_TITLE}\nvault: (?P<vault>[0-9a-f]{{32}})\nentries: (?P<seq>\d{{1,15}})\n"
    r"at: (?P<at>[0-9TZ:.\-]{1,40})\nmac: (?P<mac>[0-9a-f]{64})\nkey: (?P<key>[A-Za-z0-9+/=]{44})\n)"
    r"signature: (?P<signature>[A-Za-z0-9+/=]{88})\s*"
)


@dataclass(frozen=True)
class ChainHead:
    """Where a chain stood. seq: number of entries; mac: that of the last one; public_key: raw Ed25519, 32 bytes."""

    vault_id: str
    seq: int
    at: str
    mac: bytes
    public_key: bytes

    def body(self) -> str:
        """The signed lines."""
        key = base64.b64encode(self.public_key).decode()
        return (
            f"{_TITLE}\nvault: {self.vault_id}\nentries: {self.seq}\nat: {self.at}\nmac: {self.mac.hex()}\nkey: {key}\n"
        )


def _signing_key(audit_key: SecretBytes) -> Ed25519PrivateKey:
    seed = HKDF(hashes.SHA256(), 32, None, b"edgescribe audit head").derive(audit_key.view())
    return Ed25519PrivateKey.from_private_bytes(seed)


def public_key(audit_key: SecretBytes) -> bytes:
    """The public key of this vault's heads."""
    return _signing_key(audit_key).public_key().public_bytes_raw()


def sign(vault_id: str, seq: int, at: str, mac: bytes, audit_key: SecretBytes) -> str:
    """The text of a signed head."""
    key = _signing_key(audit_key)
    head = ChainHead(vault_id, seq, at, mac, key.public_key().public_bytes_raw())
    signature = base64.b64encode(key.sign(head.body().encode())).decode()
    return f"{head.body()}signature: {signature}\n"


def read(text: str) -> ChainHead:
    """Read a signed head and check its signature. Raises InputError."""
    match = _FORM.fullmatch(text.replace("\r\n", "\n"))
    if match is None:
        raise InputError("This is not an audit head.", "", "Give the lines that `edgescribe audit head` printed.")
    key = base64.b64decode(match["key"])
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(match["signature"]), match["body"].encode())
    except (InvalidSignature, ValueError):
        raise InputError("The audit head was altered.", "Its signature does not fit.") from None
    return ChainHead(match["vault"], int(match["seq"]), match["at"], bytes.fromhex(match["mac"]), key)
