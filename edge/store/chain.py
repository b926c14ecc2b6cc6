"""The audit chain: what was done to the vault, in order, each entry authenticated with a key that moves on with it.

    mac_i = HMAC(k_i, mac_(i-1) || entry_i)         k_(i+1) = HMAC(k_i, "next")

k_1 comes from the audit key in the vault's header; only the newest k is kept, so whoever takes it from a running
program can't rewrite what came before (Bellare & Yee 1997; Schneier & Kelsey 1999). An entry is written in the same
transaction as the change, and covers what the change made of the records: their digests and the root over all of them
(edge.store.states). No entry holds patient data: subjects are record ids, details are counts, hashes and settings.
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
    ACCEPT = "accept"
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
    BASELINE = "baseline"
    AUDIT = "audit"


@dataclass(frozen=True)
class ChainEntry:
    """One entry. at: UTC by this machine's clock; order is by seq, as a clock may go back. mac: 32 bytes.

    states: JSON, digests by record that the change changed; root: over all records after it, 32 bytes
    (edge.store.states). Both are None before the chain vouched for the state of records.
    """

    seq: int
    at: str
    event: str
    subject: str
    detail: str
    actor: str
    mac: bytes
    states: str | None = None
    root: bytes | None = None

    def covered(self) -> bytes:
        """The bytes that mac covers, beside the previous mac."""
        fields = [self.seq, self.at, self.event, self.subject, self.detail, self.actor]
        if self.root is not None:
            fields += [self.states, self.root.hex()]
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def first_key(audit_key: SecretBytes) -> bytes:
    """k_1."""
    return hmac.digest(audit_key.view(), b"edgescribe audit chain 1", hashlib.sha256)


def _next(key: bytes) -> bytes:
    return hmac.digest(key, b"next", hashlib.sha256)


def start(connection: Any, audit_key: SecretBytes) -> None:
    """Begin the chain of a new vault, inside the caller's transaction."""
    connection.execute("INSERT INTO chain_state VALUES (1, 0, ?, ?)", (GENESIS, first_key(audit_key)))


@dataclass(frozen=True)
class Vouched:
    """What an entry says of the state of records. states: JSON by edge.store.states.text_of; root: 32 bytes."""

    states: str
    root: bytes


def append(
    connection: Any,
    at: str,
    event: Event,
    subject: str,
    detail: dict[str, Any],
    actor: str,
    vouched: Vouched | None = None,
) -> int:
    """Add an entry inside the caller's transaction; returns its seq. vouched: None leaves the records as they were.

    The state is read from the file each time, as a second program (a backup) may have added entries. Raises
    DamagedVaultError if the chain's end was altered.
    """
    seq, mac, key = _end(connection)
    if vouched is None and (root := newest_root(connection)) is not None:
        vouched = Vouched("{}", root)
    states, root = (vouched.states, vouched.root) if vouched else (None, None)
    text = json.dumps(detail, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    entry = ChainEntry(seq + 1, at, event.value, subject, text, actor, b"", states, root)
    mac = hmac.digest(key, mac + entry.covered(), hashlib.sha256)
    connection.execute(
        "INSERT INTO chain (seq, at, event, subject, detail, actor, mac, states, root)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (entry.seq, at, entry.event, subject, text, actor, mac, states, root),
    )
    connection.execute("UPDATE chain_state SET seq = ?, mac = ?, key = ? WHERE id = 1", (entry.seq, mac, _next(key)))
    return int(entry.seq)


def _end(connection: Any) -> tuple[int, bytes, bytes]:
    """Number and MAC of the last entry, and the key of the next one. Raises DamagedVaultError if they do not fit."""
    row = connection.execute("SELECT seq, mac, key FROM chain_state WHERE id = 1").fetchone()
    if row is not None and connection.execute(
        "SELECT 1 FROM chain WHERE seq > ?1 OR (seq = ?1 AND mac IS NOT ?2) LIMIT 1", row[:2]
    ).fetchone() is None:  # fmt: skip
        return int(row[0]), row[1], row[2]
    raise DamagedVaultError(
        "The audit chain can't be continued.",
        "Its end does not fit its entries; somebody altered it.",
        "`edgescribe audit log verify` names the first bad entry.",
    )


def newest_root(connection: Any) -> bytes | None:
    """The root in the newest entry; None before the chain vouched for anything."""
    row = connection.execute("SELECT root FROM chain WHERE seq = (SELECT seq FROM chain_state)").fetchone()
    return None if row is None else row[0]


def entries(connection: Any, after: int = 0, limit: int = -1) -> Iterator[ChainEntry]:
    """Entries with seq > after, oldest first."""
    rows = connection.execute(
        "SELECT seq, at, event, subject, detail, actor, mac, states, root FROM chain WHERE seq > ?"
        " ORDER BY seq LIMIT ?",
        (after, limit),
    )
    for row in rows:
        yield ChainEntry(*row)


@dataclass(frozen=True)
class Report:
    """What verification found. first_bad: seq of the first entry that does not fit, None if all do.

    clock_back: entries whose time lies before that of the entry above them (a set clock, not a fault of the chain).
    vouches_from: the first entry that covers the state of records; None if none does.
    """

    entries: int
    last_mac: bytes
    first_bad: int | None
    why: str
    clock_back: tuple[int, ...]
    vouches_from: int | None = None

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
    vouches_from: int | None = None

    def bad(why: str) -> Report:
        return Report(count, mac, count + 1, why, tuple(back), vouches_from)

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
        if vouches_from is None and entry.root is not None:
            vouches_from = entry.seq
        key, mac, count, last_at = _next(key), expected, entry.seq, max(last_at, entry.at)
    if connection.execute("SELECT seq, mac, key FROM chain_state WHERE id = 1").fetchone() != (count, mac, key):
        return bad("the chain was cut, or its end was altered")
    if known is not None and count < known[0]:
        return bad(
            f"it ends at entry {count}, the head kept elsewhere is of entry {known[0]}: an older file was put back"
        )
    return Report(count, mac, None, "", tuple(back), vouches_from)
