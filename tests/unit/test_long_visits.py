"""A visit that is longer than the model reads at once: overlapping parts, merged with nothing lost, in CLI and app."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from edge.contract import templates
from edge.contract.document import from_text
from edge.contract.events import EngineEvent, Finished, SectionFinished, SectionStarted, Text
from edge.contract.note import Section
from edge.encounters.open_encounter import OpenEncounter
from edge.encounters.writing import Scribe, origin
from edge.engine.base import Request
from edge.engine.scripted import ScriptedEngine
from edge.errors import InputError
from edge.evidence.statements import split
from edge.reading.conversation import parse
from edge.tasks import note
from edge.tasks.note import merged
from edge.verbs import note as note_verb
from edge.verbs.narrate import Narrator

SIXTY_THOUSAND = 60_000


def visit(words: int, first: str = "", last: str = "") -> str:
    """A conversation of so many words, each turn another one. first, last: what the patient says then."""
    lines = [f"Patient: {first}"] if first else []
    while sum(len(line.split()) for line in lines) < words:
        n = len(lines)
        who = "Doctor" if n % 2 else "Patient"
        lines.append(
            f"{who}: On day {n} it was {n % 10} of ten, turn{n} for {n % 7 + 1} hours after walking and then less."
        )
    return "\n".join([*lines, f"Patient: {last}"] if last else lines)


class ReadingEngine(ScriptedEngine):
    """An engine that answers from what it was given to read: answer(document, instruction)."""

    def __init__(self, answer: Callable[[str, str], str], context: int = 4096) -> None:
        super().__init__(lambda _: "", context=context)
        self.answer = answer
        self.read: list[str] = []

    def stream(self, request: Request) -> Iterator[EngineEvent]:
        document = "".join(one for one in request.prompt.document if isinstance(one, str))
        self.read.append(document)
        self._script = lambda instruction: self.answer(document, instruction)
        yield from super().stream(request)


def turns_told(document: str, instruction: str) -> str:
    """Every turn of the document by its number: what a note that loses nothing would say."""
    if "the subjective" not in instruction:
        return "None."
    return "CHIEF COMPLAINT\n\n" + " ".join(re.findall(r"turn\d+", document))


def write(engine: Any, text: str, template: str = "visit") -> tuple[list[Any], note.Note]:
    events = list(note.write_note(engine, parse(text), templates.get(template)))
    return events, events[-1].note


def test_every_turn_of_sixty_thousand_words_is_read_and_in_the_note() -> None:
    text = visit(SIXTY_THOUSAND)
    engine = ReadingEngine(turns_told, 8192)
    _, written = write(engine, text)
    assert not written.incomplete
    said = set(re.findall(r"turn\d+", text))
    assert len(said) > 3_000
    assert said == set(re.findall(r"turn\d+", written.text))
    assert max(len(document.split()) for document in engine.read) < 8192


def test_all_sections_of_a_part_are_written_before_the_next_part_is_read() -> None:
    engine = ReadingEngine(lambda *_: "Words.")
    events, written = write(engine, visit(6_000))
    begun = [(e.part, e.index) for e in events if isinstance(e, SectionStarted)]
    parts = {e.parts for e in events if isinstance(e, SectionStarted)}
    assert begun == sorted(begun)
    assert parts == {len(begun) // 4}
    assert len(set(engine.read)) == len(begun) // 4, "the document of a part stays the same for all of its sections"
    ends = [e for e in events if isinstance(e, SectionFinished)]
    assert [e.more for e in ends] == [True] * (len(ends) - 4) + [False] * 4
    assert {*written.parts} == {spec.key for spec in templates.get("visit").sections}


def test_what_is_denied_at_the_start_and_affirmed_at_the_end_stays_both() -> None:
    def answer(document: str, instruction: str) -> str:
        if "the subjective" not in instruction:
            return "None."
        said = [text for sign, text in (("no chest pain", "Denies chest pain."), ("chest pain now", "Has chest pain."))
                if sign in document]  # fmt: skip
        return "HISTORY OF PRESENT ILLNESS\n\n" + " ".join(said) if said else "None."

    text = visit(9_000, "I have no chest pain at all.", "Oh, I do have chest pain now.")
    _, written = write(ReadingEngine(answer), text)
    (history,) = written.sections
    assert history.heading == "HISTORY OF PRESENT ILLNESS"
    count = len(written.parts["subjective"])
    assert history.text.startswith("Part 1 of ")
    assert "\nDenies chest pain.\n\nPart " in history.text
    assert history.text.endswith("Has chest pain.")
    assert f"Part {count} of {count} (turns " in history.text


def test_the_seam_stands_in_the_origin_and_is_no_statement() -> None:
    engine = ReadingEngine(lambda *_: "It hurts.")
    text = visit(6_000)
    _, written = write(engine, text, "section:CC")
    document = from_text(text, "visit.txt")
    seams = origin(engine.info, document, written).parameters["parts"]["CC"]
    count = len(parse(text).turns)
    assert seams[0][0] == 1
    assert seams[-1][1] == count
    assert all(before[1] >= after[0] for before, after in pairwise(seams)), "neighbours overlap"
    assert [piece.text for piece in split(written.text)] == ["It hurts."]
    assert "parts" not in origin(engine.info, document, write(engine, visit(50), "section:CC")[1]).parameters


def test_a_german_visit_has_german_seams() -> None:
    text = "\n".join(f"Patient: Ich habe seit {n} Tagen Schmerzen im Knie und es ist nicht besser." for n in range(600))
    _, written = write(ReadingEngine(lambda document, _: f"Satz {len(document)}."), text, "section:CC")
    assert written.text.count("Teil ") == len(written.parts["CC"])


def test_a_monologue_without_speakers_and_without_sentences_is_cut_between_words() -> None:
    text = " ".join(f"word{n}" for n in range(9_000))
    engine = ReadingEngine(lambda *_: "Words.")
    write(engine, text, "section:CC")
    assert {word for document in engine.read for word in re.findall(r"word\d+", document)} >= set(text.split())


def test_own_turns_that_fit_are_one_part_whatever_the_visit() -> None:
    text = visit(9_000)
    engine = ReadingEngine(turns_told)
    turns = {"subjective": {3, 440, 400}, "assessment_and_plan": set(range(450))}
    events = list(note.write_note(engine, parse(text), templates.get("visit"), turns))
    written = events[-1].note
    assert "subjective" not in written.parts
    assert len(written.parts["assessment_and_plan"]) > 1
    assert re.findall(r"turn\d+", written.sections[0].text) == ["turn3", "turn400", "turn440"]
    assert [e.absent for e in events if isinstance(e, SectionFinished)][1:3] == [True, True]


def test_a_stop_keeps_what_the_parts_gave_and_marks_every_section_that_lacks_one() -> None:
    engine = ReadingEngine(lambda document, _: f"Words {len(document)} and more.")
    events = []
    for event in note.write_note(engine, parse(visit(6_000)), templates.get("visit")):
        events.append(event)
        if isinstance(event, SectionStarted) and (event.part, event.index) == (1, 1):
            engine.cancel()
        if (
            isinstance(event, Text)
            and event.text == " and"
            and len([e for e in events if isinstance(e, Finished)]) == 5
        ):
            engine.cancel()
    written = events[-1].note
    assert written.incomplete
    assert {reason for _, reason in written.reasons} == {"cancelled"}
    assert [section.text.count("Words") for section in written.sections] == [2, 2, 1, 1]


def test_a_model_without_room_for_any_part_leaves_choices() -> None:
    with pytest.raises(InputError, match="too long") as refused:
        write(ReadingEngine(turns_told, 1_100), visit(2_000))
    assert "--form facts" in str(refused.value)
    assert "--template section:KEY" in str(refused.value)


def test_a_line_that_an_earlier_part_has_is_not_said_again_and_headings_are_there_once() -> None:
    first = [Section("", "Before."), Section("PLAN", "Rest.\nIbuprofen 400 mg.")]
    second = [Section("PLAN", "ibuprofen 400  mg.\nReturn in a week."), Section("RESULTS", "None.")]
    second.append(Section("PLAN", "Walk."))
    third = [Section("PLAN", "Rest.")]
    assert merged([("A:", first), ("B:", second), ("C:", third)]) == (
        "A:\nBefore.\n\nPLAN\n\nA:\nRest.\nIbuprofen 400 mg.\n\nB:\nReturn in a week.\nWalk."
    )


def test_a_wish_about_a_section_of_a_long_visit_goes_to_every_part() -> None:
    asked: list[str] = []

    def answer(document: str, instruction: str) -> str:
        asked.append(instruction)
        return f"Anew {len(document)}."

    scribe = Scribe(ReadingEngine(answer))
    spec = templates.get("section:CC").sections[0]
    *_, done = scribe.rewrite(visit(9_000), spec, "old text " * 800, "shorter")
    assert len(asked) == len(done.note.parts["CC"]) > 1
    assert all("with this change: shorter" in one and "old text" not in one for one in asked)
    asked.clear()
    list(scribe.rewrite(visit(200), spec, "old text", "shorter"))
    assert "old text" in asked[0]


def test_the_command_line_says_it_once_and_prints_the_merged_note(capsys: pytest.CaptureFixture[str]) -> None:
    scribe = Scribe(ReadingEngine(lambda document, _: f"Words {len(document)}."))
    args = argparse.Namespace(template="section:CC", form="whole", json=False, live=True, quiet=False, threads=0)
    result = note_verb.write(scribe, from_text(visit(6_000), "v"), args, Narrator())
    out, err = capsys.readouterr()
    assert err.count("longer than the model reads at once") == 1
    assert out.count("Part 1 of") == 1
    assert out.strip() == result.printed["text"].strip()
    assert result.printed["parts"]["CC"][0][0] == 1
    assert "overlapping parts" in result.printed["warnings"][-1]


def test_an_empty_note_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    scribe = Scribe(ReadingEngine(lambda *_: "None."), form="whole")
    args = argparse.Namespace(template="visit", json=True, live=False, quiet=False, threads=0)
    result = note_verb.write(scribe, from_text(visit(50), "v"), args, Narrator())
    assert result.printed["text"] == ""
    assert result.printed["warnings"] == [note_verb.EMPTY]
    assert note_verb.EMPTY in capsys.readouterr().err


def test_the_app_shows_parts_as_they_come_and_keeps_the_merged_section() -> None:
    engine = ReadingEngine(lambda document, _: f"Words {len(document)}.")
    encounter = OpenEncounter.begin(templates.get("visit"))
    encounter.set_conversation(visit(6_000), "visit.txt")
    encounter.begin_note(templates.get("visit"))
    encounter.job = 1
    first = encounter.sections[0]
    for event in Scribe(engine).sections(encounter.conversation, templates.get("visit")):
        if isinstance(event, SectionStarted):
            encounter.section_begun(event.key, event.part)
            assert first.writing or event.part + 1 == event.parts
        elif isinstance(event, Text):
            encounter.text_written(event.text)
            assert sum(one.growing for one in encounter.sections) == 1
        elif isinstance(event, SectionFinished):
            encounter.section_written(event)
        elif isinstance(event, note.NoteFinished):
            encounter.job = None
            encounter.note_written(event.note, engine.info)
            count = len(event.note.parts["subjective"])
            assert [one.text.count("Words") for one in encounter.sections] == [count] * 4
            assert [one.text.count("Part ") for one in encounter.sections] == [count] * 4
    assert count > 1
    assert not encounter.note_incomplete
    assert encounter.origin.parameters["parts"]["subjective"][0][0] == 1
    assert not any(one.writing or one.growing for one in encounter.sections)
