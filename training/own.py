"""A user's own documents: conversations or reports with an instruction and an answer, or reports with their 15 fields.

{"document", "target", and "instruction" or "template"; optional "kind", "id", "lang"}
{"report", "fields": {key: [phrases]}} or, as ELMTEX is published, {"report", "summary": {key: "a; b"}}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge.contract import templates
from edge.contract.schemas import FIELD_KEYS
from edge.errors import EdgescribeError, TrainingError
from edge.text import sanitise
from training import lines, sources
from training.lines import Record
from training.sources import Task, TrainingDocument

_TEXTS = ("id", "lang", "kind", "instruction", "template")
_KNOWN = ("document", "target", *_TEXTS)
_NOTHING = {"", "n/a", "na", "none", "not applicable", "not available"}


def read(path: Path, split: str) -> list[TrainingDocument]:
    """Documents of a .jsonl or .json file; every one takes the split's name. Raises TrainingError by file and line."""
    found: list[TrainingDocument] = []
    seen: dict[str, str] = {}
    for number, record in enumerate(lines.records(path), 1):
        if isinstance(record.fields.get("id"), int):
            record.fields["id"] = str(record.fields["id"])
        lines.check(record, "id", str)
        name = sanitise(record.fields.get("id") or f"{path.stem}-{number}")
        if name in seen:  # answers are kept by id
            raise TrainingError(f"{record.where}: the id of {seen[name]} again.", "", "Give every record its own.")
        seen[name] = record.where
        found.append((_report if "report" in record.fields else _document)(record, name, path.stem, split))
    if not found:
        raise TrainingError(f"{path.name} holds no record.", "The file is empty.", "Write one JSON object a line.")
    return found


def _document(record: Record, name: str, source: str, split: str) -> TrainingDocument:
    row, where = record.fields, record.where
    lines.require(record, {"document": str, "target": str})
    for key in _TEXTS:
        lines.check(record, key, str)
    if unknown := [key for key in row if key not in _KNOWN]:
        shown = [key for key in unknown if key.isidentifier() and len(key) < 40]
        raise TrainingError(
            f"{where}: there is no key {', '.join(shown) or '(not shown)'}.", f"Known: {', '.join(_KNOWN)}.",
            "Correct or remove it.",
        )  # fmt: skip
    if ("instruction" in row) == ("template" in row):
        raise TrainingError(f"{where}: give either an instruction or a template.", "", "Correct the line.")
    lines.require(record, {"instruction" if "instruction" in row else "template": str})
    if row.get("kind", "conversation") not in {"conversation", "report"}:
        raise TrainingError(f"{where}: kind must be conversation or report.", "", "Correct the line.")
    try:
        instruction = _instruction(row)
        talk = row.get("kind", "conversation") == "conversation"
        text = sources.conversation(row["document"]) if talk else sources.report(row["document"])
    except ValueError:
        raise TrainingError(f"{where}: the template has more than one section.", "", "Give the section.") from None
    except EdgescribeError as error:
        raise TrainingError(f"{where}: {error.what}", error.why, error.hint) from None
    raw = sanitise(row["document"]).strip()
    task = Task("user", instruction, sanitise(row["target"]).strip())
    return TrainingDocument(name, source, split, text, (task,), row.get("lang", sources.ENGLISH), raw)


def _instruction(row: dict[str, Any]) -> str:
    """The words of the task. Raises ValueError for a template of several sections."""
    if "template" not in row:
        return sanitise(row["instruction"]).strip()
    (spec,) = templates.get(row["template"]).sections
    return spec.instruction


def _report(record: Record, name: str, source: str, split: str) -> TrainingDocument:
    key = "fields" if "fields" in record.fields else "summary"
    lines.require(record, {"report": str, key: dict})
    lines.check(record, "lang", str)
    given = record.fields[key]
    if any(k not in FIELD_KEYS for k in given):
        raise TrainingError(
            f"{record.where}: {key} has a key that is none of the 15 fields.", f"Known: {', '.join(FIELD_KEYS)}.",
            "Correct or remove it.",
        )  # fmt: skip
    fields = {k: _entries(value, record, k) for k, value in given.items()}
    raw = sanitise(record.fields["report"]).strip()
    task = sources.extract_task(fields)
    return TrainingDocument(
        name, source, split, sources.report(raw), (task,), record.fields.get("lang", sources.ENGLISH), raw
    )


def _entries(value: Any, record: Record, key: str) -> list[str]:
    """Phrases of one field: a list of them, or one text with semicolons between; "N/A" and null are none."""
    if value is None:
        return []
    if isinstance(value, str):
        return [part.strip() for part in sanitise(value).split(";") if part.strip().casefold() not in _NOTHING]
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TrainingError(f"{record.where}: {key} must be a list of texts, or one text.", "", "Correct the line.")
    return [sanitise(one).strip() for one in value if one.strip()]
