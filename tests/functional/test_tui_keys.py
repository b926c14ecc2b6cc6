"""Keys: the footer says what works here and now, every action is in help and palette, Esc throws nothing away."""

from __future__ import annotations

from pathlib import Path

from functional.test_tui_undo import type_at_end
from functional.tui_kit import (
    Gate,
    empty_vault,
    leave,
    make_app,
    new_with,
    on,
    quiet,
    reopen,
    screen_text,
    unlock,
    until,
    written,
)

from edge.seal.policy import SealStatus
from tui import actions
from tui.widgets.dialogs import Help
from tui.widgets.transcript_view import TranscriptView


def footer(app: object) -> str:
    return "\n".join(screen_text(app).split("\n")[-2:])


async def test_the_footer_follows_the_cursor(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        assert " n  New " in footer(app)
        await pilot.press("slash")
        await until(pilot, lambda: " n  New " not in footer(app), "letters are text in the search")
        assert all(name in footer(app) for name in ("Esc  Show all", "F1  Keys"))
        await pilot.press("escape")
        encounter = await written(pilot)
        assert not any(f" {key} " in footer(app) for key in ("Ctrl+Z", "Ctrl+K", "s", "r"))
        await type_at_end(pilot, 0, " More.")
        await until(pilot, lambda: " Ctrl+Z  Undo " in footer(app), "undo")
        await pilot.press("f6")
        await until(pilot, lambda: app.screen.query_one(TranscriptView).turns and " s  Correct speaker " in footer(app))
        assert all(name in footer(app) for name in (" r  Rename speaker ", " Ctrl+N  Title ", "F1  Keys"))
        assert encounter.id
        await leave(pilot)


async def test_undo_is_in_the_palette_and_does_what_the_key_does(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await written(pilot)
        await type_at_end(pilot, 0, " More.")
        await pilot.press("ctrl+p")
        await until(pilot, on(pilot, "CommandPalette"))
        await pilot.press(*"undo")
        await until(pilot, lambda: "Undo" in screen_text(app))
        await quiet(pilot)
        await pilot.press("enter")
        if not on(pilot, "EncounterScreen")():
            await pilot.press("enter")
        await until(pilot, lambda: not encounter.sections[0].text.endswith("More."), "undo")
        await leave(pilot)


def test_every_action_is_in_the_help() -> None:
    shown = Help.table("encounter").plain
    assert all(action.title in shown for action in actions.ACTIONS)
    assert shown.startswith("Encounter\n"), "those of the screen that it was asked on come first"
    assert len(actions.of("encounter")) > 20


async def test_esc_leaves_and_the_writing_goes_on(home: Path) -> None:
    empty_vault(home)
    gate = Gate(3)
    app = make_app(home, gate=gate)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await new_with(pilot)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: bool(encounter.sections[0].text), "the first words")
        await pilot.press("escape")
        await until(pilot, on(pilot, "LibraryScreen"))
        assert encounter.busy
        gate.open()
        await until(pilot, lambda: not encounter.busy and not encounter.dirty, "the note")
        await leave(pilot)
    with reopen(home) as vault:
        (one,) = vault.encounters.list()
        assert not one.incomplete
        note = vault.encounters.peek(one.id).note
        assert note is not None
        assert "acetaminophen" in note.content.text()


async def test_f1_says_what_offline_means_here(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        for level, word, meant in (
            ("kernel", "OFFLINE", "Refused by the kernel"),
            ("partial", "NOT FULLY", "Two gaps"),
        ):
            app.seal = SealStatus(level, ("seccomp filter",), ("Two gaps.",) if level == "partial" else ())
            await pilot.press("f1")
            await until(pilot, on(pilot, "Help"))
            await pilot.press("end")
            await until(pilot, lambda word=word, meant=meant: word in screen_text(app) and meant in screen_text(app))
            await pilot.press("escape")
            await until(pilot, on(pilot, "LibraryScreen"))
        await leave(pilot)
