"""Passphrase to key: Argon2id (RFC 9106), with parameters that are bounded before any memory is taken."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

from _argon2_cffi_bindings import ffi, lib
from argon2.low_level import Type, core

from edge.errors import DamagedVaultError, UsageError, VaultError
from edge.store.secret import Passphrase, SecretBytes

FLOOR_KIB = 64 * 1024  # RFC 9106's second recommendation; below it a guess costs an attacker too little
CEILING_KIB = 1024 * 1024  # a header that asks for more is an attack on this machine's memory
SALT_BYTES = 16
KEY_BYTES = 32
TARGET_SECONDS = 0.5


@dataclass(frozen=True)
class KdfParameters:
    """Argon2id costs. memory_kib: memory in KiB; passes: iterations; lanes: parallel threads."""

    memory_kib: int = 256 * 1024
    passes: int = 3
    lanes: int = 4

    def check(self) -> KdfParameters:
        """Return self; raises UsageError outside the bounds of this program."""
        if not (FLOOR_KIB <= self.memory_kib <= CEILING_KIB and 1 <= self.passes <= 16 and 1 <= self.lanes <= 16):
            raise UsageError(
                "The key derivation parameters are out of bounds.",
                f"Memory {FLOOR_KIB // 1024} to {CEILING_KIB // 1024} MiB, 1 to 16 passes, 1 to 16 lanes.",
            )
        return self

    @classmethod
    def from_header(cls, raw: Any) -> KdfParameters:
        """Parameters from an untrusted header; raises DamagedVaultError unless they are integers in bounds."""
        if not isinstance(raw, dict) or raw.get("name") != "argon2id":
            raise DamagedVaultError("The vault's key file names an unknown key derivation.")
        values: list[Any] = [raw.get(key) for key in ("memory_kib", "passes", "lanes")]
        if not all(type(value) is int for value in values):
            raise DamagedVaultError("The vault's key file has malformed key derivation parameters.")
        try:
            return cls(*values).check()
        except UsageError as error:
            raise DamagedVaultError(
                "The vault's key file asks for key derivation parameters that are refused.", error.why
            ) from None

    def to_header(self) -> dict[str, Any]:
        """The form kept in the header."""
        return {"name": "argon2id", "memory_kib": self.memory_kib, "passes": self.passes, "lanes": self.lanes}


def derive(passphrase: Passphrase, salt: bytes, parameters: KdfParameters) -> SecretBytes:
    """32-byte key of passphrase and salt. The passphrase is not copied; raises VaultError if memory is short."""
    parameters.check()
    out = bytearray(KEY_BYTES)
    secret, result = passphrase.view(), ffi.from_buffer(out)
    context = ffi.new(
        "argon2_context *",
        {
            "version": 0x13,
            "out": ffi.cast("uint8_t *", result),
            "outlen": KEY_BYTES,
            "pwd": ffi.cast("uint8_t *", ffi.from_buffer(secret)),
            "pwdlen": len(passphrase),
            "salt": (salt_buffer := ffi.new("uint8_t[]", salt)),
            "saltlen": len(salt),
            "secret": ffi.NULL,
            "secretlen": 0,
            "ad": ffi.NULL,
            "adlen": 0,
            "t_cost": parameters.passes,
            "m_cost": parameters.memory_kib,
            "lanes": parameters.lanes,
            "threads": parameters.lanes,
            "allocate_cbk": ffi.NULL,
            "free_cbk": ffi.NULL,
            "flags": lib.ARGON2_DEFAULT_FLAGS,
        },
    )
    status = core(context, Type.ID.value)
    del salt_buffer, result
    if status != lib.ARGON2_OK:
        raise VaultError(
            "The passphrase could not be turned into a key.",
            f"Argon2 needs {parameters.memory_kib // 1024} MiB of memory (status {status}).",
            "Close other programs and try again.",
        )
    return SecretBytes.taking(out)


def tuned(target: float = TARGET_SECONDS) -> KdfParameters:
    """Parameters that take about target seconds here: 256 MiB, 4 lanes and as many passes (3 to 16) as fit.

    A machine too slow or small for that gets less memory, never under the floor.
    """
    probe = Passphrase(b"tuning probe")
    salt = os.urandom(SALT_BYTES)
    memory = KdfParameters().memory_kib
    while memory > FLOOR_KIB:
        parameters = KdfParameters(memory)
        try:
            seconds = _seconds(probe, salt, parameters)
        except VaultError:
            memory //= 2
            continue
        if seconds <= 2 * target:
            passes = max(parameters.passes, min(16, round(parameters.passes * target / max(seconds, 1e-3))))
            return KdfParameters(memory, passes, parameters.lanes)
        memory //= 2
    return KdfParameters(FLOOR_KIB)


def _seconds(probe: Passphrase, salt: bytes, parameters: KdfParameters) -> float:
    start = time.perf_counter()
    derive(probe, salt, parameters).wipe()
    return time.perf_counter() - start
