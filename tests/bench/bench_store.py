"""Measures the vault at 100,000 encounters, and the same schema and queries in plain SQLite beside it.

    python -m tests.bench.bench_store [--count 100000] [--source-words 1080] [--folder DIR]

Each encounter has a transcript as long as those of ACI-Bench (1,080 words) and a note. Both files hold the same,
by the same library; only the key differs, so the ratio is the price of encryption. "best" is the fastest call, which
other work on the machine cannot make slower; "median" that of all calls. Exit code 1 if a promised figure is missed by
the best (search p95 50 ms, page 20 ms, open 50 ms). Takes some ten minutes and 5 GB of disk at 100,000.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import sqlcipher3.dbapi2 as sqlcipher

from edge.contract.encounter import Generated, Source
from edge.contract.note import EncounterNote, Section
from edge.contract.origin import Origin
from edge.store import chain, db, upgrade
from edge.store.chain import Event
from edge.store.edits import Edits
from edge.store.encounters import EncounterFilter, Encounters, State, content_hash, content_text
from edge.store.header import KeySet
from edge.store.search import Search
from edge.store.session import VaultSession, text_of

WORDS_A_NOTE, WORDS_A_SOURCE = 160, 1080
PROMISED = {"search p95": 50.0, "list page": 20.0, "list page, last": 20.0, "open, key known": 50.0, "autosave": 5.0}
FIXED = [
    "pain",
    "knee",
    "patient",
    "denies",
    "fever",
    "ibuprofen",
    "400",
    "mg",
    "daily",
    "follow",
    "up",
    "in",
    "two",
    "weeks",
]


def vocabulary(randomly: random.Random) -> list[str]:
    """6,000 made-up words; the real ones come first, so that they are the frequent ones."""
    letters = "abcdefghiklmnoprstuvw"
    return FIXED + ["".join(randomly.choices(letters, k=randomly.randint(3, 10))) for _ in range(6000)]


def _code(number: int) -> str:
    return "".join(random.Random(number).choices("23456789bcdfghjkmnpqrstvwxz", k=8))


def fill(connection: Any, count: int, source_words: int, keys: KeySet) -> None:
    """Write count encounters, each with a transcript, a note, its generation, first revision and index entry."""
    randomly = random.Random(1)
    words = vocabulary(randomly)
    weights = list(accumulate(1 / (rank + 3) for rank in range(len(words))))
    upgrade.apply_steps(connection)
    connection.execute("BEGIN")
    connection.execute("INSERT INTO meta VALUES ('vault_id', ?)", ("00" * 16,))
    chain.start(connection, keys.audit)
    for i in range(1, count + 1):
        body = " ".join(randomly.choices(words, cum_weights=weights, k=WORDS_A_NOTE))
        said = " ".join(randomly.choices(words, cum_weights=weights, k=source_words))
        content = content_text(EncounterNote("soap", (Section("S", body[:500]), Section("P", body[500:]))))
        at = f"2025-{1 + i * 12 // (count + 1):02}-01T00:00:00.{i % 1000:03}Z"
        state = ("Draft", "Edited", "Signed")[i % 3]
        connection.execute(
            "INSERT INTO encounter (id, code, title, state, kinds, created, updated, bundle, bundle_sha256,"
            " prompt_version, source_sha256, incomplete) VALUES (?, ?, ?, 'Draft', 'note', ?, ?, 'b', ?, '1', ?, 0)",
            (i, _code(i), f"Visit {i} {words[i % 500]}", at, at, "b" * 64, "a" * 64),
        )
        connection.execute(
            "INSERT INTO source (encounter, name, kind, text, sha256, created) VALUES (?, 'v', 'transcript', ?, ?, ?)",
            (i, said, "a" * 64, at),
        )
        connection.execute("INSERT INTO document VALUES (?, ?, 'note', ?, 1, 1)", (i, i, content))
        connection.execute(
            "INSERT INTO generation VALUES (?, ?, 'b', ?, '1', ?, '{}', 10, 10, 1.0, 0, ?)",
            (i, i, "b" * 64, "a" * 64, at),
        )
        connection.execute(
            "INSERT INTO revision VALUES (?, ?, 1, 1, 'model', ?, 'generated', 1, ?, ?)",
            (i, i, at, content, content_hash(content)),
        )
        connection.execute("INSERT INTO search_text VALUES (?, ?, ?)", (i, f"Visit {i}", body))
        connection.execute("UPDATE encounter SET state = ? WHERE id = ?", (state, i))
        if i % 1000 == 0:
            print(f"\r{i:,} of {count:,}", end="", file=sys.stderr, flush=True)
    connection.execute("COMMIT")
    print("", file=sys.stderr)


def copy_clear(sealed: Any, path: Path) -> None:
    """Write the same content to a new file without a key."""
    sealed.execute("ATTACH DATABASE ? AS clear KEY ''", (str(path),))
    sealed.execute("SELECT sqlcipher_export('clear')").fetchone()
    sealed.execute(f"PRAGMA clear.user_version = {db.user_version(sealed)}")
    sealed.execute("DETACH DATABASE clear")


def plain(path: Path) -> Any:
    """The same library and settings, without a key."""
    connection = sqlcipher.connect(str(path), isolation_level=None)
    for pragma in db._SETTINGS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


@dataclass(frozen=True)
class Cost:
    """Milliseconds of several calls of one work: the fastest, and the median."""

    best: float
    median: float


def cost(work: Callable[[], Any], times: int) -> Cost:
    """Call it several times."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append((time.perf_counter() - start) * 1000)
    return Cost(min(found), statistics.median(found))


