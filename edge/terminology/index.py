"""The index on disk: built once for each edition, under a temporary name, then renamed; read-only from then on.

ICD-10-CM's tables come with the package simple-icd-10-cm (MIT); only its data file is read, its code never runs.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from edge import paths
from edge.errors import CatalogueError
from edge.terminology.catalogue import Catalogue
from edge.terminology.tabular import TabularEntry, read_edition

_PACKAGE = "simple-icd-10-cm"
STALE = 3600  # seconds after which a half-built index belongs to a process that ended
_LAYOUT = "2"  # of the tables below; another number is another file
_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE code (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, description TEXT NOT NULL, parent TEXT NOT NULL,
                   billable INTEGER NOT NULL, level INTEGER NOT NULL);
CREATE TABLE note (code TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE seventh (code TEXT NOT NULL, char TEXT NOT NULL, text TEXT NOT NULL);
CREATE VIRTUAL TABLE term USING fts5(text, entry UNINDEXED, tokenize = "porter unicode61 remove_diacritics 2");
"""
_KEYS = """
CREATE INDEX code_parent ON code (parent);
CREATE INDEX note_code ON note (code, kind);
CREATE INDEX seventh_code ON seventh (code);
"""


def open_catalogue(folder: Path | None = None) -> Catalogue:
    """ICD-10-CM of the installed edition; its index is built at the first call (seconds). Raises CatalogueError."""
    return open_edition(packaged_tables(), folder)


def packaged_tables() -> Path:
    """The tabular XML that the package carries. Raises CatalogueError if the package is not installed."""
    try:
        found = [f for f in files(_PACKAGE) or () if f.suffix == ".xml" and "tabular" in f.name]
    except PackageNotFoundError:
        found = []
    if len(found) != 1:
        raise CatalogueError(
            "The ICD-10-CM tables are not installed.", f"They come with {_PACKAGE}.", "Install edgescribe again."
        )
    return Path(str(found[0].locate()))


def open_edition(source: Path, folder: Path | None = None) -> Catalogue:
    """The index of one edition's file, built if it is not there. Raises CatalogueError."""
    folder = folder or paths.data_dir() / "terminology"  # a sealed process may write there
    try:
        raw = source.read_bytes()
    except OSError as error:
        raise CatalogueError(f"The file of codes {source.name} cannot be read.", error.strerror or "") from None
    digest = hashlib.sha256(raw).hexdigest()
    index = folder / f"{digest[:16]}-{_LAYOUT}.db"
    if not index.is_file():
        edition, entries = read_edition(raw)
        build(index, edition, digest, entries)
    return Catalogue(index)


def build(index: Path, edition: str, source_sha256: str, entries: Iterable[TabularEntry]) -> None:
    """Write an index. A process that ends half-way leaves only a file that nobody opens. Raises CatalogueError."""
    part = index.with_name(f".{index.name}.{os.getpid()}")
    try:
        index.parent.mkdir(parents=True, exist_ok=True)
        _tidy(index.parent)
        part.unlink(missing_ok=True)
        db = sqlite3.connect(part)
        try:
            db.executescript(
                f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY; {_TABLES}"
            )
            about = {"edition": edition, "source_sha256": source_sha256, "layout": _LAYOUT}
            db.executemany("INSERT INTO meta VALUES (?, ?)", about.items())
            _fill(db, entries)
            db.executescript(f"{_KEYS} INSERT INTO term(term) VALUES ('optimize');")
            db.commit()
        finally:
            db.close()
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(index)
    except (OSError, sqlite3.Error) as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise CatalogueError(
            "The index of codes cannot be built.", str(error), f"Make room in {index.parent}."
        ) from None


def _tidy(folder: Path) -> None:
    """Remove what builds that were killed left behind."""
    for left in folder.glob(".*.db.*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE:
                left.unlink()


def _fill(db: sqlite3.Connection, entries: Iterable[TabularEntry]) -> None:
    count = 0
    for number, entry in enumerate(entries, start=1):
        row = (number, entry.code, entry.description, entry.parent, entry.leaf, entry.level)
        if db.execute("INSERT OR IGNORE INTO code VALUES (?, ?, ?, ?, ?, ?)", row).rowcount != 1:
            continue  # a code that is given twice counts where it stands first
        count += 1
        notes = [(entry.code, kind, text) for kind, texts in entry.notes.items() for text in texts]
        db.executemany("INSERT INTO note VALUES (?, ?, ?)", notes)
        db.executemany("INSERT INTO seventh VALUES (?, ?, ?)", [(entry.code, c, t) for c, t in entry.seventh.items()])
        if (not entry.extended and entry.level >= 2) or not entry.parent:
            terms = [entry.description, *entry.notes.get("inclusion", ())]
            db.executemany("INSERT INTO term (text, entry) VALUES (?, ?)", [(text, number) for text in terms])
    if not count:
        raise CatalogueError("The file of codes holds no code.", "", "Give another file.")
