"""Shapes of what the vault keeps: an encounter, its sources, what a model wrote about them, and every later edit.

Everything here is plain frozen data that may cross any border of the program; the vault (edge.store) makes and takes
these, and nothing in them knows how they are kept. Times are UTC, ISO 8601, milliseconds: "2026-03-01T09:30:00.000Z".
Patient text is left out of every repr, so that a traceback or a log line shows none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a document of an encounter is."""

    NOTE = "note"
    EXTRACTION = "extraction"
    CODES = "codes"
    EVIDENCE = "evidence"


class State(StrEnum):
    """How far an encounter is: written by the model, changed by a person, signed by a person."""

    DRAFT = "Draft"
    EDITED = "Edited"
    SIGNED = "Signed"


@dataclass(frozen=True)
class Source:
    """A document as it was given. name: a file name or "typed". kind: "transcript" or "report". sha256: of the text."""

    name: str = field(repr=False)
    text: str = field(repr=False)
    sha256: str
    kind: str = "transcript"


@dataclass(frozen=True)
class Origin:
    """Where generated content comes from; with the source's hash it is enough to write it again.

    seconds: wall time of the generation. parameters: decoding options, JSON values only.
    """

    bundle: str
    bundle_sha256: str
    prompt_version: str
    source_sha256: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    prompt_tokens: int = 0
    generated_tokens: int = 0
    seconds: float = 0.0
    incomplete: bool = False


@dataclass(frozen=True)
class Section:
    """One part of a note under its heading."""

    heading: str
    text: str = field(repr=False)


@dataclass(frozen=True)
class Generated:
    """One result to keep. content: JSON object; a note's is {"template": str, "sections": [{"heading", "text"}]}."""

    kind: Kind
    content: Mapping[str, Any] = field(repr=False)
    origin: Origin


@dataclass(frozen=True)
class RecordSummary:
    """One line of the list of records. id: 8 characters, unique here. Bundle and hashes: of the newest result."""

    id: str
    title: str = field(repr=False)
    created: str
    updated: str
    state: State
    kinds: tuple[Kind, ...]
    bundle: str
    bundle_sha256: str
    prompt_version: str
    source_sha256: str
    incomplete: bool
    legal_hold: bool = False


@dataclass(frozen=True)
class Document:
    """The current content of one document of an encounter and the revision it stands at (1 is what the model wrote).

    draft: content holds edits that are newer than that revision. version: grows with every amendment after signing.
    """

    id: int
    kind: Kind
    content: Mapping[str, Any] = field(repr=False)
    revision: int
    version: int
    origin: Origin
    draft: bool = False

    def sections(self) -> tuple[Section, ...]:
        """The sections of a note; empty for other kinds."""
        return tuple(Section(s["heading"], s["text"]) for s in self.content.get("sections", ()))


@dataclass(frozen=True)
class Record:
    """A whole encounter."""

    summary: RecordSummary
    sources: tuple[Source, ...]
    documents: tuple[Document, ...]

    def document(self, kind: Kind) -> Document | None:
        """The newest document of that kind."""
        return next((d for d in reversed(self.documents) if d.kind == kind), None)


def note_content(template: str, sections: Sequence[Section]) -> dict[str, Any]:
    """Content of a note as it is kept."""
    return {"template": template, "sections": [{"heading": s.heading, "text": s.text} for s in sections]}
