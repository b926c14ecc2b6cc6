"""The care of an open vault: its secrets, backups, plain export and audit chain. Each change is in the chain.

The audit key is not in memory while a vault is open; verify_chain() and signed_head() ask for the secret again, as
does everything that changes keys or lets text out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edge.errors import InputError, VaultError
from edge.store import backup, chain, db, header, policy, rekey, unlock
from edge.store import head as heads
from edge.store.backup import BackupManifest
from edge.store.chain import ChainEntry, Event, Report
from edge.store.files import Progress, VaultFiles, no_progress
from edge.store.kdf import KdfParameters
from edge.store.secret import Passphrase, RawKey, SecretBytes
from edge.store.secretkeys import RecoveryKey, Secret
from edge.store.session import VaultSession


class VaultAdmin:
    """Made by Vault; beside: next to a program that has the vault open, so keys can't be changed."""

    beside = False

    def __init__(
        self, paths: VaultFiles, vault_id: str, key: RawKey, backup_key: SecretBytes, session: VaultSession
    ) -> None:
        self.key, self.backup_key = key, backup_key
        self._paths, self._vault_id, self._session = paths, vault_id, session

    def confirm(self, secret: Secret) -> None:
        """Raise WrongKeyError unless secret opens this vault, with the delay of a failed unlock."""
        self._audit_key(secret).wipe()

    def slots(self) -> tuple[str, ...]:
        """The kinds of keys that open this vault: passphrase, recovery, keyring."""
        return unlock.read_header(self._paths).kinds()

    def change_passphrase(self, current: Secret, new: Passphrase, kdf: KdfParameters | None = None) -> None:
        """Set another passphrase; current is the old one or the recovery key. Raises WrongKeyError, UsageError."""
        policy.check_strength(new)
        self._begin(current, "passphrase changed")
        rekey.set_passphrase(self._paths, current, new, kdf)

    def new_recovery_key(self, passphrase: Passphrase) -> RecoveryKey:
        """Make a recovery key to print; one that was printed before opens nothing any more."""
        self._begin(passphrase, "recovery key made")
        key = RecoveryKey.random(RecoveryKey.SIZE)
        rekey.add_secret(self._paths, passphrase, header.RECOVERY, key)
        return key

    def remove_key(self, passphrase: Passphrase, kind: str) -> None:
        """Take away the key of a kind (recovery, keyring). Raises UsageError if there is none."""
        self._begin(passphrase, f"{kind} key removed")
        rekey.remove_secret(self._paths, passphrase, kind)

    def backup(
        self, destination: Path, keep: int | None = None, progress: Progress = no_progress
    ) -> tuple[Path, BackupManifest]:
        """Write a checked backup to a file, or into a folder under a dated name; keep: how many of those stay there.

        progress: as edge.store.backup.write.
        """
        target = backup.target_file(Path(destination), self._session.clock())
        self._session.record(Event.BACKUP, "", name=target.name)
        manifest = backup.write(
            self._session.connection, self.key, self.backup_key, self._paths, target, self._session.now(),
            lock=not self.beside, progress=progress,
        )  # fmt: skip
        if keep is not None and Path(destination).is_dir():
            backup.prune(Path(destination), self._vault_id, keep)
        return target, manifest

    def last_backup(self) -> str:
        """When the newest backup was begun, "" if the audit chain knows of none."""
        sql = "SELECT at FROM chain WHERE event = ? ORDER BY seq DESC LIMIT 1"
        found = self._session.query(sql, (Event.BACKUP.value,))
        return str(found[0][0]) if found else ""

    def entries(self, after: int = 0, limit: int = -1) -> Iterator[ChainEntry]:
        """The audit chain, oldest first."""
        return chain.entries(self._session.connection, after, limit)

    def newest(self, limit: int = 200) -> list[ChainEntry]:
        """The newest entries of the audit chain, newest first."""
        last = self._session.query("SELECT max(seq) FROM chain")[0][0] or 0
        return list(self.entries(max(0, last - limit)))[::-1]

    def verify_chain(self, secret: Secret, head: str | None = None) -> Report:
        """Recompute the audit chain; head: text of a signed head kept elsewhere. Raises InputError for another's."""
        with self._audit_key(secret) as audit_key:
            known = None
            if head is not None:
                read = heads.read(head)
                if read.vault_id != self._vault_id or read.public_key != heads.public_key(audit_key):
                    raise InputError("This audit head is of another vault.")
                known = (read.seq, read.mac)
            with db.translated("checked"):
                report = chain.verify(self._session.connection, audit_key, known)
        if report.good:
            self._session.record(Event.AUDIT, "", verified=True, entries=report.entries, head=head is not None)
        return report

    def signed_head(self, secret: Secret) -> str:
        """The head of the chain, signed, to keep elsewhere. Raises VaultError if the chain does not verify."""
        with self._audit_key(secret) as audit_key:
            with db.translated("checked"):
                report = chain.verify(self._session.connection, audit_key)
            if not report.good:
                raise VaultError(
                    "The audit chain is broken.", f"{report.why}.", "`edgescribe audit log verify` says more."
                )
            return heads.sign(self._vault_id, report.entries, self._session.now(), report.last_mac, audit_key)

    def _audit_key(self, secret: Secret) -> SecretBytes:
        unlocked = unlock.unlock(self._paths, secret, repair=not self.beside)
        audit_key = unlocked.keys.audit.copy()
        unlocked.keys.wipe()
        return audit_key

    def _begin(self, secret: Secret, what: str) -> None:
        """The entry before the change: the key file is outside the database, so the two can't be one transaction."""
        if self.beside:
            raise VaultError("Keys can't be changed while another program has the vault open.")
        self.confirm(secret)
        self._session.record(Event.KEY_CHANGE, "", what=what, next=unlock.read_header(self._paths).generation + 1)


RECOVERY = header.RECOVERY
