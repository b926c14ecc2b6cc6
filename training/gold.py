"""Annotated facts of visits (the data folder's facts/ and facts_dev/), with the turns that they stand in.

Turns of facts/ count non-empty lines of the dialogue, as the transcript reader does for one turn a line; a visit whose
turns are read otherwise is refused. Raises TrainingError by file and line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.contract.facts import FactKind, Polarity
from edge.errors import TrainingError
from edge.reading import conversation as talk
from edge.text import sanitise
from training import lines
from training.lines import Record

_SPLITS = {"aci-train": "train", "synthetic": "train", "aci-valid": "valid", "aci-test1": "test1"}


@dataclass(frozen=True)
class GoldFact:
    """One annotated fact. turns: numbers from 0. in_note: the piece of the note that states it, "" if left out.
    quotes: turn and words of each place, best first (of facts/ only)."""

    kind: FactKind
    polarity: Polarity
    critical: bool
    statement: str
    turns: tuple[int, ...]
    in_note: str
    quotes: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class GoldVisit:
    """The facts of a visit, and the pieces of its note that nothing in the conversation supports."""

    facts: tuple[GoldFact, ...]
    unsupported: tuple[str, ...]


def read(folder: Path, split: str) -> dict[str, GoldVisit]:
    """Visit id -> its facts, for every visit of a split. The synthetic visits are all of "train"."""
    found: dict[str, GoldVisit] = {}
    for path in sorted((folder / "facts").glob("*.jsonl")):
        for record in lines.records(path):
            lines.require(record, {"id": str, "set": str, "facts": list})
            lines.check(record, "note_without_source", list)
            if _SPLITS.get(record.fields["set"]) == split:
                with_source = tuple(_fact(raw, record) for raw in record.fields["facts"])
                without = tuple(sanitise(piece) for piece in record.fields.get("note_without_source", ()))
                found[record.fields["id"]] = GoldVisit(with_source, without)
    if not found:
        raise TrainingError(f"There are no annotated facts of {split} in {folder}.", "", "Check the data folder.")
    return found


def _fact(raw: dict[str, Any], record: Record) -> GoldFact:
    try:
        quotes = tuple((int(one["turn"]), sanitise(one["quote"])) for one in raw["evidence"])
        turns = tuple(dict.fromkeys(turn for turn, _ in quotes))
        return GoldFact(
            FactKind(raw["kind"]), Polarity(raw["polarity"]), bool(raw["critical"]), sanitise(raw["statement"]), turns,
            sanitise(raw["in_note"] or ""), quotes,
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise TrainingError(
            f"{record.where}: a fact is malformed.", type(error).__name__, "Correct the line."
        ) from None


def development(folder: Path) -> dict[str, GoldVisit]:
    """Facts of the development visits, each in the turn that holds its quote (and the question before an answer)."""
    found = {}
    for record in lines.records(folder / "facts_dev" / "encounters.jsonl"):
        lines.require(record, {"id": str, "dialogue": str, "facts": list})
        turns = [_plain(turn.text) for turn in talk.parse(sanitise(record.fields["dialogue"]).strip()).turns]
        facts = []
        for raw in record.fields["facts"]:
            at = _quoted(_plain(sanitise(raw["evidence"])), turns)
            polarity = Polarity.DENIED if raw["kind"] == "negation" else Polarity.AFFIRMED
            facts.append(GoldFact(_kind(raw), polarity, bool(raw["critical"]), raw["text"], at, ""))
        found[record.fields["id"]] = GoldVisit(tuple(facts), ())
    return found


_RELATIVE = re.compile(r"(?i)\b(mother|father|brother|sister|aunt|uncle|grand\w+|family|parents?)\b")
_COARSE = {"plan": FactKind.PLAN_ADVICE, "negation": FactKind.SYMPTOM}  # the checklists have fewer kinds


def _kind(raw: dict[str, Any]) -> FactKind:
    if raw["kind"] == "history" and _RELATIVE.search(raw["text"]):
        return FactKind.FAMILY
    return _COARSE.get(raw["kind"]) or FactKind(raw["kind"])


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def line_turns(raw: str) -> list[int]:
    """The turn, as the transcript reader numbers them, of each line of a dialogue that is not empty."""
    turns = talk.parse(raw).turns
    found, at = [], 0
    for line in raw.split("\n"):
        if line.strip():
            last = at + len(line.rstrip()) - 1
            found.append(next((n for n, turn in enumerate(turns) if turn.start <= last < turn.end), len(turns) - 1))
        at += len(line) + 1
    return found


def _quoted(quote: str, turns: list[str]) -> tuple[int, ...]:
    """The turn that holds a quote, with the one before where it is short; else the one that shares its words."""
    for number, turn in enumerate(turns):
        if quote and quote in turn:
            return (number - 1, number) if number and len(turn.split()) < 8 else (number,)
    wanted = set(quote.split())
    best = max(range(len(turns)), key=lambda number: len(wanted & set(turns[number].split())) / (len(wanted) or 1))
    return (best,)
