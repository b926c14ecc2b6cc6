"""Answers that another system wrote, read from its file, so that they are scored by the same evaluator as ours.

A .jsonl or .json file of {"id", "text"}, or a .csv file with the columns id (or encounter_id) and text (or note), as
ACI-Bench releases its baselines.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge.errors import TrainingError
from training import divisions, lines
from training.answering import Written
from training.sources import TrainingDocument

_ID, _TEXT = ("id", "encounter_id"), ("text", "note")
_LONGEST = 1 << 24  # characters of a cell; the module's own limit is below some notes


def read(path: Path, documents: Sequence[TrainingDocument]) -> list[Written]:
    """The answers to documents, in their order; answers to others are passed over.

    Raises TrainingError, with the line: an unreadable file, an id that is given twice, a document without an answer. An
    empty text is an answer.
    """
    found: dict[str, str] = {}
    for where, key, text in _csv(path) if path.suffix == ".csv" else _records(path):
        if key in found:
            raise TrainingError(f"{where}: the id is given twice.", "", "Leave one answer for each document.")
        found[key] = text
    lacking = [document.id for document in documents if document.id not in found]
    if lacking:
        raise TrainingError(
            f"{path.name} has no answers for {len(lacking)} of {len(documents)} documents.",
            f"The first is {lacking[0]}; {len(found)} answers were read.",
            "Name the documents as the set does, or give another --set.",
        )
    return [_written(document, found[document.id]) for document in documents]


def _written(document: TrainingDocument, text: str) -> Written:
    parts = divisions.split(text) if document.tasks[0].name == "division" else {}
    return Written(document.id, text, (), 0, 0.0, parts=parts)


def _records(path: Path) -> Iterator[tuple[str, str, str]]:
    for record in lines.records(path):
        lines.require(record, {"id": str})
        lines.check(record, "text", str)
        if "text" not in record.fields:
            raise TrainingError(f"{record.where}: no text.", "", "Correct the line.")
        yield record.where, record.fields["id"], record.fields["text"]


def _csv(path: Path) -> Iterator[tuple[str, str, str]]:
    before = csv.field_size_limit(_LONGEST)
    reader = csv.reader(io.StringIO(lines.text(path)), strict=True)
    try:
        names = next(reader, [])
        columns = [next((names.index(n) for n in known if n in names), None) for known in (_ID, _TEXT)]
        if columns[0] is None or columns[1] is None:
            raise TrainingError(
                f"{path.name} has no columns of ids and texts.", f"Wanted: {_ID[0]} and {_TEXT[0]}.", "Name them so."
            )
        for row in filter(None, reader):
            where = f"{path.name} line {reader.line_num}"
            if len(row) != len(names):
                raise TrainingError(f"{where}: {len(row)} cells, not {len(names)}.", "", "Correct the line.")
            yield where, row[columns[0]], row[columns[1]]
    except csv.Error as error:
        raise TrainingError(f"{path.name} line {reader.line_num}: {error}.", "", "Correct the line.") from None
    finally:
        csv.field_size_limit(before)
