"""What is done to a kept encounter with an open vault: resume, save, sign, amend, restore, look back."""

from __future__ import annotations

from edge.contract.encounter import EncounterSummary, Generated, Kind, Source
from edge.contract.evidence import Evidence, ShownAtSigning
from edge.contract.note import EncounterNote
from edge.contract.origin import by_hand
from edge.encounters import templates
from edge.encounters.open_encounter import OpenEncounter, OpenSection, Saved
from edge.errors import UsageError
from edge.store.edits import Revision, Signature
from edge.store.vault import Vault


def resume(vault: Vault, identifier: str, template: str = "visit") -> OpenEncounter:
    """The encounter as it was left, for somebody who goes on with it; the view goes into the audit chain.

    A writing that was cut off is taken up as far as it came. template: for one without a note. Raises VaultError.
    """
    one = _with_sections(OpenEncounter.resume(vault.encounters.get(identifier)), template)
    one.signature = signature(vault, one.id) if one.signed else None
    return one


def signature(vault: Vault, identifier: str) -> Signature | None:
    """The newest signature of an encounter, checked against its text. Raises DamagedVaultError if it does not fit."""
    return next(iter(vault.edits.signatures(identifier)[-1:]), None)


def _with_sections(one: OpenEncounter, template: str) -> OpenEncounter:
    """The empty sections of a template where there are none."""
    if not one.sections and not one.signed:
        chosen = templates.get_or_visit(one.template if Kind.NOTE in one.documents else template)
        one.template, one.sections = chosen.name, OpenEncounter.begin(chosen).sections
    return one


def to_change(vault: Vault, identifier: str) -> OpenEncounter:
    """The encounter as it is kept, for one change that is saved at once. Raises VaultError if it is signed, or none."""
    found = vault.encounters.get(identifier)
    vault.encounters.refuse_signed(found.summary.id)
    one = OpenEncounter.resume(found, take_up=False)
    return _with_sections(one, one.template)


def begin(vault: Vault, title: str, source: Source, result: Generated) -> str:
    """Keep a source and its result as a new encounter, whole or not at all. Returns its id."""
    one = OpenEncounter(title=title)
    one.add_result(source, result)
    return save(vault, one).id


def save(vault: Vault, one: OpenEncounter) -> Saved:
    """Keep what was changed, as a revision. A draft that the app left becomes a revision of its own before."""
    for document in one.documents.values():
        vault.edits.commit(document)
    pending = one.pending(commit=True)
    if pending is None:
        raise UsageError("There is nothing to save.", "No result was generated.")
    done = pending.run(vault)
    one.saved(pending, done)
    return done


def accept(vault: Vault, one: OpenEncounter, section: OpenSection | None) -> int:
    """Take a section that was cut as complete, None: the fields. A draft that the app left becomes a revision before.

    Returns the number of the revision. Raises as OpenEncounter.accept and Edits.accept.
    """
    accepted = one.accept(section)
    for document in one.documents.values():
        vault.edits.commit(document)
    return vault.edits.accept(*accepted)


def sign(vault: Vault, identifier: str, signer: str, shown: ShownAtSigning | None = None) -> EncounterSummary:
    """Sign an encounter: its note and fields are final from then on. Raises as edge.store.edits.Edits.sign.

    shown: what was listed before; it is kept in the encounter, and the signature covers it.
    """
    if shown and signer.strip():
        record = vault.encounters.peek(identifier)
        vault.encounters.refuse_signed(record.summary.id)
        kept = record.evidence
        content = (kept.content if kept is not None else Evidence()).signed(shown)
        if kept is not None:
            vault.edits.commit(kept.id)
            vault.edits.save(kept.id, content)
        else:
            source = record.sources[0]
            result = Generated(content, by_hand(source.sha256))
            vault.encounters.save(record.summary.title, source, [result], record.summary.id)
    return vault.edits.sign(identifier, signer, len(shown.flags) + len(shown.omissions) if shown else 0)


def amend(vault: Vault, identifier: str) -> EncounterSummary:
    """Begin the next version of a signed encounter; the signed one stays. Raises VaultError."""
    return vault.edits.amend(identifier)


def restore(vault: Vault, identifier: str, number: int, kind: Kind = Kind.NOTE, document: int | None = None) -> int:
    """Bring an old revision back as the newest one. document: of an earlier note, whose content the newest one takes.

    Returns the number of the new revision. Raises VaultError.
    """
    newest = vault.edits.document_of(identifier, kind)
    if document in (None, newest):
        return vault.edits.restore(newest, number)
    return vault.edits.save(newest, vault.edits.content_at(document, number))


def revisions(vault: Vault, identifier: str, kind: Kind = Kind.NOTE) -> tuple[list[Revision], list[Signature]]:
    """The revisions of the newest note or fields, and the signatures, oldest first. Raises VaultError."""
    return vault.edits.history(vault.edits.document_of(identifier, kind)), vault.edits.signatures(identifier)


def written_notes(vault: Vault, identifier: str) -> list[tuple[int, Revision, EncounterNote]]:
    """Every revision of every note that says something new, whoever wrote it: document, revision and content, newest
    first. One that only keeps what a check found in the same text says nothing new to a reader.
    """
    found: list[tuple[int, Revision, EncounterNote]] = []
    for document in (one.id for one in vault.encounters.peek(identifier).documents if one.kind is Kind.NOTE):
        before: object = None
        for revision in vault.edits.history(document):
            note = vault.edits.content_at(document, revision.number)
            if not isinstance(note, EncounterNote) or not note.written:
                continue
            says = [(one.heading, one.text, one.stop, one.accepted) for one in note.sections]
            if says != before:
                found.append((document, revision, note))
            before = says
    return found[::-1]
