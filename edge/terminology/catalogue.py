"""A classification as it is asked: look up a code, walk its tree, search its words. Read-only, one SQLite file.

Edition and source stand in the file (meta), so that every answer can name them. Codes are written with their dot
("E11.9"); look-ups take any spelling ("e119"). Structure follows the ICD-10-CM tabular list (CDC/NCHS).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from edge.errors import CatalogueError, UsageError
from edge.terminology.lexical import match_query

NOTE_KINDS = ("inclusion", "includes", "excludes1", "excludes2", "code_first", "use_additional", "code_also")
_MAX_QUERY = 500  # characters; longer queries are a paste by mistake, and every word costs a pass over the index


@dataclass(frozen=True)
class Code:
    """One entry. parent: code of the entry above, "" at the top. billable: a leaf that may be reported as it stands.

    placeholder: a leaf by its own right, whose seventh character is an extension (encounter, stage, healing).
    """

    code: str
    description: str
    parent: str
    billable: bool
    level: int


@dataclass(frozen=True)
class Hit:
    """A search result. score: BM25, higher is better (Robertson & Zaragoza 2009). term: the words found."""

    code: Code
    score: float
    term: str


class Catalogue:
    """An open index. Not for use from several threads at once. Raises CatalogueError if the file is none."""

    def __init__(self, file: Path) -> None:
        try:
            self._db = sqlite3.connect(
                f"file:{quote(str(file))}?mode=ro&immutable=1", uri=True, check_same_thread=False
            )
            self.edition = self._meta("edition")
            self.source_sha256 = self._meta("source_sha256")
            self.layout = self._meta("layout")
        except sqlite3.Error as error:
            raise CatalogueError(
                f"The index of codes {file.name} cannot be read.", str(error), "Delete it: it is built again."
            ) from None

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def get(self, code: str) -> Code | None:
        """The entry of a code in any spelling, or None."""
        row = self._db.execute(f"SELECT {_COLUMNS} FROM code WHERE code = ?", (spelled(code),)).fetchone()
        return _code(row) if row else None

    def require(self, code: str) -> Code:
        """get(), or UsageError with the nearest entries above it that exist."""
        if (found := self.get(code)) is not None:
            return found
        wanted = spelled(code)
        above = next((entry for n in range(len(wanted) - 1, 2, -1) if (entry := self.get(wanted[:n]))), None)
        hint = (
            f"{above.code} exists: {above.description}." if above else "Search for words with `edgescribe code search`."
        )
        raise UsageError(f"There is no code {wanted[:20]!r} in {self.edition}.", "", hint)

    def children(self, code: str) -> list[Code]:
        """Entries directly below, in order of the list."""
        rows = self._db.execute(f"SELECT {_COLUMNS} FROM code WHERE parent = ? ORDER BY id", (spelled(code),))
        return [_code(row) for row in rows]

    def ancestors(self, code: str) -> list[Code]:
        """Entries above, the nearest first."""
        path: list[Code] = []
        entry = self.get(code)
        while entry is not None and entry.parent:
            entry = self.get(entry.parent)
            if entry is not None:
                path.append(entry)
        return path

    def leaves(self, code: str) -> Iterator[Code]:
        """All billable entries at or below a code."""
        entry = self.get(code)
        if entry is None:
            return
        if entry.billable:
            yield entry
        for child in self.children(entry.code):
            yield from self.leaves(child.code)

    def notes(self, code: str, kind: str, *, inherited: bool = False) -> list[str]:
        """Notes of one kind (NOTE_KINDS) at a code; inherited: those of the entries above it too, which hold below."""
        holders = [spelled(code), *(entry.code for entry in self.ancestors(code))] if inherited else [spelled(code)]
        found: list[str] = []
        for holder in holders:
            rows = self._db.execute("SELECT text FROM note WHERE code = ? AND kind = ?", (holder, kind))
            found += [str(row[0]) for row in rows]
        return found

    def seventh(self, code: str) -> dict[str, str]:
        """Seventh characters that a code takes, with their meaning; empty if it takes none."""
        for holder in (spelled(code), *(entry.code for entry in self.ancestors(code))):
            rows = self._db.execute("SELECT char, text FROM seventh WHERE code = ? ORDER BY char", (holder,)).fetchall()
            if rows:
                return {str(char): str(text) for char, text in rows}
        return {}

    def search(self, words: str, limit: int = 20, *, every: bool = False) -> list[Hit]:
        """Entries whose description or inclusion terms share words with the query, best first, one hit an entry.

        every: only entries that hold each of the words. Raises UsageError if the query has no word to look for or is
        over 500 characters.
        """
        if len(words) > _MAX_QUERY:
            raise UsageError("The search is too long.", f"At most {_MAX_QUERY} characters.", "Search for a few words.")
        query = match_query(words, every=every)
        if not query:
            raise UsageError("There is no word to search for.", "", "Give words such as: broken left wrist")
        rows = self._db.execute(
            "SELECT code.code, code.description, code.parent, code.billable, code.level, -bm25(term), term.text "
            "FROM term JOIN code ON code.id = term.entry WHERE term MATCH ? ORDER BY bm25(term) LIMIT ?",
            (query, limit * 4),
        )
        best: dict[str, Hit] = {}
        for *columns, score, text in rows:
            entry = _code(columns)
            best.setdefault(entry.code, Hit(entry, float(score), str(text)))
        return list(best.values())[:limit]

    def count(self) -> tuple[int, int]:
        """Entries, and how many of them are billable."""
        entries, billable = self._db.execute("SELECT count(*), sum(billable) FROM code").fetchone()
        return int(entries), int(billable or 0)

    def terms(self) -> Iterable[tuple[str, str]]:
        """(code, words) of every description and inclusion term that is indexed, in the order of the index."""
        rows = self._db.execute(
            "SELECT code.code, term.text FROM term JOIN code ON code.id = term.entry ORDER BY term.rowid"
        )
        return ((str(code), str(text)) for code, text in rows)

    @cached_property
    def unspecified(self) -> frozenset[str]:
        """Codes whose description says "unspecified"."""
        rows = self._db.execute("SELECT code FROM code WHERE description LIKE '%unspecified%'")
        return frozenset(str(row[0]) for row in rows)

    def _meta(self, key: str) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""


_COLUMNS = "code, description, parent, billable, level"


def _code(row: Iterable[object]) -> Code:
    code, description, parent, billable, level = row
    return Code(str(code), str(description), str(parent), bool(billable), int(str(level)))


def spelled(code: str) -> str:
    """A code as the index writes it: capitals, a dot after three characters; ranges and chapters stay as they are."""
    plain = code.strip()[:40]
    if plain.casefold().startswith("chapter"):
        return f"Chapter {plain[7:].strip()}"
    plain = plain.upper()
    if "-" in plain or len(plain) <= 3 or "." in plain or not plain[1:2].isdigit():
        return plain
    return f"{plain[:3]}.{plain[3:]}"
