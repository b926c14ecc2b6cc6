"""The encounter note as it is kept: sections under their headings, each with who wrote it and what it stands on.

A note is read from its JSON and written to it again without a loss: what nobody changed keeps its bytes, so that hashes
and signatures of older vaults hold, and keys that a newer program added stay where they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from edge.contract.facts import Statement
from edge.contract.json_objects import mapping, objects, updated
from edge.contract.origin import Origin

WHOLE = ("", "end")  # stops that leave nothing out
INTERRUPTED = "interrupted"  # the program ended while the section was being written


@dataclass(frozen=True)
class Rewrite:
    """Which bundle wrote a section anew, and what it was asked to change ("" for nothing)."""

    bundle: str
    sha256: str
    wish: str = field(default="", repr=False)
    read: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """{"bundle", "sha256", "wish"}."""
        return updated(self.read, self._values(), lambda read: Rewrite.from_json(read)._values())

    def _values(self) -> dict[str, Any]:
        return {"bundle": self.bundle, "sha256": self.sha256, "wish": self.wish}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """A rewrite of what to_json() gave."""
        return cls(str(value.get("bundle", "")), str(value.get("sha256", "")), str(value.get("wish", "")), value)


@dataclass(frozen=True)
class Section:
    """One part of a note under its heading.

    key: of the template's section, or of one heading of it ("" where none is known). stop: why writing ended ("end",
    "length", "loop", "cancelled", "interrupted"; "" for a text that nobody generated). made: of a section that was
    written anew after the note. edited: a person has changed the text; made, or else the note's origin, says which
    bundle wrote it before. accepted: a person took it as complete as it stands, although writing ended early.
    statements: its sentences with their sources, offsets in text. read: the JSON object that it comes from.
    """

    heading: str
    text: str = field(repr=False)
    key: str = ""
    stop: str = ""
    made: Rewrite | None = None
    edited: bool = False
    accepted: bool = False
    statements: tuple[Statement, ...] = ()
    read: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    @property
    def cut(self) -> bool:
        """Whether writing ended before the section's end, and no person took it as complete; an edit does not."""
        return self.stop not in WHOLE and not self.accepted

    @property
    def body(self) -> str:
        """Its text as it stands under its heading, without that heading a second time."""
        return without_heading(self.text, self.heading)

    def with_text(self, text: str) -> Section:
        """The section as a person changed it: everything stays but the text. Statements that are still in the text stay
        with it, moved to where they stand now; those that are gone from it are gone.
        """
        if text == self.text:
            return self
        return replace(self, text=text, edited=True, statements=_placed(self.statements, text))

    def rewritten(self, text: str, stop: str, made: Rewrite | None) -> Section:
        """The section as a model wrote it anew: its links and the mark of an edit belonged to the text before."""
        made = made or self.made
        return replace(self, text=text, stop=stop, made=made, edited=False, accepted=False, statements=())

    def to_json(self) -> dict[str, Any]:
        """{"heading", "text", "key", "stop", "made", "edited", "accepted", "statements"}; what is empty has no key."""
        return updated(self.read, self._values(), lambda read: Section.from_json(read)._values())

    def _values(self) -> dict[str, Any]:
        found: dict[str, Any] = {"heading": self.heading, "text": self.text}
        optional: dict[str, Any] = {"key": self.key, "stop": self.stop, "made": self.made and self.made.to_json()}
        optional |= {"edited": self.edited, "accepted": self.accepted}
        optional["statements"] = [one.as_json() for one in self.statements]
        return found | {name: value for name, value in optional.items() if value}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """A section of what to_json() gave, in this version or another."""
        made = mapping(value.get("made"))
        return cls(
            str(value.get("heading", "")),
            str(value.get("text", "")),
            str(value.get("key", "")),
            str(value.get("stop", "")),
            Rewrite.from_json(made) if made else None,
            value.get("edited") is True,
            value.get("accepted") is True,
            tuple(Statement.from_json(one) for one in objects(value.get("statements"))),
            value,
        )


def without_heading(text: str, heading: str) -> str:
    """A section's text without a first line that only says its heading again: "PHYSICAL EXAM" below PHYSICAL
    EXAMINATION, "HPI:" below HISTORY OF PRESENT ILLNESS. A heading inside the section ("PLAN") stays.
    """
    first, _, rest = text.lstrip().partition("\n")
    said, meant = _words(first), _words(heading)
    if not rest.strip() or len(first) > 80 or not said:
        return text
    initials = "".join(word[0] for word in meant if word not in ("of", "and", "the"))
    same = len(said) == len(meant) and all(map(_one_word, said, meant))
    return rest.strip() if same or said == [initials] else text


def _one_word(a: str, b: str) -> bool:
    """Whether two words are the same, or one is the other cut short."""
    return a == b or (min(len(a), len(b)) >= 4 and (a.startswith(b) or b.startswith(a)))


