"""Readers: the data sets of the data folder, to documents with tasks; a user's own files are read by own.py.

Each reader gives Documents whose text is what edge.contract renders for inference. Raises TrainingError, naming file
and line, for what cannot be read. Licences and the leaks to drop: the data folder's README.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.contract import prompts, schemas, templates, transcript
from edge.errors import TrainingError
from edge.reading import conversation as talk
from edge.reading.reports import for_model, plain_signs
from edge.text import sanitise
from training import checklists, divisions, lines
from training.checklists import Checklist

ENGLISH = "en"


@dataclass(frozen=True)
class Task:
    """One instruction on a document and the answer wanted. name groups figures: "section", "division", "extract"…"""

    name: str
    instruction: str
    target: str
    key: str = ""


@dataclass(frozen=True)
class TrainingDocument:
    """A document part of a prompt (edge.contract.prompts) with every task on it. source: data set name."""

    id: str
    source: str
    split: str
    text: str
    tasks: tuple[Task, ...]
    lang: str = ENGLISH
    raw: str = ""  # the dialogue or report as read, for leak checks and the copy floor
    note: str = ""  # the whole reference note, if there is one
    checklist: Checklist | None = None  # facts that a note of it must state


def data_dir(given: str | Path | None = None) -> Path:
    """Folder of the data sets: given, else EDGESCRIBE_DATA, else ../shared/data beside the checkout."""
    chosen = given or os.environ.get("EDGESCRIBE_DATA")
    folder = Path(chosen) if chosen else Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    if not folder.is_dir():
        raise TrainingError(
            f"The data folder {folder} does not exist.",
            "Training and evaluation read MTS-Dialog, ACI-Bench and the others from it.",
            "Give it with --data DIR or the variable EDGESCRIBE_DATA.",
        )
    return folder


def conversation(text: str) -> str:
    """A dialogue as the document part of a prompt, exactly as inference renders it."""
    return prompts.conversation_document(transcript.render(talk.parse(sanitise(text))))


def report(text: str) -> str:
    """A report or note as the document part of a prompt, exactly as inference renders it."""
    return prompts.report_document(for_model(sanitise(text)))


def mts(folder: Path, split: str) -> list[TrainingDocument]:
    """MTS-Dialog: one conversation, one section with its header given (Ben Abacha et al., EACL 2023)."""
    files = {
        "train": "MTS-Dialog-TrainingSet.csv",
        "valid": "MTS-Dialog-ValidationSet.csv",
        "test1": "MTS-Dialog-TestSet-1-MEDIQA-Chat-2023.csv",
    }
    found = []
    for row in _csv(
        folder / "mts_dialog" / _file(files, split, "mts"), "ID", "section_header", "section_text", "dialogue"
    ):
        key = row["section_header"].strip().upper()
        spec = templates.get(f"section:{key}").sections[0]
        note = sanitise(row["section_text"]).strip()
        target = prompts.ABSENT if note.casefold().rstrip(".") == "none" else note
        task = Task("section", spec.instruction, target, spec.key)
        raw = sanitise(row["dialogue"]).strip()
        found.append(
            TrainingDocument(f"mts-{split}-{row['ID']}", "mts", split, conversation(raw), (task,), raw=raw, note=note)
        )
    return found


def aci(folder: Path, split: str) -> list[TrainingDocument]:
    """ACI-Bench: whole visits, the note by division (Yim et al., Sci Data 2023)."""
    files = {"train": "train.csv", "valid": "valid.csv", "test1": "clinicalnlp_taskB_test1.csv"}
    found = []
    for row in _csv(folder / "aci_bench" / _file(files, split, "aci"), "encounter_id", "dialogue", "note"):
        raw, note = sanitise(row["dialogue"]).strip(), sanitise(row["note"]).strip()
        tasks = division_tasks(divisions.split(note))
        found.append(TrainingDocument(row["encounter_id"], "aci", split, conversation(raw), tasks, raw=raw, note=note))
    return found


def division_tasks(parts: dict[str, str]) -> tuple[Task, ...]:
    """Tasks of the visit template. An absent exam or result division is answered with prompts.ABSENT."""
    tasks = []
    for spec in templates.get("visit").sections:
        text = parts.get(spec.key, "")
        if text or spec.key.startswith("objective"):
            tasks.append(Task("division", spec.instruction, divisions.normalise(text) or prompts.ABSENT, spec.key))
    return tuple(tasks)


def synthetic_visits(folder: Path, split: str) -> list[TrainingDocument]:
    """The synthetic visits with their divisions; all of them are training data."""
    _file({"train": ""}, split, "synthetic_visits")
    found = []
    for path in _glob(folder / "synthetic_visits", "part_*.jsonl"):
        for row in _jsonl(path, {"id": str, "dialogue": str, "divisions": dict}):
            raw = sanitise(row["dialogue"]).strip()
            parts = {key: sanitise(text).strip() for key, text in row["divisions"].items()}
            found.append(
                TrainingDocument(
                    row["id"], "synthetic_visits", split, conversation(raw), division_tasks(parts), row["lang"], raw,
                    sanitise(row["note"]).strip(),
                )
            )  # fmt: skip
    return found


def extract_task(fields: dict[str, list[str]]) -> Task:
    """The extraction task: the 15 fields as the JSON text that inference constrains the model to."""
    shown = {key: [plain_signs(entry) for entry in entries] for key, entries in fields.items()}
    return Task("extract", schemas.extraction_instruction(), schemas.extraction_target(shown))


def elmtex_aci(folder: Path, split: str) -> list[TrainingDocument]:
    """ACI notes annotated with the 15 fields, every entry a verbatim span."""
    names = {"train": "train.jsonl", "valid": "valid.jsonl", "test1": "test1.jsonl"}
    return list(_elmtex([folder / "elmtex_aci" / _file(names, split, "elmtex_aci")], "elmtex_aci", split))


def elmtex_synthetic(folder: Path, split: str) -> list[TrainingDocument]:
    """German reports and English case-report summaries annotated with the 15 fields."""
    _file({"train": "", "valid": ""}, split, "elmtex_synthetic")
    return list(_elmtex(_glob(folder / "elmtex_synthetic", "*.jsonl"), "elmtex_synthetic", split))


def _elmtex(paths: list[Path], source: str, split: str) -> Iterator[TrainingDocument]:
    for path in paths:
        for row in _jsonl(path, {"id": str, "split": str, "report": str, "fields": dict}):
            if row["split"] == split:
                raw = sanitise(row["report"]).strip()
                lang = row.get("lang", ENGLISH)
                yield TrainingDocument(row["id"], source, split, report(raw), (extract_task(row["fields"]),), lang, raw)


CHECK_INSTRUCTION = (
    "One sentence of this note may hold a medical error. Copy that sentence word for word. "
    + f"If there is none, write: {prompts.ABSENT}"
)


def medec(folder: Path, split: str) -> list[TrainingDocument]:
    """MEDEC: clinical texts, about half with one inserted error (Ben Abacha et al. 2024)."""
    files = {"train": "medec_ms_train.csv", "dev": "medec_ms_dev.csv", "valid": "medec_ms_dev.csv"}
    found = []
    for row in _csv(folder / "medec" / _file(files, split, "medec"), "Text ID", "Text", "Error Flag", "Error Sentence"):
        raw = sanitise(row["Text"]).strip()
        wrong = sanitise(row["Error Sentence"]).strip() if row["Error Flag"].strip() == "1" else prompts.ABSENT
        task = Task("check", CHECK_INSTRUCTION, plain_signs(wrong))
        found.append(TrainingDocument(row["Text ID"], "medec", split, report(raw), (task,), raw=raw))
    return found


def facts_dev(folder: Path, split: str) -> list[TrainingDocument]:
    """Invented visits with checklists of facts: development only, so they have no training split."""
    path = folder / "facts_dev" / _file({"dev": "encounters.jsonl"}, split, "facts_dev")
    found = []
    for record in lines.records(path):
        lines.require(record, {"id": str, "dialogue": str, "note": str, "facts": list, "forbidden": list})
        row = record.fields
        raw, note = sanitise(row["dialogue"]).strip(), sanitise(row["note"]).strip()
        try:
            points = checklists.read(row["facts"], row["forbidden"])
        except (KeyError, TypeError, re.error) as error:
            reason = type(error).__name__
            raise TrainingError(f"{record.where}: the checklist is malformed.", reason, "Correct the line.") from None
        tasks = division_tasks(divisions.split(note))
        text = conversation(raw)
        found.append(TrainingDocument(row["id"], "facts_dev", split, text, tasks, raw=raw, note=note, checklist=points))
    return found


def _sections(folder: Path, split: str) -> list[TrainingDocument]:
    from training import section_data  # it reads visits through this module

    return section_data.sections(folder, split)


def _sections_de(folder: Path, split: str) -> list[TrainingDocument]:
    from training import section_data

    return section_data.german_sections(folder, split)


def _own_divisions(folder: Path, split: str) -> list[TrainingDocument]:
    from training import section_data

    return section_data.own_divisions(folder, split)


def _statements(folder: Path, split: str) -> list[TrainingDocument]:
    from training import section_data

    return section_data.statement_pairs(folder, split)


def _wordings(folder: Path, split: str) -> list[TrainingDocument]:
    from training import wording_data

    return wording_data.wordings(folder, split)


READERS: dict[str, Callable[[Path, str], list[TrainingDocument]]] = {
    "mts": mts,
    "aci": aci,
    "synthetic_visits": synthetic_visits,
    "elmtex_aci": elmtex_aci,
    "elmtex_synthetic": elmtex_synthetic,
    "medec": medec,
    "facts_dev": facts_dev,
    "sections": _sections,
    "sections_de": _sections_de,
    "own_divisions": _own_divisions,
    "statements": _statements,
    "wordings": _wordings,
}


def read(name: str, folder: Path, split: str) -> list[TrainingDocument]:
    """Documents of a data set by name, or of a file of the user's own (a path). Raises TrainingError."""
    if name in READERS:
        return READERS[name](folder, split)
    if is_own(name):
        from training import own

        return own.read(Path(name).expanduser(), split)
    raise TrainingError(
        f"There is no data set {name!r}.",
        f"Known: {', '.join(READERS)}, or a path ending in .jsonl or .json.",
        "Correct the name.",
    )


