"""The model at work: editing beside it, stopping, one section anew, several at once, a kill, an engine that dies."""

from __future__ import annotations

import asyncio
from pathlib import Path

from functional.tui_kit import (
    TALK,
    WORDS,
    Gate,
    editors,
    empty_vault,
    encounter_on,
    idle,
    leave,
    make_app,
    new_encounter,
    new_with,
    on,
    reopen,
    screen_text,
    script,
    unlock,
    until,
    written,
)
from textual.geometry import Region

from edge.contract.encounter import Kind, State
from tui import settings


async def test_edits_are_saved_by_themselves_and_kept_apart_from_what_the_model_wrote(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await written(pilot)
        area = editors(app)[0].area
        area.focus()
        area.move_cursor(area.document.end)
        app._leaving = True  # holds the autosave, which comes once a second, until UNSAVED was seen
        await pilot.press(*" Seen.")
        await until(pilot, lambda: encounter.dirty)
        await until(pilot, lambda: "UNSAVED" in screen_text(app))
        app._leaving = False
        await until(pilot, lambda: not encounter.dirty and encounter.state is State.EDITED, "autosave")
        await until(pilot, lambda: "UNSAVED" not in screen_text(app))
        await leave(pilot)
    with reopen(home) as vault:
        (one,) = vault.encounters.list()
        note = vault.encounters.peek(one.id).note
        assert note is not None
        assert note.content.sections[0].text.endswith("Seen.")
        history = vault.edits.history(note.id)
        assert [r.reason for r in history] == ["generated", "edit"]
        assert history[0].author == "model:scripted"
        assert "Seen." not in vault.edits.content_at(note.id, 1).sections[0].text


async def test_stop_keeps_what_was_written_and_writing_again_adds_what_is_missing(home: Path) -> None:
    empty_vault(home)
    app = make_app(home, gate=Gate(4))
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await new_with(pilot)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: encounter.sections[0].text == "CHIEF COMPLAINT\nLeft knee pain since"[:30])
        await pilot.press("ctrl+g")  # held too long, it asks; Esc only leaves
        await until(pilot, on(pilot, "Confirm"))
        await pilot.press("y")
        await until(pilot, lambda: idle(app))
        assert encounter.sections[0].stop == "cancelled"
        assert len(encounter.sections[0].text.split()) <= 6  # the word under way when the stop came is the last one
        assert encounter.incomplete
        await until(pilot, lambda: "INCOMPLETE" in screen_text(app))
        await pilot.press("ctrl+g")
        await until(pilot, lambda: idle(app) and not encounter.incomplete)
        assert "acetaminophen" in encounter.note_text()
        await leave(pilot)
    with reopen(home) as vault:
        notes = [d for d in vault.encounters.peek(vault.encounters.list()[0].id).documents if d.kind is Kind.NOTE]
        assert [d.origin.incomplete for d in notes if d.origin.bundle] == [True, False]


async def test_one_section_is_written_anew_and_undone(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await written(pilot)
        old = encounter.sections[0].text
        others = [p.text for p in encounter.sections[1:]]
        editors(app)[0].area.focus()
        await pilot.press("ctrl+r")
        await until(pilot, on(pilot, "Ask"))
        await pilot.press(*"shorter", "enter")
        await until(pilot, lambda: encounter.sections[0].text == "Knee pain, shorter." and idle(app))
        assert [p.text for p in encounter.sections[1:]] == others
        await until(pilot, lambda: editors(app)[0].area.text == "Knee pain, shorter.")
        editors(app)[0].area.focus()
        await pilot.press("ctrl+z")
        await until(pilot, lambda: encounter.sections[0].text == old, "undo")
        await leave(pilot)


async def test_several_are_written_while_another_is_edited(home: Path) -> None:
    empty_vault(home)
    gate = Gate(0)
    app = make_app(home, gate=gate)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        cases = []
        for number in range(3):
            cases.append(await new_with(pilot, TALK + f"\nDoctor: Visit {number}."))
            await pilot.press("ctrl+g")
            await until(pilot, lambda encounter=cases[-1]: encounter.busy)
            await pilot.press("ctrl+b")
            await until(pilot, on(pilot, "LibraryScreen"))
        await until(pilot, lambda: "writing 3" in screen_text(app), "the queue")
        gate.open()
        await until(pilot, lambda: not any(encounter.busy for encounter in cases))
        assert all("acetaminophen" in encounter.note_text() for encounter in cases)
        await until(pilot, lambda: "3 of 3" in screen_text(app))
        await leave(pilot)
    with reopen(home) as vault:
        assert [s.bundle for s in vault.encounters.list()] == ["scripted"] * 3


async def test_a_kill_loses_nothing_and_the_queue_goes_on(home: Path) -> None:
    empty_vault(home)
    app = make_app(home, gate=Gate(4))
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await new_with(pilot)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: encounter.sections[0].text and not encounter.dirty, "an autosave while it writes")
        app.settings.pending, app.settings.last = [encounter.id], encounter.id
        settings.save(app.settings)
        so_far = encounter.sections[0].text
        assert encounter.busy
        app._leaving = True
        app.model.take = list  # as a kill: nothing that comes now is kept, no goodbye
        app.model.close()
        await asyncio.to_thread(app.vault.close)
        app.encounters.all.clear()
        app.exit(0)
    again = make_app(home)
    async with again.run_test(size=(120, 36)) as pilot:
        await until(pilot, on(pilot, "UnlockScreen"))
        again.screen.query_one("#secret").value = WORDS
        await pilot.press("enter")
        await until(pilot, on(pilot, "EncounterScreen"))
        encounter = encounter_on(again)
        assert encounter.conversation == TALK
        await until(pilot, lambda: idle(again) and not encounter.incomplete, "the rest of the note")
        assert "acetaminophen" in encounter.note_text()
        await leave(pilot)
    assert so_far
    with reopen(home) as vault:
        notes = [d for d in vault.encounters.peek(encounter.id).documents if d.kind is Kind.NOTE and d.origin.bundle]
        assert [d.origin.incomplete for d in notes] == [True, False]


