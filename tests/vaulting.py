"""Shared by the vault's tests: cheap key derivation (the floor), a passphrase, made-up records, a clock to be set."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alone import assert_one_thread

from edge.contract.encounter import EncounterSummary, Generated, Source
from edge.contract.fields import FieldEntry, Fields
from edge.contract.note import EncounterNote, Section
from edge.contract.origin import Origin
from edge.store import kdf
from edge.store.files import VaultFiles, VaultLock
from edge.store.header import KeySet
from edge.store.kdf import KdfParameters
from edge.store.secret import Passphrase
from edge.store.session import VaultSession
from edge.store.unlock import Unlocked
from edge.store.vault import Vault

FLOOR = KdfParameters(64 * 1024, 1, 1)
ORIGIN = Origin("test-bundle", "b" * 64, "1", "5" * 64, {"greedy": True}, 100, 20, 1.5)
SOURCE = Source("visit.txt", "[doctor] hello\n[patient] my knee hurts", "5" * 64)
WORDS = "correct horse battery staple"


def passphrase(text: str = WORDS) -> Passphrase:
    return Passphrase(text.encode())


def floor() -> KdfParameters:
    """The cheapest derivation allowed just now: FLOOR, or less after cheap_derivation()."""
    return KdfParameters(kdf.FLOOR_KIB, 1, 1)


def new_vault(folder: Path, **options: object) -> Vault:
    return Vault.create(folder / "records.vault", passphrase(), kdf=floor(), actor="dr.test", **options)


def reopen(vault: Vault, **options: object) -> Vault:
    vault.close()
    return Vault.open(vault.paths.database, passphrase(), **options)


def save_note(
    vault: Vault, title: str, source: Source, template: str, sections: Sequence[Section], origin: Origin,
    encounter: str | None = None,
) -> EncounterSummary:  # fmt: skip
    """Keep a note as a bundle would have written it."""
    return vault.encounters.save(
        title, source, [Generated(EncounterNote(template, tuple(sections)), origin)], encounter
    )


def save_extraction(
    vault: Vault, title: str, source: Source, fields: Mapping[str, Sequence[FieldEntry]], origin: Origin,
    encounter: str | None = None,
) -> EncounterSummary:  # fmt: skip
    """Keep fields as a bundle would have extracted them."""
    content = Fields({key: tuple(entries) for key, entries in fields.items()})
    return vault.encounters.save(title, source, [Generated(content, origin)], encounter)


def note(vault: Vault, text: str = "Rest the knee.", title: str = "Visit") -> EncounterSummary:
    return save_note(vault, title, SOURCE, "soap", [Section("S", "Knee pain."), Section("PLAN", text)], ORIGIN)


def autosave_texts(vault: Vault, document: int, texts: dict[int, str]) -> None:
    """Autosave a note in which the sections at these positions have new texts."""
    (content,) = vault.session.query(
        "SELECT coalesce((SELECT content FROM draft WHERE document = ?1), content) FROM document WHERE id = ?1",
        (document,),
    )[0]
    kept = EncounterNote.from_json(json.loads(content))
    for position, text in texts.items():
        kept = kept.with_section(position, kept.sections[position].with_text(text))
    vault.edits.autosave(document, kept)


class SetClock:
    """A clock that a test sets. Starts at a fixed day."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **time: float) -> None:
        self.now += timedelta(**time)


def unfenced(vault: Vault) -> None:
    """Let a test do what no statement of the program may: change the schema."""
    vault.session.connection.set_authorizer(None)


def events(vault: Vault) -> list[str]:
    return [entry.event for entry in vault.admin.entries()]


def cheap_derivation(monkeypatch: pytest.MonkeyPatch) -> KdfParameters:
    """Argon2 with 64 KiB instead of the floor, for tests of what surrounds it. Returns what to create with."""
    monkeypatch.setattr(kdf, "FLOOR_KIB", 64)
    return KdfParameters(64, 1, 1)


def known(paths: VaultFiles, unlocked: Unlocked) -> Unlocked:
    """A copy of unlocked keys: opening a vault wipes those it is given."""
    keys = unlocked.keys
    return Unlocked(unlocked.header, KeySet(keys.database.copy(), keys.audit.copy(), keys.backup.copy()))


def open_known(paths: VaultFiles, unlocked: Unlocked) -> Vault:
    """Open with keys that are known, as if the passphrase had just been given."""
    lock = VaultLock(paths.lock)
    lock.acquire()
    return Vault._open(paths, known(paths, unlocked), lock, VaultSession(None, "dr.test"), False)


class Child:
    """A forked process that runs work(report) and is killed with SIGKILL; report(bytes) acknowledges to the parent.

    Tests that use it run `alone`.
    """

    def __init__(self, work: Callable[[Callable[[bytes], None]], None]) -> None:
        assert_one_thread()
        read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                os.close(read)
                work(lambda data: os.write(write, data) and None)
                status = 0
            finally:
                os._exit(status)
        os.close(write)
        self._read = read

    def first_byte(self) -> bytes:
        """Wait for the child's first report."""
        return os.read(self._read, 1)

    def until(self, mark: bytes, times: int) -> bytes:
        """What it reported up to the mark that came that many times."""
        data = b""
        while data.count(mark) < times and (chunk := os.read(self._read, 65536)):
            data += chunk
        return data

    def kill(self) -> bytes:
        """SIGKILL, wait, and return all that it reported after first_byte()."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return self.rest()

    def wait(self) -> int:
        """Wait for its end; returns the status of waitpid."""
        return os.waitpid(self.pid, 0)[1]

    def rest(self) -> bytes:
        """Everything reported and not yet read."""
        data = b""
        while chunk := os.read(self._read, 65536):
            data += chunk
        os.close(self._read)
        return data
