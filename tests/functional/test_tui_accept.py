"""INCOMPLETE in the app, from key presses to the disk: no key completes a cut section but the one that asks."""

from __future__ import annotations

from pathlib import Path

import pytest
from functional.test_tui_undo import cut_subjective, type_at_end
from functional.tui_kit import (
    Gate,
    editors,
    empty_vault,
    idle,
    leave,
    make_app,
    new_with,
    on,
    press_button,
    reopen,
    screen_text,
    unlock,
    until,
    written,
)

from edge.errors import VaultError
from edge.store.edits import Edits


async def test_a_cut_section_is_accepted_after_a_question_and_by_nothing_else(home: Path) -> None:
    empty_vault(home)
    app = make_app(home, cut_subjective)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await written(pilot)
        await type_at_end(pilot, 3, " By me.")
        whole = encounter.sections[3].text
        await pilot.press("home", "ctrl+k", "ctrl+k")
        assert on(pilot, "EncounterScreen")(), "a whole section asks nothing"
        assert encounter.sections[3].text == whole, "and the key deletes nothing there"
        await type_at_end(pilot, 0, " Whole now.")
        await until(pilot, lambda: not encounter.dirty)
        assert encounter.note_incomplete
        await pilot.press("f8")
        await until(pilot, on(pilot, "Sign"))
        await until(pilot, lambda: "INCOMPLETE: Subjective." in screen_text(app), "which section is cut, by heading")
        await pilot.press("escape")
        await until(pilot, lambda: " Ctrl+K  Accept as complete " in screen_text(app), "the key in the footer")
        await pilot.press("ctrl+k")
        await until(pilot, on(pilot, "Confirm"))
        await pilot.press("enter")  # the focus is on No
        await until(pilot, on(pilot, "EncounterScreen"))
        assert encounter.note_incomplete
        await pilot.press("ctrl+k")
        await until(pilot, on(pilot, "Confirm"))
        await press_button(pilot, "yes")
        await until(pilot, lambda: not encounter.note_incomplete, "the mark gone")
        editors(app)[0].scroll_visible(animate=False, top=True)
        await until(pilot, lambda: "accepted as complete" in screen_text(app))
        assert "INCOMPLETE" not in screen_text(app)
        await pilot.press("f4")
        await until(
            pilot,
            lambda: (
                "Accepted as complete by dr.test" in screen_text(app) or "Accepted as complete by" in screen_text(app)
            ),
        )
        await leave(pilot)
    with reopen(home) as vault:
        (one,) = vault.encounters.list()
        assert not one.incomplete
        note = vault.encounters.peek(one.id).note
        assert note is not None
        assert note.content.sections[0].text.endswith(" Whole now.")
        assert (note.content.sections[0].stop, note.content.sections[0].accepted) == ("length", True)
        assert [entry.event for entry in vault.admin.entries()].count("accept") == 1


async def test_one_key_in_a_cut_section_while_it_waits_completes_nothing(home: Path) -> None:
    empty_vault(home)
    gate = Gate(2)
    app = make_app(home, gate=gate)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await new_with(pilot)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: bool(encounter.sections[0].text), "the first words")
        app.encounters.stop(encounter)
        await until(pilot, lambda: idle(app))
        assert [one.cut for one in encounter.sections] == [True] * 4
        gate._open, gate._allowed = False, 0
        await pilot.press("ctrl+g")
        await until(pilot, lambda: encounter.busy)
        await type_at_end(pilot, 3, "x")
        gate.open()
        await until(pilot, lambda: idle(app), "the rest")
        assert [one.cut for one in encounter.sections] == [False, False, False, True]
        assert encounter.sections[3].text == "x"
        await leave(pilot)
    with reopen(home) as vault:
        assert vault.encounters.list()[0].incomplete


async def test_what_the_vault_can_not_record_is_not_accepted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty_vault(home)
    app = make_app(home, cut_subjective)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await written(pilot)
        editors(app)[0].area.focus()
        with monkeypatch.context() as broken:
            broken.setattr(Edits, "accept", refuse)
            await pilot.press("ctrl+k")
            await until(pilot, on(pilot, "Confirm"))
            await pilot.press("y")
            await until(pilot, on(pilot, "Complaint"))
        await pilot.press("enter")
        await until(pilot, on(pilot, "EncounterScreen"))
        assert encounter.note_incomplete
        await leave(pilot)
    with reopen(home) as vault:
        assert vault.encounters.list()[0].incomplete
        assert "accept" not in [entry.event for entry in vault.admin.entries()]


def refuse(*_: object) -> int:
    raise VaultError("The disk is full.")
