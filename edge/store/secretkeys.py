"""The other way into a vault: the printed recovery key."""

from __future__ import annotations

import hashlib
from typing import Self

from edge.errors import UsageError
from edge.store.secret import Passphrase, SecretBytes

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
_MISREAD = str.maketrans("ILO", "110")
_GROUP, _CHECK = 4, 4


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


Secret = Passphrase | RecoveryKey