def at(costs: list[Cost], part: float) -> Cost:
    """The quantile of several works: of their best, and of their medians."""
    place = min(int(len(costs) * part), len(costs) - 1)
    return Cost(sorted(c.best for c in costs)[place], sorted(c.median for c in costs)[place])


def queries(randomly: random.Random) -> list[str]:
    """What a clinician types: one word, a beginning, two or three words, a phrase; frequent and rare."""
    words = vocabulary(random.Random(1))
    found = ["patient", "pain", "pa", "k", "ibuprofen 400 mg", '"follow up"', '"knee pain"', "Visit 77"]
    found += [randomly.choice(words[:200]) for _ in range(12)] + [randomly.choice(words) for _ in range(12)]
    found += [f"{randomly.choice(words[:50])} {randomly.choice(words[:300])}" for _ in range(12)]
    found += [randomly.choice(words)[:3] for _ in range(12)]
    return found + [f'"{randomly.choice(words[:20])} {randomly.choice(words[:20])}"' for _ in range(8)]


def measure(connect: Callable[[], Any], count: int) -> dict[str, Cost]:
    """Costs by name; for search: median, p95 and worst of 64 queries."""
    figures = {"open, key known": cost(lambda: _opened(connect), 20)}
    connection = connect()
    session = VaultSession(connection, "bench")
    records = Encounters(session)
    search, edits = Search(session), Edits(session, records)
    asked = queries(random.Random(2))
    each = [cost(lambda q=q: search.find(q), 5) for q in asked]
    figures |= {"search p50": at(each, 0.5), "search p95": at(each, 0.95), "search worst": at(each, 1.0)}
    figures["list page"] = cost(lambda: records.list(50, 0), 20)
    figures["list page, last"] = cost(lambda: records.list(50, count - 50), 10)
    signed = EncounterFilter(state=State.SIGNED)
    figures["list page, signed"] = cost(lambda: records.list(50, 1000, signed), 10)
    figures["show a record"] = cost(lambda: records.get(_code(777)), 20)
    origin = Origin("b", "b" * 64, "1", "a" * 64)
    source, section = Source("x", "text " * 1000, "a" * 64), Section("P", "text " * 300)
    figures["save a note"] = cost(
        lambda: records.save("Visit", source, [Generated(EncounterNote("soap", (section,)), origin)]), 30
    )
    document = int(session.query("SELECT max(id) FROM document")[0][0])
    turn = iter(range(10_000))
    figures["autosave"] = cost(
        lambda: edits.autosave(document, EncounterNote("soap", (Section("P", f"{next(turn)} " * 500),))), 40
    )
    connection.close()
    return figures


def _opened(connect: Callable[[], Any]) -> None:
    connection = connect()
    connection.execute("SELECT * FROM encounter ORDER BY updated DESC LIMIT 50").fetchall()
    with db.transaction(connection):
        chain.append(connection, text_of(VaultSession(None, "").clock()), Event.UNLOCK, "", {}, "bench")
    connection.close()


def main() -> int:
    """Build both files, measure both, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--source-words", type=int, default=WORDS_A_SOURCE, help="length of a transcript")
    parser.add_argument("--folder", type=Path, help="keep the files here, and use them if they are there")
    args = parser.parse_args()
    folder = args.folder or Path(tempfile.mkdtemp(prefix="bench-store-"))
    folder.mkdir(parents=True, exist_ok=True)
    # The key of a kept file must be known again; this one guards made-up words.
    keys = KeySet.read(memoryview(bytes(range(KeySet.SIZE))))
    name = f"{args.count}-{args.source_words}"
    sealed, clear = folder / f"sealed-{name}.vault", folder / f"clear-{name}.db"

    def vault() -> Any:
        return db.connect(sealed, keys.database, create=True)

    try:
        if not clear.exists():
            connection = vault()
            fill(connection, args.count, args.source_words, keys)
            copy_clear(connection, clear)
            connection.close()
        figures = [measure(connect, args.count) for connect in (vault, lambda: plain(clear))]
        return report(figures[0], figures[1], args.count, sealed, clear)
    finally:
        if args.folder is None:
            shutil.rmtree(folder)


def report(vault: dict[str, Cost], clear: dict[str, Cost], count: int, sealed_path: Path, clear_path: Path) -> int:
    """Print the table; 1 if a promise is broken."""
    sizes = [path.stat().st_size / 1e6 for path in (sealed_path, clear_path)]
    print(f"{count:,} encounters; vault {sizes[0]:,.0f} MB, plain {sizes[1]:,.0f} MB")
    print(f"{'':<18}{'vault, best':>12}{'median':>9}{'plain, best':>13}{'median':>9}{'ratio':>8}{'promised':>10}")
    missed = 0
    for name, value in vault.items():
        promise, other = PROMISED.get(name), clear[name]
        missed += promise is not None and value.best > promise
        shown = f"{promise:>10.0f}" if promise else ""
        ratio = value.best / other.best
        print(
            f"{name:<18}{value.best:>12.2f}{value.median:>9.2f}{other.best:>13.2f}{other.median:>9.2f}{ratio:>8.2f}{shown}"
        )
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
