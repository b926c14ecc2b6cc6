"""Strategies of writing a visit note, compared: what its parts are, and from which turns each is written.

divisions: four parts, each from the whole visit (the template "visit", as the program writes). sections: eleven narrow
parts. own-: each part from its own turns, a part without any being absent. -earlier: each is shown those before it.
The turns are those of annotated facts, which says what a form is worth when they are found perfectly.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.contract import section_turns, templates
from edge.contract.events import Finished
from edge.engine.base import Engine
from edge.errors import TrainingError, UsageError
from edge.reading.conversation import parse
from edge.tasks.note import NoteFinished, write_note
from training import gold
from training.answering import UNANSWERED, Writer, Written
from training.gold import GoldVisit
from training.sources import TrainingDocument

Turns = Mapping[str, Collection[int]]


@dataclass(frozen=True)
class WritingStrategy:
    """How a note is written. template: its parts. own: from their own turns. earlier: shown the parts before."""

    template: str
    own: bool = False
    earlier: bool = False


STRATEGIES = {
    "divisions": WritingStrategy("visit"),
    "own-divisions": WritingStrategy("visit", own=True),
    "sections": WritingStrategy("sections"),
    "own-sections": WritingStrategy("sections", own=True),
    "own-sections-earlier": WritingStrategy("sections", own=True, earlier=True),
}
_OF_SET = {"aci-valid": "valid", "aci-test1": "test1"}


def known_facts(set_name: str, folder: Path) -> dict[str, GoldVisit]:
    """Annotated facts of a set's visits. Raises UsageError if it has none."""
    if set_name == "facts-dev":
        return gold.development(folder)
    if set_name not in _OF_SET:
        raise UsageError(
            f"The set {set_name!r} has no annotated facts.", "", f"Known: facts-dev, {', '.join(_OF_SET)}."
        )
    return gold.read(folder, _OF_SET[set_name])


def writer(name: str, known: Mapping[str, GoldVisit]) -> Writer:
    """What writes a note by a strategy; a visit without annotated facts raises TrainingError. Raises UsageError."""
    if name not in STRATEGIES:
        raise UsageError(f"There is no strategy {name!r} of writing notes.", f"Known: {', '.join(STRATEGIES)}.")
    chosen = STRATEGIES[name]

    def write(engine: Engine, document: TrainingDocument) -> Written:
        if document.id not in known:
            raise TrainingError(f"The visit {document.id} has no annotated facts.", "", "Leave --strategy out.")
        turns = own_turns(known[document.id], document.raw, chosen.template == "visit") if chosen.own else None
        try:
            return _write(engine, document, chosen, turns)
        except UNANSWERED as error:
            return Written(document.id, "", ("error",), 0, 0.0, error.what)

    return write


def own_turns(known: GoldVisit, raw: str, divisions: bool) -> dict[str, set[int]]:
    """Section or division key -> turns of the dialogue in raw that its facts stand in."""
    lines = gold.line_turns(raw)
    placed = [(fact, [lines[n] for n in fact.turns if n < len(lines)]) for fact in known.facts]
    return section_turns.own_turns(placed, divisions)


def _write(engine: Engine, document: TrainingDocument, chosen: WritingStrategy, turns: Turns | None) -> Written:
    spec = templates.get(chosen.template)
    parts: dict[str, str] = {}
    reasons: list[str] = []
    tokens, seconds, text = 0, 0.0, ""
    for event in write_note(engine, parse(document.raw), spec, turns, earlier=chosen.earlier):
        if isinstance(event, Finished):
            parts[spec.sections[len(parts)].key] = event.text
            tokens, seconds = tokens + event.generated_tokens, seconds + event.seconds
            reasons += [event.reason] if event.prompt_tokens else []  # a part that nobody was asked for can't loop
        elif isinstance(event, NoteFinished):
            text = event.note.text
    return Written(document.id, text, tuple(reasons) or ("end",), tokens, seconds, parts=parts)
