"""A vault from outside: create it, open it with a passphrase or a recovery key, use it, close it.

    with Vault.open(path, Passphrase(b"…")) as vault:
        vault.encounters.list()

One thread owns an open vault. Keys are in memory from open() to close(), and close() wipes them.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from edge import clinician, disk, foreign
from edge.contract import sealing
from edge.errors import DamagedVaultError, VaultError
from edge.store import chain, db, export, files, header, place, policy, states, unlock, upgrade
from edge.store.admin import VaultAdmin
from edge.store.chain import Event
from edge.store.edits import Edits
from edge.store.encounters import Encounters
from edge.store.files import Progress, VaultFiles, VaultLock, no_progress
from edge.store.header import Header, KeySet
from edge.store.kdf import KdfParameters, tuned
from edge.store.migrations import LATEST
from edge.store.places import Places
from edge.store.retention import Retention
from edge.store.search import Search
from edge.store.secret import Passphrase, RawKey, SecretBytes, harden_process
from edge.store.secretkeys import Secret
from edge.store.session import Clock, VaultSession, system_clock, text_of
from edge.store.unlock import Sleep, Unlocked
from edge.store.unsaved import Unsaved
from edge.store.verify import BackgroundCheck, findings
from edge.text import one_line


class Vault:
    """An open vault. Make one with create() or open().

    encounters, edits, search, retention, unsaved, places: what is in it; admin: its keys, backups and audit chain.
    """

    def __init__(
        self,
        paths: VaultFiles,
        vault_id: str,
        key: RawKey,
        backup_key: SecretBytes,
        session: VaultSession,
        lock: VaultLock,
    ) -> None:
        self.paths, self.vault_id, self.session = paths, vault_id, session
        self._key, self._backup_key, self._lock = key, backup_key, lock
        self._check: BackgroundCheck | None = None
        self.encounters = Encounters(session)
        self.edits = Edits(session, self.encounters)
        self.search = Search(session)
        self.retention = Retention(session, self.encounters)
        self.unsaved = Unsaved(session)
        self.places = Places(session)
        self.admin = VaultAdmin(paths, vault_id, key, backup_key, session)

    @classmethod
    def create(
        cls,
        path: Path,
        passphrase: Passphrase,
        *,
        kdf: KdfParameters | None = None,
        actor: str | None = None,
        clock: Clock = system_clock,
    ) -> Self:
        """Make a new vault and open it. kdf: None tunes to about half a second on this machine.

        Raises VaultError if there is one already, UsageError for a weak passphrase.
        """
        harden_process()
        paths = VaultFiles(Path(path))
        refuse_existing(paths)
        policy.check_strength(passphrase)
        parameters = (kdf or tuned()).check()
        files.make_folder(paths.database.parent)
        with VaultLock(paths.lock).hold():
            refuse_existing(paths)
            vault_id = secrets.token_hex(16)
            with SecretBytes.random(32) as master:
                keys = KeySet.random()
                slot = header.passphrase_slot(vault_id, passphrase, master, parameters)
                newborn = Header(vault_id, -1, text_of(clock()), (slot,), {})
                session = VaultSession(None, actor or clinician.name(), clock)
                _build(paths, header.seal(newborn, master, keys), keys, session)
                keys.wipe()
        return cls.open(path, passphrase, actor=actor, clock=clock)

    @classmethod
    def open(
        cls,
        path: Path,
        secret: Secret,
        *,
        actor: str | None = None,
        clock: Clock = system_clock,
        sleep: Sleep = time.sleep,
        beside: bool = False,
    ) -> Self:
        """Open a vault. beside: next to a program that has it open, for a backup or an audit.

        Raises NotAVaultError, WrongKeyError (the more often, the later), DamagedVaultError, VaultBusyError, VaultError.
        """
        harden_process()
        paths = VaultFiles(Path(path))
        unlock.read_header(paths)  # before a lock file is made beside something that is no vault
        lock = VaultLock(paths.maintenance if beside else paths.lock)
        lock.acquire()
        try:
            unlocked = unlock.unlock(paths, secret, sleep, repair=not beside)
            return cls._open(paths, unlocked, lock, VaultSession(None, actor or clinician.name(), clock), beside)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _open(cls, paths: VaultFiles, unlocked: Unlocked, lock: VaultLock, session: VaultSession, beside: bool) -> Self:
        keys = unlocked.keys
        connection = db.connect(paths.database, keys.database)
        try:
            _check_identity(connection, unlocked.header)
            before = upgrade.check_version(connection)
            if beside and before < LATEST:
                raise VaultError("The vault needs an upgrade.", "", "Open it once with edgescribe, then try again.")
            if not beside:
                before = upgrade.bring_up_to_date(connection, paths, keys.database)
            db.fence(connection)
            session.connection = connection
            try:
                _record_unlock(session, paths, before, unlocked.header.generation)
            except DamagedVaultError:
                if not beside:  # an auditor must be able to look into a broken chain
                    raise
            vault = cls(paths, unlocked.header.vault_id, keys.database.copy(), keys.backup.copy(), session, lock)
            vault.admin.beside = beside
            return vault
        except BaseException:
            connection.close()
            raise
        finally:
            keys.wipe()

    def act_as(self, name: str) -> None:
        """Record changes under another name from now on."""
        self.session.actor = one_line(name, clinician.LONGEST) or clinician.login()

    def close(self) -> None:
        """Encounter the lock, close the file, wipe the keys and give the writer's lock back. Safe to call twice."""
        if not self._lock.held:
            return
        try:
            if self._check is not None:
                self._check.stop()
            if not self.admin.beside:
                with contextlib.suppress(VaultError):  # a full disk or damage must not keep the keys in memory
                    self.session.record(Event.LOCK)
        finally:
            self.session.connection.close()
            self._key.wipe()
            self._backup_key.wipe()
            self._lock.release()

    def rotate_keys(self, passphrase: Passphrase, progress: Progress = no_progress) -> None:
        """Re-encrypt everything under new keys, and go on working with them. Raises as edge.store.rekey.rotate.

        On an error the vault is closed; it opens with the same passphrase.
        """
        from edge.store import rekey

        if self._check is not None:
            self._check.stop()
        self.admin.confirm(passphrase)
        with VaultLock(self.paths.maintenance).hold():  # a backup under way is told before anything is begun
            self.session.record(Event.KEY_CHANGE, what="rotation begun")
        try:
            rekey.rotate(self.paths, passphrase, self.session.connection, progress)
            unlocked = unlock.unlock(self.paths, passphrase)
            self._key = self.admin.key = unlocked.keys.database.copy()
            self._backup_key = self.admin.backup_key = unlocked.keys.backup.copy()
            unlocked.keys.wipe()
            self.session.connection = db.connect(self.paths.database, self._key)
            db.fence(self.session.connection)
            self.session.record(Event.KEY_CHANGE, what="rotation done", generation=unlocked.header.generation)
        except BaseException:
            self.session.connection.close()
            self._key.wipe()
            self._backup_key.wipe()
            self._lock.release()
            raise

    def verify(self) -> list[str]:
        """What is wrong with the vault; empty if nothing is. Reads all of it."""
        return findings(self.session.connection)

    def verify_in_background(self, done: Callable[[list[str]], None]) -> BackgroundCheck:
        """Check pages and structure in a thread; done gets what was found, in that thread. close() stops it."""
        self._check = BackgroundCheck(self.paths, self._key, done)
        self._check.start()
        return self._check

    def export_plain(self, secret: Secret, target: Path) -> int:
        """Write all records in clear to a new file, after the secret was given again. Returns how many."""
        self.admin.confirm(secret)
        return export.write_plain(self.session, self.encounters, self.edits, Path(target))

    def warning(self) -> str | None:
        """What is wrong with the vault's place: a folder that is synced, on a network or open to others; or None."""
        found = [place.warning(self.paths.database), foreign.loose(self.paths.database.parent)]
        return " ".join(one for one in found if one) or None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _check_identity(connection: Any, head: Header) -> None:
    with db.translated("opened"):
        row = connection.execute("SELECT value FROM meta WHERE name = 'vault_id'").fetchone()
    if row is None or row[0] != head.vault_id:
        raise DamagedVaultError(
            "The vault's two files do not belong together.", "", "Put back both from the same backup."
        )


