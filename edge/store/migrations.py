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

# Editing, signing, retention and search. Triggers hold what no statement of this program may break, whoever writes it.
_V2 = """
ALTER TABLE encounter ADD COLUMN legal_hold INTEGER NOT NULL DEFAULT 0 CHECK (legal_hold IN (0, 1));
ALTER TABLE encounter ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
CREATE INDEX encounter_by_state ON encounter (state, updated DESC, id DESC);

CREATE TABLE draft (
  document INTEGER PRIMARY KEY REFERENCES document (id) ON DELETE CASCADE,
  content TEXT NOT NULL,
  author TEXT NOT NULL,
  updated TEXT NOT NULL
);

CREATE TABLE signature (
  id INTEGER PRIMARY KEY,
  encounter INTEGER NOT NULL REFERENCES encounter (id) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  signer TEXT NOT NULL,
  at TEXT NOT NULL,
  revisions TEXT NOT NULL,
  digest TEXT NOT NULL,
  UNIQUE (encounter, version)
);

CREATE TABLE retention (state TEXT PRIMARY KEY, days INTEGER NOT NULL CHECK (days > 0)) WITHOUT ROWID;
CREATE TABLE purging (encounter INTEGER PRIMARY KEY);

CREATE TRIGGER encounter_goes_by_purging BEFORE DELETE ON encounter
WHEN old.legal_hold OR NOT EXISTS (SELECT 1 FROM purging WHERE encounter = old.id)
BEGIN SELECT RAISE(ABORT, 'edgescribe: a record on legal hold, or outside a purge, is not deleted'); END;
CREATE TRIGGER revision_never_changes BEFORE UPDATE ON revision
BEGIN SELECT RAISE(ABORT, 'edgescribe: a revision is final'); END;
CREATE TRIGGER revision_goes_by_purging BEFORE DELETE ON revision WHEN NOT EXISTS (SELECT 1 FROM purging)
BEGIN SELECT RAISE(ABORT, 'edgescribe: a revision is final'); END;
CREATE TRIGGER signature_never_changes BEFORE UPDATE ON signature
BEGIN SELECT RAISE(ABORT, 'edgescribe: a signature is final'); END;
CREATE TRIGGER signature_goes_by_purging BEFORE DELETE ON signature WHEN NOT EXISTS (SELECT 1 FROM purging)
BEGIN SELECT RAISE(ABORT, 'edgescribe: a signature is final'); END;
CREATE TRIGGER signed_document_stays BEFORE UPDATE ON document
WHEN (SELECT state FROM encounter WHERE id = old.encounter) = 'Signed'
BEGIN SELECT RAISE(ABORT, 'edgescribe: a signed record is final; amend it'); END;
CREATE TRIGGER signed_encounter_takes_no_document BEFORE INSERT ON document
WHEN (SELECT state FROM encounter WHERE id = new.encounter) = 'Signed'
BEGIN SELECT RAISE(ABORT, 'edgescribe: a signed record is final; amend it'); END;
CREATE TRIGGER chain_never_changes BEFORE UPDATE ON chain
BEGIN SELECT RAISE(ABORT, 'edgescribe: the audit chain only grows'); END;
CREATE TRIGGER chain_never_shrinks BEFORE DELETE ON chain
BEGIN SELECT RAISE(ABORT, 'edgescribe: the audit chain only grows'); END;

CREATE TABLE search_text (
  encounter INTEGER PRIMARY KEY REFERENCES encounter (id) ON DELETE CASCADE,
  title TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE VIRTUAL TABLE search USING fts5 (
  title, body, content='search_text', content_rowid='encounter', tokenize='unicode61 remove_diacritics 2', prefix='2 3'
);
INSERT INTO search (search, rank) VALUES ('secure-delete', 1);
CREATE TRIGGER search_text_added AFTER INSERT ON search_text
BEGIN INSERT INTO search (rowid, title, body) VALUES (new.encounter, new.title, new.body); END;
CREATE TRIGGER search_text_gone AFTER DELETE ON search_text
BEGIN INSERT INTO search (search, rowid, title, body) VALUES ('delete', old.encounter, old.title, old.body); END;
CREATE TRIGGER search_text_changed AFTER UPDATE ON search_text
BEGIN
  INSERT INTO search (search, rowid, title, body) VALUES ('delete', old.encounter, old.title, old.body);
  INSERT INTO search (rowid, title, body) VALUES (new.encounter, new.title, new.body);
END;
INSERT INTO search_text
  SELECT id, title, coalesce((
    SELECT group_concat(value, char(10)) FROM document, json_tree(document.content)
    WHERE document.encounter = encounter.id AND type = 'text'), '')
  FROM encounter;
"""

