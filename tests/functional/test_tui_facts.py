"""A note of what was said, in the app: from key presses to what is kept, with the model only where it is asked for."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from functional.tui_kit import empty_vault, encounter_on, leave, make_app, new_with, on, reopen, unlock, until
from textual.widgets import Select

from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.contract.transcript import Transcript
from edge.encounters.checking import Checker
from edge.encounters.writing import Scribe
from edge.engine.base import EngineInfo
from edge.engine.scripted import ScriptedEngine
from edge.errors import BundleError
from tui import settings
from tui.app import EdgeApp

TALK = "Doctor: What do you take?\nPatient: Lisinopril, forty milligrams every morning, and it is fine with me."
INFO = EngineInfo("tagger-x", "ab" * 32, "", "", 512, "onnx")


def _finder(transcript: Transcript) -> Sequence[Fact]:
    start = transcript.source.index("Lisinopril")
    end = transcript.source.index(", and")
    quote = Quote(1, start, end, transcript.source[start:end])
    return [Fact(FactKind.MEDICATION, Polarity.AFFIRMED, Subject.PATIENT, Time.CURRENT, True, (quote,))]


def _app(home: Path, engine: ScriptedEngine | None = None) -> EdgeApp:
    app = make_app(home)
    engine = engine or ScriptedEngine(lambda _: "The model wrote this.")
    app._opener = lambda _: Scribe(engine, checker=Checker(_finder, info=INFO))
    return app


async def test_a_note_is_made_of_what_was_said_and_kept_with_what_made_it(home: Path) -> None:
    empty_vault(home)
    app = _app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await new_with(pilot, TALK)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: encounter_on(app).has_note, "a note")
        encounter = encounter_on(app)
        subjective = next(one for one in encounter.sections if one.key == "subjective")
        assert "- Lisinopril 40 mg every morning." in subjective.text
        assert not encounter.incomplete
        await leave(pilot)
    with reopen(home) as vault:
        (one,) = vault.encounters.list()
        document = vault.encounters.peek(one.id).note
        assert document is not None
        assert document.origin.bundle == "tagger-x"
        assert document.origin.parameters["form"] == "facts"
        assert document.origin.generated_tokens == 0


async def test_the_model_writes_where_the_settings_say_so_at_once(home: Path) -> None:
    empty_vault(home)
    app = _app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await pilot.press("f10")
        await until(pilot, lambda: bool(app.screen.query("#form")), "the settings")
        app.screen.query_one("#form", Select).value = "whole"
        await until(pilot, lambda: app.encounters.form == "whole", "the setting to count")
        await pilot.press("escape")
        await new_with(pilot, TALK)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: encounter_on(app).has_note, "a note")
        assert "The model wrote this." in encounter_on(app).sections[0].text
        await leave(pilot)
    assert settings.load().form == "whole"


class Loader:
    """Opens a model once it may, or fails to."""

    def __init__(self, fault: BundleError | None = None) -> None:
        self.may, self.fault = threading.Event(), fault
        self.engine = Closable(lambda _: "The model wrote this.")

    def __call__(self, _: object) -> Scribe:
        assert self.may.wait(60)
        if self.fault is not None:
            raise self.fault
        return Scribe(self.engine)


class Closable(ScriptedEngine):
    """Knows that it was closed."""

    closed = False

    def close(self) -> None:
        self.closed = True


def _loading(
    home: Path, monkeypatch: pytest.MonkeyPatch, fault: BundleError | None = None
) -> tuple[EdgeApp, Loader, list[int]]:
    """An app whose model is still being opened, its loader, and how often a tagger was opened for notes."""
    app, loader, opened = make_app(home), Loader(fault), list[int]()
    app._opener = loader

    def open_checker(*_: object, **__: object) -> Checker:
        opened.append(1)
        return Checker(_finder, info=INFO)

    monkeypatch.setattr(Checker, "open", open_checker)
    return app, loader, opened


async def test_a_note_of_facts_does_not_wait_for_the_model(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty_vault(home)
    app, loader, opened = _loading(home, monkeypatch)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await new_with(pilot, TALK)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: encounter_on(app).has_note and not encounter_on(app).busy, "a note of facts")
        assert app.encounters.info is None, "no model is open yet"
        await pilot.press("ctrl+b")
        app.encounters.form = "whole"
        await new_with(pilot, TALK)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: app.model._held, "a note that waits for the model")
        assert app.model.waiting() == (1, None), "how fast facts are written says nothing about the model"
        assert app.encounters.at_work() == {encounter_on(app).id: "queued"}
        loader.may.set()
        await until(pilot, lambda: encounter_on(app).has_note and not encounter_on(app).busy, "the model's note")
        assert "The model wrote this." in encounter_on(app).sections[0].text
        assert len(opened) == 1, "the finder of facts is opened once, for notes and checks"
        await leave(pilot)
    with reopen(home) as vault:
        made = {vault.encounters.peek(one.id).note.origin.bundle for one in vault.encounters.list()}
    assert made == {"tagger-x", loader.engine.info.bundle}


async def test_a_note_that_waits_for_the_model_can_be_stopped(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty_vault(home)
    app, loader, _ = _loading(home, monkeypatch)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        app.encounters.form = "whole"
        await new_with(pilot, TALK)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: app.model._held, "a note that waits for the model")
        app.encounters.stop(encounter_on(app))
        await until(pilot, lambda: not encounter_on(app).busy, "the end of the wait")
        assert not encounter_on(app).has_note
        await leave(pilot)
    loader.may.set()
    await until(pilot, lambda: app.model.ended and loader.engine.closed, "a model that came too late is closed")


async def test_notes_of_facts_are_written_where_no_model_opens(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty_vault(home)
    app, loader, _ = _loading(home, monkeypatch, BundleError("The bundle was refused.", "It was altered.", ""))
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        loader.may.set()
        await until(pilot, on(pilot, "Complaint"), "why there is no model")
        await pilot.press("enter")
        await until(pilot, on(pilot, "LibraryScreen"))
        await new_with(pilot, TALK)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: encounter_on(app).has_note and not encounter_on(app).busy, "a note of facts")
        await pilot.press("ctrl+b")
        app.encounters.form = "whole"
        await new_with(pilot, TALK)
        await pilot.press("ctrl+g")
        await until(pilot, on(pilot, "Complaint"), "why there is no model for this note")
        await pilot.press("enter")
        await until(pilot, on(pilot, "EncounterScreen"))
        assert not encounter_on(app).has_note
        await leave(pilot)


class Reader(ScriptedEngine):
    """Counts how often its reading was ended."""

    def __init__(self) -> None:
        super().__init__(lambda _: "The model wrote this.")
        self.ended = 0

    def cancel(self) -> None:
        self.ended += 1
        super().cancel()


async def test_a_conversation_is_read_ahead_where_the_model_will_write(home: Path) -> None:
    empty_vault(home)
    engine = Reader()
    app = _app(home, engine)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        app.encounters.form = "whole"
        await new_with(pilot, TALK)
        await until(pilot, lambda: len(engine.ahead) == 1, "the reading, after a pause")
        assert "forty milligrams" in str(engine.ahead[0].document)
        assert not engine.ended
        await pilot.press("end", "enter", *"Doctor: Good.")
        await until(pilot, lambda: engine.ended, "the end of that reading, with the first key")
        await until(pilot, lambda: len(engine.ahead) == 2, "the reading of what was typed since")
        assert "Good." in str(engine.ahead[1].document)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: encounter_on(app).has_note and not encounter_on(app).busy, "a note")
        ended = engine.ended
        await pilot.press("ctrl+b")
        await until(pilot, lambda: not app.encounters.all, "the encounter to be left")
        assert engine.ended == ended, "nothing was read that is to be ended"
        await new_with(pilot, TALK)
        await until(pilot, lambda: len(engine.ahead) == 3, "the reading of another one")
        await pilot.press("ctrl+b")
        await until(pilot, lambda: engine.ended > ended, "the end of the reading as the encounter is left")
        app.encounters.form = "auto"
        await new_with(pilot, TALK)
        await until(pilot, lambda: app.encounters.model._ahead is None and encounter_on(app).id)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: encounter_on(app).has_note, "a note of facts")
        assert len(engine.ahead) == 3, "what needs no model is not read"
        await leave(pilot)
