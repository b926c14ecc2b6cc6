"""Editing and signing: drafts that save themselves, revisions that are never lost, signatures that make them final.

    autosave() every second or two while someone types -> commit() when they pause or leave -> sign()

A draft is one row that each autosave overwrites; a revision is kept for good, as a difference to the one before. After
sign() nothing of that version changes; amend() begins the next one, and the signed version stays readable.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from edge.contract.encounter import Content, EncounterSummary, Kind, State
from edge.errors import DamagedVaultError, UsageError, VaultError
from edge.store import delta
from edge.store.chain import Event
from edge.store.encounters import Encounters, content_hash, content_of, content_text
from edge.store.session import Change, VaultSession
from edge.text import one_line

WHOLE_EVERY = 16  # revisions between two that are kept in full: bounds the work of reading one


@dataclass(frozen=True)
class Revision:
    """One revision of a document. number counts from 1 (what the model wrote); reason: generated, edit, restore N,
    accept N (a person took section N as complete; 0: the fields).
    """

    number: int
    version: int
    author: str
    created: str
    reason: str
    sha256: str


@dataclass(frozen=True)
class Signature:
    """Who signed which version. digest: SHA-256 of the signed statement, also in the audit chain.

    statement: JSON [record, version, signer, at, [[document, revision, SHA-256 of its text], …]].
    """

    version: int
    signer: str
    at: str
    digest: str
    statement: str = ""


class Edits:
    """Changes to the documents of one open vault. document: Document.id."""

    def __init__(self, session: VaultSession, records: Encounters) -> None:
        self._session, self._records = session, records

    def autosave(self, document: int, content: Content) -> None:
        """Keep the unsaved state of a document; durable on return. Raises VaultError if the record is signed."""
        _, code = self._open_encounter(document)
        text = content_text(content)
        sql = (
            "INSERT INTO draft (document, content, author, updated) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (document) DO UPDATE SET content = excluded.content, updated = excluded.updated"
        )
        if self._session.query("SELECT 1 FROM draft WHERE document = ?", (document,)):
            with self._session.transaction() as connection:
                connection.execute(sql, (document, text, self._session.actor, self._session.now()))
            return
        # The first save of a sitting is the change that the chain tells of; the last is the revision.
        with self._session.change(Event.EDIT, code, document=document, draft=True) as change:
            change.connection.execute(sql, (document, text, self._session.actor, change.at))

    def commit(self, document: int) -> int:
        """Make the draft a revision. Returns the document's revision, unchanged if there was nothing new."""
        code = self._code(document)
        row = self._session.query("SELECT content, author FROM draft WHERE document = ?", (document,))
        if not row:
            return self._number(document)
        with self._session.change(Event.EDIT, code, document=document) as change:
            return self._add(change, document, str(row[0][0]), str(row[0][1]), "edit")

    def save(self, document: int, content: Content) -> int:
        """A revision with this content at once. Returns its number."""
        _, code = self._open_encounter(document)
        with self._session.change(Event.EDIT, code, document=document) as change:
            return self._add(change, document, content_text(content), self._session.actor, "edit")

    def accept(self, document: int, content: Content, section: int) -> int:
        """A revision in which a person takes what was cut as complete, with an entry of its own in the audit chain.

        section: its position from 1; 0 for fields. Returns the revision's number.
        """
        _, code = self._open_encounter(document)
        with self._session.change(Event.ACCEPT, code, document=document, section=section) as change:
            return self._add(change, document, content_text(content), self._session.actor, f"accept {section}")

    def discard(self, document: int) -> None:
        """Drop the draft; the document is as its last revision again."""
        with self._session.change(Event.EDIT, self._code(document), document=document, discarded=True) as change:
            change.connection.execute("DELETE FROM draft WHERE document = ?", (document,))

    def restore(self, document: int, number: int) -> int:
        """A new revision with the content of an old one. Returns its number."""
        _, code = self._open_encounter(document)
        text = self._text_at(document, number)
        with self._session.change(Event.EDIT, code, document=document, restored=number) as change:
            return self._add(change, document, text, self._session.actor, f"restore {number}")

    def history(self, document: int) -> list[Revision]:
        """All revisions, oldest first."""
        rows = self._session.query(
            "SELECT number, version, author, created, reason, sha256 FROM revision WHERE document = ? ORDER BY number",
            (document,),
        )
        return [Revision(*row) for row in rows]

    def content_at(self, document: int, number: int) -> Content:
        """Content of a revision, checked against its hash. Raises VaultError, DamagedVaultError."""
        kind = Kind(self._session.query("SELECT kind FROM document WHERE id = ?", (document,))[0][0])
        return content_of(kind, self._text_at(document, number))

    def sign(self, identifier: str, signer: str, shown: int = 0) -> EncounterSummary:
        """Sign an encounter: drafts become revisions, and all documents of this version final.

        shown: open findings that were listed before, for the audit chain, which counts them and names none.
        """
        summary = self._records.summary(identifier)
        signer = one_line(signer, 160)
        if not signer:
            raise UsageError("A signature needs a name.")
        encounter, version, documents = self._session.query(
            "SELECT id, version, (SELECT count(*) FROM document WHERE encounter = encounter.id) FROM encounter"
            " WHERE code = ?", (summary.id,)
        )[0]  # fmt: skip
        if not documents:
            raise VaultError("This record holds no note yet.", "There is nothing to sign.", "Write one first.")
        if summary.state is State.SIGNED:
            raise VaultError("This record is signed already.", "", "Amend it to change and sign it again.")
        with self._session.change(Event.SIGN, summary.id, version=version, signer=signer) as change:
            drafts = change.connection.execute(
                "SELECT document, draft.content, author FROM draft JOIN document ON document.id = document"
                " WHERE encounter = ?", (encounter,)
            ).fetchall()  # fmt: skip
            for document, text, author in drafts:
                self._add(change, document, text, author, "edit")
            revisions = self._revisions(encounter)
            digest = _digest(summary.id, version, signer, change.at, revisions)
            change.connection.execute(
                "INSERT INTO signature (encounter, version, signer, at, revisions, digest) VALUES (?, ?, ?, ?, ?, ?)",
                (encounter, version, signer, change.at, json.dumps(revisions), digest),
            )
            change.connection.execute(
                "UPDATE encounter SET state = 'Signed', updated = ? WHERE id = ?", (change.at, encounter)
            )
            change.detail |= {"digest": digest} | ({"shown": shown} if shown else {})
        return self._records.summary(summary.id)

    def amend(self, identifier: str) -> EncounterSummary:
        """Begin the next version of a signed encounter. The signed one stays as it is, in its revisions."""
        summary = self._records.summary(identifier)
        if summary.state is not State.SIGNED:
            raise VaultError("This record is not signed.", "", "Edit it as it is.")
        with self._session.change(Event.AMEND, summary.id) as change:
            change.connection.execute(
                "UPDATE encounter SET state = 'Edited', version = version + 1, updated = ? WHERE code = ?",
                (change.at, summary.id),
            )
            change.connection.execute(
                "UPDATE document SET version = version + 1 WHERE encounter = (SELECT id FROM encounter WHERE code = ?)",
                (summary.id,),
            )
        return self._records.summary(summary.id)

    def signatures(self, identifier: str) -> list[Signature]:
        """The signatures of an encounter, oldest first, each checked against the revisions that it names.

        Raises DamagedVaultError if one does not fit.
        """
        code = self._records.resolve(identifier)
        rows = self._session.query(
            "SELECT version, signer, at, digest, revisions FROM signature"
            " WHERE encounter = (SELECT id FROM encounter WHERE code = ?) ORDER BY version", (code,)
        )  # fmt: skip
        found = []
        for version, signer, at, digest, listed in rows:
            revisions = json.loads(listed)
            for document, number, sha256 in revisions:
                if content_hash(self._text_at(document, number)) != sha256:
                    raise DamagedVaultError(f"The signature of {code} does not fit its text.")
            if _digest(code, version, signer, at, revisions) != digest:
                raise DamagedVaultError(f"The signature of {code} does not fit its own digest.")
            found.append(Signature(version, signer, at, digest, _statement(code, version, signer, at, revisions)))
        return found

    def last_signed(self, identifier: str) -> tuple[Signature, dict[int, tuple[int, Content]]] | None:
        """The newest signature and, by Document.id, the revision and content that it covers; None if never signed.

        Raises DamagedVaultError if a text does not fit it.
        """
        found = self.signatures(identifier)
        if not found:
            return None
        rows = self._session.query(
            "SELECT revisions FROM signature WHERE version = ?2"
            " AND encounter = (SELECT id FROM encounter WHERE code = ?1)",
            (self._records.resolve(identifier), found[-1].version),
        )
        listed = json.loads(rows[0][0])
        return found[-1], {document: (number, self.content_at(document, number)) for document, number, _ in listed}

    def document_of(self, identifier: str, kind: Kind = Kind.NOTE) -> int:
        """Document.id of the newest document of that kind. Raises VaultError if there is none."""
        rows = self._session.query(
            "SELECT document.id FROM document JOIN encounter ON encounter.id = encounter"
            " WHERE code = ? AND kind = ? ORDER BY document.id DESC LIMIT 1",
            (self._records.resolve(identifier), kind.value),
        )
        if not rows:
            raise VaultError(f"This record has no {kind.value}.")
        return int(rows[0][0])

    def _add(self, change: Change, document: int, text: str, author: str, reason: str) -> int:
        execute = change.connection.execute
        old, number, version, encounter = execute(
            "SELECT content, revision, version, encounter FROM document WHERE id = ?", (document,)
        ).fetchone()
        execute("DELETE FROM draft WHERE document = ?", (document,))
        if text == old:
            return int(number)
        number += 1
        whole = number % WHOLE_EVERY == 1
        execute(
            "INSERT INTO revision (document, number, version, author, created, reason, whole, data, sha256)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (document, number, version, author, change.at, reason, int(whole),
             text if whole else delta.make(old, text), content_hash(text)),
        )  # fmt: skip
        execute("UPDATE document SET content = ?, revision = ? WHERE id = ?", (text, number, document))
        execute("UPDATE encounter SET state = 'Edited' WHERE id = ?", (encounter,))
        self._records.refresh(change, encounter)
        change.detail["revision"] = number
        return int(number)

    def _text_at(self, document: int, number: int) -> str:
        rows = self._session.query(
            "SELECT number, whole, data, sha256 FROM revision WHERE document = ?1 AND number <= ?2 AND number >="
            " (SELECT max(number) FROM revision WHERE document = ?1 AND number <= ?2 AND whole) ORDER BY number",
            (document, number),
        )
        if not rows or rows[-1][0] != number:
            raise VaultError(f"There is no revision {number}.")
        text = ""
        for _, whole, data, _ in rows:
            text = data if whole else delta.apply(text, data)
        if content_hash(text) != rows[-1][3]:
            raise DamagedVaultError(f"Revision {number} does not fit its hash.")
        return text

    def _revisions(self, encounter: int) -> list[list[Any]]:
        rows = self._session.query(
            "SELECT document.id, number, sha256 FROM document JOIN revision ON revision.document = document.id"
            " AND number = document.revision WHERE encounter = ? ORDER BY document.id", (encounter,)
        )  # fmt: skip
        return [list(row) for row in rows]

    def _number(self, document: int) -> int:
        return int(self._session.query("SELECT revision FROM document WHERE id = ?", (document,))[0][0])

    def _code(self, document: int) -> str:
        return self._encounter(document)[1]

    def _encounter(self, document: int) -> tuple[int, str, str]:
        rows = self._session.query(
            "SELECT encounter.id, code, state FROM encounter JOIN document ON document.encounter = encounter.id"
            " WHERE document.id = ?", (document,)
        )  # fmt: skip
        if not rows:
            raise VaultError("There is no such document.")
        return int(rows[0][0]), str(rows[0][1]), str(rows[0][2])

    def _open_encounter(self, document: int) -> tuple[int, str]:
        encounter, code, state = self._encounter(document)
        if state == State.SIGNED.value:
            raise VaultError("This record is signed.", "A signed version is final.", "Amend it to begin a new version.")
        return encounter, code


def _digest(code: str, version: int, signer: str, at: str, revisions: list[list[Any]]) -> str:
    return hashlib.sha256(_statement(code, version, signer, at, revisions).encode()).hexdigest()


def _statement(code: str, version: int, signer: str, at: str, revisions: list[list[Any]]) -> str:
    return json.dumps([code, version, signer, at, revisions], ensure_ascii=False, separators=(",", ":"))
