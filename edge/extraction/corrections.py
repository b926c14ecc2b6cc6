"""A person's corrections of extracted fields, command by command, and training lines of corrected reports."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from edge.contract.fields import FieldEntry, Fields
from edge.errors import UsageError
from edge.text import one_line

Place = Callable[[str], FieldEntry]  # looks words up in the report
HELP = (
    "set N WORDS · move N FIELD · drop N … · add FIELD WORDS · list · save · quit   "
    "(N: number of an entry; WORDS: as they stand in the report)"
)
ANNOTATED = "annotated"  # the mark of fields that a person has gone through, in their kept content


def numbered(fields: Fields) -> list[tuple[str, FieldEntry]]:
    """Entries with their keys in the order in which a person counts them, from 1."""
    return list(fields.rows())


def apply(fields: Fields, command: str, place: Place) -> Fields:
    """The fields after one command (see HELP). Raises UsageError, which says what is wrong with it."""
    word, _, rest = one_line(command).partition(" ")
    if word == "drop":
        return _without(fields, [_at(fields, number) for number in rest.split()] or [_at(fields, "")])
    first, _, words = rest.partition(" ")
    if word == "add":
        key = _key(fields, first)
        return fields.with_entries(key, (*fields[key], _placed(words, place)))
    if word == "set":
        index = _at(fields, first)
        key, entry = numbered(fields)[index]
        return _replaced(fields, index, key, entry.with_place(_placed(words, place)))
    if word == "move":
        index = _at(fields, first)
        home = _key(fields, words)
        _, entry = numbered(fields)[index]
        left = _without(fields, [index])
        return left.with_entries(home, (*left[home], entry))
    raise UsageError(f"There is no command {one_line(word, 20)!r}.", HELP)


def _at(fields: Fields, number: str) -> int:
    count = len(numbered(fields))
    if not (number.isdecimal() and len(number) < 6 and 1 <= int(number) <= count):
        raise UsageError("Which entry?", f"They are numbered from 1 to {count}.", "`list` shows them.")
    return int(number) - 1


def _key(fields: Fields, name: str) -> str:
    if name not in fields.entries:
        raise UsageError(f"There is no field {one_line(name, 40)!r}.", f"Known: {', '.join(fields.entries)}.")
    return name


def _placed(words: str, place: Place) -> FieldEntry:
    if not words.strip():
        raise UsageError("There are no words.", "", HELP)
    entry = place(words.strip())
    if entry.start is None or entry.score < 1:
        raise UsageError("These words do not stand in the report.", "", "Give them letter for letter.")
    return entry


def _without(fields: Fields, indices: Sequence[int]) -> Fields:
    return _rebuilt(fields, dict.fromkeys(indices))


def _replaced(fields: Fields, index: int, key: str, entry: FieldEntry) -> Fields:
    return _rebuilt(fields, {index: entry})


def _rebuilt(fields: Fields, changes: dict[int, FieldEntry | None]) -> Fields:
    entries: dict[str, list[FieldEntry]] = {key: [] for key in fields.entries}
    for index, (key, entry) in enumerate(numbered(fields)):
        new = changes.get(index, entry)
        if new is not None:
            entries[key].append(new)
    return replace(fields, entries={key: tuple(listed) for key, listed in entries.items()})


def marked(fields: Fields) -> Fields:
    """The fields with the mark that a person has gone through them."""
    return replace(fields, read={**(fields.read or {}), ANNOTATED: True})


def is_marked(fields: Fields) -> bool:
    """Whether a person has gone through them."""
    return bool((fields.read or {}).get(ANNOTATED))


@dataclass(frozen=True)
class Annotated:
    """A corrected report of the vault."""

    code: str
    report: str
    fields: Fields


def lines(reports: Iterable[Annotated]) -> tuple[str, int, int]:
    """(JSON lines for `edgescribe-training tagger`, reports, entries left out because they do not stand in the report).

    Every fifth report, in the order of their codes, is for validation.
    """
    written, left = [], 0
    for number, one in enumerate(sorted(reports, key=lambda one: one.code)):
        fields: dict[str, list[str]] = {key: [] for key in one.fields.entries}
        for key, entry in one.fields.rows():
            if entry.text and entry.text in one.report and "\n" not in entry.text:
                if entry.text not in fields[key]:
                    fields[key].append(entry.text)
            else:
                left += 1
        split = "valid" if number % 5 == 4 else "train"
        value = {"id": one.code, "split": split, "report": one.report, "fields": fields}
        written.append(json.dumps(value, ensure_ascii=False))
    return "".join(f"{line}\n" for line in written), len(written), left
