"""A clinician's day with keys: first run to signed export, templates, versions, fields, what opens the vault."""

from __future__ import annotations

from pathlib import Path

from functional.tui_kit import (
    WORDS,
    editors,
    empty_vault,
    encounter_on,
    fill,
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

from edge.contract.encounter import State
from edge.store.secret import Passphrase
from tui.widgets.transcript_view import TranscriptView


async def test_first_run_to_signed_export(home: Path) -> None:
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, on(pilot, "WelcomeScreen"))
        await pilot.press(*"short", "tab", *"short", "enter")
        await until(pilot, lambda: "twelve" in screen_text(app) or "12 characters" in screen_text(app), "the advice")
        assert not (home / "records.vault").exists()
        app.screen.query_one("#first").value = WORDS
        app.screen.query_one("#second").value = WORDS + "x"
        app.screen.query_one("#second").focus()
        await pilot.press("enter")
        await until(pilot, lambda: "not the same" in screen_text(app))
        app.screen.query_one("#second").value = WORDS
        await pilot.press("enter")
        await until(pilot, on(pilot, "RecoveryScreen"))
        key = app.screen._key.text()
        await until(pilot, lambda: "-".join(key.split("-")[:3]) in screen_text(app), "the key")
        await pilot.press(*"0000", "enter")
        await until(pilot, lambda: "not the last two groups" in screen_text(app))
        app.screen.query_one("#ending").value = "-".join(key.split("-")[-2:]).lower()
        await pilot.press("enter")
        await until(pilot, on(pilot, "ModelScreen"))
        await press_button(pilot, "sample")
        await until(pilot, on(pilot, "EncounterScreen"))
        await until(pilot, lambda: len(app.screen.query_one(TranscriptView).turns) > 15)
        await pilot.press("ctrl+g")
        encounter = encounter_on(app)
        await until(pilot, lambda: encounter.has_note and idle(app))
        await pilot.press("f7")
        await until(pilot, lambda: len(encounter.rows) == 2 and idle(app))
        await pilot.press("f8")
        await until(pilot, on(pilot, "Sign"))
        await until(pilot, lambda: "INCOMPLETE" in screen_text(app))  # the scripted fields stop early
        await pilot.press(*"Dr. Keller", "enter")
        await until(pilot, lambda: encounter.signed)
        await pilot.press("f9")
        await until(pilot, on(pilot, "Choose"))
        await pilot.press("enter")
        await until(pilot, lambda: list((home / "exports").glob("*.md")), "the file")
        await leave(pilot)
    (file,) = (home / "exports").iterdir()
    text = file.read_text(encoding="utf-8")
    assert "Left knee pain since Monday" in text
    assert "DRAFT" not in text
    assert "DRAFT" not in file.name
    assert text.count("**SIGNED by Dr. Keller, ") == 2
    assert all(
        part in text
        for part in (
            "- Date of the visit: ",
            "- Record: ",
            "- Author: drafted by scripted",
            "UTC, version 1, SHA-256 ",
        )
    )
    assert file.stat().st_mode & 0o077 == 0
    with reopen(home) as vault:
        (one,) = vault.encounters.list()
        assert one.state is State.SIGNED
        assert [s.signer for s in vault.edits.signatures(one.id)] == ["Dr. Keller"]
        assert len(vault.encounters.peek(one.id).sources) == 2


