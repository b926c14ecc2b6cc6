"""Copying is asked for once and shown from then on; words are found in the note; fields keep the focus."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from functional.tui_kit import (
    TALK,
    editors,
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
from textual.app import App
from textual.widgets import DataTable

from edge.seal import setting
from tui import settings
from tui.widgets.transcript_view import TranscriptView


@pytest.fixture
def clipboard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What went to the terminal."""
    gone: list[str] = []
    monkeypatch.setattr(App, "copy_to_clipboard", lambda self, text: gone.append(text))
    return gone


async def test_copying_is_asked_for_once_and_then_takes_a_section_or_the_note(home: Path, clipboard: list[str]) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await written(pilot)
        assert " F5  Copy " not in screen_text(app)
        editors(app)[3].area.focus()
        await pilot.press("f5")
        await until(pilot, on(pilot, "Confirm"))
        await until(pilot, lambda: "Allow copying?" in screen_text(app))
        await pilot.press("n")
        await until(pilot, on(pilot, "EncounterScreen"))
        assert clipboard == []
        await pilot.press("f5")
        await until(pilot, on(pilot, "Confirm"))
        await pilot.press("y")
        await until(pilot, on(pilot, "Choose"))
        await until(pilot, lambda: "This section: Assessment and plan" in screen_text(app))
        await until(pilot, lambda: "exports" in screen_text(app), "the export folder in sight")
        await pilot.press("enter")
        await until(pilot, lambda: len(clipboard) == 1, "the section")
        await until(pilot, lambda: " F5  Copy " in screen_text(app), "the key in the footer")
        await pilot.press("f5")
        await until(pilot, on(pilot, "Choose"))
        await pilot.press("down", "enter")
        await until(pilot, lambda: len(clipboard) == 2, "the note")
        await leave(pilot)
    section, note = clipboard[:2]
    assert (
        section
        == "ASSESSMENT AND PLAN\n\nKnee pain. Rest and acetaminophen 500 mg.\n\nDRAFT - not signed by a clinician.\n"
    )
    assert "Left knee pain since Monday" in note
    assert "Left knee pain" not in section
    assert settings.load().copy_osc52
    with reopen(home) as vault:
        copied = [json.loads(e.detail) for e in vault.admin.entries() if e.event == "export"]
    assert copied == [{"form": "clipboard", "section": 4}, {"form": "clipboard"}]


async def test_where_it_is_forbidden_nothing_is_copied(
    home: Path, clipboard: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setting, "folder", lambda: home / "it")
    (home / "it").mkdir(parents=True)
    (home / "it" / setting.NO_CLIPBOARD).touch()
    empty_vault(home)
    app = make_app(home)
    app.settings.copy_osc52 = True
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await unlock(pilot)
        await written(pilot)
        await pilot.press("f5")
        await until(pilot, lambda: "switched copying off" in " ".join(screen_text(app).split()), "the reason")
        assert on(pilot, "EncounterScreen")()
        await app.copy_note(app.screen.encounter)
        await leave(pilot)
    assert clipboard == []


async def test_words_are_found_in_the_note_and_in_the_conversation(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await written(pilot)
        editors(app)[0].area.focus()
        for section, keys in ((0, "knee pain"), (3, ""), (0, "")):
            await pilot.press("ctrl+f")
            await until(pilot, on(pilot, "Ask"))
            await pilot.press(*keys, "enter")
            await until(pilot, lambda section=section: editors(app)[section].area.has_focus, "the section")
            await until(pilot, lambda s=section: editors(app)[s].area.selected_text.casefold() == "knee pain")
        await pilot.press("f6")
        view = app.screen.query_one(TranscriptView)
        await until(pilot, lambda: view.has_focus)
        await pilot.press("ctrl+f")
        await until(pilot, on(pilot, "Ask"))
        app.screen.query_one("SafeInput").value = "fever"
        await pilot.press("enter")
        await until(pilot, lambda: view.spot is not None, "the place")
        assert TALK[slice(*view.spot)] == "fever"
        assert view.cursor == 2
        await leave(pilot)


async def test_fields_take_the_focus_and_keep_it_after_a_correction(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        encounter = await written(pilot)
        await pilot.press("f7")
        await until(pilot, lambda: len(encounter.rows) == 2 and idle(app))
        table = app.screen.query_one("#panel-fields").query_one(DataTable)
        await until(pilot, lambda: table.has_focus and table.row_count > 2, "the focus in the fields")
        await pilot.press("down", "enter")
        await until(pilot, on(pilot, "Ask"))
        await pilot.press("end", *", none", "enter")
        await until(pilot, lambda: encounter.rows[1].entry.text == "No fever, none" and not encounter.unsaved)
        await until(pilot, lambda: table.has_focus and table.cursor_row == 1, "the focus where it was")
        await leave(pilot)
    with reopen(home) as vault:
        kept = vault.encounters.peek(vault.encounters.list()[0].id).fields
        assert kept is not None
        assert [entry.text for entry in kept.content["signs_symptoms"]] == ["left knee hurts", "No fever, none"]