# Words of the sources are found too. The index reads them where they lie (search_view), so no second copy is kept; what
# it is told to forget must be, word for word, what it was told, hence a trigger before and one after each change.
_V3 = """
DROP TRIGGER search_text_added;
DROP TRIGGER search_text_gone;
DROP TRIGGER search_text_changed;
DROP TABLE search;
CREATE VIEW search_view AS
  SELECT encounter, title, body, coalesce((
    SELECT group_concat(text, char(10)) FROM (
      SELECT text FROM source WHERE source.encounter = search_text.encounter ORDER BY id)), '') AS source
  FROM search_text;
CREATE VIRTUAL TABLE search USING fts5 (
  title, body, source, content='search_view', content_rowid='encounter', tokenize='unicode61 remove_diacritics 2',
  prefix='2 3'
);
INSERT INTO search (search, rank) VALUES ('secure-delete', 1);
INSERT INTO search (search) VALUES ('rebuild');
CREATE TRIGGER search_text_added AFTER INSERT ON search_text
BEGIN
  INSERT INTO search (rowid, title, body, source)
    SELECT encounter, title, body, source FROM search_view WHERE encounter = new.encounter;
END;
CREATE TRIGGER search_text_changing BEFORE UPDATE ON search_text
BEGIN
  INSERT INTO search (search, rowid, title, body, source)
    SELECT 'delete', encounter, title, body, source FROM search_view WHERE encounter = old.encounter;
END;
CREATE TRIGGER search_text_changed AFTER UPDATE ON search_text
BEGIN
  INSERT INTO search (rowid, title, body, source)
    SELECT encounter, title, body, source FROM search_view WHERE encounter = new.encounter;
END;
CREATE TRIGGER source_coming BEFORE INSERT ON source
WHEN NOT EXISTS (SELECT 1 FROM source WHERE encounter = new.encounter AND sha256 = new.sha256)
BEGIN
  INSERT INTO search (search, rowid, title, body, source)
    SELECT 'delete', encounter, title, body, source FROM search_view WHERE encounter = new.encounter;
END;
CREATE TRIGGER source_added AFTER INSERT ON source
BEGIN
  INSERT INTO search (rowid, title, body, source)
    SELECT encounter, title, body, source FROM search_view WHERE encounter = new.encounter;
END;
CREATE TRIGGER source_never_changes BEFORE UPDATE ON source
BEGIN SELECT RAISE(ABORT, 'edgescribe: a source is final'); END;
CREATE TRIGGER source_goes_by_purging BEFORE DELETE ON source WHEN NOT EXISTS (SELECT 1 FROM purging)
BEGIN SELECT RAISE(ABORT, 'edgescribe: a source is final'); END;
CREATE TRIGGER encounter_leaves_the_index BEFORE DELETE ON encounter
BEGIN
  INSERT INTO search (search, rowid, title, body, source)
    SELECT 'delete', encounter, title, body, source FROM search_view WHERE encounter = old.id;
END;

UPDATE encounter SET incomplete = EXISTS (
  SELECT 1 FROM generation JOIN document ON document.id = generation.document
  WHERE document.encounter = encounter.id AND generation.incomplete
  AND document.id = (SELECT max(id) FROM document AS newer
    WHERE newer.encounter = document.encounter AND newer.kind = document.kind));
"""

# The chain vouches for the state of records: an entry covers the digests that its change made, and the root after it.
# The baseline of a vault of before is an entry of its own (edge.store.states), made as this version first opens it.
_V4 = """
ALTER TABLE chain ADD COLUMN states TEXT;
ALTER TABLE chain ADD COLUMN root BLOB;
CREATE TABLE covered (code TEXT PRIMARY KEY, digest BLOB NOT NULL) WITHOUT ROWID;
"""

STEPS: tuple[str, ...] = (_V1, _V2, _V3, _V4)
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
