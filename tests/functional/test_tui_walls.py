"""Hostile text on every screen, pastes, resize storms, faults and side doors of the framework."""

from __future__ import annotations

import io
import os
import random
import re
from pathlib import Path
from typing import Any

import pytest
from functional.tui_kit import (
    TALK,
    WORDS,
    Gate,
    empty_vault,
    fill,
    leave,
    make_app,
    make_vault,
    new_encounter,
    on,
    quiet,
    screen_text,
    strips,
    unlock,
    until,
)
from rich.console import Console
from textual.app import App, ComposeResult
from textual.events import Paste
from textual.widgets.text_area import Edit

from edge.contract.encounter import State
from edge.contract.fields import FieldEntry
from edge.contract.note import Section
from edge.encounters.open_encounter import FieldRow, OpenEncounter, OpenSection
from edge.errors import InputError, UsageError
from edge.text import sanitise
from tui.app import EdgeApp
from tui.screens.encounter import EncounterScreen
from tui.widgets.dialogs import Ask, Choose, Complaint, Confirm, Help, Sign
from tui.widgets.safe import SafeInput
from tui.widgets.safe_area import SafeArea

HOSTILE = (
    "[/][@click=app.quit]go \x1b]52;c;aGFjaw==\x07\x1b]0;title\x07\x1b[2J\x9b31m\x9d8;;http://x\x9c\u202eevil\u202c\u2066iso\u2069\u200b"
    "[@click=app.quit]click[/] [/] [red]dose [mg] 5[/red] [bold]\x00\x08\x7f\ud800"
)
# What a screen program may write: colours and styles, cursor places.
_OWN = re.compile(r"\x1b\[[0-9;:]*[mHABCDGKf]")


def drawn(app: EdgeApp) -> str:
    """The very characters that go to the terminal for a full redraw."""
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=app.size.width)
    return app.screen._compositor.render_update(full=True).render_segments(console)


def assert_clean(app: EdgeApp, where: str) -> None:
    rest = _OWN.sub("", drawn(app))
    bad = sorted({hex(ord(c)) for c in rest if sanitise(c) != c})
    assert not bad, f"{where} draws {bad}"


def hostile_encounter() -> OpenEncounter:
    return OpenEncounter(
        id="", title=HOSTILE, conversation=f"Doctor: {HOSTILE}\nPatient: {HOSTILE}", template="visit",
        sections=[
            OpenSection.of(Section(HOSTILE, HOSTILE, HOSTILE, "end")),
            OpenSection.of(Section("B", HOSTILE, "b", "length")),
        ],
        rows=[FieldRow("diagnosis", FieldEntry(HOSTILE, 0, 5)), FieldRow(HOSTILE, FieldEntry(HOSTILE, score=0.0))],
        basis=HOSTILE * 3,
    )  # fmt: skip


async def test_hostile_text_on_every_screen(home: Path) -> None:
    with make_vault(home) as vault:
        fill(vault, HOSTILE, HOSTILE)
        vault.session.connection.execute("UPDATE encounter SET title = ?, bundle = ?", (HOSTILE[:-1], HOSTILE[:-1]))
    app = make_app(home)
    seen = []
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, on(pilot, "UnlockScreen"))
        app.screen.query_one("#secret").password = False
        app.screen.query_one("#secret").value = HOSTILE
        assert_clean(app, "unlock")
        app.screen.query_one("#secret").value = WORDS
        await pilot.press("enter")
        await until(pilot, on(pilot, "LibraryScreen"))
        await until(pilot, lambda: "[/][@click=app.quit]go" in screen_text(app), "the hostile title, brackets and all")
        assert_clean(app, "library")
        encounter = hostile_encounter()
        app._model = (HOSTILE, ("test_model", "unsigned_model"))
        app.push_screen(EncounterScreen(encounter))
        await until(pilot, on(pilot, "EncounterScreen"))
        await until(pilot, lambda: "dose [mg] 5" in screen_text(app))
        assert_clean(app, "encounter")
        seen.append("encounter")
        for key in ("f3", "f4", "f2"):
            await pilot.press(key)
            await quiet(pilot)
            assert_clean(app, key)
            seen.append(key)
        for dialog in (
            Confirm(HOSTILE), Ask(HOSTILE, HOSTILE, HOSTILE, note=HOSTILE), Sign(HOSTILE, [HOSTILE]),
            Choose(HOSTILE, [(HOSTILE, HOSTILE)], HOSTILE), Complaint(InputError(HOSTILE, HOSTILE, HOSTILE)), Help(),
        ):  # fmt: skip
            app.push_screen(dialog)
            await until(pilot, lambda dialog=dialog: app.screen is dialog and "[" in screen_text(app) + "[")
            await quiet(pilot)
            assert_clean(app, type(dialog).__name__)
            seen.append(type(dialog).__name__)
            app.pop_screen()
        app.tell(HOSTILE)
        await until(pilot, lambda: app._notifications)
        await quiet(pilot)
        assert_clean(app, "toast")
        app.settings.signer = HOSTILE
        await pilot.press("f10")
        await until(pilot, on(pilot, "SettingsScreen"))
        for tab in ("general", "audit", "seal", "vault"):
            app.screen.query_one("TabbedContent").active = f"tab-{tab}"
            await quiet(pilot)
            assert_clean(app, tab)
            seen.append(tab)
        app.settings.signer = ""
        assert len(seen) == 14
        await leave(pilot)


