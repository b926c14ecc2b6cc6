"""The key file of a vault: slots that each open one master key, and the vault's keys sealed under it.

    slot (passphrase: Argon2id; recovery or keyring: X25519) -> master key (32 bytes, random)
    master key -> ChaCha20-Poly1305 -> one or two key sets (two while a rotation is under way)

Everything in the file is authenticated: each slot by its own box, and the whole file, slots included, as associated
data of the sealed key sets. The checksum tells an accident from a wrong key; it protects against nobody. A recovery
slot is a public key, so a rotation can seal a new master key for it without the paper at hand.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from edge import foreign
from edge.errors import DamagedVaultError, NotAVaultError, VaultError, WrongKeyError
from edge.store import kdf
from edge.store.kdf import KdfParameters
from edge.store.secret import Passphrase, RawKey, SecretBytes, wipe

FORMAT, VERSION = "edgescribe-vault", 1
MAX_BYTES = 64 * 1024
_DEPTH = 4  # the file, its list of slots, a slot, its costs
_TOP = {"format", "version", "vault_id", "generation", "created", "slots", "sealed"}
PASSPHRASE, RECOVERY, KEYRING = _KINDS = ("passphrase", "recovery", "keyring")
_TAG, _NONCE, _KEY = 16, 12, 32


@dataclass(frozen=True)
class KeySet:
    """What a vault runs on. database: SQLCipher raw key; audit: start of the chain; backup: seals backup manifests."""

    database: RawKey
    audit: SecretBytes
    backup: SecretBytes

    SIZE = RawKey.SIZE + 2 * _KEY

    @classmethod
    def random(cls) -> KeySet:
        """Three new keys."""
        return cls(RawKey.random(RawKey.SIZE), SecretBytes.random(_KEY), SecretBytes.random(_KEY))

    @classmethod
    def read(cls, data: memoryview) -> KeySet:
        """From SIZE bytes."""
        a, b = RawKey.SIZE, RawKey.SIZE + _KEY
        return cls(RawKey(data[:a]), SecretBytes(data[a:b]), SecretBytes(data[b : cls.SIZE]))

    def write(self) -> bytearray:
        """SIZE bytes, for the caller to wipe."""
        buffer = bytearray(self.SIZE)  # of its final size: growing it would leave a copy behind
        a, b = RawKey.SIZE, RawKey.SIZE + _KEY
        buffer[:a], buffer[a:b], buffer[b:] = self.database.view(), self.audit.view(), self.backup.view()
        return buffer

    def rotated(self) -> KeySet:
        """New database and backup keys; the audit chain keeps its start (docs/adr/0021)."""
        return KeySet(RawKey.random(RawKey.SIZE), self.audit.copy(), SecretBytes.random(_KEY))

    def wipe(self) -> None:
        """Wipe all three."""
        for key in (self.database, self.audit, self.backup):
            key.wipe()


@dataclass(frozen=True)
class Header:
    """The parsed key file. slots and sealed are plain JSON values, their shapes checked by parse()."""

    vault_id: str
    generation: int
    created: str
    slots: tuple[dict[str, Any], ...]
    sealed: dict[str, str]

    def _signed_part(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": VERSION,
            "vault_id": self.vault_id,
            "generation": self.generation,
            "created": self.created,
            "slots": list(self.slots),
        }

    def associated_data(self) -> bytes:
        """The bytes that the seal of the key sets covers."""
        return _canonical(self._signed_part())

    def serialise(self) -> bytes:
        """File content."""
        body = self._signed_part() | {"sealed": self.sealed}
        return json.dumps(body | {"checksum": hashlib.sha256(_canonical(body)).hexdigest()}, indent=1).encode() + b"\n"

    def kinds(self) -> tuple[str, ...]:
        """The kinds of slots, in order."""
        return tuple(slot["kind"] for slot in self.slots)


def parse(content: bytes) -> Header:
    """Read an untrusted key file. Raises NotAVaultError, DamagedVaultError, or VaultError for a newer format."""
    try:
        raw = foreign.parse_json(content, depth=_DEPTH) if len(content) <= MAX_BYTES else None
    except foreign.Refused:
        raw = None
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        if b'"edgescribe-vault"' in content[:4096]:
            raise damaged("it can't be read")
        raise NotAVaultError("This is not an edgescribe vault.", "Its key file has another format.")
    checksum = raw.pop("checksum", None)
    if checksum != hashlib.sha256(_canonical(raw)).hexdigest():
        raise damaged("its checksum does not fit its content")
    if raw.get("version") != VERSION:
        raise VaultError(
            "This vault was made by a newer edgescribe.", "Its key file has a newer format.", "Update edgescribe."
        )
    try:
        if raw.keys() != _TOP:
            raise ValueError
        header = Header(raw["vault_id"], raw["generation"], raw["created"], tuple(raw["slots"]), raw["sealed"])
        _check(header)
    except (KeyError, TypeError, ValueError):
        raise damaged("a part is missing or malformed") from None
    return header


def damaged(why: str) -> DamagedVaultError:
    """The error for a key file that can't be used. why: a part of a sentence."""
    return DamagedVaultError(
        "The vault's key file is damaged.",
        f"The file ending in .keys: {why}.",
        "Put back that file from a backup (`vault restore`).",
    )


