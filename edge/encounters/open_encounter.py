"""An encounter that is open for work: what it holds, every step of work on it, and what of that the vault lacks yet.

Nothing here waits or writes: a step changes the encounter in memory, pending() tells what is to be kept, and that is
run where the vault is at hand. So the app can type on while a disk is slow, and a verb does the same in one line
(edge.encounters.keeping.save).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from edge.contract import document as documents
from edge.contract.codes import CodeEntry, Codes
from edge.contract.document import Document
from edge.contract.encounter import Content, Encounter, Generated, Kind, Source, State, is_incomplete, kind_of
from edge.contract.events import SectionFinished
from edge.contract.evidence import Evidence, ShownAtSigning, at_signing
from edge.contract.facts import Omission, Statement
from edge.contract.fields import KNOWN_ATTRIBUTES, FieldEntry, Fields
from edge.contract.note import (
    INTERRUPTED,
    EncounterNote,
    Rewrite,
    Section,
    Unfinished,
    edited_sections,
    without_heading,
)
from edge.contract.origin import Origin, by_hand
from edge.contract.templates import SectionSpec, Template
from edge.encounters import templates
from edge.encounters.writing import EngineInfo, Extraction, Note, origin, place
from edge.errors import UsageError
from edge.extraction.corrections import marked
from edge.store.edits import Signature
from edge.store.vault import Vault
from edge.text import one_line

if TYPE_CHECKING:  # what checks a note loads much that an open encounter does not need
    from edge.encounters.reviewing import NoteReview

PIECE = 40  # characters that come at once are pasted or opened, not typed
_TITLE = 160  # characters
_WISH = 500  # characters
_REASON = 200  # characters
NOWHERE = by_hand("")


def typed(text: str, name: str = "typed") -> Document:
    """A document from text that was typed or pasted. Raises InputError if it is empty or too large."""
    return documents.from_bytes(text.encode("utf-8", "replace"), name)


def source_of(document: Document, kind: str = "transcript") -> Source:
    """A document as the vault keeps it. kind: "transcript" or "report"."""
    return Source(document.name, document.text, document.sha256, kind)


@dataclass
class OpenSection:
    """A section of the note at work. section: as it was kept, or as the model wrote it; text: as it stands now.

    writing: the model works on it. growing: what it writes now goes into it. written: the model wrote it since the note
    was opened. saved: text as the vault has it. waiting: its text when a writing was queued for it, None if none is.
    claimed: a person typed into it since then; what the model writes for it is left out. checked: a text of it and the
    statements that a check found in it.
    """

    section: Section
    text: str = field(default="", repr=False)
    writing: bool = False
    growing: bool = False
    written: bool = False
    saved: str = field(default="", repr=False)
    waiting: str | None = field(default=None, repr=False)
    claimed: bool = False
    checked: tuple[str, tuple[Statement, ...]] = field(default=("", ()), repr=False)

    @property
    def by_person(self) -> bool:
        """Whether a person has changed the text since the model wrote it."""
        return bool(self.text.strip()) and (self.section.edited or self.text != self.section.text)

    @classmethod
    def of(cls, section: Section) -> OpenSection:
        """One that stands as its section is kept; a heading that older programs left in the text is taken out."""
        if section.body != section.text:
            section = replace(section.with_text(section.body), edited=section.edited)
        return cls(section, section.text, saved=section.text)

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

    @property
    def done(self) -> bool:
        """Whether nothing is left to be written in it."""
        return self.stop == "end" or self.section.accepted

    def begin(self, part: int = 0) -> None:
        """The model begins to write it, from nothing, or goes on with a later part of a long conversation; a section
        that a person typed into meanwhile is theirs.
        """
        if self.claim():
            return
        if not part or not self.writing:
            self.section, self.text = Section(self.heading, "", self.section.key), ""
        self.waiting, self.writing, self.growing = None, True, True

    def claim(self) -> bool:
        """Whether a person typed into it while it waited. It is theirs then; one that was cut stays marked as cut."""
        if self.waiting is not None and self.text != self.waiting:
            stop = self.stop if self.cut else "end"
            self.section, self.claimed, self.waiting = replace(self.section, stop=stop), True, None
        return self.claimed

    def end(self, text: str, stop: str) -> None:
        """The model has written it."""
        self.section = replace(self.section, text=text, stop=stop)
        self.text, self.writing, self.growing, self.written = text, False, False, True

    def rest(self, text: str) -> None:
        """The model has written it as far as one part of a long conversation goes."""
        self.text, self.growing = text, False

    def mark(self, stop: str) -> None:
        """Writing ended where it is, or before it began."""
        if self.writing:
            self.end(self.text, self.stop or stop)
        self.section = replace(self.section, stop=self.stop or stop)

    def kept(self, as_written: bool = False) -> Section:
        """As it is kept; as_written: without the edits made since the model wrote it."""
        if self.writing:
            return replace(self.section, text=self.text)
        if as_written and self.written:
            return self.section
        kept = self.section.with_text(self.text)
        return replace(kept, statements=self.checked[1]) if self.checked[0] == self.text else kept


@dataclass(frozen=True)
class FieldRow:
    """One extracted phrase under its field."""

    key: str
    entry: FieldEntry


@dataclass(frozen=True)
class Replaced:
    """What a model's writing put aside. note: as it was before; keys: of the sections that were written, None: all."""

    note: EncounterNote = field(repr=False)
    keys: frozenset[str] | None = None


