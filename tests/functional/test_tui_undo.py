"""No word is lost: what a model writes over a person's words is asked for, kept in the history, and taken back."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

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
    press_button,
    quiet,
    reopen,
    screen_text,
    script,
    unlock,
    until,
    written,
)
from textual.widgets import OptionList

from edge.contract.encounter import Encounter
from edge.contract.note import EncounterNote
from edge.encounters import keeping
from edge.encounters.open_encounter import OpenEncounter
from tui import settings
from tui.widgets.messages import ConversationEdited


async def type_at_end(pilot: Any, section: int, words: str) -> OpenEncounter:
    """Type at the end of a section of the note."""
    encounter = encounter_on(pilot.app)
    await until(pilot, lambda: len(editors(pilot.app)) > section and editors(pilot.app)[section].ready)
    area = editors(pilot.app)[section].area
    await until(pilot, lambda: area.text == encounter.sections[section].text, "the section's text")
    area.focus()
    area.move_cursor(area.document.end)
    await pilot.press(*words)
    await until(pilot, lambda: encounter.sections[section].text.endswith(words), "what was typed")
    return encounter


def kept(home: Path) -> tuple[Encounter, list[EncounterNote]]:
    """The one encounter on the disk, and every note in its history, newest first."""
    with reopen(home) as vault:
        (one,) = vault.encounters.list()
        return vault.encounters.peek(one.id), [content for _, _, content in keeping.written_notes(vault, one.id)]


def texts(note: EncounterNote) -> list[str]:
    return [section.text for section in note.sections]


def cut_subjective(instruction: str) -> str:
    asked_anew = "with this change" in instruction
    return "word " * 2000 if "subjective" in instruction and not asked_anew else script(instruction)


async def test_writing_over_an_edited_cut_section_asks_once_and_is_taken_back(home: Path) -> None:
    empty_vault(home)
    app = make_app(home, cut_subjective)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await written(pilot)
        assert encounter.sections[0].stop == "length"
        await type_at_end(pilot, 0, " Mine.")
        mine = encounter.sections[0].text
        await pilot.press("ctrl+g")
        await until(pilot, on(pilot, "Confirm"))
        await press_button(pilot, "yes")
        await until(pilot, lambda: encounter.replaced, "the writing")
        await until(pilot, lambda: idle(app) and not encounter.sections[0].text.endswith("Mine."), "another text")
        editors(app)[0].area.focus()
        await until(pilot, lambda: " Ctrl+Z  Undo " in screen_text(app), "the key in the footer")
        await pilot.press("ctrl+z")
        await until(pilot, lambda: encounter.sections[0].text == mine and not encounter.dirty, "undo")
        assert encounter.sections[0].cut
        await leave(pilot)
    record, past = kept(home)
    assert record.note is not None
    assert texts(record.note.content)[0] == mine
    assert record.incomplete, "an edit, a writing and its undo have not completed a cut section"
    mine_or_not = [texts(one)[0].endswith("Mine.") for one in past]
    assert [kind for kind, _ in groupby(mine_or_not)] == [True, False, True, False]


async def test_another_template_over_an_edited_note_asks_and_is_taken_back(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await written(pilot)
        await type_at_end(pilot, 3, " By me.")
        before = [one.text for one in encounter.sections]
        await pilot.press("ctrl+t")
        await until(pilot, on(pilot, "Choose"))
        options = app.screen.query_one(OptionList)
        options.highlighted = next(i for i, (name, _) in enumerate(app.screen._options) if name == "soap")
        await pilot.press("enter")
        await until(pilot, on(pilot, "Confirm"))
        assert "Ctrl+Z" in screen_text(app)
        await press_button(pilot, "yes")
        await until(pilot, lambda: encounter.template == "soap" and encounter.has_note and idle(app), "the other note")
        await pilot.press("ctrl+z")
        await until(pilot, lambda: encounter.template == "visit" and not encounter.dirty, "undo")
        assert [one.text for one in encounter.sections] == before
        await until(pilot, lambda: [one.area.text for one in editors(app)] == before, "the note on the screen")
        await leave(pilot)
    record, past = kept(home)
    assert record.note is not None
    assert record.note.content.template == "visit"
    assert texts(record.note.content) == before
    assert [name for name, _ in groupby(one.template for one in past)] == ["visit", "soap", "visit"]
    assert not record.incomplete


async def test_a_section_written_anew_over_ones_own_words_is_taken_back_with_its_mark(home: Path) -> None:
    empty_vault(home)
    app = make_app(home, cut_subjective)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        encounter = await written(pilot)
        await type_at_end(pilot, 0, " Mine.")
        mine = encounter.sections[0].text
        await pilot.press("ctrl+r")
        await until(pilot, on(pilot, "Ask"))
        await until(pilot, lambda: "Ctrl+Z brings them back" in " ".join(screen_text(app).split()), "the warning")
        await pilot.press(*"shorter", "enter")
        await until(pilot, lambda: encounter.replaced, "the writing")
        await until(pilot, lambda: idle(app) and not encounter.sections[0].text.endswith("Mine."), "another text")
        await type_at_end(pilot, 3, " More.")
        await pilot.press("ctrl+z")
        await until(pilot, lambda: not encounter.sections[3].text.endswith("More."), "the typing first")
        while not encounter.sections[0].text.endswith("Mine."):
            await pilot.press("ctrl+z")
            await until(pilot, lambda: not encounter.dirty)
        assert (encounter.sections[0].text, encounter.sections[0].cut) == (mine, True)
        await leave(pilot)
    record, past = kept(home)
    assert record.note is not None
    assert texts(record.note.content)[0] == mine
    assert mine in [texts(one)[0] for one in past[1:]], "what was typed last before the writing is a revision"


async def test_a_note_by_hand_that_is_written_over_is_in_the_history(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await new_with(pilot)
        await pilot.press("f2")
        await type_at_end(pilot, 3, "Plan by hand.")
        await pilot.press("ctrl+g")
        await until(pilot, on(pilot, "Confirm"))
        await press_button(pilot, "yes")
        await until(pilot, lambda: encounter.replaced, "the writing")
        await until(pilot, lambda: idle(app) and "acetaminophen" in encounter.note_text(), "the note")
        await pilot.press("f4")
        await until(pilot, lambda: "Plan by hand." in screen_text(app) or "Earlier note" in screen_text(app))
        await pilot.press("f2", "ctrl+z")
        await until(pilot, lambda: encounter.note_text().endswith("Plan by hand.") and not encounter.dirty, "undo")
        await leave(pilot)
    record, past = kept(home)
    assert record.note is not None
    assert record.note.content.text().endswith("Plan by hand.")
    by_hand = ["Plan by hand." in one.text() for one in past]
    assert [kind for kind, _ in groupby(by_hand)][:3] == [True, False, True]


async def test_what_is_typed_while_the_model_writes_stays_where_it_was_typed(home: Path) -> None:
    empty_vault(home)
    gate = Gate(3)
    app = make_app(home, gate=gate)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await new_with(pilot)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: bool(encounter.sections[0].text), "the first words")
        await type_at_end(pilot, 3, "Mine alone.")
        area = editors(app)[3].area
        gate.open()
        await until(pilot, lambda: idle(app), "the note")
        assert app.focused is area
        assert encounter.sections[3].text == "Mine alone."
        await pilot.press(*" And on.")
        await until(pilot, lambda: encounter.sections[3].text == "Mine alone. And on." and not encounter.dirty)
        await leave(pilot)
    record, _ = kept(home)
    assert record.note is not None
    assert texts(record.note.content)[3] == "Mine alone. And on."
    assert "knee pain" in texts(record.note.content)[0]


async def test_writing_taken_up_after_unlock_moves_neither_screen_nor_focus(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await new_with(pilot)
        await until(pilot, lambda: encounter.id and not encounter.dirty, "the conversation kept")
        await pilot.press("ctrl+b")
        await until(pilot, on(pilot, "LibraryScreen"))
        app.settings.pending, app.settings.last = [encounter.id], ""
        settings.save(app.settings)
        app.settings = settings.load()
        await app.vault.call(lambda vault: None)
        app._leaving = True  # as a kill: pending stays as it was saved
        app.model.close()
        await app.vault.call(lambda vault: vault.close())
        app.exit(0)
    gate = Gate(0)
    again = make_app(home, gate=gate)
    async with again.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await until(pilot, lambda: "writing 1" in screen_text(again), "the writing goes on")
        await pilot.press("slash", *"knee ")
        gate.open()
        await until(pilot, lambda: not again.model.waiting()[0], "the note")
        await pilot.press(*"pain")
        assert on(pilot, "LibraryScreen")()
        assert again.screen.query_one("#search").has_focus
        assert again.screen.query_one("#search").value == "knee pain"
        await leave(pilot)
    record, _ = kept(home)
    assert record.note is not None
    assert "acetaminophen" in record.note.content.text()


async def test_words_that_come_as_the_model_begins_are_taken_up_afterwards(home: Path) -> None:
    empty_vault(home)
    gate = Gate(3)
    app = make_app(home, gate=gate)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await new_with(pilot)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: bool(encounter.sections[0].text), "the first words")
        app.screen.post_message(ConversationEdited(f"{TALK} None."))  # of the last key before Ctrl+G
        await quiet(pilot)
        assert encounter.conversation == TALK
        gate.open()
        await until(pilot, lambda: idle(app) and encounter.conversation == f"{TALK} None.", "the words", 1000)
        await until(pilot, lambda: not encounter.dirty)
        await leave(pilot)
    record, _ = kept(home)
    assert record.conversation.text == f"{TALK} None."
