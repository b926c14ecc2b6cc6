"""Shapes of what the vault keeps: an encounter, its sources, what a model wrote about them, and every later edit.

Everything here is plain frozen data that may cross any border of the program; the vault (edge.store) makes and takes
these, and nothing in them knows how they are kept. Times are UTC, ISO 8601, milliseconds: "2026-03-01T09:30:00.000Z".
Patient text is left out of every repr, so that a traceback or a log line shows none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Generic, TypeVar, cast

from edge.contract.codes import Codes
from edge.contract.evidence import Evidence
from edge.contract.fields import Fields
from edge.contract.note import EncounterNote
from edge.contract.origin import Origin


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


Content = EncounterNote | Fields | Codes | Evidence
_SHAPES: dict[Kind, type[Content]] = {
    Kind.NOTE: EncounterNote,
    Kind.EXTRACTION: Fields,
    Kind.CODES: Codes,
    Kind.EVIDENCE: Evidence,
}


def kind_of(content: Content) -> Kind:
    """What a document with this content is."""
    return next(kind for kind, shape in _SHAPES.items() if isinstance(content, shape))


def content_from_json(kind: Kind, value: Mapping[str, Any]) -> Content:
    """Content of a kind from its JSON object."""
    return _SHAPES[kind].from_json(value)


@dataclass(frozen=True)
class Generated:
    """One result to keep, and where it comes from."""

    content: Content = field(repr=False)
    origin: Origin

    @property
    def kind(self) -> Kind:
        """What it is."""
        return kind_of(self.content)


def is_incomplete(content: Content, origin: Origin) -> bool:
    """Whether something is missing that a reader would expect: writing ended early, at first or in a section that was
    written anew, or was cut off by the program's end, and no person took that as complete. This is the one definition;
    Encounter.incomplete asks it.
    """
    if isinstance(content, EncounterNote):
        nothing = origin.incomplete and not content.sections
        return nothing or content.unfinished is not None or bool(content.open_ends(origin.incomplete))
    return origin.incomplete and not (isinstance(content, Fields) and content.accepted)


@dataclass(frozen=True)
class EncounterSummary:
    """One line of the list of records. id: 8 characters, unique here. Bundle and hashes: of the newest result.

    sample: made of the sample visit that ships with the program, so no patient's.
    """

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
    sample: bool = False


C = TypeVar("C", bound=Content, covariant=True)
N = TypeVar("N", EncounterNote, Fields, Codes, Evidence)


@dataclass(frozen=True)
class KeptDocument(Generic[C]):
    """The current content of one document of an encounter and the revision it stands at (1 is what the model wrote).

    draft: content holds edits that are newer than that revision. version: grows with every amendment after signing.
    """

    id: int
    content: C = field(repr=False)
    revision: int
    version: int
    origin: Origin
    draft: bool = False

    @property
    def kind(self) -> Kind:
        """What it is."""
        return kind_of(self.content)

    def to_json(self) -> dict[str, Any]:
        """{"id", "kind", "content", "revision", "version", "origin", "draft"}."""
        return {
            "id": self.id,
            "kind": self.kind.value,
            "content": self.content.to_json(),
            "revision": self.revision,
            "version": self.version,
            "origin": self.origin.to_json(),
            "draft": self.draft,
        }


@dataclass(frozen=True)
class Encounter:
    """A whole encounter."""

    summary: EncounterSummary
    sources: tuple[Source, ...]
    documents: tuple[KeptDocument[Content], ...]

    @property
    def note(self) -> KeptDocument[EncounterNote] | None:
        """The newest note."""
        return newest(self.documents, EncounterNote)

    @property
    def fields(self) -> KeptDocument[Fields] | None:
        """The newest extracted fields."""
        return newest(self.documents, Fields)

    @property
    def codes(self) -> KeptDocument[Codes] | None:
        """The newest candidate codes."""
        return newest(self.documents, Codes)

    @property
    def evidence(self) -> KeptDocument[Evidence] | None:
        """What was set aside, and what was shown at signatures."""
        return newest(self.documents, Evidence)

    @property
    def incomplete(self) -> bool:
        """Whether something is missing that a reader would expect; see incomplete()."""
        return incomplete(self.documents)

    @property
    def conversation(self) -> Source:
        """The conversation as it stands: as it was given, with what was corrected in the newest note."""
        talk = [s for s in self.sources if s.name != "note"] or list(self.sources)
        note = self.note
        made_from = [s for s in talk if note is not None and s.sha256 == note.origin.source_sha256]
        source = (made_from or talk or [Source("typed", "", "")])[-1]
        corrected = note.content.conversation if note is not None else None
        return source if corrected is None else replace(source, text=corrected)

    @property
    def basis(self) -> str:
        """The text that the newest extracted fields point into; empty without any."""
        found = self.fields
        return next((s.text for s in self.sources if found and s.sha256 == found.origin.source_sha256), "")

    @property
    def report(self) -> str:
        """What fields are extracted from: the newest note as one text, or else what the encounter was made of."""
        return (self.note.content.text() if self.note else "") or self.conversation.text

    def to_json(self) -> dict[str, Any]:
        """{"summary", "sources", "documents"}."""
        return {
            "summary": asdict(self.summary),
            "sources": [asdict(one) for one in self.sources],
            "documents": [one.to_json() for one in self.documents],
        }


def newest(documents: Sequence[KeptDocument[Content]], content: type[N]) -> KeptDocument[N] | None:
    """The last of the documents with this content."""
    found = (cast("KeptDocument[N]", one) for one in reversed(documents) if isinstance(one.content, content))
    return next(found, None)


def incomplete(documents: Sequence[KeptDocument[Content]]) -> bool:
    """Whether something is missing from the newest note or the newest fields (see is_incomplete)."""
    found = (newest(documents, EncounterNote), newest(documents, Fields))
    return any(one is not None and is_incomplete(one.content, one.origin) for one in found)
