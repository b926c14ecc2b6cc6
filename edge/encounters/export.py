"""A note leaves the vault: as a readable file, or as a copy on the clipboard. The audit entry comes first."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from edge.contract.encounter import Encounter, is_incomplete
from edge.contract.note import without_heading
from edge.encounters.keeping import written_notes
from edge.encounters.showing import Shown, shown
from edge.errors import InputError, UsageError
from edge.evidence.footnotes import TITLE, footnotes
from edge.interop import fhir
from edge.store.chain import Event
from edge.store.edits import Signature
from edge.store.vault import Vault
from edge.text import one_line, sanitise

__all__ = ["EXPORT_FORMS", "copied", "footnotes", "note_as", "publish"]

CODES = "CODES"
_TITLE = 60  # characters of a title in a file's name
EXPORT_FORMS = ("md", "txt", "fhir")
_ENDINGS = {"fhir": "fhir.json"}  # others are called as their form


def note_as(
    record: Encounter,
    form: str,
    draft_mark: str,
    signature: Signature | None = None,
    sources: bool = False,
    authors: str = "",
) -> str:
    """The note of a record as Markdown ("md") or plain text ("txt"), with what must be known of it at head and foot.

    signature: of the version that is exported, None for a draft, which carries the mark. sources: with the turns that
    its statements stand on as footnotes. authors: who wrote it (authors_of()), "" where that is not known.
    """
    summary = record.summary
    state = signed_line(signature) if signature is not None else draft_mark
    if record.note is not None and is_incomplete(record.note.content, record.note.origin):
        state += " INCOMPLETE: parts of this note are missing."
    template = record.note.content.template if record.note else ""
    facts = [f"Date of the visit: {summary.created[:10]}", f"Record: {summary.id}", f"Template: {template or 'none'}"]
    facts += [f"Author: {authors}"] * bool(authors)
    strong = "**{}**" if form == "md" else "{}"
    lines = [f"# {summary.title}" if form == "md" else summary.title, "", *_rows(facts, form), strong.format(state), ""]
    written = record.note.content.written if record.note else ()
    marked, notes = footnotes(written) if sources else ([section.text for section in written], [])
    for section, text in zip(written, marked, strict=True):
        lines += [
            f"## {section.heading}" if form == "md" else section.heading,
            "",
            without_heading(text, section.heading).strip(),
            "",
        ]
    if codes := _codes(record):
        lines += [f"## {CODES}" if form == "md" else CODES, "", *_rows(codes, form)]
    if notes:
        lines += [f"## {TITLE}" if form == "md" else TITLE, "", *notes, ""]
    return sanitise("\n".join([*lines, strong.format(state)])).rstrip() + "\n"


def authors_of(vault: Vault, record: Encounter) -> str:
    """Who wrote the note of a record as it stands: people by name, then the model that drafted it."""
    note = record.note
    if note is None:
        return ""
    found = [revision for document, revision, _ in written_notes(vault, record.summary.id) if document == note.id]
    names = list(dict.fromkeys(one.author for one in reversed(found) if one.number <= note.revision))
    models = [f"drafted by {name.removeprefix('model:')}" for name in names if name.startswith("model:")]
    return "; ".join([*(one_line(name) for name in names if not name.startswith("model:")), *models])


def _codes(record: Encounter) -> list[str]:
    """Accepted codes in lines, the edition first; one whose statement was edited since says so."""
    accepted = record.codes.content.accepted if record.codes is not None else ()
    if record.codes is None or not accepted:
        return []
    note = record.note.content.text() if record.note is not None else ""
    stale = " (STALE: its statement was edited)"
    found = [f"{one.code}  {one.description}{stale if one.stale(note) else ''}" for one in accepted]
    return [*found, f"{record.codes.content.edition}; accepted by a person."]


def _as_fhir(record: Encounter, signature: Signature | None) -> str:
    """The FHIR document with the accepted codes whose statements stand in the note."""
    note = record.note.content.text() if record.note is not None else ""
    accepted = record.codes.content.accepted if record.codes is not None else ()
    current = [one for one in accepted if not one.stale(note)]
    signed = (signature.signer, signature.at) if signature is not None else ("", "")
    return json.dumps(fhir.document(record, current, *signed), ensure_ascii=False, indent=1) + "\n"


def _rows(facts: list[str], form: str) -> list[str]:
    """Lines that stay lines: Markdown joins what has no end of paragraph or list between."""
    return [*(f"- {fact}" for fact in facts), ""] if form == "md" else facts


def signed_line(signature: Signature) -> str:
    """Who signed, when, which version, and the digest of what was signed."""
    when = signature.at[:16].replace("T", " ")
    return f"SIGNED by {signature.signer}, {when} UTC, version {signature.version}, SHA-256 {signature.digest}."


def publish(
    vault: Vault,
    identifier: str,
    folder: Path,
    form: str,
    draft_mark: str,
    sources: bool = False,
    draft: bool = False,
    titled: bool = False,
) -> Path:
    """Write the note of a record into folder as a new file of the owner's; the audit entry comes first.

    It is the signed text wherever there is one (edge.encounters.showing); draft: the one that is not signed yet.
    The file is named by date and record; titled: also by the title, as it was typed.
    Raises UsageError for an unknown form or nothing to export, InputError if the file cannot be written.
    """
    if form not in EXPORT_FORMS:
        raise UsageError(f"There is no export form {form!r}.", f"Known: {', '.join(EXPORT_FORMS)}.")
    found, text = _as_text(vault, identifier, form, draft_mark, sources, draft)
    record, signed = found.record, found.signed
    vault.session.record(Event.EXPORT, record.summary.id, form=form, signed=signed)
    title = re.sub(r"[^\w.]+", "-", record.summary.title)[:_TITLE].strip("-.") if titled else ""
    parts = [record.summary.created[:10], record.summary.id, title, "" if signed else "DRAFT"]
    stem = "-".join(part for part in parts if part)
    return _new_file(folder, stem, form, text)


def _new_file(folder: Path, stem: str, form: str, text: str) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in range(1, 1000):
            ending = _ENDINGS.get(form, form)
            target = folder / (f"{stem}.{ending}" if number == 1 else f"{stem}-{number}.{ending}")
            try:
                descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError:
                target.unlink()  # half a note is worse than none
                raise
            return target
    except OSError as error:
        raise InputError(
            "The note could not be written to the export folder.",
            error.strerror or "",
            "Choose a folder in the settings; it counts from the next unlock.",
        ) from None
    raise InputError("The export folder holds too many files of this note.", "", "Tidy it up.")


def copied(vault: Vault, identifier: str, draft_mark: str, section: int | None = None) -> str:
    """The note as it stands, or one section of it, as plain text for the clipboard; the audit entry comes first.

    section: its position from 0; it carries its heading, INCOMPLETE where it is cut, and who signed it or the mark.
    Raises UsageError if there is no note, or no text in the section.
    """
    found, text = _as_text(vault, identifier, "txt", draft_mark, draft=True)
    if section is None:
        vault.session.record(Event.EXPORT, found.record.summary.id, form="clipboard")
        return text
    note = found.record.note
    chosen = note.content.sections[section] if note is not None and section < len(note.content.sections) else None
    if chosen is None or not chosen.text.strip():
        raise UsageError("There is no text in this section.", "", "Choose another one, or copy the note.")
    vault.session.record(Event.EXPORT, found.record.summary.id, form="clipboard", section=section + 1)
    state = signed_line(found.signature) if found.signature is not None else draft_mark
    state += " INCOMPLETE: this section is not whole." if chosen.cut else ""
    return sanitise(f"{chosen.heading}\n\n{chosen.body.strip()}\n\n{state}\n")


def _as_text(
    vault: Vault, identifier: str, form: str, draft_mark: str, sources: bool = False, draft: bool = False
) -> tuple[Shown, str]:
    found = shown(vault, identifier, draft)
    if found.record.note is None or not found.record.note.content.written:
        raise UsageError("There is no note to export yet.", "", "Write the note first.")
    if form == "fhir":
        return found, _as_fhir(found.record, found.signature)
    return found, note_as(found.record, form, draft_mark, found.signature, sources, authors_of(vault, found.record))
