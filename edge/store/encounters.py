"""Encounters in the vault: save, list, read, delete. Every change is one transaction with its audit entry."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edge.contract.encounter import (
    Content,
    Encounter,
    EncounterSummary,
    Generated,
    KeptDocument,
    Kind,
    Source,
    State,
    content_from_json,
    incomplete,
)
from edge.contract.note import EncounterNote
from edge.contract.origin import Origin
from edge.errors import UsageError, VaultError
from edge.samples import VISIT_SHA256
from edge.store.chain import Event
from edge.store.session import Change, VaultSession
from edge.text import one_line, sanitise

_CODE_ALPHABET = "23456789bcdfghjkmnpqrstvwxz"  # no vowels (no words), nothing that is misread
_CODE_LENGTH = 8
_REINDEX = (
    "INSERT INTO search_text (encounter, title, body) SELECT id, title, coalesce((SELECT group_concat(value, char(10))"
    " FROM document, json_tree(document.content) WHERE document.encounter = ?1 AND type = 'text'"
    " AND key IN ('heading', 'text', 'conversation')), '') FROM encounter"
    " WHERE id = ?1 ON CONFLICT (encounter) DO UPDATE SET title = excluded.title, body = excluded.body"
)
_WRITTEN = (Kind.NOTE, Kind.EXTRACTION)  # what a model bundle writes; the rest is a person's, or of a catalogue
TITLE_LENGTH = 160
_SAMPLE = f"EXISTS (SELECT 1 FROM source WHERE source.encounter = encounter.id AND source.sha256 = '{VISIT_SHA256}')"
SUMMARY = (
    "encounter.code, encounter.title, encounter.created, encounter.updated, encounter.state, encounter.kinds,"
    " encounter.bundle, encounter.bundle_sha256, encounter.prompt_version, encounter.source_sha256,"
    f" encounter.incomplete, encounter.legal_hold, {_SAMPLE}"
)


@dataclass(frozen=True)
class EncounterFilter:
    """What a list shows; None means any. since and until: UTC text, compared with the last change.

    signed, note, incomplete, sample: whether it is, or has one.
    """

    state: State | None = None
    kind: Kind | None = None
    since: str | None = None
    until: str | None = None
    signed: bool | None = None
    note: bool | None = None
    incomplete: bool | None = None
    sample: bool | None = None

    def where(self) -> tuple[str, tuple[Any, ...]]:
        """SQL condition and its parameters."""
        parts: list[tuple[str, Any]] = []
        if self.state is not None:
            parts.append(("state = ?", self.state.value))
        if self.kind is not None:
            parts.append(("instr(kinds, ?) > 0", self.kind.value))
        if self.since is not None:
            parts.append(("updated >= ?", self.since))
        if self.until is not None:
            parts.append(("updated < ?", self.until))
        if self.signed is not None:
            parts.append(("(state = 'Signed') = ?", int(self.signed)))
        if self.note is not None:
            parts.append((f"(instr(kinds, '{Kind.NOTE.value}') > 0) = ?", int(self.note)))
        if self.incomplete is not None:
            parts.append(("incomplete = ?", int(self.incomplete)))
        if self.sample is not None:
            parts.append((f"{_SAMPLE} = ?", int(self.sample)))
        return " AND ".join(sql for sql, _ in parts) or "1", tuple(value for _, value in parts)


def _is_empty(document: KeptDocument[Content]) -> bool:
    """Whether a note by hand has no word yet: it only keeps a conversation that is being typed or was corrected."""
    note = document.content if isinstance(document.content, EncounterNote) and not document.origin.bundle else None
    return note is not None and not note.written and note.unfinished is None


def summary_of(row: Sequence[Any]) -> EncounterSummary:
    """A row of SUMMARY as a summary."""
    code, title, created, updated, state, kinds, bundle, bundle_sha256, prompt, source_sha256, *marks = row
    cut, hold, sample = (bool(mark) for mark in marks)
    return EncounterSummary(
        code, title, created, updated, State(state), tuple(Kind(k) for k in kinds.split(",") if k), bundle,
        bundle_sha256, prompt, source_sha256, cut, hold, sample,
    )  # fmt: skip


def content_text(content: Content) -> str:
    """Canonical text of a document's content: JSON, a line a value, so that a diff stays small."""
    return sanitise(json.dumps(content.to_json(), ensure_ascii=False, indent=0))


