"""What the audit chain vouches for: a digest of the state of each encounter, and a root over all of them.

    digest(encounter) = SHA-256 over its rows: encounter, sources, documents, generations, revisions, signatures, and
                        which documents have a draft (not what is in the draft)
    root              = SHA-256 over 256 buckets of (encounter, digest): a change rehashes one bucket

Every page of the file is authenticated, its age is not: somebody without a key can put back older pages. So every entry
of the chain carries the digests of what it changed and the root after it, under the entry's MAC (edge.store.chain).
The table `covered` is a cache of what the chain says; where its root is not the chain's newest, the chain is read from
its baseline on, and counts. Unsaved drafts, unsaved templates and the search index are not covered.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.errors import DamagedVaultError, VaultError
from edge.store import chain, db

POLICY = "*retention"  # key of the retention policy beside those of encounters, which are their codes
_BUCKETS = 256

# Read as the rest of the program reads them, over the same indexes: what an index hides or invents shows in the digest.
_ROWS: tuple[tuple[str, str], ...] = (
    ("encounter",
     "SELECT id, code, title, state, kinds, created, updated, bundle, bundle_sha256, prompt_version, source_sha256,"
     " incomplete, legal_hold, version FROM encounter WHERE id = ?"),
    ("source",
     "SELECT id, encounter, name, kind, text, sha256, created FROM source WHERE encounter = ? ORDER BY id"),
    ("document",
     "SELECT id, encounter, kind, content, revision, version FROM document WHERE encounter = ? ORDER BY id"),
    ("generation",
     "SELECT generation.id, document, bundle, bundle_sha256, prompt_version, source_sha256, parameters, prompt_tokens,"
     " generated_tokens, seconds, incomplete, created FROM document JOIN generation"
     " ON generation.document = document.id WHERE encounter = ? ORDER BY generation.id"),
    ("revision",
     "SELECT revision.id, document, number, revision.version, author, created, reason, whole, data, sha256"
     " FROM document JOIN revision ON revision.document = document.id WHERE encounter = ? ORDER BY revision.id"),
    ("signature",
     "SELECT id, encounter, version, signer, at, revisions, digest FROM signature WHERE encounter = ? ORDER BY id"),
    ("draft",
     "SELECT document FROM document JOIN draft ON draft.document = document.id WHERE encounter = ? ORDER BY document"),
)  # fmt: skip

Changes = Mapping[str, bytes | None]
"""Digest by key after a change; None: the encounter was deleted."""


def digest_of(connection: Any, encounter: int) -> bytes:
    """SHA-256 of the covered state of an encounter, 32 bytes. encounter: its row id."""
    found = hashlib.sha256()
    for name, sql in _ROWS:
        for row in connection.execute(sql, (encounter,)):
            _add(found, name, row)
    return found.digest()


def _add(found: Any, name: str, row: Iterable[Any]) -> None:
    # JSON escapes line ends, so a line is a row and two states never have the same bytes.
    line = json.dumps([name, *row], ensure_ascii=False, separators=(",", ":"))
    found.update(line.encode("utf-8", "surrogatepass") + b"\n")


def digest_at(connection: Any, key: str) -> bytes | None:
    """The digest of the present state behind a key; None if there is no such encounter."""
    if key == POLICY:
        found = hashlib.sha256()
        for row in connection.execute("SELECT state, days FROM retention ORDER BY state"):
            _add(found, "retention", row)
        return found.digest()
    row = connection.execute("SELECT id FROM encounter WHERE code = ?", (key,)).fetchone()
    return None if row is None else digest_of(connection, row[0])


class StateMap:
    """Digest by key, with the root over all of them."""

    def __init__(self, digests: Mapping[str, bytes] | None = None) -> None:
        self._buckets: list[dict[str, bytes]] = [{} for _ in range(_BUCKETS)]
        self._hashes: list[bytes | None] = [None] * _BUCKETS
        self.apply(digests or {})

    def get(self, key: str) -> bytes | None:
        """The digest of a key, None if it is not there."""
        return self._buckets[_bucket(key)].get(key)

    def keys(self) -> set[str]:
        """All keys."""
        return {key for bucket in self._buckets for key in bucket}

    def apply(self, changes: Changes) -> None:
        """Set and take away digests."""
        for key, digest in changes.items():
            number = _bucket(key)
            self._hashes[number] = None
            if digest is None:
                self._buckets[number].pop(key, None)
            else:
                self._buckets[number][key] = digest

    def root(self) -> bytes:
        """SHA-256 over all keys and digests, 32 bytes."""
        for number, known in enumerate(self._hashes):
            if known is None:
                content = sorted((key, digest.hex()) for key, digest in self._buckets[number].items())
                self._hashes[number] = hashlib.sha256(json.dumps(content).encode()).digest()
        return hashlib.sha256(b"".join(one for one in self._hashes if one is not None)).digest()


def _bucket(key: str) -> int:
    return hashlib.sha256(key.encode()).digest()[0]


@dataclass
class Account:
    """What the chain says. first: number of the entry from which on it vouches (None: it never did); last: by key, the
    number of the entry that changed it last, deletions included."""

    states: StateMap = field(default_factory=StateMap)
    first: int | None = None
    last: dict[str, int] = field(default_factory=dict)


def account(connection: Any) -> Account:
    """Read the chain from its first entry on. Raises DamagedVaultError if an entry is missing or does not fit.

    The MACs need the audit key (edge.store.chain.verify); without it, this finds older pages of the chain by gaps.
    """
    with db.translated("checked"):
        return _account(connection)


def _account(connection: Any) -> Account:
    found, count, root, last_mac = Account(), 0, None, b""
    for seq, changes, root_then, mac in connection.execute(
        "SELECT seq, states, root, mac FROM chain NOT INDEXED ORDER BY seq"
    ):
        if seq != count + 1 or (found.first is not None and root_then is None):
            raise _broken(f"entry {count + 1} is missing or was replaced")
        count, root, last_mac = seq, root_then, mac
        if root_then is not None and found.first is None:
            found.first = seq
        for key, digest in _parsed(changes).items():
            found.states.apply({key: digest})
            found.last[key] = seq
    state = connection.execute("SELECT seq, mac FROM chain_state WHERE id = 1").fetchone()
    if state != (count, last_mac):
        raise _broken("its end does not fit its entries")
    if root is not None and found.states.root() != root:
        raise _broken("the states that it names do not fit its root")
    return found


def _parsed(changes: str | None) -> dict[str, bytes | None]:
    return {key: digest and bytes.fromhex(digest) for key, digest in json.loads(changes or "{}").items()}


def vouched(changes: Changes, root: bytes) -> chain.Vouched:
    """Changes as an entry of the chain keeps them: JSON, digests in hex."""
    shown = {key: digest.hex() if digest else None for key, digest in changes.items()}
    return chain.Vouched(json.dumps(shown, sort_keys=True, separators=(",", ":")), root)


def _broken(why: str) -> DamagedVaultError:
    return DamagedVaultError(
        "The audit chain can't be continued.",
        f"{why[0].upper()}{why[1:]}: older pages were put back, or somebody altered it.",
        "`edgescribe audit log verify` names the first bad entry. Restore the vault from a backup (`vault restore`).",
    )


class States:
    """The digests that the chain vouches for, kept in memory while a vault is open."""

    def __init__(self) -> None:
        self._map: StateMap | None = None

    def expected(self, connection: Any) -> StateMap:
        """The newest digests, read again where the chain went on without us. Raises DamagedVaultError."""
        root = chain.newest_root(connection)
        if self._map is None or self._map.root() != root:
            self._map = StateMap(dict(connection.execute("SELECT code, digest FROM covered")))
            if self._map.root() != root:
                self._map = account(connection).states
                _write(connection, self._map)
        return self._map

    def check(self, connection: Any, key: str) -> None:
        """Raise DamagedVaultError, naming the record, unless its state is the one that the chain vouches for."""
        with db.translated("read"):
            vouched_for = digest_at(connection, key) == self.expected(connection).get(key)
        if not vouched_for:
            what = "The retention policy" if key == POLICY else f"Encounter {key}"
            raise DamagedVaultError(
                f"{what} is not in the state that the audit chain vouches for.",
                "Older pages were put back into the vault, or a disk lost a write.",
                "`edgescribe vault verify` names all that is wrong. Restore the vault from a backup (`vault restore`).",
            )

    def changed(self, connection: Any, keys: Iterable[str]) -> chain.Vouched:
        """What a change made of these keys, for its entry. The cache is written in the same transaction."""
        known = self.expected(connection)
        now = {key: digest_at(connection, key) for key in keys}
        changes = {key: digest for key, digest in now.items() if digest != known.get(key)}
        for key, digest in changes.items():
            connection.execute("DELETE FROM covered WHERE code = ?", (key,))
            if digest is not None:
                connection.execute("INSERT INTO covered VALUES (?, ?)", (key, digest))
        known.apply(changes)
        return vouched(changes, known.root())


def baseline(connection: Any) -> chain.Vouched:
    """The digests of everything there is, for the one entry from which on the chain vouches.

    Raises DamagedVaultError if the chain vouches already: a second baseline would make older pages the truth.
    """
    if connection.execute("SELECT 1 FROM chain NOT INDEXED WHERE root IS NOT NULL").fetchone():
        raise _broken("it vouches for the records already")
    codes = [POLICY, *(code for (code,) in connection.execute("SELECT code FROM encounter ORDER BY id"))]
    digests = {code: digest_at(connection, code) for code in codes}
    known = StateMap()
    known.apply(digests)
    _write(connection, known)
    return vouched(digests, known.root())


def _write(connection: Any, known: StateMap) -> None:
    """Replace the cache."""
    if connection.in_transaction:
        connection.execute("DELETE FROM covered")
        connection.executemany(
            "INSERT INTO covered VALUES (?, ?)", [(key, known.get(key)) for key in sorted(known.keys())]
        )


def findings(connection: Any, going: Callable[[], bool] = lambda: True) -> list[str]:
    """Which encounters are not as the chain vouches, each by its id, in plain words; empty if all are.

    Reads everything in one snapshot, as the vault may be in use. Ends early when going() is no longer true.
    """
    with db.snapshot(connection):
        try:
            told = account(connection)
        except DamagedVaultError as error:
            return [str(error)]
        if told.first is None:
            return ["the audit chain vouches for no record yet"]
        listed, found = _listing(connection)
        for key in sorted(told.states.keys() | listed):
            if not going():
                break
            expected, actual = told.states.get(key), _digest_or_fault(connection, key)
            if actual != expected or (expected is None and key in listed):  # an index may hide what lists show
                found.append(_finding(key, expected, actual, told.last.get(key)))
    return found


def _digest_or_fault(connection: Any, key: str) -> bytes | None:
    """The digest behind a key, or a value that is none where it can't be read."""
    try:
        with db.translated("checked"):
            return digest_at(connection, key)
    except VaultError:
        return b"unreadable"


