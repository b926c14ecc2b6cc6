"""Records of a JSON or text file, checked one by one: what is wrong is named by file and line, its words never quoted.

A .jsonl file holds one object a line, a .json file one list of objects. UTF-8 with or without a mark, any line ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import TrainingError

_NAMES: dict[type, str] = {str: "text", dict: "an object", list: "a list"}


@dataclass(frozen=True)
class Record:
    """One object of a file. where: "own.jsonl line 3", or "own.json record 3"."""

    where: str
    fields: dict[str, Any]


class _Twice(ValueError):
    """A key that is given twice in one object."""


def text(path: Path) -> str:
    """The whole file, line ends as "\\n". Raises TrainingError if it can't be read or is not UTF-8."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise TrainingError(f"The file {path} does not exist.", "", "Check the data folder (--data).") from None
    except OSError as error:
        raise TrainingError(f"The file {path} cannot be read.", str(error.strerror), "Check the path.") from None
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise TrainingError(
            f"{path.name} line {line}: not UTF-8 (byte {error.start}).", "", "Save it as UTF-8."
        ) from None


def records(path: Path) -> Iterator[Record]:
    """Every object of a file, in order; blank lines are passed over. Raises TrainingError."""
    whole = text(path)
    if path.suffix == ".json":
        found = _parse(whole, path.name)
        if not isinstance(found, list):
            raise TrainingError(f"{path.name} is not a list of records.", "", "Save one record a line, as .jsonl.")
        for number, one in enumerate(found, 1):
            yield _record(one, f"{path.name} record {number}")
        return
    for number, line in enumerate(whole.split("\n"), 1):
        if line.strip():
            where = f"{path.name} line {number}"
            yield _record(_parse(line, where), where)


def require(record: Record, kinds: Mapping[str, type]) -> None:
    """Raise TrainingError unless every key is there, of its type and not empty."""
    lacking = [key for key in kinds if record.fields.get(key) is None or record.fields[key] in ("", [], {})]
    if lacking:
        raise TrainingError(f"{record.where}: no {', '.join(lacking)}.", "", "Correct the line.")
    for key, kind in kinds.items():
        check(record, key, kind)
        if kind is str and not record.fields[key].strip():
            raise TrainingError(f"{record.where}: no {key}.", "", "Correct the line.")


def check(record: Record, key: str, kind: type) -> None:
    """Raise TrainingError if the key is there and its value is of another type."""
    if key in record.fields and not isinstance(record.fields[key], kind):
        raise TrainingError(f"{record.where}: {key} must be {_NAMES[kind]}.", "", "Correct the line.")


def _record(value: Any, where: str) -> Record:
    if not isinstance(value, dict):
        raise TrainingError(f"{where}: not an object of keys and values.", "", "Correct the line.")
    return Record(where, value)


def _parse(line: str, where: str) -> Any:
    try:
        return json.loads(line, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise TrainingError(f"{where}: not JSON ({error.msg}).", "", "Correct the line.") from None
    except _Twice as error:
        raise TrainingError(f"{where}: the key {error} is given twice.", "", "Correct the line.") from None
    except (ValueError, RecursionError):
        reason = "A number of thousands of figures, or too many brackets."
        raise TrainingError(f"{where}: not JSON that can be read.", reason, "Correct the line.") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _Twice(key if key.isidentifier() and len(key) < 40 else "(not shown)")
        found[key] = value
    return found
