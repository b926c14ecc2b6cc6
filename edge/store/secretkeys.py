"""The two other ways into a vault: the printed recovery key, and an entry in the system's keyring."""

from __future__ import annotations

import base64
import hashlib
from typing import Protocol, Self

from edge.errors import UsageError, VaultError, WrongKeyError
from edge.store.secret import Passphrase, SecretBytes

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
_MISREAD = str.maketrans("ILO", "110")
_GROUP, _CHECK = 4, 4
KEYRING_SERVICE = "edgescribe"


class RecoveryKey(SecretBytes):
    """160 random bits, printed as nine groups of four characters, the last group a checksum (20 bits)."""

    __slots__ = ()
    SIZE = 20

    def text(self) -> str:
        """What is printed. A string can't be wiped: make it only to show it."""
        digits = _digits(self.view())
        digits += _checksum(digits)
        return "-".join(digits[i : i + _GROUP] for i in range(0, len(digits), _GROUP))

    @classmethod
    def parse(cls, typed: str) -> Self:
        """Read what was typed: any case, any separators, O for 0, I and L for 1. Raises UsageError on a slip."""
        digits = "".join(c for c in typed.upper().translate(_MISREAD) if c.isalnum())
        size = cls.SIZE * 8 // 5
        if len(digits) != size + _CHECK or not set(digits) <= set(_ALPHABET):
            raise UsageError(
                "This is not a recovery key.", f"It has {(size + _CHECK) // _GROUP} groups of {_GROUP} characters."
            )
        if _checksum(digits[:size]) != digits[size:]:
            raise UsageError(
                "The recovery key was mistyped.", "Its checksum does not fit.", "Compare it group by group."
            )
        number = 0
        for digit in digits[:size]:
            number = number * 32 + _ALPHABET.index(digit)
        return cls.taking(bytearray(number.to_bytes(cls.SIZE, "big")))


def _digits(data: bytes | memoryview) -> str:
    number, digits = int.from_bytes(data, "big"), ""
    for _ in range(len(data) * 8 // 5):
        number, digit = divmod(number, 32)
        digits = _ALPHABET[digit] + digits
    return digits


def _checksum(digits: str) -> str:
    return _digits(hashlib.sha256(b"edgescribe recovery key" + digits.encode()).digest()[:5])[:_CHECK]


class KeyringSecret(SecretBytes):
    """256 random bits that the system's keyring keeps while the user is logged in."""

    __slots__ = ()
    SIZE = 32


Secret = Passphrase | RecoveryKey | KeyringSecret


class Keyring(Protocol):
    """The three calls of the `keyring` package that are used."""

    def get_password(self, service: str, username: str) -> str | None: ...
    def set_password(self, service: str, username: str, password: str) -> None: ...
    def delete_password(self, service: str, username: str) -> None: ...


def system_keyring() -> Keyring:
    """The system's keyring, if the optional package `keyring` is installed and finds one. Raises VaultError."""
    try:
        import keyring
    except ImportError:
        raise VaultError(
            "The system's keyring cannot be used.",
            "The package keyring is not installed.",
            "pip install edgescribe[keyring]",
        ) from None
    backend: Keyring = keyring.get_keyring()
    if type(backend).__module__.startswith("keyring.backends.fail"):
        raise VaultError("The system's keyring cannot be used.", "This system offers none.")
    return backend


def store_in_keyring(backend: Keyring, vault_id: str, secret: KeyringSecret) -> None:
    """Put the secret of a vault into the keyring. Raises VaultError if it can't be read back from there."""
    backend.set_password(KEYRING_SERVICE, vault_id, base64.b64encode(secret.view()).decode())
    try:
        with from_keyring(backend, vault_id) as kept:
            if kept == secret:
                return
    except WrongKeyError:
        pass
    raise VaultError("The system's keyring cannot be used.", "It did not keep the key that was put into it.")


def take_from_keyring(backend: Keyring, vault_id: str) -> None:
    """Remove the secret of a vault from the keyring, if it is there."""
    if backend.get_password(KEYRING_SERVICE, vault_id) is not None:
        backend.delete_password(KEYRING_SERVICE, vault_id)


def from_keyring(backend: Keyring, vault_id: str) -> KeyringSecret:
    """The secret of a vault from the keyring. Raises WrongKeyError if there is none."""
    text = backend.get_password(KEYRING_SERVICE, vault_id)
    try:
        data = bytearray(base64.b64decode(text or "", validate=True))
    except ValueError:
        data = bytearray()
    if len(data) != KeyringSecret.SIZE:
        raise WrongKeyError("The keyring has no key for this vault.", "", "Use the passphrase.")
    return KeyringSecret.taking(data)
