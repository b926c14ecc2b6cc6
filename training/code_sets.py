"""Notes with ICD-10-CM codes given by people, to measure candidate codes against: never to train or fit on.

icd-aci-*: codes of ACI-Bench notes (CC BY-NC 4.0: evaluation only, nothing of it ships). icd-facts-dev: ten invented
visits of this project with accepted alternatives and codes that may be given or left out. icd-synthetic: 36 of the
synthetic visits with codes given for this project (code_labels.toml, CC0), by somebody who saw the program's
candidates and is no clinician: for fitting confidence, not for claims.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.errors import TrainingError, UsageError
from edge.text import sanitise
from training import lines, sources

SETS = ("icd-aci-train", "icd-aci-valid", "icd-aci-test1", "icd-facts-dev", "icd-synthetic")


@dataclass(frozen=True)
class CodedNote:
    """A note and its codes. accept: code -> others that are as right. optional: right if given, no miss if not."""

    id: str
    note: str = field(repr=False)
    codes: tuple[str, ...]
    accept: dict[str, tuple[str, ...]] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()

    def meant(self, code: str) -> tuple[str, ...]:
        """Every code that is right in place of one of codes, itself first."""
        return (code, *self.accept.get(code, ()))


def coded_notes(folder: Path, name: str) -> list[CodedNote]:
    """The notes of a set that have codes. Raises UsageError for an unknown set, TrainingError for bad files."""
    if name not in SETS:
        raise UsageError(f"There is no set of codes {name!r}.", f"Known: {', '.join(SETS)}.", "")
    try:
        if name == "icd-synthetic":
            return _synthetic(folder)
        return _facts_dev(folder) if name == "icd-facts-dev" else _aci(folder, name.removeprefix("icd-aci-"))
    except (KeyError, TypeError, AttributeError) as error:
        raise TrainingError(f"A record of {name} is not complete.", f"{type(error).__name__}: {error}.") from None


def _records(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines.text(path).splitlines(), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                raise TrainingError(f"{path.name}, line {number} is not JSON.", error.msg) from None


def _facts_dev(folder: Path) -> list[CodedNote]:
    found = []
    for row in _records(folder / "facts_dev" / "encounters.jsonl"):
        accept = {code: tuple(others) for code, others in row["icd10_accept"].items()}
        note = sanitise(row["note"]).strip()
        found.append(CodedNote(row["id"], note, tuple(row["icd10"]), accept, frozenset(row["icd10_optional"])))
    return found


def _synthetic(folder: Path) -> list[CodedNote]:
    notes = {document.id: document.note for document in sources.synthetic_visits(folder, "train")}
    labels = tomllib.loads((Path(__file__).parent / "code_labels.toml").read_text(encoding="utf-8"))
    return [
        CodedNote(key, notes[key], tuple(row["codes"]), {k: tuple(v) for k, v in row.get("accept", {}).items()})
        for key, row in labels.items()
    ]


def _aci(folder: Path, split: str) -> list[CodedNote]:
    notes = {document.id: document.note for document in sources.aci(folder, split)}
    rows = _records(folder / "icd10_aci" / "icd10cm_codes.jsonl")
    return [
        CodedNote(row["encounter_id"], notes[row["encounter_id"]], tuple(row["codes"]))
        for row in rows
        if row["aci_split"] == split and row["codes"]
    ]
