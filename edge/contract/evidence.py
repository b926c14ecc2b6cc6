"""What became of a note's evidence: what was said and set aside with a reason, and what was shown at each signature.

The links themselves stand in the note (edge.contract.facts.Statement). Read and written without a loss, as
edge.contract.note is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from edge.contract.facts import Flag, Omission, Severity
from edge.contract.json_objects import objects, updated, whole
from edge.contract.note import EncounterNote


@dataclass(frozen=True)
class Dismissal:
    """Something that was said and that a person leaves out of the note on purpose. reason: in their words."""

    omission: Omission
    reason: str = field(repr=False)
    read: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """The omission's values and "reason"."""
        return updated(self.read, self._values(), lambda read: Dismissal.from_json(read)._values())

    def _values(self) -> dict[str, Any]:
        return self.omission.as_json() | {"reason": self.reason}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """A dismissal of what to_json() gave."""
        return cls(Omission.from_json(value), str(value.get("reason", "")), value)


@dataclass(frozen=True)
class ShownFlag:
    """A flag that was open when somebody signed, on a statement under a heading of the note."""

    section: str
    statement: str = field(repr=False)
    flag: Flag

    def to_json(self) -> dict[str, Any]:
        """{"section", "statement"} and the flag's values."""
        return {"section": self.section, "statement": self.statement} | self.flag.as_json()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """A shown flag of what to_json() gave."""
        return cls(str(value.get("section", "")), str(value.get("statement", "")), Flag.from_json(value))


@dataclass(frozen=True)
class ShownAtSigning:
    """What was listed before a version was signed: open flags of high severity, critical facts not in the note."""

    version: int
    flags: tuple[ShownFlag, ...] = ()
    omissions: tuple[Omission, ...] = ()
    read: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    def __bool__(self) -> bool:
        return bool(self.flags or self.omissions)

    def lines(self) -> list[str]:
        """One line each, as they are shown."""
        flags = [f"!! {one.flag.check}: {one.flag.message}  in: {one.statement}" for one in self.flags]
        said = [f"+ {one.kind.value}: {one.statement}  (turn {one.quote.turn})" for one in self.omissions]
        return [" ".join(line.split()) for line in (*flags, *said)]

    def to_json(self) -> dict[str, Any]:
        """{"version", "flags", "omissions"}."""
        return updated(self.read, self._values(), lambda read: ShownAtSigning.from_json(read)._values())

    def _values(self) -> dict[str, Any]:
        shown = [one.to_json() for one in self.flags]
        return {"version": self.version, "flags": shown, "omissions": [one.as_json() for one in self.omissions]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What to_json() gave."""
        flags = tuple(ShownFlag.from_json(one) for one in objects(value.get("flags")))
        omissions = tuple(Omission.from_json(one) for one in objects(value.get("omissions")))
        return cls(whole(value.get("version")), flags, omissions, value)


@dataclass(frozen=True)
class Evidence:
    """The document of kind "evidence". shown: by version, oldest first."""

    dismissed: tuple[Dismissal, ...] = ()
    shown: tuple[ShownAtSigning, ...] = ()
    read: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    def open(self, omissions: Iterable[Omission]) -> tuple[Omission, ...]:
        """Those that nobody has set aside. Known again by kind and words: a corrected speaker moves offsets."""
        gone = {_known_by(one.omission) for one in self.dismissed}
        return tuple(one for one in omissions if _known_by(one) not in gone)

    def dismiss(self, omission: Omission, reason: str) -> Evidence:
        """With one more set aside."""
        return replace(self, dismissed=(*self.dismissed, Dismissal(omission, reason)))

    def signed(self, shown: ShownAtSigning) -> Evidence:
        """With what was shown before a signature."""
        return replace(self, shown=(*self.shown, shown))

    def lines(self) -> list[str]:
        """What was left out and what was shown, a line each."""
        found = [f"LEFT OUT: {one.omission.statement} ({one.reason})" for one in self.dismissed]
        for one in self.shown:
            found.append(f"SHOWN BEFORE VERSION {one.version} WAS SIGNED:")
            found += [f"  {line}" for line in one.lines()]
        return [line.replace("\n", " ") for line in found]

    def to_json(self) -> dict[str, Any]:
        """{"dismissed", "shown"}."""
        return updated(self.read, self._values(), lambda read: Evidence.from_json(read)._values())

    def _values(self) -> dict[str, Any]:
        shown = [one.to_json() for one in self.shown]
        return {"dismissed": [one.to_json() for one in self.dismissed], "shown": shown}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Evidence of what to_json() gave, in this version or another."""
        dismissed = tuple(Dismissal.from_json(one) for one in objects(value.get("dismissed")))
        return cls(dismissed, tuple(ShownAtSigning.from_json(one) for one in objects(value.get("shown"))), value)


def at_signing(note: EncounterNote, missing: Iterable[Omission], version: int) -> ShownAtSigning:
    """What somebody who is about to sign must see: flags of high severity, and what is critical of what is missing."""
    flags = tuple(
        ShownFlag(section.heading, statement.text, flag)
        for section in note.sections
        for statement in section.statements
        for flag in statement.flags
        if flag.severity is Severity.HIGH
    )
    return ShownAtSigning(version, flags, tuple(one for one in missing if one.critical))


def _known_by(omission: Omission) -> tuple[str, str]:
    return omission.kind.value, omission.quote.text
