"""Shared by the vault's tests: cheap key derivation (the floor), a passphrase, made-up records, a clock to be set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge.contract.records import Origin, RecordSummary, Section, Source
from edge.store.kdf import KdfParameters
from edge.store.secret import Passphrase
from edge.store.vault import Vault

FLOOR = KdfParameters(64 * 1024, 1, 1)
ORIGIN = Origin("test-bundle", "b" * 64, "1", "5" * 64, {"greedy": True}, 100, 20, 1.5)
SOURCE = Source("visit.txt", "[doctor] hello\n[patient] my knee hurts", "5" * 64)
WORDS = "correct horse battery staple"


def passphrase(text: str = WORDS) -> Passphrase:
    return Passphrase(text.encode())


def new_vault(folder: Path, **options: object) -> Vault:
    return Vault.create(folder / "records.vault", passphrase(), kdf=FLOOR, actor="dr.test", **options)


def reopen(vault: Vault, **options: object) -> Vault:
    vault.close()
    return Vault.open(vault.paths.database, passphrase(), **options)


def note(vault: Vault, text: str = "Rest the knee.", title: str = "Visit") -> RecordSummary:
    return vault.records.save_note(title, SOURCE, "soap", [Section("S", "Knee pain."), Section("PLAN", text)], ORIGIN)


class SetClock:
    """A clock that a test sets. Starts at a fixed day."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **time: float) -> None:
        self.now += timedelta(**time)


def events(vault: Vault) -> list[str]:
    return [entry.event for entry in vault.custody.entries()]