def content_of(kind: Kind, text: str) -> Content:
    """Content of its canonical text."""
    return content_from_json(kind, json.loads(text))


def content_hash(text: str) -> str:
    """SHA-256 of content in its canonical text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Encounters:
    """The encounters of one open vault."""

    def __init__(self, session: VaultSession) -> None:
        self._session = session

    def save(
        self, title: str, source: Source, generated: Sequence[Generated], encounter: str | None = None
    ) -> EncounterSummary:
        """Keep a source and what was generated from it, as a new encounter or added to one, whole or not at all.

        Raises UsageError if nothing was generated, VaultError if there is no such encounter.
        """
        if not generated:
            raise UsageError("There is nothing to save.", "No result was generated.")
        with self._session.change(Event.CREATE) as change:
            if encounter is None:
                key, code = self._new_encounter(change, title, generated[-1].origin)
            else:
                key, code = self._key(encounter), self.resolve(encounter)
                change.touch(code)
                self.refuse_signed(code)
            change.subject = code
            change.detail = {
                "kinds": [g.kind.value for g in generated],
                "bundle_sha256": generated[-1].origin.bundle_sha256,
            }
            self._note_bundle(change, generated)
            self._add_source(change, key, source)
            for one in generated:
                self._add_document(change, key, one)
            self.refresh(change, key)
        return self.summary(code)

    def save_source(self, title: str, source: Source, encounter: str | None = None) -> EncounterSummary:
        """Keep a source from which nothing is generated yet, as a new encounter or added to one.

        Its list line names no kind and no bundle. Raises VaultError for a signed encounter or none.
        """
        with self._session.change(Event.CREATE) as change:
            if encounter is None:
                key, code = self._new_encounter(change, title, Origin("", "", "", source.sha256))
            else:
                key, code = self._key(encounter), self.resolve(encounter)
                change.touch(code)
                self.refuse_signed(code)
            change.subject, change.detail = code, {"kinds": []}
            self._add_source(change, key, source)
            self.refresh(change, key)
        return self.summary(code)

    def list(self, limit: int = 50, offset: int = 0, where: EncounterFilter | None = None) -> list[EncounterSummary]:
        """Summaries, last changed first."""
        condition, values = (where or EncounterFilter()).where()
        rows = self._session.query(
            f"SELECT {SUMMARY} FROM encounter WHERE {condition} ORDER BY updated DESC, id DESC LIMIT ? OFFSET ?",
            (*values, limit, offset),
        )
        return [summary_of(row) for row in rows]

    def count(self, where: EncounterFilter | None = None) -> int:
        """How many encounters list() would give in all."""
        condition, values = (where or EncounterFilter()).where()
        return int(self._session.query(f"SELECT count(*) FROM encounter WHERE {condition}", values)[0][0])

    def signed(self) -> Sequence[str]:
        """Ids of all encounters that were ever signed."""
        return [
            str(code)
            for (code,) in self._session.query(
                "SELECT DISTINCT code FROM signature JOIN encounter ON encounter.id = signature.encounter"
            )
        ]

    def resolve(self, identifier: str) -> str:
        """The full id for an id or an unambiguous beginning of four characters or more. Raises VaultError."""
        wanted = identifier.strip().lower()
        rows = []
        if len(wanted) >= 4 and set(wanted) <= set(_CODE_ALPHABET):
            rows = self._session.query(
                "SELECT code FROM encounter WHERE code >= ? AND code < ? LIMIT 2", (wanted, wanted + "~")
            )
        if len(rows) == 1:
            return str(rows[0][0])
        raise VaultError(
            "There is no such record." if not rows else "Several records begin like that.",
            "",
            "`edgescribe records list` shows the ids." if not rows else "Type more of the id.",
        )

    def summary(self, identifier: str) -> EncounterSummary:
        """One summary. Raises VaultError if there is no such record."""
        code = self.resolve(identifier)
        return summary_of(self._session.query(f"SELECT {SUMMARY} FROM encounter WHERE code = ?", (code,))[0])

    def get(self, identifier: str) -> Encounter:
        """A whole encounter; the view goes into the audit chain. Raises VaultError if there is no such record."""
        record = self.peek(identifier)
        self._session.record(Event.VIEW, record.summary.id)
        return record

    def peek(self, identifier: str) -> Encounter:
        """A whole encounter without an entry of its own: for a change that has one (an export).

        Raises DamagedVaultError unless the audit chain vouches for its state, VaultError if there is no such record.
        """
        summary = self.summary(identifier)
        self._session.states.check(self._session.connection, summary.id)
        key = self._key(summary.id)
        sources = self._session.query(
            "SELECT name, text, sha256, kind FROM source WHERE encounter = ? ORDER BY id", (key,)
        )
        documents = self._session.query(
            "SELECT id, kind, coalesce(draft.content, document.content), revision, version, draft.content IS NOT NULL"
            " FROM document LEFT JOIN draft ON draft.document = document.id WHERE encounter = ? ORDER BY id",
            (key,),
        )
        return Encounter(
            summary,
            tuple(Source(*row) for row in sources),
            tuple(
                KeptDocument(i, content_of(Kind(kind), content), revision, version, self._origin(i), bool(draft))
                for i, kind, content, revision, version, draft in documents
            ),
        )

    def delete(self, identifier: str, *, signed_too: bool = False) -> str:
        """Wipe an encounter and all that belongs to it; a tombstone stays in the audit chain. Returns its id.

        Raises VaultError for a record on legal hold, and for a signed one unless signed_too.
        """
        summary = self.summary(identifier)
        if summary.legal_hold:
            raise VaultError("This record is on legal hold.", "", "Lift the hold before deleting it.")
        if summary.state is State.SIGNED and not signed_too:
            raise VaultError("This record is signed.", "Signed records are not deleted by chance.", "Add --signed-too.")
        with self._session.change(Event.DELETE, summary.id, state=summary.state.value) as change:
            self.wipe(change, [summary.id])
        self._session.truncate_log()
        return summary.id

    def wipe(self, change: Change, codes: Sequence[str]) -> None:
        """Delete encounters inside the caller's change, their content and their search entries overwritten."""
        for code in codes:
            change.touch(code)
            change.connection.execute("INSERT INTO purging SELECT id FROM encounter WHERE code = ?", (code,))
        change.connection.execute("DELETE FROM encounter WHERE id IN (SELECT encounter FROM purging)")
        change.connection.execute("DELETE FROM purging")

    def hold(self, identifier: str, on: bool = True) -> EncounterSummary:
        """Set or lift a legal hold: while it is on, nothing deletes the record."""
        code = self.resolve(identifier)
        with self._session.change(Event.HOLD, code, on=on) as change:
            change.connection.execute("UPDATE encounter SET legal_hold = ? WHERE code = ?", (int(on), code))
        return self.summary(code)

    def rename(self, identifier: str, title: str) -> EncounterSummary:
        """Give an encounter another title."""
        code = self.resolve(identifier)
        with self._session.change(Event.EDIT, code, title=True) as change:
            change.connection.execute(
                "UPDATE encounter SET title = ?, updated = ? WHERE code = ?",
                (one_line(title, TITLE_LENGTH), change.at, code),
            )
            change.connection.execute(_REINDEX, (self._key(code),))
        return self.summary(code)

    def refuse_signed(self, code: str) -> None:
        """Raise VaultError for a signed encounter."""
        if self.summary(code).state is State.SIGNED:
            raise VaultError("This record is signed.", "A signed version is final.", "Amend it to begin a new version.")

    def _key(self, code: str) -> int:
        return int(self._session.query("SELECT id FROM encounter WHERE code = ?", (self.resolve(code),))[0][0])

    def _new_encounter(self, change: Change, title: str, origin: Origin) -> tuple[int, str]:
        code = self._new_code()
        change.touch(code)
        cursor = change.connection.execute(
            "INSERT INTO encounter (code, title, state, kinds, created, updated, bundle, bundle_sha256, prompt_version,"
            " source_sha256, incomplete) VALUES (?, ?, 'Draft', '', ?, ?, ?, ?, ?, ?, 0)",
            (code, one_line(title, TITLE_LENGTH), change.at, change.at, origin.bundle, origin.bundle_sha256,
             origin.prompt_version, origin.source_sha256),
        )  # fmt: skip
        return int(cursor.lastrowid), code

    def _new_code(self) -> str:
        while True:
            code = "".join(secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_LENGTH))
            if not self._session.query("SELECT 1 FROM encounter WHERE code = ?", (code,)):
                return code

    def _note_bundle(self, change: Change, generated: Sequence[Generated]) -> None:
        """An entry of its own when another model bundle writes than the last time."""
        origin = generated[-1].origin
        if not any(one.kind in _WRITTEN for one in generated):
            return
        last = change.connection.execute(
            "SELECT bundle_sha256 FROM generation JOIN document ON document.id = generation.document"
            " WHERE kind IN ('note', 'extraction') ORDER BY generation.id DESC LIMIT 1"
        ).fetchone()
        if last is not None and last[0] != origin.bundle_sha256:
            detail = {"bundle": origin.bundle, "bundle_sha256": origin.bundle_sha256, "before": last[0]}
            self._session.append(change, Event.BUNDLE_CHANGE, detail)

    def _add_source(self, change: Change, key: int, source: Source) -> None:
        change.connection.execute(
            "INSERT INTO source (encounter, name, kind, text, sha256, created) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (encounter, sha256) DO NOTHING",
            (key, one_line(source.name, TITLE_LENGTH), source.kind, sanitise(source.text), source.sha256, change.at),
        )

    def _add_document(self, change: Change, key: int, generated: Generated) -> None:
        text, origin = content_text(generated.content), generated.origin
        author = f"model:{origin.bundle}" if origin.bundle else self._session.actor
        cursor = change.connection.execute(
            "INSERT INTO document (encounter, kind, content, revision, version) VALUES (?, ?, ?, 1, 1)",
            (key, generated.kind.value, text),
        )
        document = int(cursor.lastrowid)
        change.connection.execute(
            "INSERT INTO generation (document, bundle, bundle_sha256, prompt_version, source_sha256, parameters,"
            " prompt_tokens, generated_tokens, seconds, incomplete, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (document, origin.bundle, origin.bundle_sha256, origin.prompt_version, origin.source_sha256,
             json.dumps(dict(origin.parameters), sort_keys=True), origin.prompt_tokens, origin.generated_tokens,
             origin.seconds, int(origin.incomplete), change.at),
        )  # fmt: skip
        change.connection.execute(
            "INSERT INTO revision (document, number, version, author, created, reason, whole, data, sha256)"
            " VALUES (?, 1, 1, ?, ?, 'generated', 1, ?, ?)",
            (document, author, change.at, text, content_hash(text)),
        )

    def refresh(self, change: Change, key: int) -> None:
        """Bring the encounter's list line and its search text up to its documents, inside the caller's change."""
        documents = self._newest(key)
        kinds = {one.kind.value for one in documents if not _is_empty(one)}
        newest = change.connection.execute(  # none while there is only a source
            "SELECT bundle, bundle_sha256, prompt_version, source_sha256 FROM generation JOIN document"
            " ON document.id = generation.document WHERE encounter = ? AND kind IN ('note', 'extraction')"
            " ORDER BY generation.id DESC LIMIT 1", (key,)
        ).fetchone()  # fmt: skip
        change.connection.execute(
            "UPDATE encounter SET kinds = ?, updated = ?, incomplete = ? WHERE id = ?",
            (",".join(sorted(kinds)), change.at, int(incomplete(documents)), key),
        )
        if newest is not None:
            change.connection.execute(
                "UPDATE encounter SET bundle = ?, bundle_sha256 = ?, prompt_version = ?, source_sha256 = ?"
                " WHERE id = ?", (*newest, key),
            )  # fmt: skip
        change.connection.execute(_REINDEX, (key,))

    def _newest(self, key: int) -> tuple[KeptDocument[Content], ...]:
        """The newest document of each kind as its last revision says, whatever a draft holds."""
        rows = self._session.query(
            "SELECT max(id), kind, content, revision, version FROM document WHERE encounter = ? GROUP BY kind", (key,)
        )
        return tuple(KeptDocument(i, content_of(Kind(k), c), r, v, self._origin(i)) for i, k, c, r, v in rows)

    def _origin(self, document: int) -> Origin:
        row = self._session.query(
            "SELECT bundle, bundle_sha256, prompt_version, source_sha256, parameters, prompt_tokens, generated_tokens,"
            " seconds, incomplete FROM generation WHERE document = ? ORDER BY id DESC LIMIT 1", (document,)
        )[0]  # fmt: skip
        bundle, bundle_sha256, prompt_version, source_sha256, parameters, prompt, written, seconds, incomplete = row
        return Origin(
            bundle,
            bundle_sha256,
            prompt_version,
            source_sha256,
            json.loads(parameters),
            prompt,
            written,
            seconds,
            bool(incomplete),
        )
