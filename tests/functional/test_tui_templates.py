"""A clinic's own templates in the app: made from a built-in one, checked while they are typed, chosen, deleted."""

from __future__ import annotations

from pathlib import Path

from functional.test_tui_walls import HOSTILE, assert_clean
from functional.tui_kit import (
    case_on,
    empty_vault,
    idle,
    leave,
    make_app,
    new_with,
    on,
    press_button,
    quiet,
    screen_text,
    unlock,
    until,
    written,
)
from textual.widgets import DataTable, OptionList

from tui.screens.template_editor import TemplateEditor
from tui.widgets.safe_area import SafeArea
from tui.widgets.templates_tab import TemplatesTab

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
        await until(pilot, lambda: case_on(app).template == "knee" and case_on(app).has_note and idle(app))
        assert [(p.key, p.text) for p in case_on(app).parts] == [("knee", "Rest. Return in two weeks.")]
        tab = await open_tab(pilot)
        table = app.screen.query_one("#templates", DataTable)
        table.move_cursor(row=next(i for i, one in enumerate(tab._listed) if one.name == "knee"))
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
        table.move_cursor(row=next(i for i, one in enumerate(tab._listed) if one.name == "knee"))
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
        table.move_cursor(row=next(i for i, one in enumerate(tab._listed) if one.name == "broken"))
        await until(pilot, lambda: "NOT USABLE" in screen_text(app))
        assert_clean(app, "templates")
        app.push_screen(TemplateEditor("own", HOSTILE, f'title = "{HOSTILE}"\n{KNEE}', own=True))
        await until(pilot, on(pilot, "TemplateEditor"))
        await until(pilot, lambda: "Line 1" in screen_text(app))
        assert_clean(app, "template editor")
        await pilot.press("escape", "escape")
        await until(pilot, on(pilot, "LibraryScreen"))
        case = await new_with(pilot)
        assert case.template == "visit"
        await pilot.press("ctrl+t")
        await until(pilot, on(pilot, "Choose"))
        assert "broken" not in [name for name, _ in app.screen._options]
        await pilot.press("escape")
        await leave(pilot)
