"""Opening a file: completion, the list, recent places, a wrong path that stays, and what was read before it is used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from functional.tui_kit import (
    TALK,
    empty_vault,
    encounter_on,
    fill,
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
)

from tui.texts import core
from tui.widgets import folders

CUE = "{}\n00:00:0{},000 --> 00:00:0{},000\n{}\n\n"
SRT = CUE.format(1, 1, 3, "Doctor: What brings you in?") + CUE.format(2, 4, 6, "Patient: My knee.")
REPORT = "Discharge letter\n\nDiagnosis: Community-acquired pneumonia. Laboratory: CRP 112 mg/l on admission.\n"


@pytest.fixture
def visits(home: Path) -> Path:
    """A folder with what a clinic has, in the home folder."""
    folder = home.parent / "visits"
    (folder / "older").mkdir(parents=True)
    (folder / "AB_1704.srt").write_text(SRT, encoding="utf-8")
    (folder / "letter.txt").write_text(REPORT, encoding="utf-8")
    (folder / ".hidden").write_text("no", encoding="utf-8")
    return folder


async def test_a_file_is_found_looked_at_and_then_kept(home: Path, visits: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        await pilot.press("o")
        await until(pilot, on(pilot, "OpenFile"))
        await until(pilot, lambda: "visits/" in screen_text(app), "the list of the home folder")
        await pilot.press(*"vi")
        await quiet(pilot)
        await pilot.press("tab")
        await until(pilot, lambda: "~/visits/" in screen_text(app) and "AB_1704.srt" in screen_text(app))
        assert ".hidden" not in screen_text(app)
        await pilot.press(*"nosuch.txt", "enter")
        await until(pilot, lambda: "is not there" in screen_text(app), "why it can't be opened")
        assert "~/visits/nosuch.txt" in screen_text(app)
        assert "standard input" not in screen_text(app)
        for _ in "nosuch.txt":
            await pilot.press("backspace")
        await pilot.press(*"AB")
        await quiet(pilot)
        await pilot.press("tab", "enter")
        await until(pilot, lambda: "Conversation, 2 turns · srt · utf-8" in screen_text(app), "what was read")
        assert "Patient: My knee." in screen_text(app)
        assert await app.vault.call(lambda vault: vault.encounters.count()) == 0
        await pilot.press("escape")  # back to the path, as it was
        await until(pilot, lambda: "~/visits/AB_1704.srt" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "Use this text" in screen_text(app))
        await pilot.press("ctrl+u", *"AB, left knee", "enter")
        await until(pilot, on(pilot, "EncounterScreen"))
        await until(pilot, lambda: encounter_on(app).id, "it is kept")
        await pilot.press("ctrl+b")
        await until(pilot, on(pilot, "LibraryScreen"))
        await pilot.press("o")
        await until(pilot, lambda: "~/visits/" in screen_text(app), "the recent place")
        await leave(pilot)
    with reopen(home) as vault:
        (one,) = vault.encounters.list()
        assert one.title == "AB, left knee"
        (source,) = vault.encounters.peek(one.id).sources
        assert source.text.splitlines() == ["Doctor: What brings you in?", "Patient: My knee."]
        assert vault.places.all() == [str(visits)]
    clear = [file.read_bytes() for file in home.rglob("*") if file.is_file()]
    assert len(clear) >= 4
    assert not any(b"visits" in content for content in clear), "a place in clear"
    assert "visits" not in json.dumps((home / "settings.json").read_text(encoding="utf-8"))


async def test_a_report_and_a_conversation_about_nothing_are_told_before(home: Path, visits: Path) -> None:
    (visits / "music.txt").write_text("Doctor: Hello.\nPatient: Hello.\nDoctor: Thanks for watching.\n")
    with make_vault(home) as vault:
        fill(vault, "CD 1705")
        vault.places.add(str(visits))
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await pilot.press("o")
        await until(pilot, on(pilot, "OpenFile"))
        await pilot.press(*"letter.txt", "enter")
        await until(pilot, lambda: "reads as a report" in screen_text(app))
        assert "CRP 112 mg/l" in screen_text(app)
        await pilot.press("escape")
        for _ in "letter.txt":
            await pilot.press("backspace")
        await pilot.press(*"music.txt", "enter")
        await until(pilot, lambda: "! " in screen_text(app) and "3 turns" in screen_text(app), "the doubt")
        await pilot.press("escape", "escape")
        await until(pilot, on(pilot, "LibraryScreen"))
        assert await app.vault.call(lambda vault: vault.encounters.count()) == 1
        await leave(pilot)


async def test_opening_into_an_encounter_says_what_it_replaces(home: Path, visits: Path) -> None:
    with make_vault(home) as vault:
        vault.places.add(str(visits))
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        encounter = await new_with(pilot, title="AB 1704")
        await pilot.press("ctrl+o")
        await until(pilot, on(pilot, "OpenFile"))
        await pilot.press("tab", "down", "down", "enter")  # the list: a folder first, then the files
        await until(pilot, lambda: "takes the place of the conversation" in screen_text(app))
        assert encounter.conversation == TALK
        await press_button(pilot, "take")
        await until(pilot, lambda: encounter.conversation.rstrip().endswith("Patient: My knee."))
        assert encounter.title == "AB 1704"
        await leave(pilot)


def test_paths_are_completed_as_far_as_they_are_clear(visits: Path) -> None:
    (visits / "AB_1705.srt").touch()
    folder, begun = folders.parts(f"{visits}/ab")
    assert (folder, begun) == (visits, "ab")
    found = folders.listed(folder, begun)
    assert [one.path.name for one in found] == ["AB_1704.srt", "AB_1705.srt"]
    assert folders.completed(begun, found) == "AB_170"
    assert folders.completed("AB_170", found) == ""
    assert folders.completed("ol", folders.listed(visits, "ol")) == "older/"
    assert folders.listed(visits / "nosuch", "") == []
    assert folders.parts("~nobody-of-that-name/x") == (Path("~nobody-of-that-name"), "x")
    assert folders.parts("") == (Path.home(), "")


def test_what_is_typed_on_a_command_line_stands_in_no_dialog() -> None:
    told = "Wait for its end. Run `edgescribe bundle list`. Name one with --bundle NAME! Give a file, or - for input."
    assert core.hint_label(told) == "Wait for its end."
    assert core.hint_label("Lift the hold before deleting it.") == "Lift the hold before deleting it."
