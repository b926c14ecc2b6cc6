"""Measures the vault at 100,000 encounters, and the same schema and queries in plain SQLite beside it.

    python tests/bench/bench_store.py [--count 100000] [--folder DIR]

Both files are made by the same library and the same statements; only the key differs, so the ratio is the price of
encryption. Prints a table; exit code 1 if a promised figure is missed (search p95 50 ms, page 20 ms, open 50 ms).
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
from pathlib import Path
from typing import Any

import sqlcipher3.dbapi2 as sqlcipher

from edge.contract.records import Origin, Section, Source, note_content
from edge.store import chain, db, upgrade
from edge.store.chain import Event
from edge.store.edits import Edits
from edge.store.header import KeySet
from edge.store.repo import RecordFilter, Records, State, content_hash, content_text
from edge.store.search import Search
from edge.store.session import Session, text_of

WORDS_A_NOTE = 160
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


def fill(connection: Any, count: int, keys: KeySet) -> None:
    """Write count encounters, each with a note, its generation, its first revision and its index entry."""
    randomly = random.Random(1)
    words = vocabulary(randomly)
    weights = [1 / (rank + 3) for rank in range(len(words))]
    upgrade.apply_steps(connection)
    connection.execute("BEGIN")
    connection.execute("INSERT INTO meta VALUES ('vault_id', ?)", ("00" * 16,))
    chain.start(connection, keys.audit)
    for i in range(1, count + 1):
        body = " ".join(randomly.choices(words, weights, k=WORDS_A_NOTE))
        content = content_text(note_content("soap", [Section("S", body[:500]), Section("P", body[500:])]))
        at = f"2025-{1 + i * 12 // (count + 1):02}-01T00:00:00.{i % 1000:03}Z"
        state = ("Draft", "Edited", "Signed")[i % 3]
        connection.execute(
            "INSERT INTO encounter (id, code, title, state, kinds, created, updated, bundle, bundle_sha256,"
            " prompt_version, source_sha256, incomplete) VALUES (?, ?, ?, 'Draft', 'note', ?, ?, 'b', ?, '1', ?, 0)",
            (i, _code(i), f"Visit {i} {words[i % 500]}", at, at, "b" * 64, "a" * 64),
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


def plain(path: Path) -> Any:
    """The same library and settings, without a key."""
    connection = sqlcipher.connect(str(path), isolation_level=None)
    for pragma in db._SETTINGS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def best(work: Callable[[], Any], times: int) -> float:
    """Milliseconds of the fastest of several calls: what the work costs, whatever else the machine does meanwhile."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append((time.perf_counter() - start) * 1000)
    return min(found)


def queries(randomly: random.Random) -> list[str]:
    """What a clinician types: one word, a beginning, two or three words, a phrase; frequent and rare."""
    words = vocabulary(random.Random(1))
    found = ["patient", "pain", "pa", "k", "ibuprofen 400 mg", '"follow up"', '"knee pain"', "Visit 77"]
    found += [randomly.choice(words[:200]) for _ in range(12)] + [randomly.choice(words) for _ in range(12)]
    found += [f"{randomly.choice(words[:50])} {randomly.choice(words[:300])}" for _ in range(12)]
    found += [randomly.choice(words)[:3] for _ in range(12)]
    return found + [f'"{randomly.choice(words[:20])} {randomly.choice(words[:20])}"' for _ in range(8)]


def measure(connect: Callable[[], Any], count: int) -> dict[str, float]:
    """Milliseconds by name, best of several; for search: of the best times of 64 queries, the median, p95 and worst."""
    figures = {"open, key known": best(lambda: _opened(connect), 20)}
    connection = connect()
    session = Session(connection, "bench")
    records = Records(session)
    search, edits = Search(session), Edits(session, records)
    asked = queries(random.Random(2))
    each = sorted(best(lambda q=q: search.find(q), 5) for q in asked)
    figures["search p50"], figures["search p95"] = statistics.median(each), each[int(len(each) * 0.95)]
    figures["search worst"] = each[-1]
    figures["list page"] = best(lambda: records.list(50, 0), 20)
    figures["list page, last"] = best(lambda: records.list(50, count - 50), 10)
    signed = RecordFilter(state=State.SIGNED)
    figures["list page, signed"] = best(lambda: records.list(50, 1000, signed), 10)
    figures["show a record"] = best(lambda: records.get(_code(777)), 20)
    origin = Origin("b", "b" * 64, "1", "a" * 64)
    source, section = Source("x", "text " * 1000, "a" * 64), Section("P", "text " * 300)
    figures["save a note"] = best(lambda: records.save_note("Visit", source, "soap", [section], origin), 30)
    document = int(session.query("SELECT max(id) FROM document")[0][0])
    turn = iter(range(10_000))
    figures["autosave"] = best(lambda: edits.autosave_sections(document, {0: f"{next(turn)} " * 500}), 40)
    connection.close()
    return figures


def _opened(connect: Callable[[], Any]) -> None:
    connection = connect()
    connection.execute("SELECT * FROM encounter ORDER BY updated DESC LIMIT 50").fetchall()
    with db.transaction(connection):
        chain.append(connection, text_of(Session(None, "").clock()), Event.UNLOCK, "", {}, "bench")
    connection.close()


def main() -> int:
    """Build both files, measure both, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="keep the files here, and use them if they are there")
    args = parser.parse_args()
    folder = args.folder or Path(tempfile.mkdtemp(prefix="bench-store-"))
    folder.mkdir(parents=True, exist_ok=True)
    # The key of a kept file must be known again; this one guards made-up words.
    keys = KeySet.read(memoryview(bytes(range(KeySet.SIZE))))
    sealed, clear = folder / f"sealed-{args.count}.vault", folder / f"clear-{args.count}.db"
    try:
        figures = {}
        for name, path, connect in (
            ("vault", sealed, lambda: db.connect(sealed, keys.database, create=True)),
            ("plain", clear, lambda: plain(clear)),
        ):
            if not path.exists():
                connection = connect()
                fill(connection, args.count, keys)
                connection.close()
            figures[name] = measure(connect, args.count)
        return report(figures["vault"], figures["plain"], args.count, sealed, clear)
    finally:
        if args.folder is None:
            shutil.rmtree(folder)


def report(vault: dict[str, float], clear: dict[str, float], count: int, sealed_path: Path, clear_path: Path) -> int:
    """Print the table; 1 if a promise is broken."""
    sizes = [path.stat().st_size / 1e6 for path in (sealed_path, clear_path)]
    print(f"{count:,} encounters; vault {sizes[0]:,.0f} MB, plain {sizes[1]:,.0f} MB")
    print(f"{'':<20}{'vault ms':>10}{'plain ms':>10}{'ratio':>8}{'promised':>10}")
    missed = 0
    for name, value in vault.items():
        promise = PROMISED.get(name)
        missed += promise is not None and value > promise
        shown = f"{promise:>10.0f}" if promise else ""
        print(f"{name:<20}{value:>10.2f}{clear[name]:>10.2f}{value / clear[name]:>8.2f}{shown}")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
