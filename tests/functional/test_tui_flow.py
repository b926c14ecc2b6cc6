"""A clinician's day, step by step with keys: first run to signed export, editing, stopping, several at once, losses."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from functional.tui_kit import (
    TALK,
    WORDS,
    empty_vault,
    fill,
    leave,
    make_app,
    make_vault,
    on,
    screen_text,
    script,
    unlock,
    until,
)

from edge.contract.records import Kind, State
from edge.store.secret import Passphrase
from edge.store.vault import Vault
from tui import settings, texts
from tui.app import EdgeApp
from tui.case import Case
from tui.screens.encounter import EncounterScreen
from tui.widgets.note_panel import NotePanel
from tui.widgets.section_editor import SectionEditor
from tui.widgets.transcript_view import TranscriptView


@pytest.fixture(autouse=True)
def english() -> None:
    texts.use("en")


@pytest.fixture
def folder(home: Path) -> Path:
    return home


def case_on(app: EdgeApp) -> Case:
    assert isinstance(app.screen, EncounterScreen)
    return app.screen.case


def idle(app: EdgeApp) -> bool:
    return isinstance(app.screen, EncounterScreen) and not app.screen.case.busy


def editors(app: EdgeApp) -> list[SectionEditor]:
    return list(app.screen.query_one(NotePanel).query(SectionEditor))


async def new_with(pilot, text: str = TALK) -> Case:  # type: ignore[no-untyped-def]
    """From the list to a new encounter with a conversation that was pasted."""
    await pilot.press("n")
    await until(pilot, on(pilot, "EncounterScreen"))
    area = pilot.app.screen.query_one("#talk")
    area.insert(text)
    await until(pilot, lambda: case_on(pilot.app).conversation == text, "the conversation")
    return case_on(pilot.app)


async def written(pilot, text: str = TALK) -> Case:  # type: ignore[no-untyped-def]
    case = await new_with(pilot, text)
    await pilot.press("ctrl+g")
    await until(pilot, lambda: case.has_note and idle(pilot.app), "the note")
    return case


def reopen(folder: Path) -> Vault:
    return Vault.open(folder / "records.vault", Passphrase(WORDS.encode()))


async def test_first_run_to_signed_export(folder: Path) -> None:
    app = make_app(folder)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, on(pilot, "WelcomeScreen"))
        await pilot.press(*"short", "tab", *"short", "enter")
        await until(pilot, lambda: "twelve" in screen_text(app) or "12 characters" in screen_text(app), "the advice")
        assert not (folder / "records.vault").exists()
        app.screen.query_one("#first").value = WORDS
        app.screen.query_one("#second").value = WORDS + "x"
        app.screen.query_one("#second").focus()
        await pilot.press("enter")
        await until(pilot, lambda: "differ" in screen_text(app))
        app.screen.query_one("#second").value = WORDS
        await pilot.press("enter")
        await until(pilot, on(pilot, "RecoveryScreen"))
        key = app.screen._key.text()
        await until(pilot, lambda: "-".join(key.split("-")[:3]) in screen_text(app), "the key")
        await pilot.press(*"0000", "enter")
        await until(pilot, lambda: "not what the key ends with" in screen_text(app))
        app.screen.query_one("#ending").value = "-".join(key.split("-")[-2:]).lower()
        await pilot.press("enter")
        await until(pilot, on(pilot, "ModelScreen"))
        await pilot.click("#sample")
        await until(pilot, on(pilot, "EncounterScreen"))
        await until(pilot, lambda: len(app.screen.query_one(TranscriptView).turns) > 15)
        await pilot.press("ctrl+g")
        case = case_on(app)
        await until(pilot, lambda: case.has_note and idle(app))
        await pilot.press("f7")
        await until(pilot, lambda: len(case.rows) == 2 and idle(app))
        await pilot.press("f8")
        await until(pilot, on(pilot, "Sign"))
        assert "INCOMPLETE" in screen_text(app)  # the scripted fields stop early
        await pilot.press(*"Dr. Keller", "enter")
        await until(pilot, lambda: case.signed)
        await pilot.press("f9")
        await until(pilot, on(pilot, "Choose"))
        await pilot.press("enter")
        await until(pilot, lambda: list((folder / "exports").glob("*.md")), "the file")
        await leave(pilot)
    (file,) = (folder / "exports").iterdir()
    text = file.read_text(encoding="utf-8")
    assert "Left knee pain since Monday" in text
    assert "DRAFT" not in text
    assert "DRAFT" not in file.name
    assert file.stat().st_mode & 0o077 == 0
    with reopen(folder) as vault:
        (one,) = vault.records.list()
        assert one.state is State.SIGNED
        assert [s.signer for s in vault.edits.signatures(one.id)] == ["Dr. Keller"]
        assert len(vault.records.peek(one.id).sources) == 2


async def test_unsigned_export_carries_draft_and_can_be_found(folder: Path) -> None:
    empty_vault(folder)
    app = make_app(folder)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        case = await written(pilot)
        await pilot.press("f9")
        await until(pilot, on(pilot, "Choose"))
        await pilot.press("down", "enter")
        await until(pilot, lambda: list((folder / "exports").glob("*-DRAFT.txt")))
        await pilot.press("ctrl+b")
        await until(pilot, on(pilot, "LibraryScreen"))
        await pilot.press("slash", *"acetamin")
        await until(pilot, lambda: "1 of 1" in screen_text(app))
        await pilot.press(*"zzz")
        await until(pilot, lambda: "Nothing found" in screen_text(app))
        assert case.id
        await leave(pilot)
    (file,) = (folder / "exports").iterdir()
    assert file.read_text().count("DRAFT - not signed") == 2


async def test_edits_are_saved_by_themselves_and_kept_apart_from_what_the_model_wrote(folder: Path) -> None:
    empty_vault(folder)
    app = make_app(folder)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        case = await written(pilot)
        area = editors(app)[0].area
        area.focus()
        area.move_cursor(area.document.end)
        app._leaving = True  # holds the autosave, which comes once a second, until UNSAVED was seen
        await pilot.press(*" Seen.")
        await until(pilot, lambda: case.dirty)
        await until(pilot, lambda: "UNSAVED" in screen_text(app))
        app._leaving = False
        await until(pilot, lambda: not case.dirty and case.state is State.EDITED, "autosave")
        await until(pilot, lambda: "UNSAVED" not in screen_text(app))
        await leave(pilot)
    with reopen(folder) as vault:
        (one,) = vault.records.list()
        note = vault.records.peek(one.id).document(Kind.NOTE)
        assert note is not None
        assert note.sections()[0].text.endswith("Seen.")
        history = vault.edits.history(note.id)
        assert [r.reason for r in history] == ["generated", "edit"]
        assert history[0].author == "model:scripted"
        assert "Seen." not in vault.edits.content_at(note.id, 1)["sections"][0]["text"]


async def test_stop_keeps_what_was_written_and_writing_again_adds_what_is_missing(folder: Path) -> None:
    empty_vault(folder)
    app = make_app(folder, delay=0.2)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        case = await new_with(pilot)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: case.parts[0].text.count(" ") > 2)
        before = time.monotonic()
        await pilot.press("escape")
        await until(pilot, lambda: idle(app))
        assert time.monotonic() - before < 2
        assert case.parts[0].stop == "cancelled"
        assert case.parts[0].text
        assert case.incomplete
        assert "INCOMPLETE" in screen_text(app)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: idle(app) and not case.incomplete)
        assert "acetaminophen" in case.note_text()
        await leave(pilot)
    with reopen(folder) as vault:
        notes = [d for d in vault.records.peek(vault.records.list()[0].id).documents if d.kind is Kind.NOTE]
        assert [d.origin.incomplete for d in notes if d.origin.bundle] == [True, False]


async def test_one_section_is_written_anew_and_undone(folder: Path) -> None:
    empty_vault(folder)
    app = make_app(folder)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        case = await written(pilot)
        old = case.parts[0].text
        others = [p.text for p in case.parts[1:]]
        editors(app)[0].area.focus()
        await pilot.press("ctrl+r")
        await until(pilot, on(pilot, "Ask"))
        await pilot.press(*"shorter", "enter")
        await until(pilot, lambda: case.parts[0].text == "Knee pain, shorter." and idle(app))
        assert [p.text for p in case.parts[1:]] == others
        await until(pilot, lambda: editors(app)[0].area.text == "Knee pain, shorter.")
        editors(app)[0].area.focus()
        await pilot.press("ctrl+z")
        await until(pilot, lambda: case.parts[0].text == old, "undo")
        await leave(pilot)


async def test_template_switch_keeps_the_old_note_in_the_history(folder: Path) -> None:
    empty_vault(folder)
    app = make_app(folder)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        case = await written(pilot)
        await pilot.press("ctrl+t")
        await until(pilot, on(pilot, "Choose"))
        from textual.widgets import OptionList

        options = app.screen.query_one(OptionList)
        options.highlighted = next(i for i, (name, _) in enumerate(app.screen._options) if name == "soap")
        await pilot.press("enter")
        await until(pilot, lambda: case.template == "soap" and idle(app) and case.has_note)
        assert [p.key for p in case.parts] == ["S", "O", "A", "P"]
        await pilot.press("f4")
        await until(pilot, lambda: "earlier note" in screen_text(app))
        options = app.screen.query_one("#panel-history").query_one(OptionList)
        options.focus()
        options.highlighted = options.option_count - 1
        await pilot.press("enter")
        await until(pilot, lambda: case.template == "visit" and "acetaminophen" in case.note_text())
        await leave(pilot)


async def test_signed_is_final_until_a_new_version(folder: Path) -> None:
    with make_vault(folder) as vault:
        identifier = fill(vault, "Old visit", state=State.SIGNED)
    app = make_app(folder)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await until(pilot, lambda: "Old visit" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, on(pilot, "EncounterScreen"))
        await until(pilot, lambda: len(editors(app)) == 2)
        editors(app)[0].area.focus()
        await pilot.press(*"xyz")
        await pilot.press("ctrl+g")
        await pilot.pause(0.2)
        assert case_on(app).parts[0].text == "Knee pain."
        await pilot.press("f8")
        await until(pilot, lambda: not case_on(app).signed)
        await until(pilot, lambda: not editors(app)[0].area.read_only)
        editors(app)[0].area.focus()
        await pilot.press(*"xyz")
        await until(pilot, lambda: case_on(app).parts[0].text.startswith("xyz"))
        await leave(pilot)
    with reopen(folder) as vault:
        summary = vault.records.summary(identifier)
        assert summary.state is State.EDITED
        assert len(vault.edits.signatures(identifier)) == 1


async def test_several_are_written_while_another_is_edited(folder: Path) -> None:
    empty_vault(folder)
    app = make_app(folder, delay=0.02)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        cases = []
        for number in range(3):
            cases.append(await new_with(pilot, TALK + f"\nDoctor: Visit {number}."))
            await pilot.press("ctrl+g")
            await until(pilot, lambda case=cases[-1]: case.busy or case.has_note)
            await pilot.press("ctrl+b")
            await until(pilot, on(pilot, "LibraryScreen"))
        await until(pilot, lambda: not any(case.busy for case in cases))
        assert all("acetaminophen" in case.note_text() for case in cases)
        await until(pilot, lambda: "3 of 3" in screen_text(app))
        await leave(pilot)
    with reopen(folder) as vault:
        assert [s.bundle for s in vault.records.list()] == ["scripted"] * 3


async def test_a_kill_loses_nothing_and_the_queue_goes_on(folder: Path) -> None:
    empty_vault(folder)
    app = make_app(folder, delay=0.3)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        case = await new_with(pilot)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: case.parts[0].text.count(" ") > 3 and not case.dirty, "an autosave while it writes")
        app.settings.pending, app.settings.last = [case.id], case.id
        settings.save(app.settings)
        so_far = case.parts[0].text
        assert case.busy
        app.bridge.close()
        await asyncio.to_thread(app.desk.close)  # as a kill: no save, no goodbye
        app.book.cases.clear()
        await pilot.pause(0.2)
        app._leaving = True
        app.exit(0)
    again = make_app(folder)
    async with again.run_test(size=(120, 36)) as pilot:
        await until(pilot, on(pilot, "UnlockScreen"))
        again.screen.query_one("#secret").value = WORDS
        await pilot.press("enter")
        await until(pilot, on(pilot, "EncounterScreen"))
        case = case_on(again)
        assert case.conversation == TALK
        await until(pilot, lambda: idle(again) and not case.incomplete, "the rest of the note")
        assert "acetaminophen" in case.note_text()
        await leave(pilot)
    assert so_far
    with reopen(folder) as vault:
        notes = [d for d in vault.records.peek(case.id).documents if d.kind is Kind.NOTE and d.origin.bundle]
        assert [d.origin.incomplete for d in notes] == [True, False]


async def test_a_dying_engine_is_told_and_the_text_stays(folder: Path) -> None:
    empty_vault(folder)
    app = make_app(folder, fail_after=4)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        case = await new_with(pilot)
        await pilot.press("ctrl+g")
        await until(pilot, on(pilot, "Complaint"))
        assert "stopped unexpectedly" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, on(pilot, "EncounterScreen"))
        assert case.parts[0].text == "CHIEF COMPLAINT\nLeft knee pain since"[: len(case.parts[0].text)]
        assert case.parts[0].text
        assert case.conversation == TALK
        assert case.incomplete
        await leave(pilot)
    with reopen(folder) as vault:
        (one,) = vault.records.list()
        assert one.incomplete


async def test_length_stop_is_incomplete_everywhere(folder: Path) -> None:
    empty_vault(folder)
    app = make_app(folder, lambda instruction: "word " * 2000 if "subjective" in instruction else script(instruction))
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        case = await written(pilot)
        assert case.parts[0].stop == "length"
        await until(pilot, lambda: "stopped at the length limit" in screen_text(app))
        await pilot.press("f8")
        await until(pilot, on(pilot, "Sign"))
        assert "INCOMPLETE: parts are missing" in screen_text(app)
        await pilot.press("escape", "ctrl+b")
        await until(pilot, on(pilot, "LibraryScreen"))
        await until(pilot, lambda: "DRAFT INCOMPLETE" in screen_text(app))
        await leave(pilot)


async def test_fields_point_to_their_place_and_can_be_changed(folder: Path) -> None:
    empty_vault(folder)
    app = make_app(folder)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        case = await written(pilot)
        await pilot.press("f7")
        await until(pilot, lambda: len(case.rows) == 2 and idle(app))
        await until(pilot, lambda: "Signs and symptoms" in screen_text(app))
        await pilot.press("f3", "down")
        view = app.screen.query_one(TranscriptView)
        await until(pilot, lambda: view.spot is not None)
        row = next(r for r in case.rows if r.start is not None)
        assert case.basis[row.start : row.end] == row.text == "No fever"
        assert view.source[slice(*view.spot)] == "No fever"
        await pilot.press("enter")
        await until(pilot, on(pilot, "Ask"))
        app.screen.query_one("SafeInput").value = "Rest"
        await pilot.press("enter")
        await until(pilot, lambda: "Rest" in [r.text for r in case.rows])
        changed = next(r for r in case.rows if r.text == "Rest")
        assert case.basis[changed.start : changed.end] == "Rest"
        await leave(pilot)
    with reopen(folder) as vault:
        kept = vault.records.peek(vault.records.list()[0].id).document(Kind.EXTRACTION)
        assert kept is not None
        assert "Rest" in [e["text"] for e in kept.content["fields"]["signs_symptoms"]]
        assert kept.revision == 2


async def test_speakers_are_corrected(folder: Path) -> None:
    empty_vault(folder)
    app = make_app(folder)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        case = await new_with(pilot, "hello\nmy knee hurts\nsince when")
        await pilot.press("ctrl+e")
        view = app.screen.query_one(TranscriptView)
        await until(pilot, lambda: view.has_focus)
        await pilot.press("s")
        await until(pilot, lambda: case.conversation == "Doctor: hello\nPatient: my knee hurts\nDoctor: since when")
        await pilot.press("down", "s")
        await until(pilot, lambda: "Nurse: my knee hurts" in case.conversation)
        await leave(pilot)


async def test_wrong_passphrase_then_recovery_key(folder: Path) -> None:
    with make_vault(folder) as vault, Passphrase(WORDS.encode()) as secret:
        key = vault.custody.new_recovery_key(secret).text()
    app = make_app(folder)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, on(pilot, "UnlockScreen"))
        await pilot.press(*"wrong", "enter")
        await until(pilot, lambda: not app.screen.query_one("#secret").disabled and "passphrase" in screen_text(app))
        assert on(pilot, "UnlockScreen")()
        await pilot.click("#other")
        app.screen.query_one("#secret").value = key
        app.screen.query_one("#secret").focus()
        await pilot.press("enter")
        await until(pilot, on(pilot, "LibraryScreen"))
        await leave(pilot)


async def test_lock_leaves_with_its_own_code_and_idleness_locks(folder: Path) -> None:
    from tui.app import LOCKED

    empty_vault(folder)
    app = make_app(folder)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        app._idle._last -= 6 * 60
        await until(pilot, lambda: app.return_code == LOCKED, "the lock")
    assert not app.desk.is_open
    assert app.bridge.ended


async def test_delete_asks_and_wipes(folder: Path) -> None:
    with make_vault(folder) as vault:
        fill(vault, "To be wiped")
    app = make_app(folder)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await until(pilot, lambda: "To be wiped" in screen_text(app))
        await pilot.press("d")
        await until(pilot, on(pilot, "Confirm"))
        await pilot.press("enter")  # the focus is on No
        await until(pilot, on(pilot, "LibraryScreen"))
        assert await app.desk.call(lambda vault: vault.records.count()) == 1
        await pilot.press("d")
        await until(pilot, on(pilot, "Confirm"))
        await pilot.click("#yes")
        await until(pilot, lambda: "No encounters yet" in screen_text(app))
        await leave(pilot)
