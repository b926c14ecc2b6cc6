"""A vault from outside: create it, open it with a passphrase or a recovery key, use it, close it.

    with Vault.open(path, Passphrase(b"…")) as vault:
        vault.records.list()

One thread owns an open vault. Keys are in memory from open() to close(), and close() wipes them.
"""

from __future__ import annotations

import getpass
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from edge.errors import DamagedVaultError, NotAVaultError, VaultError
from edge.store import chain, db, files, header, upgrade
from edge.store.chain import Event
from edge.store.files import FileLock, VaultFiles
from edge.store.header import Header, KeySet
from edge.store.kdf import KdfParameters, tuned
from edge.store.repo import Records
from edge.store.secret import Passphrase, RawKey, SecretBytes, harden_process
from edge.store.session import Clock, Session, system_clock, text_of


def current_user() -> str:
    """The name under which deeds are recorded: the system's user name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


class Vault:
    """An open vault. Make one with create() or open()."""

    def __init__(self, paths: VaultFiles, head: Header, database_key: RawKey, session: Session, lock: FileLock) -> None:
        self.paths, self.header, self.session = paths, head, session
        self._database_key, self._lock = database_key, lock
        self.records = Records(session)

    @classmethod
    def create(
        cls, path: Path, passphrase: Passphrase, *, kdf: KdfParameters | None = None, actor: str | None = None,
        clock: Clock = system_clock,
    ) -> Self:  # fmt: skip
        """Make a new vault and open it. kdf: None tunes to about half a second on this machine.

        Raises VaultError if there is one already, UsageError for a weak passphrase.
        """
        harden_process()
        parameters = (kdf or tuned()).check()
        paths = VaultFiles(Path(path))
        _make_folder(paths.database.parent)
        lock = FileLock(paths.lock)
        lock.acquire()
        try:
            _refuse_existing(paths)
            vault_id = secrets.token_hex(16)
            with SecretBytes.random(32) as master:
                keys = KeySet.random()
                slot = header.passphrase_slot(vault_id, passphrase, master, parameters)
                head = Header(vault_id, 0, text_of(clock()), (slot,), {})
                head = header.seal(head, master, keys)
                _build(paths, head, keys, actor or current_user(), clock)
                keys.wipe()
            lock.release()
            return cls.open(path, passphrase, actor=actor, clock=clock)
        finally:
            lock.release()

    @classmethod
    def open(cls, path: Path, passphrase: Passphrase, *, actor: str | None = None, clock: Clock = system_clock) -> Self:
        """Open a vault. Raises NotAVaultError, WrongKeyError, DamagedVaultError, VaultBusyError or VaultError."""
        harden_process()
        paths = VaultFiles(Path(path))
        head = read_header(paths)
        lock = FileLock(paths.lock)
        lock.acquire()
        try:
            with header.open_with_passphrase(head, passphrase) as master:
                return cls._unlocked(paths, head, header.unseal(head, master), lock, actor, clock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _unlocked(
        cls, paths: VaultFiles, head: Header, keysets: list[KeySet], lock: FileLock, actor: str | None, clock: Clock
    ) -> Self:
        try:
            if not paths.database.exists():
                raise DamagedVaultError(
                    "The vault's record file is missing.",
                    f"{paths.database} is not there.",
                    "Restore it from a backup (`vault restore`).",
                )
            key = keysets[0].database.copy()
            connection = db.connect(paths.database, key)
            try:
                upgrade.bring_up_to_date(connection)
                db.fence(connection)
                session = Session(connection, actor or current_user(), clock)
                session.record(Event.UNLOCK)
            except BaseException:
                connection.close()
                raise
            return cls(paths, head, key, session, lock)
        finally:
            for keys in keysets:
                keys.wipe()

    def close(self) -> None:
        """Record the lock, close the file, wipe the key and give the writer's lock back. Safe to call twice."""
        if not self._lock.held:
            return
        try:
            self.session.record(Event.LOCK)
        finally:
            self.session.connection.set_authorizer(None)
            self.session.connection.close()
            self._database_key.wipe()
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_header(paths: VaultFiles) -> Header:
    """The parsed key file of a vault. Raises NotAVaultError, DamagedVaultError or VaultError."""
    try:
        with open(paths.header, "rb") as file:
            content = file.read(header.MAX_BYTES + 1)
    except FileNotFoundError:
        if not paths.database.exists():
            raise NotAVaultError(
                f"There is no vault at {paths.database}.", "", "`edgescribe vault create` makes one."
            ) from None
        raise _without_keys(paths) from None
    except OSError as error:
        raise files.io_error("The vault's key file could not be read", error) from None
    return header.parse(content)


def _without_keys(paths: VaultFiles) -> VaultError:
    with open(paths.database, "rb") as file:
        start = file.read(16)
    if start.startswith(b"SQLite format 3") or paths.database.stat().st_size % 4096:
        return NotAVaultError(f"{paths.database} is not an edgescribe vault.", "It is not an encrypted record file.")
    return NotAVaultError(
        f"{paths.database} has no key file beside it.",
        f"{paths.header.name} is missing, or this is not a vault.",
        "Put the key file back, or restore a backup (`vault restore`).",
    )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise files.io_error(f"The folder {folder} could not be made", error) from None


def _refuse_existing(paths: VaultFiles) -> None:
    if paths.database.exists():
        raise VaultError(f"There is something at {paths.database} already.", "", "Open it, or choose another place.")
    if paths.header.exists() and read_header(paths).generation > 0:
        # Generation 0 is a creation that was cut off before it held anything.
        raise VaultError(
            f"A key file is at {paths.header}, without its record file.",
            "It may be needed to restore a backup.",
            "Move it away, or choose another place.",
        )


def _build(paths: VaultFiles, head: Header, keys: KeySet, actor: str, clock: Clock) -> None:
    """Database under a temporary name, then the key file, then the name: a crash leaves nothing or a whole vault."""
    files.remove(paths.incoming)
    try:
        connection: Any = db.connect(paths.incoming, keys.database, create=True)
        try:
            db.private(paths.incoming)
            upgrade.bring_up_to_date(connection)
            session = Session(connection, actor, clock)
            with db.transaction(connection):
                connection.execute("INSERT INTO meta VALUES ('vault_id', ?)", (head.vault_id,))
                chain.start(connection, keys.audit)
            session.record(Event.VAULT_CREATED, detail_version=1)
        finally:
            connection.close()
        files.sync_file(paths.incoming)
        files.replace_file(paths.header, head.serialise())
        os.replace(paths.incoming, paths.database)
        files.sync_folder(paths.database.parent)
    except OSError as error:
        raise files.io_error("The vault could not be created", error) from None
    finally:
        files.remove(paths.incoming)
