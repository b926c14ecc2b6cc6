"""What the windows ask of engine, tasks and store together: parts of a note, rewriting, publishing, key strength.

A facade beside edge.encounters.writing and edge.vaults, for callers that keep a vault and a bundle open for hours.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from edge import paths
from edge.contract import document as documents
from edge.contract import template_files, templates
from edge.contract.bundle import Bundle, verify_bundle
from edge.contract.bundle_card import BundleCard, cards
from edge.contract.document import Document
from edge.contract.encounter import Encounter, Generated, Source, State
from edge.contract.events import TaskEvent
from edge.contract.fields import FieldEntry
from edge.contract.note import EncounterNote, Rewrite, Section
from edge.contract.origin import by_hand
from edge.contract.templates import SectionSpec, Template
from edge.encounters.writing import Scribe, origin
from edge.engine.base import EngineInfo
from edge.errors import EdgescribeError, InputError, OutputError, UsageError
from edge.reading import substance
from edge.store import policy
from edge.store.admin import RECOVERY
from edge.store.chain import Entry, Event
from edge.store.edits import Revision
from edge.store.retention import Plan
from edge.store.search import Hit
from edge.store.secret import Passphrase
from edge.store.secretkeys import RecoveryKey
from edge.store.vault import Vault
from edge.tasks.extract import Extraction, ExtractionFinished, locate_all
from edge.tasks.note import Note, NoteFinished, write_note
from edge.text import one_line, sanitise

__all__ = [
    "RECOVERY", "BundleCard", "EngineInfo", "Entry", "Extraction", "ExtractionFinished", "FieldEntry", "Hit", "Note",
    "NoteFinished", "Passphrase", "Plan", "RecoveryKey", "Revision", "Scribe", "Vault", "by_hand", "origin",
]  # fmt: skip

EXPORT_FORMS = ("md", "txt")
_WISH_LIMIT = 500  # characters


def bundles() -> list[BundleCard]:
    """Installed bundles, first the one that is opened when none is chosen."""
    return cards(paths.bundle_dirs())


def verify(folder: Path, progress: Callable[[int, int], None]) -> Bundle:
    """Check every byte of a bundle (see edge.contract.bundle.verify_bundle). Raises BundleError."""
    return verify_bundle(folder, progress)


def template_folder() -> Path:
    """Where a clinic's own templates lie."""
    return paths.data_dir() / "templates"


def template_names() -> list[str]:
    """Templates that can be chosen: shipped ones, the clinic's own without a fault, then single sections."""
    return [one.name for one in template_files.listed(template_folder()) if one.problem is None]


def template(name: str) -> Template:
    """A template by name. Raises UsageError."""
    return templates.get(name, template_folder())


def typed(text: str, name: str = "typed") -> Document:
    """A document from text that was typed or pasted. Raises InputError if it is empty or too large."""
    return documents.from_bytes(text.encode("utf-8", "replace"), name)


def write_parts(scribe: Scribe, text: str, chosen: Template) -> Iterator[TaskEvent | NoteFinished]:
    """Write the sections of a template about a conversation. Raises as edge.tasks.note.write_note."""
    return write_note(scribe.engine, substance.visit(text), chosen)


def rewrite(
    scribe: Scribe, text: str, spec: SectionSpec, current: str, wish: str
) -> Iterator[TaskEvent | NoteFinished]:
    """Write one section anew. wish: what to change about current, in plain words; empty: simply again."""
    instruction = spec.instruction
    if wish.strip():
        instruction += (
            f"\n\nThis is the section as it stands:\n{sanitise(current).strip()}\n\n"
            f"Write it again with this change: {one_line(wish, _WISH_LIMIT)}"
        )
    return write_parts(scribe, text, Template("rewrite", spec.title, (replace(spec, instruction=instruction),)))


def section_spec(key: str, heading: str, template_name: str) -> SectionSpec:
    """The instruction that writes a kept section: its template's, or one made of its heading where there is none.

    A note of the command line has no keys: the only heading of a template's section tells which one it is.
    """
    try:
        known = template(template_name).sections
    except UsageError:  # a template of the clinic that is gone: the heading serves
        known = ()
    for spec in known:
        if spec.key == key or (spec.headings or (spec.title.upper(),)) == (heading,):
            return spec
    wanted = heading.strip().capitalize() or "Note"
    return SectionSpec(key, wanted, f"Write only the section {wanted!r} of the visit note, without its heading.")


