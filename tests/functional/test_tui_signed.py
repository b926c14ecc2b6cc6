"""A signed screen and the history say who signed which version, and when; changes since are marked word by word."""

from __future__ import annotations

from pathlib import Path

from functional.test_tui_undo import type_at_end
from functional.tui_kit import empty_vault, leave, make_app, on, reopen, screen_text, unlock, until, written


async def test_a_signed_screen_and_the_history_say_who_and_when(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await written(pilot)
        await pilot.press("f8")
        await until(pilot, on(pilot, "Sign"))
        await pilot.press(*"Dr. Keller", "enter")
        line = "SIGNED by Dr. Keller, 2026-03-02 10:00, version 1."
        await until(pilot, lambda: line in screen_text(app), "who signed, and when")
        await pilot.press("ctrl+b")
        await until(pilot, on(pilot, "LibraryScreen"))
        await until(pilot, lambda: "1 of 1" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, on(pilot, "EncounterScreen"))
        await until(pilot, lambda: line in screen_text(app), "and after it was opened again")
        encounter = app.screen.encounter
        await pilot.press("f8")
        await until(pilot, lambda: not encounter.signed)
        assert line not in screen_text(app)
        await pilot.press("f2")
        await type_at_end(pilot, 3, " Ice.")
        await pilot.press("ctrl+s", "f4")
        await until(pilot, lambda: line in screen_text(app), "the signature in the history")
        await until(pilot, lambda: "This is the text as it stands now." in screen_text(app))
        await pilot.press("down")
        await until(pilot, lambda: "500 mg. Ice." in screen_text(app), "what came since, in the text")
        assert "+" not in screen_text(app).split("SUBJECTIVE")[-1].split("Ctrl")[0]
        version = [one.text for one in encounter.sections]
        await pilot.press("enter")
        await until(pilot, lambda: not encounter.sections[3].text.endswith("Ice."), "the version before")
        await pilot.press("f2", "ctrl+z")
        await until(pilot, lambda: [one.text for one in encounter.sections] == version, "and back again")
        await until(pilot, lambda: not encounter.dirty)
        await leave(pilot)
    with reopen(home) as vault:
        (one,) = vault.encounters.list()
        assert [by.signer for by in vault.edits.signatures(one.id)] == ["Dr. Keller"]
        note = vault.encounters.peek(one.id).note
        assert note is not None
        assert note.content.sections[3].text.endswith(" Ice.")
