"""The panel of codes by keys: found, accepted, changed by a search in the catalogue, rejected, stale, and kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from functional.tui_kit import editors, empty_vault, leave, make_app, on, reopen, screen_text, unlock, until, written

from edge.contract.codes import CodeEntry, Codes, Decision
from edge.encounters.tools import Tools
from edge.terminology.catalogue import Code
from tui.app import EdgeApp
from tui.widgets.codes_panel import CodesPanel
from tui.widgets.transcript_view import TranscriptView

OTHER = Code("M25.562", "Pain in left knee", "M25.56", True, 6)


def candidates(_: Tools, note: str) -> Codes:
    """What is found in the scripted note."""

    def entry(code: str, words: str, sentence: str) -> CodeEntry:
        start = note.index(words)
        return CodeEntry(code, f"about {code}", words, start, start + len(words), 0.7, ("side",), "why", (), sentence)

    first = entry("M25.569", "Left knee pain", "Left knee pain since Monday.")
    return Codes("ICD-10-CM 2026", (first, entry("R50.9", "No fever", "No fever."), entry("Z00.0", "Rest", "Rest")))


@pytest.fixture
def app(home: Path, monkeypatch: pytest.MonkeyPatch) -> EdgeApp:
    """An app whose catalogue is three lines."""
    monkeypatch.setattr(Tools, "codes", candidates)
    monkeypatch.setattr(Tools, "search", lambda _, words: [OTHER] if "knee" in words else [])
    empty_vault(home)
    return make_app(home)


async def test_codes_are_decided_one_by_one_and_kept(app: EdgeApp, home: Path) -> None:
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await written(pilot)
        await pilot.press("f12")
        panel = app.screen.query_one(CodesPanel)
        await until(pilot, lambda: len(encounter.codes.entries) == 3 and "M25.569" in screen_text(app), "candidates")
        view = app.screen.query_one(TranscriptView)
        await until(pilot, lambda: view.spot is not None and view.source[slice(*view.spot)] == "Left knee pain")
        await until(pilot, lambda: panel.has_focus_within and panel.current == 0)
        await pilot.press("enter")
        await until(pilot, on(pilot, "Ask"))
        await pilot.press("enter")
        await until(pilot, on(pilot, "Choose"))
        await pilot.press("enter")
        await until(pilot, lambda: encounter.codes.entries[0].code == "M25.562", "the other code")
        await until(pilot, on(pilot, "EncounterScreen"))
        await pilot.press("down")
        await until(pilot, lambda: panel.current == 1)
        await pilot.press("x")
        await until(pilot, on(pilot, "Choose"))
        await pilot.press("enter")
        await until(pilot, lambda: encounter.codes.entries[1].decision is Decision.REJECTED)
        await until(pilot, on(pilot, "EncounterScreen"))
        await pilot.press("down")
        await until(pilot, lambda: panel.current == 2)
        await pilot.press("y")
        await until(pilot, lambda: encounter.codes.entries[2].accepted and "✓" in screen_text(app))
        area = editors(app)[0].area
        at = area.text.index("Monday")
        area.replace("Sunday", area.location_at(at), area.location_at(at + 6))
        await until(pilot, lambda: "Sunday" in encounter.note_text())
        await pilot.press("f2", "f12")
        await until(pilot, lambda: "its words were edited" in screen_text(app), "stale")
        await leave(pilot)
    with reopen(home) as vault:
        record = vault.encounters.peek(vault.encounters.list()[0].id)
        assert record.codes is not None
        first, second, third = record.codes.content.entries
        assert (first.code, first.proposed, first.accepted) == ("M25.562", "M25.569", True)
        assert second.reason == "The patient does not have it"
        assert third.accepted
        assert [e.stale(record.note.content.text()) for e in (first, second, third)] == [True, False, False]