def rewritten(section: Section, note: Note, info: EngineInfo | None, wish: str) -> Section | None:
    """The section as note wrote it anew: its text, stop, and by which bundle, with which wish.

    None if nothing came of it, or if it was stopped: the section stays as it is then.
    """
    if not note.sections or note.reasons[-1][1] == "cancelled":
        return None
    made = Rewrite(info.bundle, info.bundle_sha256, one_line(wish, _WISH_LIMIT)) if info else None
    text = "\n\n".join(one.text for one in note.sections)
    return section.rewritten(text, note.reasons[-1][1], made)


def begun_by_hand(name: str, conversation: str, template_name: str = "visit") -> tuple[Source, Generated]:
    """The empty note with which a conversation is kept that was typed or corrected before any note was written."""
    document, chosen = typed(conversation, name), template(template_name)
    content = EncounterNote(chosen.name, blank_sections(chosen), conversation)
    source = Source(document.name, document.text, document.sha256, "transcript")
    return source, Generated(content, by_hand(document.sha256))


def blank_sections(chosen: Template) -> tuple[Section, ...]:
    """The empty sections of a template."""
    return tuple(Section(spec.title.upper(), "", spec.key) for spec in chosen.sections)


def place(texts: Sequence[str], basis: str) -> list[FieldEntry]:
    """Where phrases stand in a text (see edge.tasks.extract.locate_all)."""
    return locate_all(list(texts), basis)


def strength(passphrase: Passphrase) -> tuple[bool, str]:
    """Whether a new passphrase may be used, and what to do about it if not."""
    try:
        policy.check_strength(passphrase)
    except UsageError as error:
        return False, f"{error.why} {error.hint}".strip()
    return True, ""


def score(text: str) -> int:
    """Estimated strength of a passphrase, 0 (guessed at once) to 4 (out of reach); under 12 characters at most 1."""
    return policy.estimate(text)[0] if text else 0


def conversation_of(record: Encounter) -> Source:
    """The conversation of a record as it stands: as it was given, with what was corrected in the newest note."""
    talk = [s for s in record.sources if s.name != "note"] or list(record.sources)
    note = record.note
    made_from = [s for s in talk if note is not None and s.sha256 == note.origin.source_sha256]
    source = (made_from or talk or [Source("typed", "", "")])[-1]
    corrected = note.content.conversation if note is not None else None
    return source if corrected is None else replace(source, text=corrected)


def basis_of(record: Encounter) -> str:
    """The text that the newest extracted fields of a record point into; empty without any."""
    found = record.fields
    return next((s.text for s in record.sources if found and s.sha256 == found.origin.source_sha256), "")


def report_of(record: Encounter) -> str:
    """What fields are extracted from: the newest note as one text, or else what the record was made of."""
    return (record.note.content.text() if record.note else "") or conversation_of(record).text


def note_as(record: Encounter, form: str, draft_mark: str) -> str:
    """The newest note as Markdown ("md") or plain text ("txt"); unsigned ones carry the mark at head and foot."""
    summary = record.summary
    mark = "" if summary.state is State.SIGNED else draft_mark
    if mark and record.incomplete:
        mark += " INCOMPLETE."
    lines = [f"# {summary.title}" if form == "md" else summary.title, ""]
    lines += [f"**{mark}**" if form == "md" else mark, ""] if mark else []
    for section in record.note.content.written if record.note else ():
        lines += [f"## {section.heading}" if form == "md" else section.heading, "", section.text.strip(), ""]
    lines += [f"**{mark}**" if form == "md" else mark, ""] if mark else []
    return sanitise("\n".join(lines)).rstrip() + "\n"


def publish(vault: Vault, identifier: str, folder: Path, form: str, draft_mark: str) -> Path:
    """Write the note of a record into folder as a new file of the owner's; the audit entry comes first.

    Raises UsageError for an unknown form or nothing to export, InputError if the file cannot be written.
    """
    if form not in EXPORT_FORMS:
        raise UsageError(f"There is no export form {form!r}.", f"Known: {', '.join(EXPORT_FORMS)}.")
    record = vault.encounters.peek(identifier)
    if record.note is None or not record.note.content.written:
        raise UsageError("There is no note to export yet.", "", "Write the note first.")
    text = note_as(record, form, draft_mark)
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
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
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


def audit_tail(vault: Vault, limit: int = 200) -> list[Entry]:
    """The newest entries of the audit chain, newest first."""
    last = vault.session.query("SELECT max(seq) FROM chain")[0][0] or 0
    return list(vault.admin.entries(max(0, last - limit)))[::-1]


def as_error(fault: BaseException) -> EdgescribeError:
    """A named error for any fault; a fault without a name may quote the document, so only its type is kept."""
    if isinstance(fault, EdgescribeError):
        return fault
    return OutputError("Something in the program failed.", f"Cause: {type(fault).__name__}.", "Your text is kept.")