@dataclass(frozen=True)
class Save:
    """What is to be brought into the vault, as it was when pending() was asked. See run()."""

    id: str
    title: str
    source: Source | None
    discard: int | None
    results: tuple[tuple[Source, Generated], ...]
    drafts: tuple[Content, ...]
    documents: dict[Kind, int]
    commit: bool

    def run(self, vault: Vault) -> Saved:
        """Keep it: the source alone, or results as new documents; then drafts of edits, made revisions if commit.

        discard: document whose draft is dropped before. Raises as the vault does.
        """
        code, ids = self.id, dict(self.documents)
        if self.source is not None:
            code = vault.encounters.save_source(self.title, self.source).id
        if self.discard is not None:
            vault.edits.discard(self.discard)
        for source, result in self.results:
            code = vault.encounters.save(self.title, source, [result], code or None).id
            ids[result.kind] = vault.edits.document_of(code, result.kind)
        for content in self.drafts:
            vault.edits.autosave(ids[kind_of(content)], content)
        for document in ids.values() if self.commit else ():
            vault.edits.commit(document)
        return Saved(code, ids, vault.encounters.summary(code).state)


@dataclass(frozen=True)
class Saved:
    """What the vault says after a Save: the encounter's id and state, and the ids of its newest documents."""

    id: str
    documents: dict[Kind, int]
    state: State


