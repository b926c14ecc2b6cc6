"""The care of the vault in the app: how long things are kept, legal holds, backups, and damage that is found."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from functional.tui_kit import (
    MOMENT,
    WORDS,
    fill,
    leave,
    make_app,
    make_vault,
    on,
    press_button,
    quiet,
    reopen,
    screen_text,
    unlock,
    until,
)
from textual.widgets import Button, DataTable, ProgressBar

from edge.contract.encounter import Source, State
from edge.store.secret import Passphrase
from edge.vaults import check_backup


async def settings_tab(pilot: object, name: str) -> None:
    await pilot.press("f10")
    await until(pilot, on(pilot, "SettingsScreen"))
    pilot.app.screen.query_one("TabbedContent").active = f"tab-{name}"
    await quiet(pilot)


async def test_what_would_go_is_shown_before_anything_goes(home: Path) -> None:
    with make_vault(home) as vault:
        fill(vault, "Old draft")
        fill(vault, "Draft on hold")
        fill(vault, "Signed one", state=State.SIGNED)
    app = make_app(home)
    app.vault._options["clock"] = lambda: MOMENT + timedelta(days=40)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await until(pilot, lambda: "Draft on hold" in screen_text(app))
        table = app.screen.query_one(DataTable)
        table.move_cursor(row=next(i for i, row in enumerate(app.screen._rows) if row.title == "Draft on hold"))
        await pilot.press("h")
        await until(pilot, lambda: "DRAFT LEGAL HOLD" in screen_text(app), "the hold in the list")
        await settings_tab(pilot, "retention")
        delete = app.screen.query_one("#retention-delete", Button)
        assert delete.disabled
        app.screen.query_one("#days-draft").focus()
        await pilot.press(*"30x", "enter")
        await until(pilot, lambda: "Due: 1. 1 more are kept by a legal hold" in screen_text(app))
        assert "Old draft" in screen_text(app)
        assert await app.vault.call(lambda vault: vault.encounters.count()) == 3
        assert await app.vault.call(lambda vault: vault.retention.policy()) == {State.DRAFT: 30}
        delete.focus()
        await pilot.press("enter")
        await until(pilot, on(pilot, "Confirm"))
        await pilot.press("enter")  # the focus is on No
        await until(pilot, on(pilot, "SettingsScreen"))
        assert await app.vault.call(lambda vault: vault.encounters.count()) == 3
        await until(pilot, lambda: not delete.has_class("-active"))
        await pilot.press("enter")
        await until(pilot, on(pilot, "Confirm"))
        await press_button(pilot, "yes")
        await until(pilot, lambda: "1 deleted. Nothing is due." in screen_text(app))
        assert delete.disabled
        await pilot.press("escape")
        await until(pilot, lambda: "2 of 2" in screen_text(app))
        await leave(pilot)
    with reopen(home) as vault:
        assert sorted(one.title for one in vault.encounters.list()) == ["Draft on hold", "Signed one"]


async def test_nothing_goes_that_was_not_shown(home: Path) -> None:
    with make_vault(home) as vault:
        fill(vault, "Old draft")
    app = make_app(home)
    app.vault._options["clock"] = lambda: MOMENT + timedelta(days=40)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        await settings_tab(pilot, "retention")
        app.screen.query_one("#days-draft").value = "30"
        app.screen.query_one("#retention-show").press()
        await until(pilot, lambda: "Due: 1" in screen_text(app))
        await app.vault.call(lambda vault: vault.encounters.hold(vault.encounters.list()[0].id))
        app.screen.query_one("#retention-delete").press()
        await until(pilot, on(pilot, "Confirm"))
        await press_button(pilot, "yes")
        await until(pilot, lambda: "Nothing was deleted" in screen_text(app))
        assert await app.vault.call(lambda vault: vault.encounters.count()) == 1
        await leave(pilot)


async def test_a_backup_shows_how_far_it_is_and_how_to_bring_it_back(home: Path) -> None:
    with make_vault(home) as vault:
        fill(vault, "Kept")
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await settings_tab(pilot, "vault")
        steps: list[str] = []
        tab = app.screen.query_one("VaultTab")
        count = tab._count
        tab._count = lambda step, done, total: (steps.append(step), count(step, done, total))[1]
        app.screen.query_one("#backup").press()
        await until(pilot, lambda: "edgescribe vault restore" in screen_text(app), "the hint")
        assert {"copying", "writing", "reading"} <= set(steps)
        assert not app.screen.query_one("#vault-progress", ProgressBar).display
        for step in ("copying", "checking", "writing", "reading"):
            tab._progress = (step, 1, 2)
            tab._show_progress()
            await until(pilot, lambda: "Backup: " in screen_text(app))
        await leave(pilot)
    (file,) = (home / "exports").glob("*.backup")
    with Passphrase(WORDS.encode()) as secret:
        assert check_backup(file, secret).counts["encounter"] == 1


async def test_damage_is_told_in_the_status_line_after_unlock(home: Path) -> None:
    with make_vault(home) as vault:
        text = "\n".join(f"Doctor: turn {n} of a long visit." for n in range(3_000))
        vault.encounters.save_source("Long visit", Source("visit.txt", text, "7" * 64))
    file = home / "records.vault"
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    file.write_bytes(raw)
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        await until(pilot, lambda: "RECORDS DAMAGED: F10" in screen_text(app).split("\n")[0], "the warning")
        await settings_tab(pilot, "vault")
        await until(pilot, lambda: "edgescribe vault restore FILE --replace" in " ".join(screen_text(app).split()))
        await leave(pilot)


async def test_a_sound_vault_says_nothing(home: Path) -> None:
    with make_vault(home) as vault:
        fill(vault, "Kept")
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        await app.vault.call(lambda vault: vault._check.wait())
        await quiet(pilot)
        assert "DAMAGED" not in screen_text(app)
        assert app.damage == []
        await leave(pilot)


async def test_a_folder_that_leaves_this_machine_is_named_after_unlock(home: Path) -> None:
    folder = home / "Dropbox"
    make_vault(folder).close()
    app = make_app(folder)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await unlock(pilot)
        await until(pilot, lambda: "is synced by Dropbox" in " ".join(screen_text(app).split()), "the warning")
        await leave(pilot)
