"""Note and extraction over the scripted engine: sections, absence, marks, and where entries stand."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from edge.contract import templates
from edge.contract.events import EngineEvent, Finished, SectionFinished, SectionStarted, StopReason
from edge.contract.schemas import FIELD_KEYS, extraction_target
from edge.engine.base import Request
from edge.engine.scripted import ScriptedEngine
from edge.errors import EngineError, InputError, OutputError
from edge.reading.conversation import parse
from edge.tasks import extract, note
from edge.verbs import extract as extract_verb
from edge.verbs import note as note_verb
from edge.verbs.note import note_json

TALK = parse("Doctor: What brings you in?\nPatient: My knee hurts.")
PARTS = {
    "subjective": "CHIEF COMPLAINT\n\nKnee pain.\n\nHISTORY OF PRESENT ILLNESS\n\nThe knee hurts.",
    "physical": "None.",
    "results": "RESULTS\n\nX-ray: no fracture.",
    "assessment": "Knee pain. Rest.",
}


def script(instruction: str) -> str:
    return next(text for word, text in PARTS.items() if f"the {word}" in instruction)


def write(engine: Any, template: str = "visit") -> tuple[list[Any], note.Note]:
    events = list(note.write_note(engine, TALK, templates.get(template)))
    assert isinstance(events[-1], note.NoteFinished)
    return events, events[-1].note


def test_a_visit_note_section_by_section() -> None:
    events, written = write(ScriptedEngine(script))
    assert [e.key for e in events if isinstance(e, SectionStarted)] == [s.key for s in templates.get("visit").sections]
    assert [e.absent for e in events if isinstance(e, SectionFinished)] == [False, True, False, False]
    assert [(s.heading, s.text) for s in written.sections] == [
        ("CHIEF COMPLAINT", "Knee pain."),
        ("HISTORY OF PRESENT ILLNESS", "The knee hurts."),
        ("RESULTS", "X-ray: no fracture."),
        ("ASSESSMENT AND PLAN", "Knee pain. Rest."),
    ]
    assert not written.incomplete
    assert written.text.startswith("CHIEF COMPLAINT\n\nKnee pain.\n\nHISTORY")


def test_a_stop_for_length_marks_the_note() -> None:
    _, written = write(ScriptedEngine(lambda _: "word " * 600), "section:CC")
    assert written.incomplete
    assert written.reasons == (("CC", "length"),)
    assert [section.stop for section in written.sections] == ["length"]
    assert [set(one) for one in note_json(written)["sections"]] == [{"heading", "text", "key", "stop"}]


def test_of_several_headings_the_last_one_was_cut() -> None:
    def wordy(instruction: str) -> str:
        return script(instruction) + (" word" * 2000 if "the subjective" in instruction else "")

    _, written = write(ScriptedEngine(wordy))
    assert [(s.heading, s.stop) for s in written.sections][:3] == [
        ("CHIEF COMPLAINT", "end"), ("HISTORY OF PRESENT ILLNESS", "length"), ("RESULTS", "end"),
    ]  # fmt: skip
    assert {"stop"} == {*note_json(written)["sections"][1]} - {*note_json(written)["sections"][0]}


def test_a_cancel_keeps_what_was_written_and_marks_it() -> None:
    engine = ScriptedEngine(lambda _: "one two three four")
    events = []
    for event in note.write_note(engine, TALK, templates.get("visit")):
        events.append(event)
        if getattr(event, "text", "") == " two":
            engine.cancel()
    written = events[-1].note
    assert written.incomplete
    assert written.reasons == (("subjective", "cancelled"),)
    assert "one two" in written.text


def test_a_runtime_that_dies_is_a_named_error() -> None:
    with pytest.raises(EngineError):
        write(ScriptedEngine(script, fail_after=2))


def test_too_long_is_refused_before_writing() -> None:
    with pytest.raises(InputError, match="too long"):
        write(ScriptedEngine(script, context=600))


@pytest.mark.parametrize("text", ["None.", "none", " N/A ", "", "None"])
def test_absence(text: str) -> None:
    assert note.is_absent(text)


REPORT = "Mr. Weiß is 71. He takes Metformin 1000 mg twice daily.\nHe takes Metformin 1000 mg twice daily again."


def extraction(answer: str) -> extract.Extraction:
    last = list(extract.extract_fields(ScriptedEngine(lambda _: answer), REPORT))[-1]
    assert isinstance(last, extract.ExtractionFinished)
    return last.extraction


def test_entries_are_placed_exactly_or_by_the_closest_passage_or_not_at_all() -> None:
    found = extraction(
        extraction_target(
            {"pharmacological_therapy": ["Metformin 1000 mg", "metformin 1000 mg twice dayly", "insulin pump"]}
        )
    )
    exact, close, none = found.fields["pharmacological_therapy"]
    assert (REPORT[exact.start : exact.end], exact.score) == ("Metformin 1000 mg", 1.0)
    assert none.start is None
    assert none.end is None
    assert none.score < extract.MIN_SCORE
    assert close.start is None or (close.score < 1 and "etformin" in REPORT[close.start : close.end])
    assert not found.incomplete


def test_fields_are_all_there_and_duplicates_are_not() -> None:
    found = extraction(extraction_target({"age": ["71", "71", " "]}))
    assert list(found.fields) == list(FIELD_KEYS)
    assert [e.text for e in found.fields["age"]] == ["71"]
    assert extract.elmtex(found)["age"] == "71"
    assert extract.elmtex(found)["gender"] == "N/A"


def test_a_cut_answer_keeps_its_whole_entries_and_says_so() -> None:
    whole = extraction_target({"life_style": ["He takes"], "age": ["71"]})
    found = extraction(whole[: whole.index('"age": ["71"') + 9])
    assert (found.incomplete, found.stop) == (True, "schema")
    assert [e.text for e in found.fields["life_style"]] == ["He takes"]
    assert found.fields["age"] == ()


@pytest.mark.parametrize(
    ("reason", "kept"),
    [("loop", ["He takes Metformin", "Metformin"]), ("end", ["He takes Metformin", "Metformin", "He takes"])],
)
def test_a_repeat_that_was_only_begun_is_no_entry(reason: StopReason, kept: list[str]) -> None:
    class Stopping(ScriptedEngine):
        def stream(self, request: Request) -> Iterator[EngineEvent]:
            for event in super().stream(request):
                yield dataclasses.replace(event, reason=reason) if isinstance(event, Finished) else event

    answer = extraction_target({"life_style": ["He takes Metformin", "Metformin", "He takes"], "age": ["71"]})
    *_, last = extract.extract_fields(Stopping(lambda _: answer), REPORT)
    assert isinstance(last, extract.ExtractionFinished)
    assert [e.text for e in last.extraction.fields["life_style"]] == kept
    assert [e.text for e in last.extraction.fields["age"]] == ["71"]
    assert last.extraction.fields["gender"] == ()


def test_every_reason_to_stop_has_words_of_its_own() -> None:
    assert {*extract_verb._CUT, "end"} == {*get_args(StopReason), "schema"}
    assert {*note_verb._REASONS, "end"} == {*get_args(StopReason)}


@pytest.mark.parametrize("answer", ['["a"]', '{"age": "71"}', '{"colour": []}', '{"age": [1]}', "3"])
def test_answers_outside_the_schema_are_errors(answer: str) -> None:
    with pytest.raises(OutputError):
        extraction(answer)


def test_schema_and_target_agree() -> None:
    target = json.loads(extraction_target({"age": ["71"]}))
    assert list(target) == list(FIELD_KEYS)


def test_an_empty_report_is_refused() -> None:
    with pytest.raises(InputError):
        list(extract.extract_fields(ScriptedEngine(lambda _: "{}"), " \n"))