@dataclass
class OpenEncounter:
    """One encounter. id: "" before it is kept. documents: Document.id of the note and the fields, of what there is.

    in_one_piece: the conversation, or much of it, was pasted or opened. blank: no model has written the note.
    talk_changed: the conversation differs from the kept source. basis: what the fields point into. before: the kept
    note while another is being written. replaced: what each writing since it was opened put aside, newest last.
    signature: of a signed one. cut_off: origin of a writing that the program's end cut off. kept, kept_fields: note
    and fields as they were read or written, for all of them that is not shown; origin, fields_origin: where they
    come from. evidence, codes: what else is kept of it; beside: those of them that the vault lacks. review: the
    last check of the note, which may be older than its text. job: number of the work that waits or runs for it;
    doing: "note", "rewrite" or "extract"; reading: share of the prompt that is read, while it is.
    """

    id: str = ""
    title: str = field(default="", repr=False)
    state: State = State.DRAFT
    source_name: str = "typed"
    conversation: str = field(default="", repr=False)
    template: str = "visit"
    sections: list[OpenSection] = field(default_factory=list)
    rows: list[FieldRow] = field(default_factory=list)
    basis: str = field(default="", repr=False)
    documents: dict[Kind, int] = field(default_factory=dict)
    in_one_piece: bool = False
    blank: bool = True
    talk_changed: bool = False
    version: int = 1
    bundle: str = ""
    job: int | None = None
    doing: str = ""
    reading: float | None = None
    note_changed: bool = False
    fields_changed: bool = False
    before: EncounterNote | None = field(default=None, repr=False)
    replaced: list[Replaced] = field(default_factory=list, repr=False)
    signature: Signature | None = field(default=None, repr=False)
    cut_off: Origin | None = field(default=None, repr=False)
    kept: EncounterNote = field(default_factory=lambda: EncounterNote("visit"), repr=False)
    kept_fields: Fields = field(default_factory=lambda: Fields({}), repr=False)
    origin: Origin = NOWHERE
    fields_origin: Origin = NOWHERE
    results: list[tuple[Source, Generated]] = field(default_factory=list, repr=False)
    discard: int | None = None
    evidence: Evidence = field(default_factory=Evidence, repr=False)
    codes: Codes = field(default_factory=lambda: Codes(""), repr=False)
    beside: set[Kind] = field(default_factory=set)
    review: NoteReview | None = field(default=None, repr=False)

    # -- begin and resume ----------------------------------------------------------------------------------------------

    @classmethod
    def begin(cls, template: Template) -> OpenEncounter:
        """An empty one; it is kept as soon as it has a conversation."""
        return cls(template=template.name, sections=_open(templates.blank(template)))

    @classmethod
    def resume(cls, encounter: Encounter, take_up: bool = True) -> OpenEncounter:
        """The encounter as it was left. take_up: go on with a writing that was cut off, as far as it came."""
        summary = encounter.summary
        one = cls(summary.id, summary.title, summary.state, bundle=summary.bundle)
        one.show(encounter)
        if take_up:
            one._take_up()
        if (found := encounter.fields) is not None:
            one.documents[Kind.EXTRACTION], one.fields_origin = found.id, found.origin
            one.kept_fields, one.basis = found.content, encounter.basis
            one.rows = [FieldRow(key, entry) for key, entries in found.content.entries.items() for entry in entries]
        one.show_beside(encounter)
        return one

    def show_beside(self, encounter: Encounter) -> None:
        """Take from the vault what is kept beside note and fields."""
        if encounter.evidence is not None:
            self.documents[Kind.EVIDENCE], self.evidence = encounter.evidence.id, encounter.evidence.content
        if encounter.codes is not None:
            self.documents[Kind.CODES], self.codes = encounter.codes.id, encounter.codes.content

    def show(self, encounter: Encounter) -> None:
        """Take conversation and note from the vault."""
        talk = encounter.conversation
        self.conversation, self.source_name, self.talk_changed = talk.text, talk.name, False
        if (note := encounter.note) is not None:
            self.documents[Kind.NOTE], self.version, self.blank = note.id, note.version, not note.origin.bundle
            self.template, self.origin = note.content.template or "visit", note.origin
            self.kept, self.sections = note.content, _open(note.content.sections)

    def _take_up(self) -> None:
        unfinished = self.kept.unfinished
        if unfinished is None:
            return
        self.template, self.sections = unfinished.template, _open(unfinished.sections)
        self.cut_off = unfinished.origin or NOWHERE
        self.kept = EncounterNote(unfinished.template)
        for section in self.sections:
            section.mark(INTERRUPTED)

    # -- how it stands -------------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a model works on it or will."""
        return self.job is not None

    @property
    def signed(self) -> bool:
        return self.state is State.SIGNED

    @property
    def has_note(self) -> bool:
        return any(section.text.strip() for section in self.sections)

    @property
    def dirty(self) -> bool:
        """Whether the note or the conversation has something that is not in the vault yet."""
        typed_since = any(one.text is not one.saved and one.text != one.saved for one in self.sections)
        return self.note_changed or typed_since or bool(self.results) or self.discard is not None

    @property
    def unsaved(self) -> bool:
        """Whether anything is not in the vault yet."""
        return self.dirty or self.fields_changed or bool(self.beside)

    @property
    def fields_whole(self) -> bool:
        """Whether all fields were read."""
        return not is_incomplete(self.kept_fields, self.fields_origin)

    @property
    def note_incomplete(self) -> bool:
        """Whether something is missing from the note."""
        return not self.busy and is_incomplete(self.note_content(), self.origin)

    @property
    def incomplete(self) -> bool:
        """Whether something is missing from the note or the fields."""
        return self.note_incomplete or (not self.busy and not self.fields_whole)

    @property
    def cut_headings(self) -> list[str]:
        """Headings of the sections that make the note INCOMPLETE, in its order."""
        ends = self.note_content().open_ends(self.origin.incomplete)
        return [self.sections[at].heading for at in ends] if self.note_incomplete else []

    def section(self, key: str) -> OpenSection | None:
        """The section of a key."""
        return next((one for one in self.sections if one.key == key), None)

    def note_text(self) -> str:
        """The whole note as one text."""
        return self.note_content().text()

    def note_content(self, as_written: bool = False) -> EncounterNote:
        """The note as it is kept. as_written: as the model wrote it, without what was edited meanwhile."""
        sections = tuple(one.kept(as_written) for one in self.sections)
        talk = self.conversation if self.blank or self.talk_changed else self.kept.conversation
        talk = None if as_written else talk
        return replace(self.kept, template=self.template, sections=sections, conversation=talk)

    def fields_content(self) -> Fields:
        """The fields as they are kept."""
        kept: dict[str, list[FieldEntry]] = {key: [] for key in self.kept_fields.entries}
        for row in self.rows:
            kept.setdefault(row.key, []).append(row.entry)
        return replace(self.kept_fields, entries={key: tuple(entries) for key, entries in kept.items()})

    def document(self) -> Document:
        """The conversation as a document."""
        return typed(self.conversation or " -", self.source_name)

    def check_free(self) -> None:
        """Raise UsageError if a model can't work on it now."""
        if self.signed:
            raise UsageError("This encounter is signed.", "A signed version is final.", "Begin a new version first.")
        if self.busy:
            raise UsageError("The model is at work on this encounter.", "", "Wait for its end, or stop it.")
        if not self.conversation.strip():
            raise UsageError("There is no conversation yet.", "", "Paste, type or open one on the left.")

    # -- the check of the note, and what a person decides on it --------------------------------------------------------

    @property
    def review_is_current(self) -> bool:
        """Whether the last check is of the note and the conversation as they stand."""
        if self.review is None or self.review.heard.text != self.conversation:
            return False
        seen = self.review.note.sections
        return len(seen) == len(self.sections) and all(
            a.text == b.text for a, b in zip(seen, self.sections, strict=True)
        )

    def reviewed(self, found: NoteReview, only: Collection[int] | None = None) -> None:
        """Take a check. Its statements are kept with the next change of the note, and at once with a person's words.

        only: positions of sections that take statements; None: all.
        """
        self.review = found
        if found.problem or len(found.note.sections) != len(self.sections):
            return
        for at, (section, seen) in enumerate(zip(self.sections, found.note.sections, strict=True)):
            if section.text != seen.text or section.writing or (only is not None and at not in only):
                continue
            news = section.kept().statements != seen.statements
            section.checked = (seen.text, seen.statements)
            self.note_changed = self.note_changed or (news and section.by_person and not self.signed)

    def written_reviewed(self, found: NoteReview, only: Collection[int] | None = None) -> None:
        """Take the check of a note that was just written: its statements are in it from its first revision on.

        only: as in reviewed(), where a section was written alone.
        """
        self.reviewed(found, only)
        if found.problem or not self.results or self.results[-1][1].content is not self.kept:
            return
        source, result = self.results[-1]
        sections = [
            replace(first, statements=seen.statements) if first.text == seen.text else first
            for first, seen in zip(self.kept.sections, found.note.sections, strict=True)
        ]
        self.kept = replace(self.kept, sections=tuple(sections))
        self.results[-1] = (source, replace(result, content=self.kept))
        for section, first in zip(self.sections, sections, strict=True):
            if section.section.text == first.text:
                section.section = replace(section.section, statements=first.statements)

    @property
    def omissions(self) -> tuple[Omission, ...]:
        """What was said, is not in the note and was not set aside, by the last check."""
        return self.evidence.open(self.review.omissions) if self.review is not None else ()

    def shown_at_signing(self) -> ShownAtSigning:
        """What somebody who is about to sign must see, by the last check: open flags of high severity, critical facts
        that are not in the note.
        """
        if self.review is None:
            return ShownAtSigning(self.version)
        return at_signing(self.review.note, self.omissions, self.version)

    def dismiss(self, omission: Omission, reason: str) -> None:
        """Set something aside that was said. Raises UsageError without a reason, or if the encounter is signed."""
        self._check_open()
        self.evidence = self.evidence.dismiss(omission, reason_for(reason))
        self.beside.add(Kind.EVIDENCE)

    def codes_found(self, found: Codes, basis: Document) -> None:
        """Candidate codes of the note's text; they become a new document, with what was decided before."""
        self.codes = found.with_decisions_of(self.codes)
        self.beside.discard(Kind.CODES)
        known = replace(by_hand(basis.sha256), parameters={"edition": found.edition})
        self.add_result(replace(source_of(basis, "report"), name="note"), Generated(self.codes, known))

    def decide(self, at: int, entry: CodeEntry) -> None:
        """Take what a person decided on a candidate. Raises UsageError if the encounter is signed."""
        self._check_open()
        self.codes = self.codes.with_entry(at, entry)
        self.beside.add(Kind.CODES)

    def _check_open(self) -> None:
        if self.signed:
            raise UsageError("This encounter is signed.", "A signed version is final.", "Begin a new version first.")

    # -- what a person changes -----------------------------------------------------------------------------------------

    def set_conversation(self, text: str, name: str = "", untitled: str = "") -> None:
        """Take a typed, pasted, opened or corrected conversation. untitled: the title where it has none."""
        self.in_one_piece = self.in_one_piece or len(text) - len(self.conversation) > PIECE
        self.conversation, self.talk_changed = text, not self.blank
        self.source_name = one_line(name, _TITLE) or self.source_name
        if not self.title and text.strip():
            self.title = (Path(self.source_name).stem if name else "") or untitled
        self.note_changed = True

    def replace_text(self, given: Iterable[tuple[str, str]]) -> None:
        """Replace the whole note's text by (heading, text) pairs (see edge.contract.note.edited_sections)."""
        self.sections = _open(edited_sections(self.note_content().sections, given))
        self.note_changed = True

    def can_accept(self, section: OpenSection | None) -> bool:
        """Whether it is a section that makes the note INCOMPLETE, None: fields that are, and a person may accept it."""
        if self.busy or self.signed:
            return False
        if section is None:
            return not self.fields_whole
        if self.kept.unfinished or not (section.cut or (self.origin.incomplete and not section.stop)):
            return False
        ends = self.note_content().open_ends(self.origin.incomplete)
        return any(self.sections[at] is section for at in ends)

    def check_acceptable(self, section: OpenSection | None) -> None:
        """Raise UsageError unless can_accept(section)."""
        self._check_open()
        if self.busy:
            raise UsageError("The model is at work on this encounter.", "", "Wait for its end, or stop it.")
        if section is not None and self.kept.unfinished:
            raise UsageError(
                "A note was being written when the program ended.", "", "Open it in the app, or write it again."
            )
        if not self.can_accept(section):
            what = "These fields are" if section is None else "This section is"
            raise UsageError(f"{what} not marked INCOMPLETE.", "", "There is nothing to accept.")

    def accept(self, section: OpenSection | None) -> tuple[int, Content, int]:
        """A person takes a section that was cut as complete, None: the fields; nothing else clears the mark.

        Returns what Edits.accept takes. Raises UsageError (see check_acceptable).
        """
        self.check_acceptable(section)
        if section is None:
            self.kept_fields = replace(self.kept_fields, accepted=True)
            return self.documents[Kind.EXTRACTION], self.fields_content(), 0
        section.section = replace(section.section, accepted=True)
        return self.documents[Kind.NOTE], self.note_content(), self.sections.index(section) + 1

    def not_accepted(self, section: OpenSection | None) -> None:
        """The vault could not keep what accept() gave: the mark stands."""
        if section is None:
            self.kept_fields = replace(self.kept_fields, accepted=False)
        else:
            section.section = replace(section.section, accepted=False)

    def change_row(self, index: int | None, key: str, text: str) -> None:
        """Change an extracted phrase, add one (index None) or take one away (empty text). Its place is looked up."""
        self.put_row(index, key, by_person(key, text, self.basis) if text.strip() else None)

    def put_row(self, index: int | None, key: str, entry: FieldEntry | None) -> int:
        """Put a person's entry (by_person()) in place of another, or behind all (index None); None takes one away.

        Returns where it stands.
        """
        self.fields_changed = True
        if entry is None:
            if index is not None:
                del self.rows[index]
            return 0
        if index is None:
            self.rows.append(FieldRow(key, entry))
            return len(self.rows) - 1
        before = self.rows[index].entry
        unknown = {name: value for name, value in before.attributes.items() if name not in KNOWN_ATTRIBUTES}
        self.rows[index] = FieldRow(key, replace(entry, attributes=unknown | dict(entry.attributes), read=before.read))
        return index

    def accept_rows(self, indices: Iterable[int]) -> None:
        """A person says that these entries are right."""
        self._check_open()
        for index in indices:
            self.rows[index] = replace(self.rows[index], entry=self.rows[index].entry.accept())
        if all(row.entry.accepted for row in self.rows):  # a person has gone through them all
            self.kept_fields = marked(self.kept_fields)
        self.fields_changed = True

    # -- what the model writes: a whole note ---------------------------------------------------------------------------

    def replaces(self, chosen: Template) -> list[str]:
        """Headings of the sections with a person's words that writing this template would put aside, in order."""
        to_write = {spec.key for spec in self._missing_of(chosen).sections}
        theirs = [one for one in self.sections if one.by_person or (self.blank and one.text.strip())]
        return [one.heading for one in theirs if one.key in to_write or self._anew(chosen)]

    def _anew(self, chosen: Template) -> bool:
        """Whether writing begins a new note, not what is missing of the one there is."""
        missing, known = self._missing, {spec.key for spec in chosen.sections}
        some = chosen.name == self.template and any(one.done for one in self.sections)
        return not (some and missing and missing <= known)

    @property
    def _missing(self) -> set[str]:
        return {one.key for one in self.sections if not one.done}

    def _missing_of(self, chosen: Template) -> Template:
        """The template, without the sections that stand already."""
        if self._anew(chosen):
            return chosen
        return replace(chosen, sections=tuple(spec for spec in chosen.sections if spec.key in self._missing))

    def begin_note(self, chosen: Template) -> Template:
        """Make room for a note: what is missing of a cut one, otherwise all of it. Returns what is to be written."""
        self.before, self.note_changed = self.note_content(), True
        anew, missing = self._anew(chosen), frozenset(self._missing)
        if self.has_note:
            self.replaced.append(Replaced(self.before, None if anew else missing))
        if not anew:
            self.kept = replace(self.kept, conversation=None)
            for section in self.sections:
                section.waiting = section.text if section.key in missing else None
            return self._missing_of(chosen)
        cut = {one.key: one.stop for one in self.sections if one.cut}
        self.kept = EncounterNote(chosen.name)
        self.template, self.sections = chosen.name, _open(templates.blank(chosen))
        for section in self.sections:  # one that was cut stays so if a person's key keeps it from being written
            section.section = replace(section.section, stop=cut.get(section.key, ""))
            section.waiting = section.text
        return chosen

    def section_begun(self, key: str, part: int = 0) -> None:
        """The model begins a section, or goes on with it from a later part of the conversation."""
        if (section := self.section(key)) is not None:
            section.begin(part)

    def text_written(self, text: str) -> None:
        """More text of the section that is being written."""
        self.reading = None
        for section in self.sections:
            if section.growing:
                section.text += text
        self.note_changed = True

    def section_written(self, finished: SectionFinished) -> None:
        """The model has written a section, as far as the parts of the conversation go that it has read."""
        if (section := self.section(finished.key)) is not None and not section.claimed:
            section.section = replace(section.section, heading=finished.title.upper())  # in the note's language
            text = without_heading(finished.text, section.heading)
            if finished.more:
                section.rest(text)
            else:
                section.end(text, finished.reason)
            self.note_changed = True

    def note_written(self, note: Note | None, info: EngineInfo | None, failed: bool = False) -> None:
        """Writing ended: with a note, or before its end (note None; failed: by a fault).

        Stopped before anything was written, the note before comes back.
        """
        for section in self.sections:
            if not section.claim():
                section.mark(INTERRUPTED if failed else "cancelled")
            section.claimed, section.waiting = False, None
        before, self.before = self.before, None
        if before is not None and note is None and not self.has_note:
            self.kept, self.template, self.sections = before, before.template, _open(before.sections)
            self.discard, self.note_changed = self.documents.get(Kind.NOTE), False
            self.replaced = self.replaced[:-1]
            return
        writer = note.writer if note is not None and note.writer is not None else info
        if writer is not None:  # a note of facts has its own, also before a model is open
            whole = not any(section.cut for section in self.sections)
            self.take_note(replace(origin(writer, self.document(), note), incomplete=not whole))

    def take_note(self, known: Origin) -> None:
        """The sections become a new document, as they were written; edits made meanwhile become its draft."""
        first = self.note_content(as_written=True)
        self.results.append((source_of(self.document()), Generated(first, known)))
        self.discard = self.documents.get(Kind.NOTE)
        self.kept, self.origin, self.bundle, self.blank = first, known, known.bundle, not known.bundle
        self.talk_changed = self.note_changed = False
        for section in self.sections:
            section.saved = section.section.text if section.written else section.text

    @property
    def undoable(self) -> bool:
        """Whether a writing can be taken back."""
        return bool(self.replaced) and not self.busy and not self.signed

    def undo_writing(self) -> bool:
        """Bring back what the newest writing put aside, marks included; what stands now is to be kept before.

        Returns False if there is nothing to bring back. Other sections stay as they are, where only some were written.
        """
        if not self.undoable:
            return False
        step = self.replaced.pop()
        if step.keys is None:
            self.kept = replace(step.note, conversation=self.kept.conversation, unfinished=None)
            self.template, self.sections = step.note.template, _open(step.note.sections)
        else:
            old = {one.key: one for one in _open(step.note.sections) if one.key in step.keys}
            self.sections = [old.get(one.key, one) for one in self.sections]
        self.note_changed = True
        return True

    # -- what the model writes: a section, the fields ------------------------------------------------------------------

    def spec_of(self, section: OpenSection) -> SectionSpec:
        """The instruction that writes a section."""
        return templates.section_spec(section.key, section.heading, self.template)

    def section_rewritten(self, section: OpenSection, note: Note | None, info: EngineInfo | None, wish: str) -> bool:
        """A section was written anew, with a wish. Returns False if nothing came of it or it was stopped: it stays."""
        section.writing = False
        if note is None or not note.sections or note.reasons[-1][1] == "cancelled":
            return False
        made = Rewrite(info.bundle, info.bundle_sha256, one_line(wish, _WISH)) if info else None
        self.replaced.append(Replaced(self.note_content(), frozenset({section.key})))
        text = without_heading("\n\n".join(one.text for one in note.sections), section.heading)
        section.section = section.kept().rewritten(text, note.reasons[-1][1], made)
        section.text = text
        self.kept, self.note_changed = replace(self.kept, unfinished=None), True
        return True

    def fields_found(
        self,
        found: Extraction,
        info: EngineInfo | None,
        basis: Document,
        name: str = "note",
        made: Origin | None = None,
    ) -> None:
        """Fields were extracted from basis; they become a new document. made: their origin, if it is known."""
        self.kept_fields, self.basis, self.fields_changed = found.content, basis.text, False
        self.rows = [FieldRow(key, entry) for key, entries in found.fields.items() for entry in entries]
        if info is not None or made is not None:
            self.fields_origin = made or origin(cast("EngineInfo", info), basis, found)
            source = replace(source_of(basis, "report"), name=name)
            self.results.append((source, Generated(found.content, self.fields_origin)))

    def add_result(self, source: Source, result: Generated) -> None:
        """A result that was written as a whole: a new document beside what there is."""
        self.results.append((source, result))

    # -- into the vault ------------------------------------------------------------------------------------------------

    def pending(self, commit: bool = False, info: EngineInfo | None = None) -> Save | None:
        """What is to be kept now; None: nothing. commit: as a revision. info: of the bundle that is writing.

        The first time, a conversation that came in one piece is kept as a source alone, final from then on; one that is
        still being typed lies in the draft of a note by hand until it is whole.
        """
        if self.signed or not (self.unsaved or commit) or not (self.id or self.results or self.conversation.strip()):
            return None
        alone = not self.id and self.in_one_piece and not self.has_note and not self.results
        results, drafts = tuple(self.results), list[Content]()
        if alone:
            saved = Save("", self.title, source_of(self.document()), None, (), (), {}, False)
        else:
            has_note = Kind.NOTE in self.documents or any(result.kind is Kind.NOTE for _, result in results)
            if self._note_to_keep(has_note):
                content = self._note_or_writing(info)
                if has_note:
                    drafts.append(content)
                else:
                    source = source_of(self.document())
                    results = (*results, (source, Generated(content, by_hand(source.sha256))))
            if self.fields_changed:
                drafts.append(self.fields_content())
            results = (*results, *self._beside_to_keep(drafts, {result.kind for _, result in results}))
            final = commit and not self.busy
            saved = Save(self.id, self.title, None, self.discard, results, tuple(drafts), self.documents, final)
        self.note_changed = self.fields_changed = False
        self.beside = self.beside if alone else set()
        for section in self.sections:
            section.saved = section.text
        return saved

    def _beside_to_keep(self, drafts: list[Content], coming: set[Kind]) -> Iterator[tuple[Source, Generated]]:
        """What else has changed: as a draft where it has a document, or will have one (coming), else as a new one."""
        contents: dict[Kind, Content] = {Kind.EVIDENCE: self.evidence, Kind.CODES: self.codes}
        for kind in sorted(self.beside):
            if kind in self.documents or kind in coming:
                drafts.append(contents[kind])
                continue
            source = source_of(self.document())
            if Kind.NOTE in self.documents:  # of the source that is kept already, whatever was corrected in it since
                source = replace(source, sha256=self.origin.source_sha256)
            yield source, Generated(contents[kind], by_hand(source.sha256))

    def _note_to_keep(self, has_note: bool) -> bool:
        typed_since = any(one.text != one.saved for one in self.sections)
        return self.note_changed or typed_since or not (has_note or self.id or self.results)

    def _note_or_writing(self, info: EngineInfo | None) -> EncounterNote:
        if self.before is None or not self.busy:
            return self.note_content()
        promise = origin(info, self.document(), None) if info else None
        new = Unfinished(self.template, tuple(one.kept() for one in self.sections), promise)
        return replace(self.before, conversation=self.conversation, unfinished=new)

    def saved(self, save: Save, done: Saved) -> None:
        """The vault has kept what pending() gave."""
        self.id, kept = done.id, {id(one) for one in save.results}
        self.results = [one for one in self.results if id(one) not in kept]
        self.documents, self.discard = done.documents, None if self.discard == save.discard else self.discard
        # The vault calls a note edited from its first revision on; people do from the first letter on.
        typed = self.state is State.EDITED and not any(result.kind is Kind.NOTE for _, result in save.results)
        typed = (typed or bool(save.drafts)) and not (self.blank or self.busy)
        self.state = State.EDITED if typed and done.state is State.DRAFT else done.state

    def not_saved(self, save: Save) -> None:
        """The vault could not keep it: it is tried again at the next save."""
        self.note_changed = True
        kinds = {kind_of(content) for content in save.drafts} | {result.kind for _, result in save.results}
        self.fields_changed = self.fields_changed or Kind.EXTRACTION in {kind_of(content) for content in save.drafts}
        self.beside |= kinds & {Kind.EVIDENCE, Kind.CODES}


def by_person(key: str, text: str, basis: str) -> FieldEntry:
    """An entry with a person's words: its place in the text that fields point into, and what is said of it there."""
    from edge.clinical.entries import with_attributes  # here: an app that only shows a note needs none of it

    entry = place([text.strip()], basis)[0]
    found = with_attributes(Fields({key: (entry,)}), basis)
    known = next((one.attributes for _, one in found.rows()), {})
    return replace(entry, attributes={**known, "by": "person", "accepted": True})


def reason_for(words: str) -> str:
    """A reason for setting something aside, on one line. Raises UsageError without words."""
    reason = one_line(words, _REASON)
    if not reason:
        raise UsageError("To set something aside needs a reason.", "", "A few words are enough.")
    return reason


def _open(sections: Sequence[Section]) -> list[OpenSection]:
    return [OpenSection.of(section) for section in sections]
