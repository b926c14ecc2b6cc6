"""The schema, as a list of steps that only ever grows. Step N takes a file from schema version N-1 to N.

A released step is never edited: golden vaults of every version (tests/golden/vaults) must keep opening. Each step runs
in a transaction of its own together with its version number; edge.store.upgrade keeps a copy of the file around it.
"""

from __future__ import annotations

_V1 = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE encounter (
  id INTEGER PRIMARY KEY,
  code TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('Draft', 'Edited', 'Signed')),
  kinds TEXT NOT NULL,
  created TEXT NOT NULL,
  updated TEXT NOT NULL,
  bundle TEXT NOT NULL,
  bundle_sha256 TEXT NOT NULL,
  prompt_version TEXT NOT NULL,
  source_sha256 TEXT NOT NULL,
  incomplete INTEGER NOT NULL CHECK (incomplete IN (0, 1))
);
CREATE INDEX encounter_by_update ON encounter (updated DESC, id DESC);

CREATE TABLE source (
  id INTEGER PRIMARY KEY,
  encounter INTEGER NOT NULL REFERENCES encounter (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  text TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  created TEXT NOT NULL,
  UNIQUE (encounter, sha256)
);

CREATE TABLE document (
  id INTEGER PRIMARY KEY,
  encounter INTEGER NOT NULL REFERENCES encounter (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  content TEXT NOT NULL,
  revision INTEGER NOT NULL,
  version INTEGER NOT NULL
);
CREATE INDEX document_by_encounter ON document (encounter);

CREATE TABLE generation (
  id INTEGER PRIMARY KEY,
  document INTEGER NOT NULL REFERENCES document (id) ON DELETE CASCADE,
  bundle TEXT NOT NULL,
  bundle_sha256 TEXT NOT NULL,
  prompt_version TEXT NOT NULL,
  source_sha256 TEXT NOT NULL,
  parameters TEXT NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  generated_tokens INTEGER NOT NULL,
  seconds REAL NOT NULL,
  incomplete INTEGER NOT NULL,
  created TEXT NOT NULL
);
CREATE INDEX generation_by_document ON generation (document);

CREATE TABLE revision (
  id INTEGER PRIMARY KEY,
  document INTEGER NOT NULL REFERENCES document (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  version INTEGER NOT NULL,
  author TEXT NOT NULL,
  created TEXT NOT NULL,
  reason TEXT NOT NULL,
  whole INTEGER NOT NULL CHECK (whole IN (0, 1)),
  data TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  UNIQUE (document, number)
);

CREATE TABLE chain (
  seq INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  event TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL,
  actor TEXT NOT NULL,
  mac BLOB NOT NULL
);
CREATE TABLE chain_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  seq INTEGER NOT NULL,
  mac BLOB NOT NULL,
  key BLOB NOT NULL
);
"""

STEPS: tuple[str, ...] = (_V1,)
LATEST = len(STEPS)


def statements(step: str) -> list[str]:
    """The statements of a step. A trigger's body has semicolons of its own, so SQLite itself says where one ends."""
    import sqlcipher3.dbapi2 as sqlcipher

    found, current = [], ""
    for line in step.splitlines(keepends=True):
        current += line
        if current.strip() and sqlcipher.complete_statement(current):
            found.append(current.strip())
            current = ""
    if current.strip():
        raise ValueError("a migration step ends in the middle of a statement")
    return found
