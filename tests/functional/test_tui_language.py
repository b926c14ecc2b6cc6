"""Another language in the settings: every open screen speaks it at once, and nothing that was typed is lost."""

from __future__ import annotations

from pathlib import Path

from functional.tui_kit import (
    TALK,
    Gate,
    editors,
    empty_vault,
    encounter_on,
    idle,
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
from textual.widgets import Input, Select

from tui import labels, settings, texts


async def test_a_change_of_language_redraws_what_is_open(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        app.screen.query_one("#search", Input).value = "knee"
        app.screen.query_one("#records").focus()  # letters are keys again
        await quiet(pilot)
        encounter = await written(pilot)
        area = editors(app)[0].area
        area.focus()
        await pilot.press(*"New: ")
        await until(pilot, lambda: encounter.sections[0].text.startswith("New: "))
        await pilot.press("f7")
        await until(pilot, lambda: encounter.rows and idle(app))
        await pilot.press("f10")
        await until(pilot, on(pilot, "SettingsScreen"))
        app.screen.query_one("#language", Select).value = "de"
        await until(pilot, lambda: "Allgemein" in screen_text(app) and "Farben" in screen_text(app), "the settings")
        await quiet(pilot)
        assert app.screen.query_one("#language", Select).value == "de"
        await pilot.press("escape")
        await until(pilot, on(pilot, "EncounterScreen"))
        await until(pilot, lambda: "Familienanamnese" in screen_text(app), "the fields")
        await until(pilot, lambda: "Unterschreiben" in screen_text(app) and "BEARBEITET" in screen_text(app))
        await pilot.press("f2")
        await until(pilot, lambda: "ANAMNESE (SUBJEKTIV) · SUBJECTIVE" in screen_text(app), "the section's heading")
        assert editors(app)[0].area.text.startswith("New: ")
        assert encounter.conversation == TALK
        assert "Any fever?" in screen_text(app)
        await pilot.press("ctrl+t")
        await until(pilot, lambda: "Konsultationsnotiz" in screen_text(app))
        await pilot.press("escape", "ctrl+b")
        await until(pilot, on(pilot, "LibraryScreen"))
        await until(pilot, lambda: "1 von 1" in screen_text(app))
        assert app.screen.query_one("#search", Input).value == "knee"
        await leave(pilot)
    assert settings.load().language == "de"
    with reopen(home) as vault:
        note = vault.encounters.peek(vault.encounters.list()[0].id).documents[-2]
    assert note.content.sections[0].heading == "SUBJECTIVE"
    assert note.content.sections[0].text.startswith("New: ")


async def test_a_language_change_while_a_note_streams_loses_nothing(home: Path) -> None:
    empty_vault(home)
    gate = Gate(4)
    app = make_app(home, gate=gate)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        encounter = await new_with(pilot)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: encounter.sections[0].text)
        await app.use_language("de")
        gate.open()
        await until(pilot, lambda: idle(app) and encounter.has_note)
        await until(pilot, lambda: editors(app) and editors(app)[0].area.text == encounter.sections[0].text)
        assert encounter_on(app).sections[0].text == "CHIEF COMPLAINT\nLeft knee pain since Monday. No fever."
        await leave(pilot)


def test_headings_keep_their_own_words() -> None:
    texts.use("en")
    assert labels.heading_label("SUBJECTIVE") == "SUBJECTIVE"
    assert labels.heading_label("KNEE") == "KNEE"
    assert labels.field_label("age") == "Age"
    assert labels.field_label("own") == "own"
    texts.use("de")
    assert labels.heading_label("PLAN") == "PLAN"
    assert labels.heading_label("ALLERGIES") == "ALLERGIEN · ALLERGIES"
    assert labels.field_label("age") == "Alter"
    texts.use("en")


async def test_what_the_core_says_is_german_in_the_german_app(home: Path) -> None:
    empty_vault(home)
    kept = settings.load()
    kept.language = "de"
    settings.save(kept)
    (home / "visit.txt").write_bytes("Arzt: Was führt Sie her?\nPatient: Das Knie.\n".encode("cp1252"))
    app = make_app(home)

    def told() -> str:
        return " ".join(word for word in screen_text(app).split() if word not in "│▎▊")

    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await pilot.press("o")
        await until(pilot, on(pilot, "OpenFile"))
        await pilot.press("ctrl+u", *"/none.txt", "enter")
        await until(pilot, lambda: "/none.txt gibt es nicht." in told(), "the error of a path")
        await pilot.press("ctrl+u", *str(home / "visit.txt"), "enter")
        await until(pilot, lambda: "! Die Datei ist nicht in UTF-8; sie wurde als Windows-1252" in told(), "a remark")
        assert "Arzt/Ärztin: Was führt Sie her?" in told()
        await pilot.press("escape", "escape")
        await until(pilot, on(pilot, "LibraryScreen"))
        await written(pilot)
        await pilot.press("f8")
        await until(pilot, on(pilot, "Sign"))
        await until(pilot, lambda: "!! Dosis: Die Dosis 500 mg wurde nicht gesagt." in told(), "a check")
        await leave(pilot)
