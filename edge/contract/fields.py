"""Extracted fields as they are kept: entries under the keys of the schema, each with its place in the report.

Read and written without a loss, as edge.contract.note is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from edge.contract.json_objects import mapping, number, objects, updated
from edge.contract.schemas import FIELD_KEYS

# What an entry's attributes are called (edge.clinical.entries.known); they belong to its words.
KNOWN_ATTRIBUTES = frozenset(
    {"polarity", "subject", "relative", "time", "confidence", "by", "lab", "medication", "accepted"}
)
DOUBTFUL = 0.55  # confidence below which an entry is marked for a second look


@dataclass(frozen=True)
class FieldEntry:
    """One extracted phrase. start, end: characters of the report where it stands, or None; score: 1.0 exact, else
    similarity. attributes: what else is known of it, JSON values by name. read: the JSON object that it comes from.
    """

    text: str = field(repr=False)
    start: int | None = None
    end: int | None = None
    score: float = 1.0
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False)
    read: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    @property
    def confidence(self) -> float | None:
        """How sure a model was of it, 0 to 1; None where no model found it."""
        known = self.attributes.get("confidence")
        return float(known) if isinstance(known, int | float) else None

    @property
    def accepted(self) -> bool:
        """Whether a person has said that it is right."""
        return self.attributes.get("accepted") is True

    @property
    def doubtful(self) -> bool:
        """Whether it needs a second look: a model was not sure of it, and no person has accepted it."""
        return not self.accepted and self.confidence is not None and self.confidence < DOUBTFUL

    def accept(self) -> FieldEntry:
        """The entry, accepted by a person."""
        return replace(self, attributes={**self.attributes, "accepted": True})

    def with_place(self, found: FieldEntry) -> FieldEntry:
        """The entry with other words and their place; what else is known of it stays."""
        return replace(self, text=found.text, start=found.start, end=found.end, score=found.score)

    def to_json(self) -> dict[str, Any]:
        """{"text", "start", "end", "score", "attributes"}; the last only where there are some."""
        return updated(self.read, self._values(), lambda read: FieldEntry.from_json(read)._values())

    def _values(self) -> dict[str, Any]:
        found: dict[str, Any] = {"text": self.text, "start": self.start, "end": self.end, "score": self.score}
        return found | ({"attributes": dict(self.attributes)} if self.attributes else {})

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """An entry of what to_json() gave, in this version or another."""
        start, end = value.get("start"), value.get("end")
        placed = isinstance(start, int) and isinstance(end, int)
        score, attributes = number(value.get("score")), mapping(value.get("attributes"))
        text = str(value.get("text", ""))
        return cls(text, start if placed else None, end if placed else None, score, attributes, value)


@dataclass(frozen=True)
class Fields:
    """All fields of a report: entries by key, empty where nothing was found. accepted: a person took them as complete
    although their extraction stopped early.
    """

    entries: Mapping[str, tuple[FieldEntry, ...]] = field(repr=False)
    read: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)
    accepted: bool = False

    def __getitem__(self, key: str) -> tuple[FieldEntry, ...]:
        """The entries of one field; none for a key that is not there."""
        return self.entries.get(key, ())

    def rows(self) -> Iterator[tuple[str, FieldEntry]]:
        """Key and entry, one by one: in the order of the schema, keys of a newer one last."""
        for key in (*FIELD_KEYS, *(key for key in self.entries if key not in FIELD_KEYS)):
            yield from ((key, entry) for entry in self[key])

    def with_entries(self, key: str, entries: tuple[FieldEntry, ...]) -> Fields:
        """The fields with other entries under one key."""
        return replace(self, entries={**self.entries, key: entries})

    def to_json(self) -> dict[str, Any]:
        """{"fields": {key: [entry]}, "accepted"}; the last only where it holds."""
        return updated(self.read, self._values(), lambda read: Fields.from_json(read)._values())

    def _values(self) -> dict[str, Any]:
        found = {key: [entry.to_json() for entry in entries] for key, entries in self.entries.items()}
        return {"fields": found} | ({"accepted": True} if self.accepted else {})

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Fields of what to_json() gave, in this version or another."""
        found = mapping(value.get("fields"))
        entries = {str(key): tuple(FieldEntry.from_json(e) for e in objects(es)) for key, es in found.items()}
        return cls(entries, value, value.get("accepted") is True)