async def test_a_dying_engine_is_told_and_the_text_stays(home: Path) -> None:
    empty_vault(home)
    app = make_app(home, fail_after=4)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await new_with(pilot)
        await pilot.press("ctrl+g")
        await until(pilot, on(pilot, "Complaint"))
        await until(pilot, lambda: "stopped unexpectedly" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, on(pilot, "EncounterScreen"))
        assert encounter.sections[0].text == "CHIEF COMPLAINT\nLeft knee pain since"[: len(encounter.sections[0].text)]
        assert encounter.sections[0].text
        assert encounter.conversation == TALK
        assert encounter.incomplete
        await leave(pilot)
    with reopen(home) as vault:
        (one,) = vault.encounters.list()
        assert one.incomplete


async def test_length_stop_is_incomplete_everywhere(home: Path) -> None:
    empty_vault(home)
    app = make_app(home, lambda instruction: "word " * 2000 if "subjective" in instruction else script(instruction))
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await written(pilot)
        assert encounter.sections[0].stop == "length"

        def head_of_it() -> str:
            editors(app)[0].scroll_visible(animate=False, top=True)  # each later section scrolled itself into view
            return screen_text(app)

        await until(pilot, lambda: "stopped at the length limit" in head_of_it())
        await pilot.press("f8")
        await until(pilot, on(pilot, "Sign"))
        await until(pilot, lambda: "INCOMPLETE: Subjective." in screen_text(app))
        await pilot.press("escape", "ctrl+b")
        await until(pilot, on(pilot, "LibraryScreen"))
        await until(pilot, lambda: "DRAFT INCOMPLETE" in screen_text(app))
        await leave(pilot)


async def test_a_section_that_was_just_taken_away_can_still_be_drawn(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await written(pilot)
        area = editors(app)[0].area
        before = area.render_lines(Region(0, 0, 20, 2))
        assert "CHIEF COMPLAINT" in before[0].text
        encounter.sections = encounter.sections[1:]
        app._changed(encounter, "sections")
        await until(pilot, lambda: not area.is_attached)
        assert [strip.text for strip in area.render_lines(Region(0, 0, 20, 2))] == [" " * 20] * 2
        await leave(pilot)


async def test_a_pasted_conversation_is_kept_before_any_note(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await new_with(pilot)
        await until(pilot, lambda: encounter.id and not encounter.dirty, "the autosave")
        record = await app.vault.call(lambda vault: vault.encounters.peek(encounter.id))
        assert [s.text for s in record.sources] == [TALK]
        assert record.documents == ()
        app._leaving = True  # as a kill: no goodbye
        app.model.close()
        await asyncio.to_thread(app.vault.close)
        app.exit(0)
    again = make_app(home)
    again.settings.last, again.settings.template = "", "soap"
    async with again.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await until(pilot, lambda: "DRAFT NO NOTE YET" in screen_text(again))
        assert "conversation" in screen_text(again)
        await pilot.press("enter")
        await until(pilot, on(pilot, "EncounterScreen"))
        encounter = encounter_on(again)
        assert (encounter.conversation, encounter.template) == (TALK, "soap")
        again.encounters.set_conversation(encounter, TALK + "\nDoctor: Rest.")
        await until(pilot, lambda: not encounter.dirty, "the changed conversation")
        await pilot.press("ctrl+g")
        await until(pilot, lambda: encounter.has_note and idle(again))
        await leave(pilot)
    with reopen(home) as vault:
        (one,) = vault.encounters.list()
        kept = vault.encounters.peek(one.id)
    assert [s.text for s in kept.sources] == [TALK, TALK + "\nDoctor: Rest."]
    assert [d.origin.bundle for d in kept.documents] == ["", "scripted"]
    assert not one.incomplete


async def test_a_typed_conversation_grows_in_one_draft(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await new_encounter(pilot)
        encounter = encounter_on(app)
        for word in ("Doctor: ", "Hello. ", "My ", "knee "):
            await pilot.press(*word)
            await until(pilot, lambda word=word: encounter.conversation.endswith(word) and not encounter.dirty)
        await leave(pilot)
    with reopen(home) as vault:
        kept = vault.encounters.peek(vault.encounters.list()[0].id)
    assert len(kept.sources) == 1
    assert kept.documents[0].content.conversation == "Doctor: Hello. My knee "
