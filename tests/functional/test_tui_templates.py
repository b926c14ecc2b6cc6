"""A clinic's own templates in the app: made from a built-in one, checked while they are typed, chosen, deleted."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from functional.test_tui_walls import HOSTILE, assert_clean
from functional.tui_kit import (
    empty_vault,
    encounter_on,
    idle,
    leave,
    make_app,
    make_vault,
    new_with,
    on,
    press_button,
    quiet,
    reopen,
    screen_text,
    unlock,
    until,
    written,
)
from textual.widgets import DataTable, OptionList

from edge.errors import VaultError
from edge.store.unsaved import Unsaved
from tui.app import LOCKED, EdgeApp
from tui.screens.template_editor import TemplateEditor
from tui.widgets.safe_area import SafeArea
from tui.widgets.templates_tab import TemplatesTab, titled_anew

KNEE = '[[sections]]\nkey = "knee"\ntitle = "Knee"\ninstruction = "Write the plan for the knee."\n'


async def open_tab(pilot: object) -> TemplatesTab:
    app = pilot.app
    await pilot.press("f10")
    await until(pilot, on(pilot, "SettingsScreen"))
    app.screen.query_one("TabbedContent").active = "tab-templates"
    await until(pilot, lambda: app.screen.query_one("#templates", DataTable).row_count >= 22)
    app.screen.query_one("#templates").focus()
    await quiet(pilot)
    return app.screen.query_one(TemplatesTab)


async def test_a_template_of_ones_own_is_made_checked_used_and_deleted(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    file = home / "templates" / "knee.toml"
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        tab = await open_tab(pilot)
        assert not any(one.own for one in tab._listed)
        await pilot.press("n")
        await until(pilot, on(pilot, "Ask"))
        await pilot.press(*"Knee", "enter")
        await until(pilot, on(pilot, "TemplateEditor"))
        await until(pilot, lambda: "No mistakes" in screen_text(app))
        assert "UNSAVED" in screen_text(app)
        area = app.screen.query_one(SafeArea)
        assert area.text.startswith('title = "Knee"\n')
        area.load_text('title = "Knee"\n\n' + KNEE.replace("instruction", "instuction"))
        await until(pilot, lambda: "Line 6: “instuction” is not known" in screen_text(app), "the mistake")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: area.cursor_location[0] == 5, "the cursor goes to the mistake")
        assert not file.exists()
        area.load_text('title = "Knee"\n\n' + KNEE)
        await until(pilot, lambda: "No mistakes. 1 sections" in screen_text(app))
        await until(pilot, lambda: "Write the plan for the knee." in screen_text(app).replace("\n", " "), "the preview")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "UNSAVED" not in screen_text(app))
        assert file.read_text() == 'title = "Knee"\n\n' + KNEE
        await pilot.press("escape")
        await until(pilot, on(pilot, "SettingsScreen"))
        await until(pilot, lambda: tab.current().name == "knee")
        await pilot.press("escape")
        await until(pilot, on(pilot, "LibraryScreen"))
        await written(pilot)
        await pilot.press("ctrl+t")
        await until(pilot, on(pilot, "Choose"))
        names = [name for name, _ in app.screen._options]
        app.screen.query_one(OptionList).highlighted = names.index("knee")
        await pilot.press("enter")
        await until(pilot, lambda: encounter_on(app).template == "knee" and encounter_on(app).has_note and idle(app))
        assert [(p.key, p.text) for p in encounter_on(app).sections] == [("knee", "Rest. Return in two weeks.")]
        tab = await open_tab(pilot)
        table = app.screen.query_one("#templates", DataTable)
        table.move_cursor(row=row_of(tab, "knee"))
        await pilot.press("d")
        await until(pilot, on(pilot, "Confirm"))
        await pilot.press("enter")  # the focus is on No
        await until(pilot, on(pilot, "SettingsScreen"))
        assert file.exists()
        await pilot.press("d")
        await until(pilot, on(pilot, "Confirm"))
        await press_button(pilot, "yes")
        await until(pilot, lambda: not file.exists() and on(pilot, "SettingsScreen")())
        await leave(pilot)


async def test_built_in_ones_can_only_be_read_and_leaving_asks(home: Path) -> None:
    empty_vault(home)
    (home / "templates").mkdir()
    (home / "templates" / "knee.toml").write_text(KNEE)
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        tab = await open_tab(pilot)
        await pilot.press("d")
        await quiet(pilot)
        assert on(pilot, "SettingsScreen")()
        await pilot.press("home", "enter")
        await until(pilot, on(pilot, "TemplateEditor"))
        area = app.screen.query_one(SafeArea)
        before = area.text
        await pilot.press(*"xyz", "ctrl+s", "escape")
        await until(pilot, on(pilot, "SettingsScreen"))
        assert area.text == before
        table = app.screen.query_one("#templates", DataTable)
        table.move_cursor(row=row_of(tab, "knee"))
        await pilot.press("enter")
        await until(pilot, on(pilot, "TemplateEditor"))
        await pilot.press("#", "escape")
        await until(pilot, on(pilot, "Confirm"))
        await pilot.press("enter")
        await until(pilot, on(pilot, "TemplateEditor"))
        await pilot.press("escape")
        await until(pilot, on(pilot, "Confirm"))
        await press_button(pilot, "yes")
        await until(pilot, on(pilot, "SettingsScreen"))
        await leave(pilot)
    assert (home / "templates" / "knee.toml").read_text() == KNEE
    assert sorted(p.name for p in (home / "templates").iterdir()) == ["knee.toml"]


def row_of(tab: TemplatesTab, name: str) -> int:
    """Where a template stands in the list."""
    return [one.name for one in tab._listed].index(name)


async def open_editor(pilot: object, name: str) -> SafeArea:
    """From the encounters to the editor of a template."""
    return await open_editor_of(pilot, await open_tab(pilot), name)


async def open_editor_of(pilot: object, tab: TemplatesTab, name: str) -> SafeArea:
    """From the list to the editor of a template, whether it is in a file or not."""
    app = pilot.app
    app.screen.query_one("#templates", DataTable).move_cursor(row=row_of(tab, name))
    await pilot.press("enter")
    await until(pilot, on(pilot, "TemplateEditor"))
    await until(pilot, lambda: app.screen._live)
    return app.screen.query_one(SafeArea)


async def as_killed(app: EdgeApp) -> None:
    """Let the vault go without a goodbye: nothing is kept on the way."""
    app._leaving = True
    app.model.close()
    await asyncio.to_thread(app.vault.close)
    app.exit(0)


def kept(home: Path) -> dict[str, str]:
    """The unsaved texts in the vault once the app has ended."""
    with reopen(home) as vault:
        return vault.unsaved.texts()


async def test_what_is_not_saved_is_there_again_after_a_lock(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty_vault(home)
    (home / "templates").mkdir()
    file = home / "templates" / "knee.toml"
    file.write_text(KNEE)
    typed = f"# Mrs. Example, left knee\n{KNEE}"
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        area = await open_editor(pilot, "knee")
        assert app.check_action("settings", ()) is False
        area.insert("# Mrs. Example, left knee\n", (0, 0))
        app.action_lock()
        await until(pilot, lambda: app.return_code == LOCKED, "the lock")
    assert kept(home) == {"knee": typed}
    assert file.read_text() == KNEE
    everything = [p for p in home.rglob("*") if p.is_file()]
    assert len(everything) >= 4
    assert not [p for p in everything if b"Example" in p.read_bytes()], "in clear on the disk"
    again, told = make_app(home), []
    monkeypatch.setattr(again, "tell", told.append)
    async with again.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await until(pilot, lambda: told == ["A template is not saved yet. Find it under F10, Templates."])
        area = await open_editor(pilot, "knee")
        assert area.text == typed
        assert told[1:] == ["These changes are not saved yet. Press Ctrl+R to discard them."]
        await until(pilot, lambda: "UNSAVED" in screen_text(again))
        assert "Discard" in screen_text(again)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "UNSAVED" not in screen_text(again))
        assert "Discard" not in screen_text(again)
        await again.leave(LOCKED)
    assert file.read_text() == typed
    assert kept(home) == {}


async def test_a_new_template_outlives_a_kill_and_can_be_given_up(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await open_tab(pilot)
        await pilot.press("n")
        await until(pilot, on(pilot, "Ask"))
        await pilot.press(*"Knee", "enter")
        await until(pilot, on(pilot, "TemplateEditor"))
        await until(pilot, lambda: app.screen._live)
        typed = f"{KNEE}# more"
        app.screen.query_one(SafeArea).load_text(typed)
        await until(pilot, lambda: app.unsaved.get("knee") == typed)
        await until(pilot, lambda: not app.unsaved.dirty, "the save of every second")
        assert await app.vault.call(lambda vault: vault.unsaved.texts()) == {"knee": typed}
        await as_killed(app)
    again = make_app(home)
    async with again.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        area = await open_editor(pilot, "knee")
        assert area.text == typed
        await pilot.press("ctrl+b")
        await until(pilot, on(pilot, "Confirm"))
        await pilot.press("enter")  # no: the text stays
        await until(pilot, on(pilot, "TemplateEditor"))
        assert again.unsaved.get("knee") == typed
        await pilot.press("ctrl+r")
        await until(pilot, on(pilot, "Confirm"))
        await press_button(pilot, "yes")
        await until(pilot, on(pilot, "SettingsScreen"))
        tab = again.screen.query_one(TemplatesTab)
        await until(pilot, lambda: "knee" not in [one.name for one in tab._listed])
        await leave(pilot)
    assert kept(home) == {}
    assert not (home / "templates").exists()


async def test_unsaved_ones_stand_in_the_list_under_names_of_their_own(home: Path) -> None:
    with make_vault(home) as vault:
        vault.unsaved.keep({"knee": KNEE, "soap-2": "[[", "hip": KNEE.replace("knee", "hip")})
    (home / "templates").mkdir()
    (home / "templates" / "hip.toml").write_text(KNEE)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        tab = await open_tab(pilot)
        kinds = {one.name: tab._kind(one) for one in tab._listed if one.own}
        assert kinds == {"hip": "unsaved", "knee": "unsaved", "soap-2": "unsaved"}
        area = await open_editor_of(pilot, tab, "hip")
        await pilot.press("ctrl+r")
        await until(pilot, on(pilot, "Confirm"))
        await press_button(pilot, "yes")
        await until(pilot, lambda: area.text == KNEE and "hip" not in app.unsaved, "the text of the file")
        await pilot.press("escape")
        await until(pilot, on(pilot, "SettingsScreen"))
        await until(pilot, lambda: tab._kind(tab.current()) == "own")
        app.screen.query_one("#templates", DataTable).move_cursor(row=row_of(tab, "knee"))
        await pilot.press("n")
        await until(pilot, on(pilot, "Ask"))
        await pilot.press(*"Knee", "enter")
        await until(pilot, on(pilot, "TemplateEditor"))
        assert app.screen.template_name == "knee-2"
        await until(pilot, lambda: app.unsaved.get("knee-2") == f'title = "Knee"\n{KNEE}')
        await pilot.press("escape")
        await until(pilot, on(pilot, "Confirm"))
        await press_button(pilot, "yes")
        await until(pilot, on(pilot, "SettingsScreen"))
        await quiet(pilot)
        assert tab.current().name == "knee"
        await pilot.press("d")
        await until(pilot, on(pilot, "Confirm"))
        await press_button(pilot, "yes")
        await until(pilot, lambda: "knee" not in app.unsaved and on(pilot, "SettingsScreen")())
        await leave(pilot)
    assert kept(home) == {"soap-2": "[["}
    assert [p.name for p in (home / "templates").iterdir()] == ["hip.toml"]


def test_a_new_title_is_the_templates_and_no_sections() -> None:
    assert titled_anew(KNEE, "Hip") == f'title = "Hip"\n{KNEE}'
    assert titled_anew(f'# ours\ntitle = "Knee [left]"\n\n{KNEE}', 'A "B"') == f'# ours\ntitle = "A \\"B\\""\n\n{KNEE}'
    assert titled_anew("", "Hip") == 'title = "Hip"\n'


async def test_a_full_disk_keeps_it_unsaved_until_there_is_room(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty_vault(home)
    app = make_app(home)

    def full(*_: object) -> None:
        raise VaultError("The vault could not be changed.", "The disk is full; nothing was changed.")

    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        with monkeypatch.context() as broken:
            broken.setattr(Unsaved, "keep", full)
            app.unsaved.put("knee", KNEE)
            await until(pilot, on(pilot, "Complaint"))
            assert app.unsaved.dirty
        await until(pilot, lambda: not app.unsaved.dirty)
        await leave(pilot)
    assert kept(home) == {"knee": KNEE}


async def test_a_broken_or_missing_template_stops_nothing(home: Path) -> None:
    empty_vault(home)
    (home / "templates").mkdir()
    (home / "templates" / "broken.toml").write_text(f"title = '{HOSTILE.encode('ascii', 'ignore').decode()}'")
    app = make_app(home)
    app.settings.template = "gone"
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        tab = await open_tab(pilot)
        table = app.screen.query_one("#templates", DataTable)
        table.move_cursor(row=row_of(tab, "broken"))
        await until(pilot, lambda: "HAS MISTAKES" in screen_text(app))
        assert_clean(app, "templates")
        app.push_screen(TemplateEditor("own", HOSTILE, f'title = "{HOSTILE}"\n{KNEE}', own=True))
        await until(pilot, on(pilot, "TemplateEditor"))
        await until(pilot, lambda: "Line 1" in screen_text(app))
        assert_clean(app, "template editor")
        await pilot.press("escape", "escape")
        await until(pilot, on(pilot, "LibraryScreen"))
        encounter = await new_with(pilot)
        assert encounter.template == "visit"
        await pilot.press("ctrl+t")
        await until(pilot, on(pilot, "Choose"))
        assert "broken" not in [name for name, _ in app.screen._options]
        await pilot.press("escape")
        await leave(pilot)
