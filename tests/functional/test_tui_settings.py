"""What the settings change counts at once: passphrase, recovery key, model, folder; and they say it in words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from bundle_kit import write_bundle
from functional.test_tui_care import settings_tab
from functional.tui_kit import (
    SEALED,
    WORDS,
    empty_vault,
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
from textual.widgets import DataTable, OptionList

from edge.contract import signing
from edge.contract.encounter import State
from edge.encounters.writing import Scribe
from edge.engine.scripted import ScriptedEngine
from edge.errors import BundleError, EdgescribeError, WrongKeyError
from edge.store.secret import Passphrase
from edge.store.secretkeys import RecoveryKey
from edge.store.vault import Vault
from tui import settings, texts
from tui.app import LOCKED, EdgeApp
from tui.terminal import idle
from tui.texts import activity
from tui.vault_thread import VaultThread

NEW = "seven quiet lanterns drift"


def told(app: EdgeApp) -> str:
    """What the screen shows, without its line breaks."""
    return " ".join(screen_text(app).split())


async def test_the_recovery_key_allows_another_passphrase(home: Path) -> None:
    with make_vault(home) as vault, Passphrase(WORDS.encode()) as secret:
        key = vault.admin.new_recovery_key(secret).text()
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        await settings_tab(pilot, "vault")
        await press_button(pilot, "change")
        await until(pilot, on(pilot, "AskSecret"))
        await pilot.press(*"wrong one", "enter")
        await until(pilot, lambda: "does not open" in told(app), "the wrong one is told at once")
        assert on(pilot, "AskSecret")()
        await press_button(pilot, "other")
        await until(pilot, lambda: "nine groups" in screen_text(app))
        app.screen.query_one("#asked").value = key
        await pilot.press("enter")
        await until(pilot, on(pilot, "NewPassphrase"))
        await pilot.press(*NEW, "enter", *"something else", "enter")
        await until(pilot, lambda: "not the same" in screen_text(app))
        await pilot.press(*NEW, "enter", *NEW, "enter")
        await until(pilot, lambda: "The passphrase is changed." in screen_text(app))
        await leave(pilot)
    with pytest.raises(WrongKeyError):
        reopen(home)
    with Passphrase(NEW.encode()) as secret, Vault.open(home / "records.vault", secret) as vault:
        assert vault.encounters.count() == 0
    with RecoveryKey.parse(key) as again, Vault.open(home / "records.vault", again):
        pass


async def test_the_recovery_key_goes_to_a_file_of_ones_own(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        await settings_tab(pilot, "vault")
        await press_button(pilot, "newkey")
        await until(pilot, on(pilot, "AskSecret"))
        await pilot.press(*WORDS, "enter")
        await until(pilot, on(pilot, "RecoveryScreen"))
        await press_button(pilot, "file")
        await until(pilot, on(pilot, "Ask"))
        await pilot.press("ctrl+l")
        await quiet(pilot)
        assert app.vault.is_open, "a lock would lose the key, also while a box stands before it"
        assert on(pilot, "Ask")()
        await pilot.press("enter")  # the name that is proposed, in the export folder
        await until(pilot, lambda: "Saved: " in screen_text(app))
        await press_button(pilot, "file")
        await until(pilot, on(pilot, "Ask"))
        await pilot.press("enter")
        await until(pilot, lambda: "a file of that name already" in screen_text(app), "no file is written over")
        await press_button(pilot, "kept")
        await until(pilot, on(pilot, "SettingsScreen"))
        await leave(pilot)
    (file,) = (home / "exports").glob("*.txt")
    assert file.stat().st_mode & 0o777 == 0o600
    with RecoveryKey.parse(file.read_text()) as key, Vault.open(home / "records.vault", key):
        pass


def app_of(home: Path, opened: list[str]) -> EdgeApp:
    """An app that opens the bundle that its settings name, as the program does."""
    kept = settings.load()

    def opener(_: object) -> Scribe:
        opened.append(kept.bundle)
        if kept.bundle == "broken":
            raise BundleError("The bundle was refused.", "It was altered.", "Run `edgescribe bundle verify broken`.")
        return Scribe(ScriptedEngine(lambda _: "A line."))

    return EdgeApp(VaultThread(home / "records.vault"), opener, kept, SEALED)


def signed(folder: Path, name: str, key: Any) -> None:
    """A bundle that a key signed."""
    place = write_bundle(folder / name)
    content = (place / "manifest.json").read_bytes()
    public = key.public_key().public_bytes_raw()
    found = signing.PublicKey("clinic-it", public)
    signature = key.sign(signing.DOMAIN + content)
    (place / "manifest.sig").write_bytes(signing.signature_file(found.key_id, signature))


async def test_another_model_counts_at_once_and_one_that_nobody_vouches_for_does_not(home: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    empty_vault(home)
    signed(home / "bundles", "a-signed", key)
    public = signing.PublicKey("clinic-it", key.public_key().public_bytes_raw())
    (home / "it.pub").write_text(public.line())
    opened: list[str] = []
    app = app_of(home, opened)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        await settings_tab(pilot, "model")
        table = app.screen.query_one("#bundles", DataTable)
        table.focus()
        await pilot.press("down", "enter")
        await until(pilot, lambda: "nobody whom this machine trusts has signed it" in told(app))
        assert (app.settings.bundle, opened) == ("", [""])
        await until(pilot, lambda: app.screen.query_one("#bundle-trust").has_focus, "the button that mends it")
        await pilot.press("enter")
        await until(pilot, on(pilot, "TrustKey"))
        await pilot.press(*str(home / "it.pub"), "enter")
        await until(pilot, lambda: "Trust this key" in screen_text(app))
        assert signing.trusted_keys() == {}, "reading is not trusting"
        await pilot.press("enter")
        await until(pilot, lambda: list(signing.trusted_keys()) == [public.key_id])
        await until(pilot, on(pilot, "SettingsScreen"))
        table.focus()
        table.move_cursor(row=1)
        await pilot.press("enter")
        await until(pilot, lambda: opened[-1] == "a-signed", "it is opened in this window")
        assert "used from now on" in told(app)
        await leave(pilot)
    assert settings.load().bundle == "a-signed"


async def test_an_error_waits_for_the_answer_to_a_question(home: Path) -> None:
    empty_vault(home)
    app = app_of(home, [])
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        await pilot.press("n")
        await until(pilot, on(pilot, "Ask"))
        app.use_bundle("broken")
        await until(pilot, lambda: app._complaints, "the error waits")
        assert on(pilot, "Ask")()
        await pilot.press("escape")
        await until(pilot, on(pilot, "Complaint"))
        assert "It was altered." in screen_text(app)
        assert "edgescribe bundle" not in screen_text(app)
        await pilot.press("escape")
        await until(pilot, on(pilot, "LibraryScreen"))
        app.complain(BundleError("There is no model.", "", "See `edgescribe bundle list`."))
        await until(pilot, on(pilot, "Complaint"))
        await press_button(pilot, "mend")
        await until(pilot, on(pilot, "SettingsScreen"))
        await until(pilot, lambda: "Your IT department installs one" in told(app), "the tab of models")
        await pilot.press("escape")
        await until(pilot, on(pilot, "LibraryScreen"))
        app.complain(EdgescribeError("Next."))
        await until(pilot, on(pilot, "Complaint"))
        assert not app.screen.query("#mend")
        await leave(pilot)


async def test_the_folder_for_exports_is_tried_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        await settings_tab(pilot, "general")
        app.screen.query_one("#folder").focus()
        await pilot.press("ctrl+u", *str(home / "letters"), "enter")
        await until(pilot, lambda: "from now on" in told(app))
        assert (home / "letters").is_dir()
        assert settings.load().exports() == home / "letters"
        monkeypatch.setattr(settings, "can_write", lambda _: False)
        await pilot.press("x", "tab")
        await until(pilot, lambda: "Lock (Ctrl+L) and unlock" in told(app))
        await press_button(pilot, "folder-lock")
        await until(pilot, lambda: app.return_code == LOCKED, "the lock, after which it may be written to")


async def test_an_entry_of_the_activity_is_whole_on_a_small_terminal(home: Path) -> None:
    with make_vault(home) as vault:
        code = fill(vault, "AB 1704")
        vault.edits.sign(code, "Dr. Annegret von Keller-Hohenstein")
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        await settings_tab(pilot, "audit")
        table = app.screen.query_one("#chain", DataTable)
        await until(pilot, lambda: table.row_count > 2)
        await quiet(pilot)
        assert table.virtual_size.width <= table.size.width, "nothing runs off the edge"
        assert all(words in told(app) for words in ("version 1, by", "Annegret", "Hohenstein"))
        await leave(pilot)


async def test_the_log_is_in_words(home: Path) -> None:
    with make_vault(home) as vault, Passphrase(WORDS.encode()) as secret:
        code = fill(vault, "AB 1704", state=State.SIGNED)
        vault.encounters.hold(code)
        vault.admin.new_recovery_key(secret)
        vault.retention.set_policy({State.DRAFT: 30})
        entries = vault.admin.newest()
    shown = {one.event: activity.in_words(one.event, one.detail) for one in entries}
    assert shown["sign"] == "version 1, by Dr. Test"
    assert shown["legal-hold"] == "set"
    assert shown["key-change"] == "new recovery key"
    assert shown["retention-policy"] == "DRAFT: 30"
    assert shown["create"] == "note"
    assert not any(re.search(r'[{}"]', words) for words in shown.values())
    assert activity.in_words("sign", "no JSON") == activity.in_words("never-seen", "{}") == ""
    texts.use("de")
    assert activity.in_words("legal-hold", '{"on": false}') == "aufgehoben"


async def test_it_says_that_it_will_lock_and_how_old_the_backup_is(home: Path) -> None:
    with make_vault(home) as vault:
        fill(vault, "AB 1704")
    app = make_app(home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await unlock(pilot)
        app._idle._last -= app.settings.lock_minutes * 60 - 15
        await until(pilot, lambda: "Locks in 1" in screen_text(app), "the warning")
        await pilot.press("down")
        assert not app._idle.over(app.settings.lock_minutes)
        await settings_tab(pilot, "vault")
        await until(pilot, lambda: "Last backup: none yet" in screen_text(app))
        await press_button(pilot, "backup")
        await until(pilot, lambda: "Last backup: Today, 10:00 (0 days ago)" in screen_text(app))
        await quiet(pilot)
        await leave(pilot)
    assert idle.Idle().ends(1) > 0


async def test_the_first_run_begins_with_a_model_that_may_write(home: Path) -> None:
    write_bundle(home / "bundles" / "unsigned", purpose="clinical")
    opened: list[str] = []
    app = app_of(home, opened)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, on(pilot, "WelcomeScreen"))
        app.screen.query_one("#first").value = app.screen.query_one("#second").value = WORDS
        app.screen.query_one("#second").focus()
        await pilot.press("enter")
        await until(pilot, on(pilot, "RecoveryScreen"))
        app.screen._go_on()
        await until(pilot, on(pilot, "ModelScreen"))
        app.screen.query_one(OptionList).focus()
        await until(pilot, lambda: "may not write" in screen_text(app), "why it can't be chosen")
        assert all(words in screen_text(app) for words in ("Add a public key", "Start", "Try a sample visit"))
        await press_button(pilot, "start")
        await until(pilot, on(pilot, "LibraryScreen"))
        assert (app.settings.bundle, opened) == ("", [""])
        assert await app.vault.call(lambda vault: vault.encounters.count()) == 0
        await leave(pilot)


@pytest.mark.parametrize("there", [True, False], ids=["damaged", "lost"])
async def test_a_backup_is_brought_back_where_the_records_do_not_open(home: Path, there: bool) -> None:
    with make_vault(home) as vault:
        fill(vault, "AB 1704")
        file, _ = vault.admin.backup(home)
    (home / "records.vault").write_bytes(b"not a vault any more" * 4096)
    for lost in home.glob("records.vault*") if not there else ():
        lost.unlink()
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, on(pilot, "UnlockScreen" if there else "WelcomeScreen"))
        if there:
            app.screen.query_one("#secret").value = WORDS
            await pilot.press("enter")
            await until(pilot, lambda: "A backup brings your records back" in told(app))
            assert "vault restore" not in told(app)
        await press_button(pilot, "restore")
        await until(pilot, on(pilot, "Restore"))
        await pilot.press("ctrl+u", *str(file), "enter", *WORDS, "enter")
        await until(pilot, lambda: "it holds 1 encounters" in told(app))
        await press_button(pilot, "yes")
        await until(pilot, lambda: app.return_code == LOCKED, "the lock")
    with reopen(home) as vault:
        assert [one.title for one in vault.encounters.list()] == ["AB 1704"]


async def test_a_backup_is_looked_at_and_brought_back(home: Path) -> None:
    with make_vault(home) as vault:
        fill(vault, "AB 1704")
        file, _ = vault.admin.backup(home)
        fill(vault, "CD 1705")
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        await settings_tab(pilot, "vault")
        await press_button(pilot, "restore")
        await until(pilot, on(pilot, "Restore"))
        await pilot.press("ctrl+u", *str(file), "enter", *"wrong one", "enter")
        await until(pilot, lambda: "does not open" in told(app))
        app.screen.query_one("#restore-secret").focus()
        await pilot.press(*WORDS, "enter")
        await until(pilot, lambda: "it holds 1 encounters" in told(app))
        assert await app.vault.call(lambda vault: vault.encounters.count()) == 2
        await press_button(pilot, "yes")
        await until(pilot, lambda: app.return_code == LOCKED, "the lock")
    with reopen(home) as vault:
        assert [one.title for one in vault.encounters.list()] == ["AB 1704"]
