"""An encounter as the app holds it: the conversation, the note in parts, the fields, and how far each is.

Plain data and pure steps between them and what the vault keeps; no screen, no thread, no file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.contract.document import Document
from edge.contract.records import Kind, Record, Source, State
from edge.contract.templates import Template
from edge.workbench import basis_of, conversation_of, typed

WHOLE = ("", "end")  # stops that leave nothing out
INTERRUPTED = "interrupted"


@dataclass
class Part:
    """A section of the note. stop: why writing ended ("end", "length", "loop", "cancelled", "interrupted"), "" for a
    text nobody generated. writing: text is growing now. written: what the model wrote, before any edit.
    made: bundle and wish, of a section that was written anew."""

    key: str
    heading: str
    text: str = field(default="", repr=False)
    stop: str = ""
    writing: bool = False
    written: str | None = field(default=None, repr=False)
    made: dict[str, str] = field(default_factory=dict, repr=False)

    def kept(self, as_written: bool = False) -> dict[str, Any]:
        """As it is kept; as_written: without the edits made since."""
        text = self.written if as_written and self.written is not None else self.text
        extra = {name: value for name, value in (("stop", self.stop), ("made", self.made)) if value}
        return {"heading": self.heading, "text": text, "key": self.key, **extra}


@dataclass
class Row:
    """One extracted fact. start, end: characters of the basis, or None where it has no place there."""

    key: str
    text: str = field(repr=False)
    start: int | None
    end: int | None
    score: float

    def entry(self) -> dict[str, Any]:
        """As it is kept."""
        return {"text": self.text, "start": self.start, "end": self.end, "score": self.score}


@dataclass
class Case:
    """One encounter. id: record id, "" before it is kept. note, fields: Document.id of what is shown, if there is any.

    in_one_piece: the conversation, or much of it, was pasted or opened. blank: no model has written the note.
    talk_changed: the conversation differs from the kept source.
    job: number of the work that waits or runs for it; kind: "note", "rewrite" or "extract"; reading: share of the
    prompt that is read, while it is. dirty, rows_dirty: the note, the fields have something that is not in the vault
    yet. basis: what the rows point into. before: the kept note while another is being written. cut_off: origin of a
    writing that the program's end cut off.
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
    rows_whole: bool = True
    version: int = 1
    bundle: str = ""
    job: int | None = None
    kind: str = ""
    reading: float | None = None
    dirty: bool = False
    rows_dirty: bool = False
    before: dict[str, Any] = field(default_factory=dict, repr=False)
    cut_off: dict[str, Any] | None = field(default=None, repr=False)

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
    def incomplete(self) -> bool:
        """Whether something is missing that a reader would expect: a cut section, cut fields, an unfinished writing."""
        cut = any(part.stop not in WHOLE for part in self.parts)
        return not self.busy and (cut or not self.rows_whole)

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
    return [Part(spec.key, spec.title.upper()) for spec in template.sections]


def note_content(case: Case, as_written: bool = False) -> dict[str, Any]:
    """The note as it is kept. as_written: as the model wrote it, without what was edited meanwhile."""
    kept: dict[str, Any] = {"template": case.template, "sections": [p.kept(as_written) for p in case.parts]}
    if (case.blank or case.talk_changed) and not as_written:
        kept["conversation"] = case.conversation
    return kept


def writing_content(case: Case, origin: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept while a note is being written: the note before it, and the new one as far as it is."""
    new = {"template": case.template, "sections": [p.kept() for p in case.parts], "origin": dict(origin)}
    return {**case.before, "conversation": case.conversation, "unfinished": new}


def fields_content(case: Case) -> dict[str, Any]:
    """The fields as they are kept."""
    kept: dict[str, list[dict[str, Any]]] = {}
    for row in case.rows:
        kept.setdefault(row.key, []).append(row.entry())
    return {"fields": kept}


def parts_of(content: Mapping[str, Any]) -> list[Part]:
    """Parts of a kept note. One that was saved by the command line has no keys: its headings serve."""
    return [
        Part(
            str(s.get("key") or s["heading"]),
            str(s["heading"]),
            str(s["text"]),
            str(s.get("stop", "")),
            made=dict(s.get("made", {})),
        )
        for s in content.get("sections", ())
    ]


def rows_of(content: Mapping[str, Any]) -> list[Row]:
    """Rows of a kept extraction."""
    return [
        Row(key, str(e["text"]), e.get("start"), e.get("end"), float(e.get("score", 0.0)))
        for key, entries in content.get("fields", {}).items()
        for e in entries
    ]


def case_of(record: Record) -> Case:
    """The encounter as it was left, a cut-off writing included."""
    summary = record.summary
    case = Case(summary.id, summary.title, summary.state, bundle=summary.bundle)
    talk = conversation_of(record)
    case.conversation, case.source_name = talk.text, talk.name
    if (note := record.document(Kind.NOTE)) is not None:
        case.note, case.version, case.blank = note.id, note.version, not note.origin.bundle
        case.template = str(note.content.get("template", "visit"))
        case.parts = parts_of(note.content)
        _recover(case, note.content.get("unfinished"))
    if (found := record.document(Kind.EXTRACTION)) is not None:
        case.fields, case.rows = found.id, rows_of(found.content)
        case.rows_whole = not found.origin.incomplete
        case.basis = basis_of(record)
    return case


def _recover(case: Case, unfinished: Any) -> None:
    """Take up a writing that was cut off: its parts, each without an end marked as interrupted."""
    if not isinstance(unfinished, dict):
        return
    case.template = str(unfinished["template"])
    case.parts = parts_of(unfinished)
    case.cut_off = dict(unfinished.get("origin", {}))
    for part in case.parts:
        part.stop = part.stop or INTERRUPTED


def without_heading(text: str, heading: str) -> str:
    """A section's text without its own heading in the first line, which the app shows above it."""
    first, _, rest = text.lstrip().partition("\n")
    return rest.strip() if first.strip().rstrip(":").casefold() == heading.casefold() else text
