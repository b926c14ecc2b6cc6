"""Runs an engine over a test set and scores what it wrote, always beside the two floors.

Bundles and checkpoints go through the same engine and the same tasks as the product (edge.tasks), so what ships is
what is scored. Answers are saved as they come; a run that is stopped goes on where it was.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edge.contract import templates
from edge.contract.events import Finished
from edge.contract.prompts import render
from edge.contract.schemas import FIELD_KEYS
from edge.engine.base import Engine, Request
from edge.errors import InputError, OutputError, TrainingError, UsageError
from edge.reading.conversation import parse
from edge.tasks.extract import extract_fields, read_answer
from edge.tasks.note import NoteFinished, write_note
from training import own, sources, spans
from training.checklists import Checklist
from training.sources import TrainingDocument

SETS = {
    "mts-valid": ("mts", "valid"),
    "mts-test1": ("mts", "test1"),
    "aci-valid": ("aci", "valid"),
    "aci-test1": ("aci", "test1"),
    "elmtex-valid": ("elmtex_aci", "valid"),
    "elmtex-test1": ("elmtex_aci", "test1"),
    "elmtex-synthetic-valid": ("elmtex_synthetic", "valid"),
    "elmtex-german-valid": ("elmtex_synthetic", "valid"),
    "elmtex-reports-valid": ("elmtex_synthetic", "valid"),
    "medec-dev": ("medec", "dev"),
    "facts-dev": ("facts_dev", "dev"),
    "sections-valid": ("sections", "valid"),
}


# Sets that are one language of a source.
LANGUAGES = {"elmtex-german-valid": "de", "elmtex-reports-valid": "en"}


@dataclass(frozen=True)
class Item:
    """One scored example. kind: "note", "extract", "check" or "text". reference: note text, or fields as JSON."""

    id: str
    kind: str
    key: str
    source: str
    reference: str
    checklist: Checklist | None = None


@dataclass(frozen=True)
class Written:
    """What was written for an item. reasons: why each answer stopped. seconds, tokens: of generating."""

    id: str
    text: str
    reasons: tuple[str, ...]
    tokens: int
    seconds: float
    error: str = ""
    parts: dict[str, str] = field(default_factory=dict)


def documents(name: str, folder: Path | None, limit: int = 0) -> list[TrainingDocument]:
    """Documents of a test set by name, or of a user's own file. limit: only the first so many, 0 = all.

    Raises UsageError, TrainingError.
    """
    if limit < 0:
        raise UsageError(f"--limit is {limit}.", "", "Give how many documents, or 0 for all.")
    if name in SETS:
        source, split = SETS[name]
        found = sources.read(source, sources.data_dir(folder), split)
        found = [one for one in found if one.lang == LANGUAGES.get(name, one.lang)]
    elif sources.is_own(name):
        found = own.read(Path(name), "test")
    else:
        raise TrainingError(f"There is no set {name!r}.", f"Known: {', '.join(SETS)}, or a .jsonl or .json file.", "")
    if not found:
        raise TrainingError(f"The set {name!r} is empty.", "", "Check the data folder (--data).")
    return found[:limit] if limit else found


def item(document: TrainingDocument) -> Item:
    """The scored example of a document."""
    task = document.tasks[0]
    if task.name == "extract":
        return Item(document.id, "extract", "", document.raw, task.target)
    reference = document.note or task.target
    kind = "check" if task.name == "check" else "note" if document.note else "text"
    return Item(document.id, kind, task.key, document.raw, reference, document.checklist)


Writer = Callable[[Engine, TrainingDocument], Written]
UNANSWERED = (InputError, OutputError)  # the model's own doing; whatever else is raised is not


def write(engine: Engine, document: TrainingDocument) -> Written:
    """Let the engine do a document's task as the product does it.

    A document that the product refuses, or an answer that it can't read, scores as an empty answer. Raises EngineError
    if the runtime fails: that says nothing about the model.
    """
    task = document.tasks[0]
    started = time.perf_counter()
    try:
        if task.name == "extract":
            return _extract(engine, document)
        if task.name in {"division", "section"}:
            template = "visit" if task.name == "division" else f"section:{task.key}"
            return _note(engine, document, template)
        return _free(engine, document)
    except UNANSWERED as error:
        return Written(document.id, "", ("error",), 0, time.perf_counter() - started, error.what)


def _note(engine: Engine, document: TrainingDocument, template: str) -> Written:
    parts: dict[str, str] = {}
    tokens, seconds, text = 0, 0.0, ""
    reasons: list[str] = []
    spec = templates.get(template)
    for event in write_note(engine, parse(document.raw), spec):
        if isinstance(event, Finished):
            parts[spec.sections[len(parts)].key] = event.text
            tokens, seconds = tokens + event.generated_tokens, seconds + event.seconds
            reasons.append(event.reason)
        elif isinstance(event, NoteFinished):
            text = event.note.text
    if len(spec.sections) == 1:  # the section's own text, without the title that a note would carry
        text = next(iter(parts.values()), "")
    return Written(document.id, text, tuple(reasons), tokens, seconds, parts=parts)


def _extract(engine: Engine, document: TrainingDocument) -> Written:
    done: list[Finished] = []
    try:
        for event in extract_fields(engine, document.raw):
            if isinstance(event, Finished):
                done.append(event)
    except OutputError as error:
        if not done:
            raise
        wrong = done[0]
        return Written(document.id, wrong.text, (wrong.reason,), wrong.generated_tokens, wrong.seconds, error.what)
    return extracted(document, done[0])


def extracted(document: TrainingDocument, done: Finished) -> Written:
    """The fields that were written, as the product reads them: entries once each, no started repeat of a loop.

    An answer that does not parse is kept as it is and scores zero; the product would show what is whole of it.
    """
    raw = done.text
    if spans.parse(raw) is not None:
        fields, _ = read_answer(done)
        raw = json.dumps({key: fields.get(key, []) for key in FIELD_KEYS}, ensure_ascii=False)
    return Written(document.id, raw, (done.reason,), done.generated_tokens, done.seconds)


def _free(engine: Engine, document: TrainingDocument) -> Written:
    task = document.tasks[0]
    prompt = render(engine.info.prompt_format, document.text, task.instruction)
    done: list[Finished] = []
    for event in engine.stream(Request(prompt, 1024)):
        if isinstance(event, Finished):
            done.append(event)
    return Written(document.id, done[0].text, (done[0].reason,), done[0].generated_tokens, done[0].seconds)


def write_all(
    engine: Engine,
    found: list[TrainingDocument],
    path: Path,
    say: Callable[[str], None],
    writer: Writer = write,
) -> list[Written]:
    """Write every document's answer, appending each to path; those already there are taken from it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _mend(path)
    done = {w.id: w for w in read_written(path)}
    with path.open("a", encoding="utf-8") as stream:
        for number, document in enumerate(found, 1):
            if document.id in done:
                continue
            written = writer(engine, document)
            done[document.id] = written
            stream.write(json.dumps(asdict(written), ensure_ascii=False) + "\n")
            stream.flush()
            rate = written.tokens / written.seconds if written.seconds else 0.0
            ended = ": ".join(filter(None, (" ".join(written.reasons), written.error)))
            say(f"{number}/{len(found)}  {written.tokens} tokens  {rate:.1f} tok/s  {ended}")
    return [done[document.id] for document in found]


def _mend(path: Path) -> None:
    """Cut a last line that a kill left unfinished, so that the next answer begins a line of its own."""
    data = path.read_bytes() if path.is_file() else b""
    if data and not data.endswith(b"\n"):
        os.truncate(path, data.rfind(b"\n") + 1)


def read_written(path: Path) -> list[Written]:
    """Answers saved earlier; a line that a kill cut, be it within a letter, is left out."""
    found = []
    for line in path.read_bytes().split(b"\n") if path.is_file() else []:
        try:
            raw: dict[str, Any] = json.loads(line)
            found.append(Written(**{**raw, "reasons": tuple(raw["reasons"])}))
        except (ValueError, KeyError, TypeError):  # UnicodeDecodeError is a ValueError
            continue
    return found
