"""From data sets to the documents of a run: leaks dropped and counted, sets mixed by weight, order by the seed."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from edge.errors import TrainingError
from training import divisions, sources, spans
from training.config import Data
from training.sources import Task, TrainingDocument

WHOLE_NOTE_INSTRUCTION = "Write the whole visit note, each part under its heading."
_LEAK_WORDS = 15  # shorter notes ("None.", "Noncontributory.") repeat by nature


@dataclass(frozen=True)
class PreparedSets:
    """Training documents by data set, validation documents, and counts of what was read and dropped."""

    train: dict[str, list[TrainingDocument]]
    valid: list[TrainingDocument]
    counts: dict[str, int]


def prepare(data: Data, folder: Path) -> PreparedSets:
    """Read every data set of a configuration. Raises TrainingError if nothing is left to train on."""
    counts: Counter[str] = Counter()
    train: dict[str, list[TrainingDocument]] = {}
    for name, times in data.passes.items():
        if times > 0:
            documents = sources.read(name, folder, "train")
            counts[f"{name}.read"] = len(documents)
            if name == "mts":
                documents = drop_leaks(
                    documents, [*sources.mts(folder, "valid"), *sources.mts(folder, "test1")], counts
                )
            elif sources.is_own(name):
                documents = _own(name, documents, data, folder, counts)
            train[name] = [_shape(document, data) for document in documents]
            counts[f"{name}.kept"] = len(documents)
    valid: list[TrainingDocument] = []
    for name in data.validate:
        valid += validation(data, folder, name)
    if not any(train.values()):
        raise TrainingError("There is no training data.", "Every data set is empty.", "Check data.passes.")
    counts["valid.kept"] = len(valid)
    return PreparedSets(train, valid, dict(counts))


def validation(data: Data, folder: Path, name: str) -> list[TrainingDocument]:
    """The documents of one set that a run is validated on. Raises TrainingError."""
    return [_shape(document, data) for document in sources.read(name, folder, "valid")[: data.max_valid]]


def _own(
    name: str, train: list[TrainingDocument], data: Data, folder: Path, counts: Counter[str]
) -> list[TrainingDocument]:
    """A user's own documents without those that stand in a file or set of data.validate, too.

    Raises TrainingError if none is left. Counts extraction phrases that the report does not hold: a constrained answer
    can never hold them either.
    """
    held_out = [d for other in data.validate for d in sources.read(other, folder, "valid")]
    kept = drop_leaks(train, held_out, counts)
    if not kept:
        reason = "Every one stands in data.validate, too."
        raise TrainingError(
            f"Nothing of {Path(name).name} is left to train on.", reason, "Validate on other documents."
        )
    wanted = [(d.raw, spans.parse(t.target) or {}) for d in kept for t in d.tasks if t.name == "extract"]
    strange = sum(entry not in raw for raw, fields in wanted for entries in fields.values() for entry in entries)
    if strange:
        counts[f"{name}.not verbatim"] = strange
    return kept


def drop_leaks(
    train: list[TrainingDocument], held_out: list[TrainingDocument], counts: Counter[str]
) -> list[TrainingDocument]:
    """Leave out training documents whose dialogue, or note of 15 words or more, stands verbatim in held-out data."""
    dialogues = {_key(document.raw) for document in held_out}
    notes = {_key(document.note) for document in held_out if len(document.note.split()) >= _LEAK_WORDS}
    kept = []
    for document in train:
        if _key(document.raw) in dialogues:
            counts["leaks.dialogue"] += 1
        elif _key(document.note) in notes:
            counts["leaks.note"] += 1
        else:
            kept.append(document)
    return kept


def lengths(texts: list[str]) -> dict[str, int]:
    """Words of the texts: the middle one, the longest and all of them."""
    words = sorted(len(text.split()) for text in texts) or [0]
    return {"median": words[len(words) // 2], "longest": words[-1], "all": sum(words)}


def _key(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().casefold()


def _shape(document: TrainingDocument, data: Data) -> TrainingDocument:
    """Apply the whole-note ablation to documents that have divisions."""
    if not (data.whole_note and document.note and document.tasks[0].name == "division"):
        return document
    task = Task("note", WHOLE_NOTE_INSTRUCTION, divisions.normalise(document.note))
    return replace(document, tasks=(task,))


def epoch(prepared: PreparedSets, data: Data, seed: int, number: int) -> list[TrainingDocument]:
    """Documents of one epoch in order. The same (seed, number) gives the same list on every machine."""
    rng = random.Random(f"{seed}-{number}")
    chosen: list[TrainingDocument] = []
    for name, times in data.passes.items():
        pool = prepared.train.get(name, [])
        whole, part = int(times), times - int(times)
        chosen += pool * whole
        # Fractions walk through one fixed shuffle, so that later epochs see what earlier ones left out.
        order = pool.copy()
        random.Random(f"{seed}-{name}").shuffle(order)
        size = round(len(pool) * part)
        start = size * number
        chosen += [order[(start + i) % len(order)] for i in range(size)]
    rng.shuffle(chosen)
    return chosen