def _record_unlock(session: VaultSession, paths: VaultFiles, before: int, generation: int) -> None:
    failed = unlock.failures(paths)
    with session.change(Event.UNLOCK, generation=generation, seal=sealing.level()) as change:
        if before != LATEST:
            session.append(change, Event.MIGRATION, {"from": before, "to": LATEST})
        if chain.newest_root(session.connection) is None:
            session.baseline(change)
        if failed:
            session.append(change, Event.UNLOCK_FAILED, {"times": len(failed), "first": failed[0], "last": failed[-1]})
    if failed:
        unlock.forget_failures(paths)


def refuse_existing(paths: VaultFiles) -> None:
    """Raise VaultError if a new vault at paths would replace anything."""
    if paths.database.exists():
        raise VaultError(f"There is something at {paths.database} already.", "", "Open it, or choose another place.")
    if paths.header.exists() and unlock.read_header(paths).generation > 0:
        # Generation 0 is a creation that was cut off before it held anything.
        raise VaultError(
            f"A key file is at {paths.header}, without its record file.",
            "It may be needed to restore a backup.",
            "Move it away, or choose another place.",
        )


def _build(paths: VaultFiles, head: Header, keys: KeySet, session: VaultSession) -> None:
    """Database under a temporary name, then the key file, then the name: a crash leaves nothing or a whole vault."""
    files.remove_database(paths.incoming)
    try:
        connection: Any = db.connect(paths.incoming, keys.database, create=True)
        try:
            db.private(paths.incoming)
            upgrade.apply_steps(connection)
            with db.transaction(connection):
                connection.execute("INSERT INTO meta VALUES ('vault_id', ?)", (head.vault_id,))
                chain.start(connection, keys.audit)
                begun = states.baseline(connection)
                chain.append(
                    connection, session.now(), Event.VAULT_CREATED, "", {"schema": LATEST}, session.actor, begun
                )
        finally:
            connection.close()
        disk.sync_file(paths.incoming)
        files.replace_file(paths.header, head.serialise())
        os.replace(paths.incoming, paths.database)
        disk.sync_folder(paths.database.parent)
    except OSError as error:
        raise files.io_error("The vault could not be created", error) from None
    finally:
        files.remove_database(paths.incoming)
