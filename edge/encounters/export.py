"""A note leaves the vault: as a readable file, or as a copy on the clipboard. The audit entry comes first."""

from __future__ import annotations

import os
from pathlib import Path

from edge.contract.encounter import Encounter, State
from edge.encounters.showing import shown
from edge.errors import InputError, UsageError
from edge.evidence.footnotes import TITLE, footnotes
from edge.store.chain import Event
from edge.store.vault import Vault
from edge.text import sanitise

__all__ = ["EXPORT_FORMS", "copied", "footnotes", "note_as", "publish"]

EXPORT_FORMS = ("md", "txt")


def note_as(record: Encounter, form: str, draft_mark: str, sources: bool = False) -> str:
    """The note of a record as Markdown ("md") or plain text ("txt"); unsigned ones carry the mark at head and foot.

    sources: with the turns that its statements stand on as footnotes.
    """
    summary = record.summary
    mark = "" if summary.state is State.SIGNED else draft_mark
    if mark and record.incomplete:
        mark += " INCOMPLETE."
    lines = [f"# {summary.title}" if form == "md" else summary.title, ""]
    lines += [f"**{mark}**" if form == "md" else mark, ""] if mark else []
    written = record.note.content.written if record.note else ()
    marked, notes = footnotes(written) if sources else ([section.text for section in written], [])
    for section, text in zip(written, marked, strict=True):
        lines += [f"## {section.heading}" if form == "md" else section.heading, "", text.strip(), ""]
    if notes:
        lines += [f"## {TITLE}" if form == "md" else TITLE, "", *notes, ""]
    lines += [f"**{mark}**" if form == "md" else mark, ""] if mark else []
    return sanitise("\n".join(lines)).rstrip() + "\n"


def publish(
    vault: Vault,
    identifier: str,
    folder: Path,
    form: str,
    draft_mark: str,
    sources: bool = False,
    draft: bool = False,
) -> Path:
    """Write the note of a record into folder as a new file of the owner's; the audit entry comes first.

    It is the signed text wherever there is one (edge.encounters.showing); draft: the one that is not signed yet.
    Raises UsageError for an unknown form or nothing to export, InputError if the file cannot be written.
    """
    if form not in EXPORT_FORMS:
        raise UsageError(f"There is no export form {form!r}.", f"Known: {', '.join(EXPORT_FORMS)}.")
    record = shown(vault, identifier, draft).record
    if record.note is None or not record.note.content.written:
        raise UsageError("There is no note to export yet.", "", "Write the note first.")
    text = note_as(record, form, draft_mark, sources)
    signed = record.summary.state is State.SIGNED
    vault.session.record(Event.EXPORT, record.summary.id, form=form, signed=signed)
    stem = f"{record.summary.created[:10]}-{record.summary.id}{'' if signed else '-DRAFT'}"
    return _new_file(folder, stem, form, text)


def _new_file(folder: Path, stem: str, form: str, text: str) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in range(1, 1000):
            target = folder / (f"{stem}.{form}" if number == 1 else f"{stem}-{number}.{form}")
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


def copied(vault: Vault, identifier: str) -> None:
    """Note in the audit chain that a record's text was copied out."""
    vault.session.record(Event.EXPORT, identifier, form="clipboard")
