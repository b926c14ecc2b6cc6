"""Corrected fields of the vault: going through a record's entries, and training lines of those gone through."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from edge.contract.encounter import Encounter
from edge.contract.fields import FieldEntry, Fields
from edge.errors import InputError, UsageError
from edge.extraction import corrections
from edge.extraction.corrections import Annotated
from edge.store.chain import Event
from edge.store.vault import Vault
from edge.tasks.extract import locate_all

HELP = corrections.HELP
_PAGE = 200


def fields_of(record: Encounter) -> Fields:
    """The newest fields of a record. Raises UsageError if it has none."""
    if record.fields is None:
        raise UsageError("This record has no fields.", "", "`edgescribe extract FILE --save` reads them.")
    return record.fields.content


def apply(record: Encounter, fields: Fields, command: str) -> Fields:
    """The fields after a command (corrections.HELP). Raises UsageError."""
    basis = record.basis

    def place(words: str) -> FieldEntry:
        return locate_all([words], basis)[0]

    return corrections.apply(fields, command, place)


def save(vault: Vault, record: Encounter, fields: Fields) -> int:
    """Keep corrected fields as a new revision, marked as gone through; returns its number. Raises UsageError."""
    fields_of(record)
    assert record.fields is not None
    vault.encounters.refuse_signed(record.summary.id)
    vault.edits.commit(record.fields.id)
    return vault.edits.save(record.fields.id, corrections.marked(fields))


def annotated(vault: Vault, identifiers: Sequence[str] = ()) -> list[Annotated]:
    """Reports whose fields a person went through: those named, or all of the vault. Raises UsageError, VaultError."""
    codes = list(identifiers) or _codes(vault)
    found = []
    for code in codes:
        record = vault.encounters.peek(code)
        if record.fields is None or not (identifiers or corrections.is_marked(record.fields.content)):
            continue
        found.append(Annotated(record.summary.id, record.basis, record.fields.content))
    return found


def _codes(vault: Vault) -> list[str]:
    codes: list[str] = []
    while page := vault.encounters.list(limit=_PAGE, offset=len(codes)):
        codes += [summary.id for summary in page]
    return codes


def write_lines(vault: Vault, path: Path, identifiers: Sequence[str] = ()) -> tuple[int, int]:
    """Write training lines to a new file that only its owner reads; returns (reports, entries left out).

    The audit chain tells of it.

    Raises UsageError if there are none, InputError if the file is there already or can't be written.
    """
    reports = annotated(vault, identifiers)
    if not reports:
        raise UsageError("No report of the vault has been gone through yet.", "", "`edgescribe annotate ID` does one.")
    text, count, left = corrections.lines(reports)
    for one in reports:
        vault.session.record(Event.EXPORT, one.code, form="training lines")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise InputError(
            "The training lines could not be written.", error.strerror or "", "Give a new file in a folder of yours."
        ) from None
    return count, left
