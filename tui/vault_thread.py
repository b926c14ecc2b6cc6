"""The vault's own thread: an open vault belongs to one thread, and the screen must never wait for a disk."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from edge.errors import VaultError

if TYPE_CHECKING:
    from edge.vaults import KdfParameters, Passphrase, RecoveryKey, Vault

T = TypeVar("T")


class VaultThread:
    """Runs work on the vault, in order, one thing at a time. Closed until open() or create() is done."""

    def __init__(
        self, path: Path, kdf: KdfParameters | None = None, clock: Callable[[], datetime] | None = None
    ) -> None:
        """kdf: cost of a new vault's key derivation; None tunes it to this machine. clock: None is the system's."""
        self.path = path
        self._kdf = kdf
        self._options: dict[str, Any] = {"clock": clock} if clock else {}
        self._thread = ThreadPoolExecutor(1, "vault")
        self._vault: Vault | None = None

    @property
    def is_open(self) -> bool:
        return self._vault is not None

    def exists(self) -> bool:
        """Whether there is a vault to unlock."""
        return self.path.exists() or self.path.with_name(self.path.name + ".keys").exists()

    async def open(self, secret: Passphrase | RecoveryKey) -> None:
        """Unlock the vault. Raises as Vault.open."""

        def work() -> None:
            from edge.vaults import Vault  # here: the first screen must not wait for cryptography

            self._vault = Vault.open(self.path, secret, **self._options)

        await self._run(work)

    async def create(self, passphrase: Passphrase) -> None:
        """Make the vault and open it. Raises as Vault.create."""

        def work() -> None:
            from edge.vaults import Vault

            self._vault = Vault.create(self.path, passphrase, kdf=self._kdf, **self._options)

        await self._run(work)

    async def call(self, work: Callable[[Vault], T]) -> T:
        """Run work with the open vault, and return its result. Raises what work raises, VaultError if locked."""

        def inside() -> T:
            if self._vault is None:
                raise VaultError("The vault is locked.", "", "Unlock it first.")
            return work(self._vault)

        return await self._run(inside)

    async def restore(self, source: Path, secret: Passphrase) -> None:
        """Lock the vault and put a backup in its place; what was there is set aside. Raises as vaults.restore."""

        def work() -> None:
            from edge.vaults import restore

            self._lock()
            restore(source, secret, self.path, replace=True)

        await self._run(work)

    def close(self) -> None:
        """Finish what is queued, lock the vault and end the thread. Waits; safe to call twice."""
        with contextlib.suppress(RuntimeError):  # the thread has ended already
            self._thread.submit(self._lock).result()
        self._thread.shutdown()

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _lock(self) -> None:
        vault, self._vault = self._vault, None
        if vault is not None:
            vault.close()
