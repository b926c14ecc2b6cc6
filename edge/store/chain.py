"""The audit chain: what was done to the vault, in order, each entry authenticated with a key that moves on with it.

    mac_i = HMAC(k_i, mac_(i-1) || entry_i)         k_(i+1) = HMAC(k_i, "next")

k_1 comes from the audit key in the vault's header; only the newest k is kept, so whoever takes it from a running
program can't rewrite what came before (Bellare & Yee 1997; Schneier & Kelsey 1999). An entry is written in the same
transaction as the deed. No entry holds patient data: subjects are record ids, details are counts, hashes and settings.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edge.errors import DamagedVaultError
from edge.store.secret import SecretBytes

GENESIS = bytes(32)


class Event(StrEnum):
    """What can be in the chain."""

    VAULT_CREATED = "vault-created"
    UNLOCK = "unlock"
    UNLOCK_FAILED = "unlock-failed"
    LOCK = "lock"
    VIEW = "view"
    CREATE = "create"
    EDIT = "edit"
    SIGN = "sign"
    AMEND = "amend"
    DELETE = "delete"
    PURGE = "purge"
    HOLD = "legal-hold"
    POLICY = "retention-policy"
    EXPORT = "export"
    BACKUP = "backup"
    RESTORE = "restore"
    KEY_CHANGE = "key-change"
    BUNDLE_CHANGE = "bundle-change"
    MIGRATION = "migration"
    AUDIT = "audit"


@dataclass(frozen=True)
class Entry:
    """One entry. at: UTC by this machine's clock; order is by seq, as a clock may go back. mac: 32 bytes."""

    seq: int
    at: str
    event: str
    subject: str
    detail: str
    actor: str
    mac: bytes

    def covered(self) -> bytes:
        """The bytes that mac covers, beside the previous mac."""
        fields = [self.seq, self.at, self.event, self.subject, self.detail, self.actor]
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def first_key(audit_key: SecretBytes) -> bytes:
    """k_1."""
    return hmac.digest(audit_key.view(), b"edgescribe audit chain 1", hashlib.sha256)


def _next(key: bytes) -> bytes:
    return hmac.digest(key, b"next", hashlib.sha256)


def start(connection: Any, audit_key: SecretBytes) -> None:
    """Begin the chain of a new vault, inside the caller's transaction."""
    connection.execute("INSERT INTO chain_state VALUES (1, 0, ?, ?)", (GENESIS, first_key(audit_key)))


def append(connection: Any, at: str, event: Event, subject: str, detail: dict[str, Any], actor: str) -> int:
    """Add an entry inside the caller's transaction; returns its seq. The state is read from the file each time, as a
    second program (a backup) may have added entries. Raises DamagedVaultError if the chain's end was altered."""
    seq, mac, key = connection.execute("SELECT seq, mac, key FROM chain_state WHERE id = 1").fetchone()
    if connection.execute(
        "SELECT 1 FROM chain WHERE seq > ? OR (seq = ? AND mac IS NOT ?) LIMIT 1", (seq, seq, mac)
    ).fetchone():
        raise DamagedVaultError(
            "The audit chain can't be continued.",
            "Its end does not fit its entries; somebody altered it.",
            "`edgescribe audit log verify` names the first bad entry.",
        )
    text = json.dumps(detail, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    entry = Entry(seq + 1, at, event.value, subject, text, actor, b"")
    mac = hmac.digest(key, mac + entry.covered(), hashlib.sha256)
    connection.execute(
        "INSERT INTO chain (seq, at, event, subject, detail, actor, mac) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (entry.seq, at, entry.event, subject, text, actor, mac),
    )
    connection.execute("UPDATE chain_state SET seq = ?, mac = ?, key = ? WHERE id = 1", (entry.seq, mac, _next(key)))
    return int(entry.seq)


def entries(connection: Any, after: int = 0, limit: int = -1) -> Iterator[Entry]:
    """Entries with seq > after, oldest first."""
    rows = connection.execute(
        "SELECT seq, at, event, subject, detail, actor, mac FROM chain WHERE seq > ? ORDER BY seq LIMIT ?",
        (after, limit),
    )
    for row in rows:
        yield Entry(*row)


@dataclass(frozen=True)
class Report:
    """What verification found. first_bad: seq of the first entry that does not fit, None if all do.

    clock_back: entries whose time lies before that of the entry above them (a set clock, not a fault of the chain).
    """

    entries: int
    last_mac: bytes
    first_bad: int | None
    why: str
    clock_back: tuple[int, ...]

    @property
    def good(self) -> bool:
        """Whether every entry fits."""
        return self.first_bad is None


def verify(connection: Any, audit_key: SecretBytes, known: tuple[int, bytes] | None = None) -> Report:
    """Recompute the chain from its first key. known: (seq, mac) of a head kept elsewhere; then an older or shortened
    chain is found too. The first fault ends the check.
    """
    key, mac, count, last_at = first_key(audit_key), GENESIS, 0, ""
    back: list[int] = []

    def bad(why: str) -> Report:
        return Report(count, mac, count + 1, why, tuple(back))

    for entry in entries(connection):
        if entry.seq != count + 1:
            return bad(f"entry {count + 1} is missing")
        expected = hmac.digest(key, mac + entry.covered(), hashlib.sha256)
        if not hmac.compare_digest(expected, entry.mac):
            return bad(f"entry {entry.seq} does not fit the entries before it")
        if known is not None and entry.seq == known[0] and not hmac.compare_digest(expected, known[1]):
            return bad(f"entry {entry.seq} differs from the head kept elsewhere")
        if entry.at < last_at:
            back.append(entry.seq)
        key, mac, count, last_at = _next(key), expected, entry.seq, max(last_at, entry.at)
    if connection.execute("SELECT seq, mac, key FROM chain_state WHERE id = 1").fetchone() != (count, mac, key):
        return bad("the chain was cut, or its end was altered")
    if known is not None and count < known[0]:
        return bad(
            f"it ends at entry {count}, the head kept elsewhere is of entry {known[0]}: an older file was put back"
        )
    return Report(count, mac, None, "", tuple(back))