def _listing(connection: Any) -> tuple[set[str], list[str]]:
    """The codes in the table of encounters, and which of them the indexes that lists are made from show otherwise."""
    columns = "id, code, state, updated"
    try:
        with db.translated("checked"):
            rows = {row[0]: row for row in connection.execute(f"SELECT {columns} FROM encounter NOT INDEXED")}
            shown = [
                {(row[0], row[1], row[2]) for row in connection.execute(
                    f"SELECT id, updated, {other} FROM encounter INDEXED BY {index}")}
                for index, other in (("encounter_by_update", "''"), ("encounter_by_state", "state"))
            ]  # fmt: skip
    except VaultError as error:
        return set(), [f"the table of records can't be read: {error}"]
    wanted = [
        {(one, at, "") for one, _, _, at in rows.values()},
        {(one, at, state) for one, _, state, at in rows.values()},
    ]
    odd = {entry[0] for there, table in zip(shown, wanted, strict=True) for entry in there ^ table}
    codes = sorted(rows[one][1] if one in rows else f"(row {one})" for one in odd)
    return {str(row[1]) for row in rows.values()}, [
        f"record {code}: lists show it as it was at another time" for code in codes
    ]


def _finding(key: str, expected: bytes | None, actual: bytes | None, entry: int | None) -> str:
    """One finding. entry: number of the entry of the chain that changed the state last."""
    what = "the retention policy" if key == POLICY else f"record {key}"
    if expected is None:
        since = "never made it" if entry is None else f"deleted it in entry {entry}"
        return f"{what} is there, but the audit chain {since}"
    if actual is None:
        return f"{what} is gone, but the audit chain knows of no deletion"
    return f"{what} is not as entry {entry} of the audit chain left it: older pages were put back, or a write was lost"
