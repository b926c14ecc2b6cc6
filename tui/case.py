"""An encounter as the app holds it: the conversation, the note in parts, the fields, and how far each is.

Plain data and pure steps between them and what the vault keeps; no screen, no thread, no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from edge.contract.document import Document
from edge.contract.encounter import Encounter, Source, State, is_incomplete
from edge.contract.fields import FieldEntry, Fields
from edge.contract.note import INTERRUPTED, EncounterNote, Section, Unfinished
from edge.contract.origin import Origin, by_hand
from edge.contract.templates import Template
from edge.workbench import basis_of, blank_sections, conversation_of, typed

NOWHERE = by_hand("")


@dataclass
class Part:
    """A section of the note as the app holds it. section: as it was kept, or as the model wrote it; text: as it stands
    in the field now. writing: text is growing. written: the model wrote it since the note was opened.
    """

    section: Section
    text: str = field(default="", repr=False)
    writing: bool = False
    written: bool = False

    @classmethod
    def of(cls, section: Section) -> Part:
        """A part that stands as its section is kept."""
        return cls(section, section.text)

    @property
    def key(self) -> str:
        """Its name in the note: the section's key, or its heading where an older program kept none."""
        return self.section.key or self.section.heading

    @property
    def heading(self) -> str:
        return self.section.heading

    @property
    def stop(self) -> str:
        return self.section.stop

    @property
    def cut(self) -> bool:
        return self.section.cut

    def begin(self) -> None:
        """The model begins to write it, from nothing."""
        self.section, self.text, self.writing = Section(self.heading, "", self.section.key), "", True

    def end(self, text: str, stop: str) -> None:
        """The model has written it."""
        self.section = replace(self.section, text=text, stop=stop)
        self.text, self.writing, self.written = text, False, True

    def mark(self, stop: str) -> None:
        """Writing ended where it is, or before it began."""
        if self.writing:
            self.end(self.text, self.stop or stop)
        self.section = replace(self.section, stop=self.stop or stop)

    def become(self, section: Section) -> None:
        """It was written anew."""
        self.section, self.text, self.writing = section, section.text, False

    def kept(self, as_written: bool = False) -> Section:
        """As it is kept; as_written: without the edits made since the model wrote it."""
        if self.writing:
            return replace(self.section, text=self.text)
        return self.section if as_written and self.written else self.section.with_text(self.text)


@dataclass(frozen=True)
class Row:
    """One extracted phrase under its field."""

    key: str
    entry: FieldEntry


@dataclass
class Case:
    """One encounter. id: record id, "" before it is kept. note, fields: Document.id of what is shown, if there is any.

    in_one_piece: the conversation, or much of it, was pasted or opened. blank: no model has written the note.
    talk_changed: the conversation differs from the kept source.
    job: number of the work that waits or runs for it; kind: "note", "rewrite" or "extract"; reading: share of the
    prompt that is read, while it is. dirty, rows_dirty: the note, the fields have something that is not in the vault
    yet. basis: what the rows point into. before: the kept note while another is being written. cut_off: origin of a
    writing that the program's end cut off. kept, kept_fields: note and fields as they were read or written, for all of
    them that the app does not show; origin, fields_origin: where they come from.
    """

    id: str = ""
    title: str = field(default="", repr=False)
    state: State = State.DRAFT
    source_name: str = "typed"
    conversation: str = field(default="", repr=False)
    template: str = "visit"
    parts: list[Part] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    basis: str = field(default="", repr=False)
    note: int | None = None
    fields: int | None = None
    in_one_piece: bool = False
    blank: bool = True
    talk_changed: bool = False
    version: int = 1
    bundle: str = ""
    job: int | None = None
    kind: str = ""
    reading: float | None = None
    dirty: bool = False
    rows_dirty: bool = False
    before: EncounterNote | None = field(default=None, repr=False)
    cut_off: Origin | None = field(default=None, repr=False)
    kept: EncounterNote = field(default_factory=lambda: EncounterNote("visit"), repr=False)
    kept_fields: Fields = field(default_factory=lambda: Fields({}), repr=False)
    origin: Origin = NOWHERE
    fields_origin: Origin = NOWHERE

    @property
    def busy(self) -> bool:
        """Whether a model works on it or will."""
        return self.job is not None

    @property
    def signed(self) -> bool:
        return self.state is State.SIGNED

    @property
    def has_note(self) -> bool:
        return any(part.text.strip() for part in self.parts)

    @property
    def rows_whole(self) -> bool:
        """Whether all fields were read."""
        return not self.fields_origin.incomplete

    @property
    def note_incomplete(self) -> bool:
        """Whether something is missing from the note."""
        return not self.busy and is_incomplete(note_content(self), self.origin)

    @property
    def incomplete(self) -> bool:
        """Whether something is missing from the note or the fields."""
        return self.note_incomplete or (not self.busy and not self.rows_whole)

    def document(self) -> Document:
        """The conversation as a document."""
        return typed(self.conversation or " -", self.source_name)

    def source(self) -> Source:
        """The conversation as the vault keeps it."""
        document = self.document()
        return Source(document.name, document.text, document.sha256, "transcript")

    def note_text(self) -> str:
        """The whole note as one text, the basis of an extraction."""
        return "\n\n".join(f"{p.heading}\n\n{p.text.strip()}" for p in self.parts if p.text.strip())

    def part(self, key: str) -> Part | None:
        return next((p for p in self.parts if p.key == key), None)