def _words(line: str) -> list[str]:
    return re.findall(r"\w+", line.replace("&", " and ").casefold())


def _placed(statements: Iterable[Statement], text: str) -> tuple[Statement, ...]:
    found, after = [], 0
    for one in statements:
        start = text.find(one.text, after)
        if one.text and start >= 0:
            after = start + len(one.text)
            found.append(replace(one, start=start, end=after))
    return tuple(found)


@dataclass(frozen=True)
class Unfinished:
    """A note that is being written, as far as it is. origin: what will be known of it, should its end not be seen."""

    template: str
    sections: tuple[Section, ...]
    origin: Origin | None = None
    read: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """{"template", "sections", "origin"}."""
        return updated(self.read, self._values(), lambda read: Unfinished.from_json(read)._values())

    def _values(self) -> dict[str, Any]:
        origin = self.origin.to_json() if self.origin else {}
        return {"template": self.template, "sections": [one.to_json() for one in self.sections], "origin": origin}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """An unfinished note of what to_json() gave."""
        origin = mapping(value.get("origin"))
        sections = tuple(Section.from_json(one) for one in objects(value.get("sections")))
        return cls(str(value.get("template", "")), sections, Origin.from_json(origin) if origin else None, value)


@dataclass(frozen=True)
class EncounterNote:
    """A whole note. template: its name. conversation: as it was corrected, None while it is the kept source.

    unfinished: another one that is being written, or whose writing was cut off by the program's end.
    """

    template: str
    sections: tuple[Section, ...] = ()
    conversation: str | None = field(default=None, repr=False)
    unfinished: Unfinished | None = None
    read: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    def open_ends(self, incomplete: bool) -> tuple[int, ...]:
        """Positions of the sections that keep the note from being complete. incomplete: its origin says that writing
        ended early. Where no section says that it was the one (notes of older programs), it may be each of those whose
        end is unknown.
        """
        cut = tuple(at for at, one in enumerate(self.sections) if one.cut)
        if cut or not incomplete or any(one.stop not in WHOLE for one in self.sections):
            return cut
        return tuple(at for at, one in enumerate(self.sections) if not one.stop and not one.accepted)

    @property
    def written(self) -> tuple[Section, ...]:
        """The sections that hold text."""
        return tuple(one for one in self.sections if one.text.strip())

    def text(self) -> str:
        """The whole note as one text, headings included."""
        return "\n\n".join(f"{one.heading}\n\n{one.body.strip()}" for one in self.written)

    def with_section(self, position: int, section: Section) -> EncounterNote:
        """The note with another section at this position."""
        return replace(self, sections=(*self.sections[:position], section, *self.sections[position + 1 :]))

    def to_json(self) -> dict[str, Any]:
        """{"template", "sections", "conversation", "unfinished"}; the last two only where there is something."""
        return updated(self.read, self._values(), lambda read: EncounterNote.from_json(read)._values())

    def _values(self) -> dict[str, Any]:
        found: dict[str, Any] = {"template": self.template, "sections": [one.to_json() for one in self.sections]}
        if self.conversation is not None:
            found["conversation"] = self.conversation
        if self.unfinished is not None:
            found["unfinished"] = self.unfinished.to_json()
        return found

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """A note of what to_json() gave, in this version or another."""
        unfinished, conversation = value.get("unfinished"), value.get("conversation")
        return cls(
            str(value.get("template", "")),
            tuple(Section.from_json(one) for one in objects(value.get("sections"))),
            None if conversation is None else str(conversation),
            Unfinished.from_json(unfinished) if isinstance(unfinished, Mapping) else None,
            value,
        )


def edited_sections(before: Sequence[Section], given: Iterable[tuple[str, str]]) -> tuple[Section, ...]:
    """The sections of a note after its text was replaced by (heading, text) pairs.

    Each keeps all that is known of the section of its heading; a heading that is new begins a section of its own. Where
    nothing is given for a section, it stays if it is without text, or cut: then without its text, as something is still
    missing there. Any other was taken away.
    """
    unused = list(range(len(before)))
    found: list[tuple[int | None, Section]] = []
    for heading, text in given:
        same = next((at for at in unused if before[at].heading == heading), None)
        if same is None:
            found.append((None, Section(heading, text, edited=True)))
            continue
        unused.remove(same)
        kept = before[same]
        found.append((same, kept if text.strip() == kept.text.strip() else kept.with_text(text)))
    for at in [one for one in unused if before[one].cut or not before[one].text.strip()]:
        places = [place for place, (old, _) in enumerate(found) if old is not None and old < at]
        found.insert(places[-1] + 1 if places else 0, (at, before[at].with_text("") if before[at].cut else before[at]))
    return tuple(section for _, section in found)