async def test_pasted_control_characters_never_enter(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await new_encounter(pilot)
        area = app.screen.query_one("#talk", SafeArea)
        area.focus()
        app.screen.post_message(Paste(f"Doctor: {HOSTILE}\r\nPatient: yes"))
        await until(pilot, lambda: "Patient: yes" in app.screen.encounter.conversation)
        text = app.screen.encounter.conversation
        assert sanitise(text) == text
        assert "\ufffd" in text
        assert "dose [mg] 5" in text
        await pilot.press("ctrl+n")
        await until(pilot, on(pilot, "Ask"))
        app.screen.query_one(SafeInput).value = ""
        app.screen.post_message(Paste(HOSTILE))
        await until(pilot, lambda: "dose" in app.screen.query_one(SafeInput).value)
        value = app.screen.query_one(SafeInput).value
        assert sanitise(value) == value
        await leave(pilot)


@pytest.mark.long
async def test_resize_storm_while_a_note_streams(home: Path) -> None:
    empty_vault(home)
    gate = Gate(3)
    app = make_app(home, lambda instruction: "word " * 300, gate)
    rng = random.Random(5)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await new_encounter(pilot)
        app.screen.query_one("#talk").insert(TALK)
        await until(pilot, lambda: app.screen.encounter.conversation == TALK)
        await pilot.press("ctrl+g")
        encounter = app.screen.encounter
        await until(pilot, lambda: encounter.sections[0].text)
        for _ in range(200 if os.environ.get("EDGESCRIBE_STRESS") else 10):
            gate.let(2)
            await pilot.resize_terminal(rng.randint(8, 220), rng.randint(3, 70))
        assert encounter.busy
        app.encounters.stop(encounter)
        await until(pilot, lambda: not encounter.busy)
        await pilot.resize_terminal(120, 36)
        await until(pilot, lambda: "word word" in screen_text(app))
        assert encounter.conversation == TALK
        await leave(pilot)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_nothing_is_cut_off_at_the_sizes_we_promise(home: Path, size: tuple[int, int]) -> None:
    with make_vault(home) as vault:
        fill(vault, "Knee, left", state=State.SIGNED)
    app = make_app(home)
    async with app.run_test(size=size) as pilot:
        await unlock(pilot)
        await until(pilot, lambda: "Knee, left" in screen_text(app))
        lines = screen_text(app).split("\n")
        assert "OFFLINE" in lines[0]
        assert "scripted" in lines[0]
        assert "F1" in lines[-1]
        await pilot.press("enter")
        await until(pilot, on(pilot, "EncounterScreen"))
        await until(pilot, lambda: "SIGNED" in screen_text(app).split("\n")[0])
        lines = screen_text(app).split("\n")
        assert "SAVED" in lines[0]
        assert "OFFLINE" in lines[0]
        assert "F1" in lines[-1]
        assert len(lines) == size[1]
        if size[0] < 100:
            assert "Knee pain." in screen_text(app)
            await pilot.press("f6")
            await until(pilot, lambda: "What brings you in" in screen_text(app))
        else:
            await until(pilot, lambda: "Knee pain." in screen_text(app) and "What brings you in" in screen_text(app))
        await leave(pilot)


async def test_the_framework_has_no_side_doors(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty_vault(home)
    app = make_app(home)
    written: list[str] = []
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        monkeypatch.setattr(app._driver, "write", written.append)
        assert list(app.get_system_commands(app.screen)) == []
        await pilot.press("ctrl+p")
        await until(pilot, lambda: "Sample visit" in screen_text(app))
        await pilot.press(*"screenshot")
        await until(pilot, lambda: "screenshot" in screen_text(app))
        await quiet(pilot)
        assert "creenshot" not in screen_text(app).replace("screenshot", "", 1)
        await pilot.press("escape")
        app.action_screenshot()
        app.copy_to_clipboard("secret words")
        assert not [w for w in written if "52;" in w]
        app.settings.copy_osc52 = True
        with pytest.raises(UsageError, match="no note"):
            await app.copy_note(OpenEncounter())
        section = OpenSection.of(Section("A", "words", "a"))
        await app.copy_note(OpenEncounter(title="x", conversation="Doctor: Hello.", sections=[section]))
        assert len([w for w in written if "\x1b]52;" in w]) == 1
        with pytest.raises(Exception, match="not written to disk"):
            app.save_screenshot()
        await leave(pilot)
    assert not list(home.glob("*.svg"))


async def test_a_fault_shows_its_place_and_no_patient_text(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty_vault(home)
    app = make_app(home)

    def breaks(*_: Any) -> None:
        patient = "Mrs Keller, knee"
        raise KeyError(patient)

    async def session() -> None:
        async with app.run_test(size=(120, 36)) as pilot:
            await unlock(pilot)
            app.call_later(breaks)
            await until(pilot, lambda: app._exception is not None)

    with pytest.raises(KeyError):
        await session()
    shown = capsys.readouterr().err
    assert "KeyError" in shown
    assert "Keller" not in shown
    app.model.close()
    app.vault.close()


class Field(App[None]):
    """One text field that is as high as its text."""

    CSS = "SafeArea { height: auto; border: none; padding: 0 }"
    TEXT = (
        "X-ray of the left knee. No fracture, mild narrowing on the inner side. Full range of motion, ligaments stable."
    )

    def compose(self) -> ComposeResult:
        yield SafeArea(self.TEXT, compact=True, highlight_cursor_line=False, read_only=True)


async def test_no_row_stays_wrapped_for_another_width() -> None:
    app = Field()
    async with app.run_test(size=(80, 20)) as pilot:
        area, looked = app.query_one(SafeArea), 0
        for width in (*range(70, 50, -1), *range(50, 70)):
            rows = area.size.height
            area.styles.width = width
            app.screen.refresh(layout=True)
            app.screen._refresh_layout(app.size)
            strips(app)  # drawn after the layout and before the field has heard of its new width
            await quiet(pilot)
            drawn = [line.text.rstrip() for line in strips(app)[: area.size.height]]
            assert " ".join(drawn) == Field.TEXT
            assert drawn == [area.render_line(y).text.rstrip() for y in range(area.size.height)]
            looked += rows == area.size.height
        assert looked > 20  # as many rows as before: where it went wrong


async def test_a_fields_colours_follow_theme_and_focus() -> None:
    """They are not made at every drawing: so they must be made again when the styles change."""
    app = Field()
    app.CSS += "SafeArea:blur > .text-area--cursor { color: red; }"
    async with app.run_test(size=(80, 20)) as pilot:
        area, seen = app.query_one(SafeArea), set()
        for theme in ("textual-light", "textual-dark", "nord"):
            app.theme = theme
            for field in (area, None):
                app.set_focus(field)
                await quiet(pilot)
                strips(app)
                colours = area._theme
                assert colours.base_style == area.rich_style
                assert colours.cursor_style == area.get_component_rich_style("text-area--cursor")
                assert strips(app)[0]._segments[-1].style.bgcolor == colours.base_style.bgcolor
                seen.add((str(colours.base_style), str(colours.cursor_style)))
        assert len(seen) == 6


async def test_rows_kept_while_text_is_added_are_the_rows_of_the_whole_text() -> None:
    app, dice = Field(), random.Random(7)
    async with app.run_test(size=(60, 40)) as pilot:
        area, kept = app.query_one(SafeArea), 0
        for _ in range(60):
            more = dice.choice(["a", " ", "knee ", "mild effusion, ", "\n", "\t", "x" * 70, "\u6f22\u5b57 ", "e\u0301"])
            kept += len(area._rows_above(Edit(more, area.document.end, area.document.end, False)))
            area.insert(more, area.document.end, maintain_selection_offset=False)
            area.move_cursor((0, 0))
            if dice.random() < 0.2:
                area.load_text(area.text[:-3])
            await quiet(pilot)
            strips(app)
            drawn = [area.render_line(y) for y in range(area.size.height)]
            assert drawn == [area._render_line(y) for y in range(area.size.height)]
        assert kept > 200