def is_own(name: str) -> bool:
    """True if a data set's name is the path of a file of the user's own."""
    return name.endswith((".jsonl", ".json"))


def _file(files: dict[str, str], split: str, name: str) -> str:
    if split not in files:
        raise TrainingError(f"The data set {name} has no split {split!r}.", f"It has {', '.join(files)}.")
    return files[split]


def _glob(folder: Path, pattern: str) -> list[Path]:
    paths = sorted(folder.glob(pattern))
    if not paths:
        raise TrainingError(f"There is no {pattern} in {folder}.", "", "Check the data folder (--data).")
    return paths


def _csv(path: Path, *columns: str) -> Iterator[dict[str, str]]:
    """Records with at least these columns. Raises TrainingError naming the file, and the record that is cut off."""
    csv.field_size_limit(1 << 30)
    reader = csv.DictReader(io.StringIO(lines.text(path), newline=""))
    if lacking := [name for name in columns if name not in (reader.fieldnames or ())]:
        raise TrainingError(f"{path.name} has no column {', '.join(lacking)}.", "", "Copy the data set here again.")
    for number, row in enumerate(reader, 1):
        if any(row[name] is None for name in columns):
            raise TrainingError(f"{path.name} record {number} is cut off.", "", "Copy the data set here again.")
        yield row


def _jsonl(path: Path, kinds: dict[str, type]) -> Iterator[dict[str, Any]]:
    for record in lines.records(path):
        lines.require(record, kinds)
        yield record.fields