def blank_parts(template: Template) -> list[Part]:
    """The empty sections of a template."""
    return parts_of(blank_sections(template))


def note_content(case: Case, as_written: bool = False) -> EncounterNote:
    """The note as it is kept. as_written: as the model wrote it, without what was edited meanwhile."""
    sections = tuple(part.kept(as_written) for part in case.parts)
    talk = case.conversation if case.blank or case.talk_changed else case.kept.conversation
    talk = None if as_written else talk
    return replace(case.kept, template=case.template, sections=sections, conversation=talk)


def writing_content(case: Case, before: EncounterNote, origin: Origin | None) -> EncounterNote:
    """What is kept while a note is being written: the note before it, and the new one as far as it is."""
    new = Unfinished(case.template, tuple(part.kept() for part in case.parts), origin)
    return replace(before, conversation=case.conversation, unfinished=new)


def fields_content(case: Case) -> Fields:
    """The fields as they are kept."""
    kept: dict[str, list[FieldEntry]] = {key: [] for key in case.kept_fields.entries}
    for row in case.rows:
        kept.setdefault(row.key, []).append(row.entry)
    return replace(case.kept_fields, entries={key: tuple(entries) for key, entries in kept.items()})


def parts_of(sections: Sequence[Section]) -> list[Part]:
    """Parts of a kept note."""
    return [Part.of(section) for section in sections]


def rows_of(fields: Fields) -> list[Row]:
    """Rows of a kept extraction."""
    return [Row(key, entry) for key, entries in fields.entries.items() for entry in entries]


def case_of(record: Encounter) -> Case:
    """The encounter as it was left, a cut-off writing included."""
    summary = record.summary
    case = Case(summary.id, summary.title, summary.state, bundle=summary.bundle)
    talk = conversation_of(record)
    case.conversation, case.source_name = talk.text, talk.name
    if (note := record.note) is not None:
        case.note, case.version, case.blank = note.id, note.version, not note.origin.bundle
        case.template, case.origin = note.content.template or "visit", note.origin
        case.kept, case.parts = note.content, parts_of(note.content.sections)
        _recover(case)
    if (found := record.fields) is not None:
        case.fields, case.fields_origin = found.id, found.origin
        case.kept_fields, case.rows = found.content, rows_of(found.content)
        case.basis = basis_of(record)
    return case


def _recover(case: Case) -> None:
    """Take up a writing that was cut off: its parts, each without an end marked as interrupted."""
    unfinished = case.kept.unfinished
    if unfinished is None:
        return
    case.template, case.parts = unfinished.template, parts_of(unfinished.sections)
    case.cut_off = unfinished.origin or NOWHERE
    case.kept = EncounterNote(unfinished.template)
    for part in case.parts:
        part.mark(INTERRUPTED)


def without_heading(text: str, heading: str) -> str:
    """A section's text without its own heading in the first line, which the app shows above it."""
    first, _, rest = text.lstrip().partition("\n")
    return rest.strip() if first.strip().rstrip(":").casefold() == heading.casefold() else text
