"""Held documents: what a bundle is compared on. MTS-Dialog's validation set, or a JSONL file of the caller's own.

A JSONL line is {"document", "instruction", "answer"}: prompt parts as edge.contract.prompts renders them.
"""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

from edge.contract import prompts, templates, transcript
from edge.errors import InputError
from edge.paths import checkout
from edge.reading.conversation import parse
from edge.text import sanitise

_MTS = Path("mts_dialog") / "MTS-Dialog-ValidationSet.csv"


@dataclass(frozen=True)
class Held:
    """One document, one instruction, and the answer that a clinician wrote."""

    document: str
    instruction: str
    answer: str


def data_folder(given: Path | None = None) -> Path:
    """given, else EDGESCRIBE_DATA, else ../shared/data beside the checkout, as training has it."""
    if given is not None:
        return given
    if named := os.environ.get("EDGESCRIBE_DATA"):
        return Path(named)
    return (checkout() or Path.cwd()).parent / "shared" / "data"


def load_held(count: int, path: Path | None = None, data: Path | None = None) -> list[Held]:
    """The first count documents of path (JSONL), else of the MTS-Dialog validation set in the data folder.

    Raises InputError.
    """
    source = path or data_folder(data) / _MTS
    try:
        text = source.read_text(encoding="utf-8-sig")
        held = _jsonl(text) if path else _mts(text)
    except (OSError, UnicodeDecodeError, csv.Error, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"The held documents {source} cannot be read.",
            type(error).__name__,
            "Name the data folder (--data, or EDGESCRIBE_DATA), or give a JSONL file with --documents.",
        ) from None
    if not held:
        raise InputError(f"{source} holds no documents.")
    return held[:count]


def _mts(text: str) -> list[Held]:
    held = []
    for row in csv.DictReader(io.StringIO(text)):
        section = templates.get(f"section:{row['section_header'].strip()}").sections[0]
        conversation = transcript.render(parse(sanitise(row["dialogue"])))
        answer = sanitise(row["section_text"]).strip()
        held.append(Held(prompts.conversation_document(conversation), section.instruction, answer))
    return held


def _jsonl(text: str) -> list[Held]:
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    return [Held(sanitise(r["document"]), sanitise(r["instruction"]), sanitise(r["answer"])) for r in rows]