def _check(header: Header) -> None:
    if not (isinstance(header.vault_id, str) and isinstance(header.created, str) and type(header.generation) is int):
        raise TypeError
    if len(bytes.fromhex(header.vault_id)) != 16:
        raise ValueError
    if not 0 < len(header.slots) <= len(_KINDS) or len(set(header.kinds())) != len(header.slots):
        raise ValueError  # one slot of a kind: each passphrase slot costs a derivation
    sizes = {"salt": kdf.SALT_BYTES, "nonce": _NONCE, "box": _KEY + _TAG, "public": _KEY, "ephemeral": _KEY}
    for slot in header.slots:
        names = {"salt", "nonce", "box"} if slot["kind"] == PASSPHRASE else {"public", "ephemeral", "box"}
        others = {"kind", "kdf"} if slot["kind"] == PASSPHRASE else {"kind"}
        if slot["kind"] not in _KINDS or not names <= slot.keys() <= names | others:
            raise ValueError
        if any(len(bytes.fromhex(slot[name])) != sizes[name] for name in names):
            raise ValueError
    nonce, box = bytes.fromhex(header.sealed["nonce"]), bytes.fromhex(header.sealed["box"])
    if len(nonce) != _NONCE or len(box) not in (KeySet.SIZE + _TAG, 2 * KeySet.SIZE + _TAG):
        raise ValueError


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _open_box(key: SecretBytes, nonce: bytes, box: bytes, associated: bytes) -> SecretBytes | None:
    out = bytearray(len(box) - _TAG)
    try:
        ChaCha20Poly1305(key.view()).decrypt_into(nonce, box, associated, out)
    except InvalidTag:
        return None
    return SecretBytes.taking(out)


def passphrase_slot(
    vault_id: str, passphrase: Passphrase, master: SecretBytes, parameters: KdfParameters
) -> dict[str, Any]:
    """A slot that opens with passphrase."""
    salt, nonce = os.urandom(kdf.SALT_BYTES), os.urandom(_NONCE)
    slot: dict[str, Any] = {"kind": PASSPHRASE, "kdf": parameters.to_header(), "salt": salt.hex()}
    with kdf.derive(passphrase, salt, parameters) as key:
        box = ChaCha20Poly1305(key.view()).encrypt(nonce, master.view(), _slot_data(vault_id, slot))
    return slot | {"nonce": nonce.hex(), "box": box.hex()}


def _slot_data(vault_id: str, slot: dict[str, Any]) -> bytes:
    return _canonical(
        {"vault_id": vault_id} | {k: v for k, v in slot.items() if k not in ("nonce", "box", "ephemeral")}
    )


def secret_slot(kind: str, vault_id: str, secret: SecretBytes, master: SecretBytes) -> dict[str, Any]:
    """A slot that opens with a random secret of 128 bits or more (the recovery key)."""
    public = _private(vault_id, secret).public_key().public_bytes_raw()
    return resealed({"kind": kind, "public": public.hex()}, vault_id, master)


