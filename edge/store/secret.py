"""Secrets in memory: kept in one buffer, locked out of swap where the system allows, wiped after use, never printed.

Passphrase and RawKey are different types, so that one can't be passed for the other. Python strings can't be wiped;
nothing here makes one. This ends where keys are used: derivation is edge.store.kdf, sealing is edge.store.header.
"""

from __future__ import annotations

import codecs
import ctypes
import hmac
import os
import secrets
import sys
import unicodedata
from types import TracebackType
from typing import NoReturn, Self

from edge import foreign
from edge.errors import UsageError

_PR_SET_DUMPABLE = 4
MAX_PASSPHRASE = 1024  # bytes
_PIPE_SECONDS = 10.0  # that a pipe may keep us waiting


def _libc() -> ctypes.CDLL | None:
    return None if sys.platform == "win32" else ctypes.CDLL(None, use_errno=True)


def _lock_memory(buffer: bytearray) -> bool:
    """Keep buffer out of swap. False where the system refuses (a low RLIMIT_MEMLOCK): then only wiping protects it."""
    libc = _libc()
    if libc is None or not buffer:
        return False
    address = ctypes.addressof((ctypes.c_char * len(buffer)).from_buffer(buffer))
    return bool(libc.mlock(ctypes.c_void_p(address), ctypes.c_size_t(len(buffer))) == 0)


def harden_process() -> None:
    """No core dumps, no ptrace and no /proc/PID/mem for the same user (Linux); no core dumps elsewhere. Idempotent.

    The seal does this for the whole program too; it stands here as well because no key may be in memory without it.
    """
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform == "linux" and (libc := _libc()) is not None:
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


class SecretBytes:
    """A secret that owns its buffer. Use as a context manager, or call wipe(); it is wiped when collected, too."""

    __slots__ = ("_buffer", "locked")

    def __init__(self, value: bytes | bytearray | memoryview) -> None:
        self._buffer = bytearray(value)
        self.locked = _lock_memory(self._buffer)

    @classmethod
    def random(cls, size: int) -> Self:
        """A new secret of size bytes from the system's generator."""
        return cls(secrets.token_bytes(size))

    @classmethod
    def taking(cls, buffer: bytearray) -> Self:
        """Like the constructor, and wipes what it was made from."""
        try:
            return cls(buffer)
        finally:
            wipe(buffer)

    def view(self) -> memoryview:
        """The bytes, without a copy."""
        return memoryview(self._buffer)

    def copy(self) -> Self:
        """A second buffer with the same content, wiped on its own."""
        return type(self)(self._buffer)

    def wipe(self) -> None:
        """Overwrite the buffer. The object stays, empty of meaning."""
        wipe(self._buffer)

    def __len__(self) -> int:
        return len(self._buffer)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and hmac.compare_digest(self._buffer, other._buffer)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("secrets are not pickled")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wipe()

    def __del__(self) -> None:
        if hasattr(self, "_buffer"):
            self.wipe()


def wipe(buffer: bytearray) -> None:
    """Overwrite buffer with zeros, in place."""
    buffer[:] = bytes(len(buffer))


class Passphrase(SecretBytes):
    """What the user types: UTF-8, Unicode NFKC, so that the same keys give the same bytes on every system."""

    __slots__ = ()

    def __init__(self, value: bytes | bytearray | memoryview) -> None:
        data = bytearray(value)
        if not data.isascii():
            try:
                normal = unicodedata.normalize("NFKC", data.decode()).encode()
            except UnicodeDecodeError:
                wipe(data)
                raise UsageError("The passphrase is not valid text.", "It is not UTF-8.") from None
            wipe(data)
            data = bytearray(normal)
        if not 1 <= len(data) <= MAX_PASSPHRASE:
            raise UsageError("The passphrase is empty or too long.", f"At most {MAX_PASSPHRASE} bytes are used.")
        super().__init__(data)
        wipe(data)

    @property
    def spaced(self) -> bool:
        """True if it begins or ends with a space or tab, which nobody sees in a file."""
        return self._buffer[0] in b" \t" or self._buffer[len(self) - 1] in b" \t"


class RawKey(SecretBytes):
    """A SQLCipher raw key: 32 bytes of key, 16 bytes of salt."""

    __slots__ = ()
    SIZE = 48

    def sqlcipher_form(self) -> bytearray:
        """x'…96 hex digits…' in a buffer that the caller wipes. No string is made of it, and no SQL statement."""
        digits = b"0123456789abcdef"
        form = bytearray(b"x'" + bytes(2 * len(self)) + b"'")
        for i, byte in enumerate(self._buffer):
            form[2 + 2 * i], form[3 + 2 * i] = digits[byte >> 4], digits[byte & 15]
        return form


def read_passphrase_file(path: str | os.PathLike[str]) -> Passphrase:
    """Read a passphrase file: its first line, without the line break and without the byte order mark that some editors
    put before it. Raises UsageError if there is none."""
    try:
        buffer = bytearray(MAX_PASSPHRASE + 2)
        size = foreign.read_into(path, buffer, wait=_PIPE_SECONDS)
    except (OSError, foreign.Refused) as error:
        why = (error.strerror or "") if isinstance(error, OSError) else f"{error}."
        raise UsageError(
            f"The passphrase file {os.fspath(path)} cannot be read.", why, "Check --passphrase-file."
        ) from None
    if buffer.startswith(codecs.BOM_UTF8):
        del buffer[: len(codecs.BOM_UTF8)]
        size -= len(codecs.BOM_UTF8)
    return first_line(buffer, size)


def first_line(buffer: bytearray, size: int) -> Passphrase:
    """The passphrase in the first line of what was read; wipes the buffer."""
    try:
        ends = [i for i in (buffer.find(b"\n", 0, size), buffer.find(b"\r", 0, size)) if i >= 0]
        return Passphrase(memoryview(buffer)[: min(ends, default=size)])
    finally:
        wipe(buffer)
