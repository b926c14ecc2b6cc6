"""A note of facts by a real model: the same text at one, two and more threads, masked and after writing again too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.composing.notes import Composed, compose
from edge.contract import prompts, templates
from edge.contract.events import EngineEvent, Finished
from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.engine import onnx
from edge.engine.base import Engine, EngineInfo, Request
from edge.engine.loader import load_engine
from edge.reading.conversation import parse

pytestmark = [pytest.mark.model, pytest.mark.long]
TALK = parse(
    "Doctor: What do you take?\nPatient: Lisinopril, forty milligrams every morning.\n"
    "Doctor: What brings you in today?\nPatient: My left knee hurts since the third of May, mostly on stairs.\n"
    "Doctor: The knee is warm. We will get an X-ray and see you in two weeks."
)
WRONG = "She takes lisinopril 10 mg daily."  # contradicted: it is to be written again


def _fact(kind: FactKind, words: str, time: Time = Time.CURRENT) -> Fact:
    start = TALK.source.index(words)
    turn = next(n for n, one in enumerate(TALK.turns) if one.start <= start < one.end)
    return Fact(kind, Polarity.AFFIRMED, Subject.PATIENT, time, True, (Quote(turn, start, start + len(words), words),))


FACTS = [
    _fact(FactKind.MEDICATION, "Lisinopril, forty milligrams every morning"),
    _fact(FactKind.SYMPTOM, "My left knee hurts since the third of May, mostly on stairs"),
    _fact(FactKind.FOLLOW_UP, "see you in two weeks", Time.PLANNED),
]


class _Wrong:
    """A real engine with a contradicted statement at the end of each section that it writes. again: its answers to
    what is written again."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self.again = engine, list[str]()

    @property
    def info(self) -> EngineInfo:
        return self._engine.info

    def count(self, prompt: prompts.Prompt) -> int:
        return self._engine.count(prompt)

    def stream(self, request: Request) -> Iterator[EngineEvent]:
        again = any(prompts.STATEMENT_INSTRUCTION in one for one in request.prompt.instruction if isinstance(one, str))
        for event in self._engine.stream(replace(request, max_tokens=min(request.max_tokens, 60))):
            if isinstance(event, Finished) and again:
                self.again.append(event.text)
            elif isinstance(event, Finished):
                event = replace(event, text=f"{event.text.strip()}\n{WRONG}")
            yield event

    def cancel(self) -> None:
        self._engine.cancel()

    def close(self) -> None:
        self._engine.close()


def _note(bundle: Path) -> tuple[str, list[str], list[dict[str, str]]]:
    """The note's text, what was written again, and the steps of mending."""
    engine = _Wrong(load_engine(bundle, allow_unsigned=True))
    try:
        sections = templates.get("sections")
        events = compose(engine, TALK, FACTS, "turns", True, sections, copies=True, contradicted="again")
        made = [event for event in events if isinstance(event, Composed)][-1]
    finally:
        engine.close()
    return made.note.text, engine.again, [one.as_json() for one in made.steps]


def test_a_mended_note_is_the_same_at_one_two_and_more_threads(
    bundle_135m: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {}
    for threads in (1, 2, 4):
        monkeypatch.setattr(onnx, "session_options", lambda threads=threads: {"intra_op_num_threads": threads})
        made[threads] = _note(bundle_135m)
    text, again, steps = made[1]
    assert len(again) >= 3  # one a section at least
    assert all(again)
    assert any(step["text"] == WRONG for step in steps)
    assert WRONG not in text
    assert made[1] == made[2] == made[4]