async def test_unsigned_export_carries_draft_and_can_be_found(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await written(pilot)
        await pilot.press("f9")
        await until(pilot, on(pilot, "Choose"))
        await pilot.press("down", "enter")
        await until(pilot, lambda: list((home / "exports").glob("*-DRAFT.txt")))
        await pilot.press("ctrl+b")
        await until(pilot, on(pilot, "LibraryScreen"))
        await pilot.press("slash", *"acetamin")
        await until(pilot, lambda: "1 of 1" in screen_text(app))
        await pilot.press(*"zzz")
        await until(pilot, lambda: "Nothing found" in screen_text(app))
        assert encounter.id
        await leave(pilot)
    (file,) = (home / "exports").iterdir()
    assert file.read_text().count("DRAFT - not signed") == 2


async def test_template_switch_keeps_the_old_note_in_the_history(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await written(pilot)
        await pilot.press("ctrl+t")
        await until(pilot, on(pilot, "Choose"))
        from textual.widgets import OptionList

        options = app.screen.query_one(OptionList)
        options.highlighted = next(i for i, (name, _) in enumerate(app.screen._options) if name == "soap")
        await pilot.press("enter")
        await until(pilot, lambda: encounter.template == "soap" and idle(app) and encounter.has_note)
        assert [p.key for p in encounter.sections] == ["S", "O", "A", "P"]
        await pilot.press("f4")
        await until(pilot, lambda: "Earlier note" in screen_text(app))
        options = app.screen.query_one("#panel-history").query_one(OptionList)
        options.focus()
        options.highlighted = options.option_count - 1
        await pilot.press("enter")
        await until(pilot, lambda: encounter.template == "visit" and "acetaminophen" in encounter.note_text())
        await leave(pilot)


async def test_signed_is_final_until_a_new_version(home: Path) -> None:
    with make_vault(home) as vault:
        identifier = fill(vault, "Old visit", state=State.SIGNED)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await until(pilot, lambda: "Old visit" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, on(pilot, "EncounterScreen"))
        await until(pilot, lambda: len(editors(app)) == 2)
        editors(app)[0].area.focus()
        await pilot.press(*"xyz")
        await pilot.press("ctrl+g")
        await quiet(pilot)
        assert encounter_on(app).sections[0].text == "Knee pain."
        assert " F8  New version" in screen_text(app)
        await pilot.press("f8")
        await until(pilot, lambda: not encounter_on(app).signed)
        await until(pilot, lambda: " F8  Sign " in screen_text(app), "the key's other meaning")
        await until(pilot, lambda: not editors(app)[0].area.read_only)
        editors(app)[0].area.focus()
        await pilot.press(*"xyz")
        await until(pilot, lambda: encounter_on(app).sections[0].text.startswith("xyz"))
        await leave(pilot)
    with reopen(home) as vault:
        summary = vault.encounters.summary(identifier)
        assert summary.state is State.EDITED
        assert len(vault.edits.signatures(identifier)) == 1


async def test_fields_point_to_their_place_and_can_be_changed(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await written(pilot)
        await pilot.press("f7")
        await until(pilot, lambda: len(encounter.rows) == 2 and idle(app))
        await until(pilot, lambda: "Signs and symptoms" in screen_text(app))
        await pilot.press("f3", "down")
        view = app.screen.query_one(TranscriptView)
        await until(pilot, lambda: view.spot is not None)
        row = next(r.entry for r in encounter.rows if r.entry.start is not None)
        assert encounter.basis[row.start : row.end] == row.text == "No fever"
        assert view.source[slice(*view.spot)] == "No fever"
        await pilot.press("enter")
        await until(pilot, on(pilot, "Ask"))
        app.screen.query_one("SafeInput").value = "Rest"
        await pilot.press("enter")
        await until(pilot, lambda: "Rest" in [r.entry.text for r in encounter.rows])
        changed = next(r.entry for r in encounter.rows if r.entry.text == "Rest")
        assert encounter.basis[changed.start : changed.end] == "Rest"
        await leave(pilot)
    with reopen(home) as vault:
        kept = vault.encounters.peek(vault.encounters.list()[0].id).fields
        assert kept is not None
        assert "Rest" in [e.text for e in kept.content["signs_symptoms"]]
        assert kept.revision == 2


async def test_speakers_are_corrected(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await new_with(pilot, "hello\nmy knee hurts\nsince when")
        await pilot.press("ctrl+e")
        view = app.screen.query_one(TranscriptView)
        await until(pilot, lambda: view.has_focus)
        await pilot.press("s")
        await until(
            pilot, lambda: encounter.conversation == "Doctor: hello\nPatient: my knee hurts\nDoctor: since when"
        )
        await pilot.press("down", "s")
        await until(pilot, lambda: "Nurse: my knee hurts" in encounter.conversation)
        await leave(pilot)


async def test_wrong_passphrase_then_recovery_key(home: Path) -> None:
    with make_vault(home) as vault, Passphrase(WORDS.encode()) as secret:
        key = vault.admin.new_recovery_key(secret).text()
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, on(pilot, "UnlockScreen"))
        await pilot.press(*"wrong", "enter")
        await until(pilot, lambda: "does not open" in screen_text(app) or "passphrase" in screen_text(app))
        await until(pilot, lambda: not app.screen.query_one("#secret").disabled)
        assert on(pilot, "UnlockScreen")()
        await press_button(pilot, "other")
        await until(pilot, lambda: "Recovery key (nine groups of letters and digits)" in screen_text(app))
        app.screen.query_one("#secret").value = key
        app.screen.query_one("#secret").focus()
        await pilot.press("enter")
        await until(pilot, on(pilot, "LibraryScreen"))
        await leave(pilot)


async def test_lock_leaves_with_its_own_code_and_idleness_locks(home: Path) -> None:
    from tui.app import LOCKED

    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        app._idle._last -= 6 * 60
        await until(pilot, lambda: app.return_code == LOCKED, "the lock")
    assert not app.vault.is_open
    assert app.model.ended


async def test_delete_asks_and_wipes(home: Path) -> None:
    with make_vault(home) as vault:
        fill(vault, "To be wiped")
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await until(pilot, lambda: "To be wiped" in screen_text(app))
        await pilot.press("d")
        await until(pilot, on(pilot, "Confirm"))
        await pilot.press("enter")  # the focus is on No
        await until(pilot, on(pilot, "LibraryScreen"))
        assert await app.vault.call(lambda vault: vault.encounters.count()) == 1
        await pilot.press("d")
        await until(pilot, on(pilot, "Confirm"))
        await press_button(pilot, "yes")
        await until(pilot, lambda: "No encounters yet" in screen_text(app))
        await leave(pilot)