def resealed(slot: dict[str, Any], vault_id: str, master: SecretBytes) -> dict[str, Any]:
    """The same secret slot for another master key, made from its public key alone."""
    base = {"kind": slot["kind"], "public": slot["public"]}
    public = X25519PublicKey.from_public_bytes(bytes.fromhex(slot["public"]))
    ephemeral = X25519PrivateKey.generate()
    ephemeral_public = ephemeral.public_key().public_bytes_raw()
    with _shared(ephemeral.exchange(public), ephemeral_public, slot["public"]) as key:
        box = ChaCha20Poly1305(key.view()).encrypt(bytes(_NONCE), master.view(), _slot_data(vault_id, base))
    return base | {"ephemeral": ephemeral_public.hex(), "box": box.hex()}


def _private(vault_id: str, secret: SecretBytes) -> X25519PrivateKey:
    hkdf = HKDF(hashes.SHA256(), _KEY, bytes.fromhex(vault_id), b"edgescribe secret slot")
    return X25519PrivateKey.from_private_bytes(hkdf.derive(secret.view()))


def _shared(exchanged: bytes, ephemeral: bytes, public: str) -> SecretBytes:
    # The key is used for one message, so the nonce may be zero (RFC 9180 does the same for single-shot seals).
    hkdf = HKDF(hashes.SHA256(), _KEY, ephemeral + bytes.fromhex(public), b"edgescribe slot seal")
    return SecretBytes.taking(bytearray(hkdf.derive(exchanged)))


def open_with_passphrase(header: Header, passphrase: Passphrase) -> SecretBytes:
    """The master key; raises WrongKeyError. Parameters of all slots are bounded before the first derivation."""
    slots = [(slot, KdfParameters.from_header(slot.get("kdf"))) for slot in header.slots if slot["kind"] == PASSPHRASE]
    for slot, parameters in slots:
        with kdf.derive(passphrase, bytes.fromhex(slot["salt"]), parameters) as key:
            master = _open_box(
                key, bytes.fromhex(slot["nonce"]), bytes.fromhex(slot["box"]), _slot_data(header.vault_id, slot)
            )
        if master is not None:
            return master
    raise WrongKeyError("This passphrase does not open the vault.", "", "Try again, or use the recovery key.")


def open_with_secret(header: Header, kind: str, secret: SecretBytes) -> SecretBytes:
    """The master key from a recovery or keyring secret; raises WrongKeyError."""
    private = _private(header.vault_id, secret)
    public = private.public_key().public_bytes_raw().hex()
    for slot in header.slots:
        if slot["kind"] == kind and slot["public"] == public:
            peer = X25519PublicKey.from_public_bytes(bytes.fromhex(slot["ephemeral"]))
            try:
                exchanged = private.exchange(peer)
            except ValueError:  # a point of low order: not written by this program
                continue
            with _shared(exchanged, bytes.fromhex(slot["ephemeral"]), slot["public"]) as key:
                master = _open_box(key, bytes(_NONCE), bytes.fromhex(slot["box"]), _slot_data(header.vault_id, slot))
            if master is not None:
                return master
    raise WrongKeyError(
        f"This {kind} key does not open the vault.", "", "It may belong to another vault, or have been replaced."
    )


def seal(header: Header, master: SecretBytes, *keys: KeySet) -> Header:
    """The header with keys sealed under master, all else authenticated with them. Generation grows by one."""
    grown = replace(header, generation=header.generation + 1)
    plain = bytearray().join(parts := [key.write() for key in keys])
    nonce = os.urandom(_NONCE)
    try:
        box = ChaCha20Poly1305(master.view()).encrypt(nonce, plain, grown.associated_data())
    finally:
        for buffer in (plain, *parts):
            wipe(buffer)
    return replace(grown, sealed={"nonce": nonce.hex(), "box": box.hex()})


def unseal(header: Header, master: SecretBytes) -> list[KeySet]:
    """The key sets: one, or two (present, pending) while a rotation is unfinished. Raises DamagedVaultError."""
    nonce, box = bytes.fromhex(header.sealed["nonce"]), bytes.fromhex(header.sealed["box"])
    plain = _open_box(master, nonce, box, header.associated_data())
    if plain is None:
        raise DamagedVaultError(
            "The vault's key file was altered.",
            "A key opens it, but its content does not pass authentication.",
            "Put back the key file from a backup (`vault restore`).",
        )
    with plain:
        return [KeySet.read(plain.view()[at : at + KeySet.SIZE]) for at in range(0, len(plain), KeySet.SIZE)]
