"""The table of fields by keys: found by a tagger, what is said of them, marked, accepted, corrected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from functional.tui_kit import (
    empty_vault,
    idle,
    leave,
    make_app,
    on,
    reopen,
    screen_text,
    unlock,
    until,
    written,
)

from edge.contract.document import Document
from edge.contract.fields import FieldEntry
from edge.contract.origin import Origin
from edge.encounters.open_encounter import OpenEncounter
from edge.encounters.tools import Tools
from edge.encounters.writing import Extraction
from tui.app import EdgeApp
from tui.widgets.fields_panel import FieldsPanel
from tui.widgets.transcript_view import TranscriptView

SURE = {"polarity": "affirmed", "subject": "patient", "time": "current", "confidence": 0.9}


def tagged(_: Tools, report: Document) -> tuple[Extraction, Origin]:
    """What a tagger would find in the scripted note."""

    def entry(words: str, **known: Any) -> FieldEntry:
        start = report.text.index(words)
        return FieldEntry(words, start, start + len(words), 1.0, SURE | known)

    fields = {
        "signs_symptoms": (entry("Left knee pain"), entry("No fever", polarity="denied")),
        "diagnosis": (entry("Knee pain", confidence=0.41),),
        "family_history": (entry("Monday", subject="family", relative="brother", time="past"),),
        "pharmacological_therapy": (entry("acetaminophen 500 mg", time="planned"),),
        "age": (),
    }
    return Extraction(fields, False, 0, 0, 0.2, "end"), Origin("tagger", "t" * 64, "1", report.sha256)


@pytest.fixture
def app(home: Path, monkeypatch: pytest.MonkeyPatch) -> EdgeApp:
    """An app with a tagger, and a model that would write for ever."""
    monkeypatch.setattr(Tools, "fields", tagged)
    empty_vault(home)
    return make_app(home)


async def extracted(pilot: Any) -> tuple[OpenEncounter, FieldsPanel]:
    encounter = await written(pilot)
    await pilot.press("f7")
    await until(pilot, lambda: len(encounter.rows) == 5 and idle(pilot.app), "the fields")
    panel = pilot.app.screen.query_one(FieldsPanel)
    await until(pilot, lambda: panel.has_focus_within and len(panel.lines) == 6, "the table")
    return encounter, panel


def cursor(panel: FieldsPanel) -> int:
    return int(panel.query_one("Table").cursor_row)


async def test_what_is_said_of_an_entry_and_how_sure_it_is_stands_in_words(app: EdgeApp) -> None:
    async with app.run_test(size=(200, 60)) as pilot:
        await unlock(pilot)
        encounter, _ = await extracted(pilot)
        shown = screen_text(app)
        lines = {word: next(line for line in shown.splitlines() if word in line.split("│")[-1]) for word in (
            "No fever", "Monday", "acetaminophen 500", "Age",
        )}  # fmt: skip
        assert "denied" in lines["No fever"]
        assert "past, brother" in lines["Monday"]
        assert "planned" in lines["acetaminophen 500"]
        assert lines["Age"].rstrip().endswith("–")
        assert "? 41 %" in shown
        assert "? 1 doubtful" in shown
        assert encounter.fields_origin.bundle == "tagger"
        await leave(pilot)


async def test_several_are_accepted_at_once_and_the_doubt_is_gone(app: EdgeApp, home: Path) -> None:
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter, panel = await extracted(pilot)
        while encounter.rows[panel.lines[cursor(panel)].index].key != "diagnosis":
            await pilot.press("down")
        before = cursor(panel)
        await pilot.press("space")
        await until(pilot, lambda: len(panel.marked) == 1 and cursor(panel) == before + 1)
        await pilot.press("space")
        await until(pilot, lambda: len(panel.marked) == 2)
        assert screen_text(app).count("■") == 2
        await pilot.press("y")
        await until(pilot, lambda: sum(row.entry.accepted for row in encounter.rows) == 2)
        await until(pilot, lambda: screen_text(app).count("✓") == 2 and "doubtful" not in screen_text(app))
        await leave(pilot)
    with reopen(home) as vault:
        kept = vault.encounters.peek(vault.encounters.list()[0].id).fields
        assert kept.origin.bundle == "tagger"
        assert [e.text for _, e in kept.content.rows() if e.accepted] == ["Knee pain", "acetaminophen 500 mg"]
        assert not kept.content["diagnosis"][0].doubtful


async def test_a_correction_lights_up_and_an_empty_field_is_filled(app: EdgeApp, home: Path) -> None:
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter, panel = await extracted(pilot)
        view = app.screen.query_one(TranscriptView)
        await pilot.press("enter")
        await until(pilot, on(pilot, "Ask"))
        app.screen.query_one("SafeInput").value = "since Monday"
        await pilot.press("enter")
        await until(pilot, lambda: "since Monday" in [row.entry.text for row in encounter.rows])
        await until(pilot, lambda: view.spot is not None and view.source[slice(*view.spot)] == "since Monday")
        while panel.lines[cursor(panel)].index is not None:
            await pilot.press("down")
        await pilot.press("enter")
        await until(pilot, on(pilot, "Ask"))
        app.screen.query_one("SafeInput").value = "Rest"
        await pilot.press("enter")
        await until(pilot, lambda: encounter.rows[-1].entry.text == "Rest")
        await until(pilot, lambda: view.spot is not None and view.source[slice(*view.spot)] == "Rest")
        await leave(pilot)
    with reopen(home) as vault:
        kept = vault.encounters.peek(vault.encounters.list()[0].id).fields
        (filled,) = kept.content["age"]
        assert (filled.text, filled.attributes["by"], filled.accepted) == ("Rest", "person", True)
        assert filled.attributes["polarity"] == "affirmed"
