"""Visits with what people annotated, for measuring the checks: conversation, note, facts with places."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.contract.transcript import Transcript
from edge.errors import TrainingError
from edge.reading.conversation import parse
from edge.text import sanitise
from training import sources

_GERMAN = re.compile(r"\b(?:und|der|ich|nicht|Sie)\b")
_LIMIT = 5_000  # characters of a line that are looked at for the language


@dataclass(frozen=True)
class Gold:
    """A fact that people listed. in_note: offsets of the piece of the note that states it, None if it is left out."""

    fact: Fact
    in_note: tuple[int, int] | None


@dataclass(frozen=True)
class Visit:
    """One visit. unsupported: offsets of the pieces of the note that nothing in the conversation supports."""

    id: str
    transcript: Transcript
    note: str = field(repr=False)
    facts: tuple[Gold, ...] = ()
    unsupported: tuple[tuple[int, int], ...] = ()


def visits(folder: Path, name: str) -> list[Visit]:
    """Annotated visits of "aci-train", "aci-valid", "aci-test1", "synthetic" (the English). Raises TrainingError."""
    texts = dict(_texts(folder, name))
    found = []
    for path in sorted((folder / "facts").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            raw = json.loads(line)
            if raw["set"] == name and raw["id"] in texts:
                found.append(_visit(raw, *texts[raw["id"]]))
    if not found:
        raise TrainingError(f"There are no annotated visits {name!r}.", "", "Check the data folder (--data).")
    return found


def _texts(folder: Path, name: str) -> Iterator[tuple[str, tuple[str, str]]]:
    if name.startswith("aci-"):
        yield from ((one.id, (one.raw, one.note)) for one in sources.aci(folder, name.removeprefix("aci-")))
        return
    for path in sorted((folder / "synthetic_visits").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            raw = json.loads(line)
            if len(_GERMAN.findall(raw["dialogue"][:_LIMIT])) < 5:
                yield raw["id"], (sanitise(raw["dialogue"]).strip(), sanitise(raw["note"]).strip())


def sections(folder: Path) -> list[Visit]:
    """The training sections of MTS-Dialog as visits without annotations."""
    return [
        Visit(one.id, parse(one.raw), one.note) for one in sources.mts(folder, "train") if len(one.note.split()) > 5
    ]


def _visit(raw: dict[str, Any], dialogue: str, note: str) -> Visit:
    transcript = parse(dialogue)
    lines = _lines(dialogue)
    facts = []
    for one in raw["facts"]:
        quotes = tuple(_quote(one_quote, lines, dialogue, transcript) for one_quote in one["evidence"])
        fact = Fact(
            FactKind(one["kind"]),
            Polarity(one["polarity"]),
            Subject(one["subject"]),
            Time(one["time"]),
            one["critical"],
            quotes,
        )
        facts.append(Gold(fact, _place(note, one["in_note"]) if one["in_note"] is not None else None))
    pieces = tuple(place for piece in raw["note_without_source"] if (place := _place(note, piece)) is not None)
    return Visit(raw["id"], transcript, note, tuple(facts), pieces)


def _lines(dialogue: str) -> list[tuple[int, int]]:
    """Offsets of the non-empty lines, which the annotations count as turns."""
    found, at = [], 0
    for line in dialogue.split("\n"):
        if line.strip():
            found.append((at, at + len(line)))
        at += len(line) + 1
    return found


def _quote(raw: dict[str, Any], lines: list[tuple[int, int]], dialogue: str, transcript: Transcript) -> Quote:
    low, high = lines[raw["turn"]]
    start = dialogue.find(raw["quote"], low, high)
    start = start if start >= 0 else low
    end = min(high, start + len(raw["quote"]))
    turn = next((n for n, one in enumerate(transcript.turns) if one.start <= start < one.end), 0)
    return Quote(turn, start, end, dialogue[start:end])


def _place(note: str, piece: str) -> tuple[int, int] | None:
    start = note.find(piece)
    return (start, start + len(piece)) if start >= 0 else None
