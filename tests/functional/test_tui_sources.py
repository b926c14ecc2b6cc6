"""What the note stands on, by keys: lighting up both ways, putting in, leaving out, and what the vault then holds."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from functional.tui_kit import (
    editors,
    empty_vault,
    leave,
    make_app,
    on,
    quiet,
    reopen,
    screen_text,
    unlock,
    until,
    written,
)

from edge.contract.encounter import State
from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.contract.transcript import Transcript
from edge.encounters import reconstruction
from edge.encounters.checking import Checker
from edge.encounters.open_encounter import OpenEncounter
from edge.encounters.tools import Tools
from tui.app import EdgeApp
from tui.widgets.sources_panel import SourcesPanel
from tui.widgets.transcript_view import TranscriptView

VISIT = resources.files("edge.samples").joinpath("visit.txt").read_text(encoding="utf-8")
NOTE = {
    "subjective": "CHIEF COMPLAINT\nPain of the right knee.\n\nMEDICATIONS\nLisinopril 40 mg every morning.\n\n"
    "ALLERGIES\nNone.",
    "examination": "Lungs are clear.",
    "assessment": "Osteoarthritis of the left knee. He collects stamps.",
}
SAID = (
    (FactKind.ALLERGY, "Penicillin gives me a rash", True),
    (FactKind.FOLLOW_UP, "I will see you again in four weeks", False),
    (FactKind.EXAM, "Lungs are clear", False),
)


def answers(instruction: str) -> str:
    return next((text for word, text in NOTE.items() if word in instruction.casefold()), "None.")


def finder(transcript: Transcript) -> list[Fact]:
    """Facts that a tagger would find in the sample visit."""
    found = []
    for kind, words, critical in SAID:
        start = transcript.source.find(words)
        if start >= 0:
            turn = next(n for n, one in enumerate(transcript.turns) if one.start <= start < one.end)
            quote = Quote(turn, start, start + len(words), words)
            found.append(Fact(kind, Polarity.AFFIRMED, Subject.PATIENT, Time.CURRENT, critical, (quote,)))
    return found


@pytest.fixture
def app(home: Path, monkeypatch: pytest.MonkeyPatch) -> EdgeApp:
    """An app with a finder of facts, over answers that hold mistakes."""
    monkeypatch.setattr(Tools, "checker", Checker(finder))
    empty_vault(home)
    return make_app(home, answers)


async def reviewed(pilot: Any) -> OpenEncounter:
    """A note of the sample visit, checked."""
    encounter = await written(pilot, VISIT)
    await until(pilot, lambda: encounter.review_is_current, "the check")
    await quiet(pilot)
    return encounter


async def test_the_statement_under_the_cursor_lights_up_its_turns_and_the_other_way_round(app: EdgeApp) -> None:
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await reviewed(pilot)
        view = app.screen.query_one(TranscriptView)
        await pilot.press("f11")
        panel = app.screen.query_one(SourcesPanel)
        await until(pilot, lambda: panel.rows and panel.has_focus_within, "the panel")
        await until(pilot, lambda: "!! 2 contradicted" in screen_text(app))
        assert "? 1 no source" in screen_text(app)
        wrong = next(n for n, row in enumerate(panel.rows) if row.statement and "40 mg" in row.statement.text)
        while panel.query_one("Table").cursor_row != wrong:
            await pilot.press("down")
        await until(pilot, lambda: any("lisinopril 10" in VISIT[a:b] for a, b in view.spots), "its turn")
        await until(pilot, lambda: "!! dose: " in screen_text(app))
        assert "in the note: “Lisinopril 40 mg" in screen_text(app)
        await pilot.press("f6")
        await until(pilot, lambda: view.has_focus)
        turn = next(n for n, one in enumerate(view.turns) if "Lungs are clear" in one.text)
        while view.cursor != turn:
            await pilot.press("down")
        clear = next(n for n, row in enumerate(panel.rows) if row.statement and "Lungs" in row.statement.text)
        await until(pilot, lambda: clear in panel._lit, "the line that stands on the turn")
        await pilot.press("f2")
        area = editors(app)[0].area
        await until(pilot, lambda: area.has_focus)
        area.move_cursor(area.location_at(area.text.index("40 mg")))
        await until(pilot, lambda: any("lisinopril 10" in VISIT[a:b] for a, b in view.spots), "from the note")
        assert "!! 2" in screen_text(app)  # beside the heading: the sign says it without colour
        assert any(kind == "high" for _, _, kind in area._marks)
        await leave(pilot)


async def test_an_edited_statement_is_checked_anew_and_kept_so(app: EdgeApp, home: Path) -> None:
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await reviewed(pilot)
        area = editors(app)[0].area
        area.focus()
        at = area.text.index("40 mg")
        area.replace("10 mg", area.location_at(at), area.location_at(at + 5))
        await until(pilot, lambda: "10 mg" in encounter.note_text() and encounter.review_is_current, "the new check")
        await leave(pilot)
    with reopen(home) as vault:
        note = vault.encounters.peek(vault.encounters.list()[0].id).note
        assert note is not None
        statements = {one.text: one for section in note.content.sections for one in section.statements}
        assert statements["Lisinopril 10 mg every morning."].supported
        assert [flag.check for flag in statements["Pain of the right knee."].flags] == ["side"]
        first = vault.edits.content_at(note.id, 1)
        kept = [one for section in first.sections for one in section.statements]
        assert "dose" in [flag.check for one in kept for flag in one.flags]


async def test_what_was_said_goes_in_as_an_edit_that_can_be_taken_back(app: EdgeApp, home: Path) -> None:
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await reviewed(pilot)
        await pilot.press("f11")
        panel = app.screen.query_one(SourcesPanel)
        await until(pilot, lambda: panel.rows and panel.has_focus_within)
        assert [one.kind for one in encounter.omissions] == [FactKind.ALLERGY, FactKind.FOLLOW_UP]
        await pilot.press("o")
        await until(pilot, lambda: panel.can("insert"))
        await pilot.press("i")
        await until(pilot, lambda: "enicillin" in encounter.note_text() and encounter.review_is_current, "the line")
        assert "ALLERGIES\nNone." not in encounter.note_text()
        assert [one.kind for one in encounter.omissions] == [FactKind.FOLLOW_UP]
        editors(app)[0].area.undo()
        await until(pilot, lambda: "enicillin" not in encounter.note_text())
        await until(pilot, lambda: encounter.review_is_current and len(encounter.omissions) == 2)
        await until(pilot, lambda: sum(one.omission is not None for one in panel.rows) == 2, "both in the list")
        await quiet(pilot)
        while (row := panel._current) is None or row.omission is None or row.omission.kind is not FactKind.ALLERGY:
            await pilot.press("o")  # the list keeps its cursor, wherever it was
            await quiet(pilot)
        await pilot.press("i")
        await until(pilot, lambda: "enicillin" in encounter.note_text() and encounter.review_is_current)
        await leave(pilot)
    with reopen(home) as vault:
        record = vault.encounters.peek(vault.encounters.list()[0].id)
        assert record.summary.state is State.EDITED
        assert "enicillin" in record.note.content.text()
        assert record.note.content.sections[0].edited


async def test_leaving_out_needs_a_reason_which_the_vault_keeps(app: EdgeApp, home: Path) -> None:
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await reviewed(pilot)
        await pilot.press("f11")
        panel = app.screen.query_one(SourcesPanel)
        await until(pilot, lambda: panel.rows and panel.has_focus_within)
        await pilot.press("o")
        await until(pilot, lambda: panel.can("set_aside"))
        await pilot.press("x")
        await until(pilot, on(pilot, "Choose"))
        await pilot.press("enter")
        await until(pilot, lambda: len(encounter.omissions) == 1)
        await until(pilot, on(pilot, "EncounterScreen"))
        await until(pilot, lambda: panel.can("set_aside"), "the next one, under the cursor")
        await pilot.press("x")
        await until(pilot, on(pilot, "Choose"))
        await pilot.press("up", "enter")
        await until(pilot, on(pilot, "Ask"))
        await pilot.press(*"told him", "enter")
        await until(pilot, lambda: not encounter.omissions)
        await leave(pilot)
    with reopen(home) as vault:
        code = vault.encounters.list()[0].id
        evidence = vault.encounters.peek(code).evidence
        assert [one.reason for one in evidence.content.dismissed] == ["Known already", "told him"]
        entries = [one for one in vault.admin.entries() if one.subject == code]
        assert "evidence" in entries[-1].detail or any("evidence" in one.detail for one in entries)


async def test_signing_lists_what_is_open_once_and_keeps_it(app: EdgeApp, home: Path) -> None:
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await reviewed(pilot)
        await pilot.press("f8")
        await until(pilot, on(pilot, "Sign"))
        shown = screen_text(app)
        assert "3 open findings" in shown
        assert "!! side: " in shown
        assert "!! dose: " in shown
        await pilot.press(*"Dr. Keller", "enter")
        await until(pilot, lambda: encounter.signed)
        await leave(pilot)
    with reopen(home) as vault:
        code = vault.encounters.list()[0].id
        record = vault.encounters.peek(code)
        assert record.evidence is not None
        (kept,) = record.evidence.content.shown
        assert sorted(one.flag.check for one in kept.flags) == ["dose", "side"]
        assert [one.kind for one in kept.omissions] == [FactKind.ALLERGY]
        (signature,) = vault.edits.signatures(code)
        assert any(document == record.evidence.id for document, _, _ in json.loads(signature.statement)[4])
        sign = next(one for one in vault.admin.entries() if one.event == "sign")
        assert json.loads(sign.detail)["shown"] == 3
        found = reconstruction.account(vault, code)
        told = next(one for one in found["documents"] if one["kind"] == "evidence")
        assert "Penicillin" in told["revisions"][-1]["content"]
        assert record.summary.state is State.SIGNED


async def test_without_a_finder_the_panel_says_so_and_a_signed_note_is_only_shown(home: Path) -> None:
    empty_vault(home)
    app = make_app(home, answers)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        encounter = await reviewed(pilot)
        await app.encounters.sign(encounter, "Dr. Test")
        before = encounter.note_content().to_json()
        await pilot.press("f11")
        panel = app.screen.query_one(SourcesPanel)
        await until(pilot, lambda: panel.rows and panel.has_focus_within)
        await until(pilot, lambda: "No fact finder is installed" in screen_text(app))
        assert not encounter.unsaved
        assert encounter.note_content().to_json() == before
        await leave(pilot)
