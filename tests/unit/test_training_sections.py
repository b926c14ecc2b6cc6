"""Sections from their own turns: what the data holds, that it teaches nothing unsaid, and how notes are asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.contract import prompts, section_turns, templates
from edge.contract.events import EngineEvent
from edge.contract.facts import FactKind
from edge.engine.base import Request
from edge.engine.scripted import ScriptedEngine
from edge.errors import UsageError
from edge.reading.conversation import parse
from edge.tasks.note import NoteFinished, write_note
from training import divisions, facts, gold, section_data, sources, strategies
from training.answering import documents
from training.sources import TrainingDocument

VISIT = (
    "Doctor: What brings you in?\nPatient: My left knee hurts since May.\nDoctor: Any allergies?\n"
    "Patient: Penicillin, I got hives.\nPatient: My mother had gout.\nDoctor: Your knee is warm.\n"
    "Doctor: We start naproxen five hundred twice a day."
)


@pytest.fixture(scope="module")
def data() -> Path:
    return sources.data_dir()


def _all(data: Path, split: str) -> dict[str, list[TrainingDocument]]:
    names = ("sections", "own_divisions", "statements", "sections_de")
    return {name: sources.read(name, data, split) for name in names}


def test_every_kind_of_fact_has_a_section_and_every_section_a_division() -> None:
    keys = [spec.key for spec in templates.get("sections").sections]
    assert set(section_turns.DIVISION_OF) == set(keys)
    assert set(section_turns.SECTION_OF) == set(FactKind)
    assert set(section_turns.SECTION_OF.values()) | {"review_of_systems"} == set(keys)
    assert set(section_turns.DIVISION_OF.values()) == {spec.key for spec in templates.get("visit").sections}


def test_the_headings_of_the_narrow_sections_open_the_divisions_that_are_scored() -> None:
    text = "\n\n".join(f"{spec.title.upper()}\n\n{spec.key}" for spec in templates.get("sections").sections)
    parts = divisions.split(text)
    assert all(key in parts[division] for key, division in section_turns.DIVISION_OF.items())


@pytest.mark.long
def test_the_sets_hold_what_they_held_and_are_the_same_each_time(data: Path) -> None:
    found = _all(data, "train")
    assert {name: len(rows) for name, rows in found.items()} == {
        "sections": 1916, "own_divisions": 737, "statements": 7489, "sections_de": 123,
    }  # fmt: skip
    assert sources.read("sections", data, "train") == found["sections"]
    held_out = {d.id for d in sources.aci(data, "valid")}
    assert not any(d.id.startswith(tuple(held_out)) for rows in found.values() for d in rows)
    assert {d.id.rsplit("-", 1)[0] for d in sources.read("sections", data, "valid")} <= held_out
    for rows in found.values():
        assert len({d.id for d in rows}) == len(rows)


def test_answers_name_no_drug_or_number_that_their_turns_do_not_hold(data: Path) -> None:
    rows = [d for d in sources.read("sections", data, "train") if facts.numbers(d.tasks[0].target)][:400]
    assert len(rows) == 400
    assert [d.id for d in rows if facts.unsupported_numbers(d.tasks[0].target, d.text)] == []
    assert [d.id for d in rows if facts.unsupported_drugs(d.tasks[0].target, d.text)] == []


def test_absent_and_dropped_and_foreign_turns_are_taught(data: Path) -> None:
    rows = sources.read("sections", data, "train")
    absent = [d for d in rows if d.tasks[0].target == prompts.ABSENT]
    assert 150 < len(absent) < 300
    assert all(d.text.startswith("Conversation:\n") for d in rows)
    valid = sources.read("sections", data, "valid")  # nothing is dropped or added there
    assert sum(d.tasks[0].target == prompts.ABSENT for d in valid) < 25


def test_a_statement_goes_with_its_turn() -> None:
    note = "CHIEF COMPLAINT\n\nLeft knee pain.\n\nALLERGIES\n\n1. Penicillin (hives). Sulfa (rash)."
    pieces = section_data.statements.split(note)
    assert section_data.rebuilt(note, pieces[1:2], headings=False) == "1. Penicillin (hives)."
    assert section_data.rebuilt(note, pieces[2:], headings=True) == "ALLERGIES\n\nSulfa (rash)."
    assert section_data.rebuilt(note, (), headings=True) == ""


def test_lines_of_a_dialogue_are_mapped_to_turns_as_the_program_reads_them() -> None:
    raw = "[doctor] Hello.\nyou there?\n\n[patient] Yes,\nhere.\n[doctor] Good."
    assert [t.text for t in parse(raw).turns] == ["Hello. you there?", "Yes, here.", "Good."]
    assert gold.line_turns(raw) == [0, 0, 1, 1, 2]


def test_development_facts_stand_in_turns(data: Path) -> None:
    known = gold.development(data)
    assert len(known) == 10
    assert sum(len(one.facts) for one in known.values()) == 196
    for document in documents("facts-dev", data):
        count = len(parse(document.raw).turns)
        for fact in known[document.id].facts:
            assert fact.turns
            assert all(0 <= n < count for n in fact.turns)


class Asked(ScriptedEngine):
    """Answers each section with its instruction's words and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(lambda instruction: f"{instruction.split()[2]} text")
        self.prompts: list[str] = []

    def stream(self, request: Request) -> Iterator[EngineEvent]:
        segments = (*request.prompt.document, *request.prompt.instruction)
        self.prompts.append("".join(s for s in segments if isinstance(s, str)))
        return super().stream(request)


def _write(engine: Asked, name: str, **own: set[int]) -> str:
    for event in write_note(engine, parse(VISIT), templates.get(name), own, earlier=name == "sections"):
        if isinstance(event, NoteFinished):
            return event.note.text
    raise AssertionError


def test_a_section_is_asked_from_its_own_turns_and_nobody_is_asked_without_any() -> None:
    engine = Asked()
    text = _write(engine, "sections", allergies={2, 3}, family_history={4})
    assert len(engine.prompts) == 2
    assert "Penicillin" in engine.prompts[0]
    assert "gout" not in engine.prompts[0]
    assert "hives" not in engine.prompts[1].split("Written so far:")[0]
    assert "Written so far:\nALLERGIES\n" in engine.prompts[1]  # a later part sees the earlier one
    assert text.count("\n\n") == 3


def test_a_section_is_taught_with_the_document_that_it_is_asked_with() -> None:
    turns = parse(VISIT).turns
    engine = Asked()
    _write(engine, "visit", subjective={1, 3})
    text = prompts.turns_document(turns, {3, 1})
    assert text in engine.prompts[0]
    assert text == "Conversation:\nPatient: My left knee hurts since May.\nPatient: Penicillin, I got hives."


def test_unknown_strategies_and_sets_are_named(data: Path) -> None:
    with pytest.raises(UsageError, match="own-sections"):
        strategies.writer("by-magic", {})
    with pytest.raises(UsageError, match="facts-dev"):
        strategies.known_facts("mts-valid", data)


def test_a_strategy_writes_what_it_says(data: Path) -> None:
    document = documents("facts-dev", data, 1)[0]
    known = strategies.known_facts("facts-dev", data)
    engine = Asked()
    written = strategies.writer("own-sections", known)(engine, document)
    assert len(engine.prompts) == len(written.reasons) < len(written.parts) == 11
    assert "ALLERGIES" in written.text
    whole = strategies.writer("divisions", known)(Asked(), document)
    assert len(whole.parts) == 4
