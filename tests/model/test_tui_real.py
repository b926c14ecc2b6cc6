"""First run to signed export in the app, with a real bundle of the small test model."""

from __future__ import annotations

from pathlib import Path

import pytest
from functional.tui_kit import FLOOR, SEALED, WORDS, leave, on, screen_text, until

from edge.contract.records import Kind, State
from edge.service import Scribe
from edge.store.secret import Passphrase
from edge.store.vault import Vault
from tui import settings, texts
from tui.app import EdgeApp
from tui.bridge import Bridge
from tui.desk import Desk

pytestmark = pytest.mark.model


async def test_first_run_to_signed_export_on_a_real_model(home: Path, bundle_135m: Path) -> None:
    texts.use("en")
    kept = settings.load()
    kept.template = "section:PLAN"  # one section: the small model is slow to no purpose on four
    bridge = Bridge(lambda progress: Scribe.open(str(bundle_135m), progress))
    app = EdgeApp(Desk(home / "records.vault", FLOOR), bridge, kept, SEALED)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, on(pilot, "WelcomeScreen"))
        app.screen.query_one("#first").value = app.screen.query_one("#second").value = WORDS
        app.screen.query_one("#second").focus()
        await pilot.press("enter")
        await until(pilot, on(pilot, "RecoveryScreen"))
        app.screen.query_one("#ending").value = "".join(app.screen._key.text().split("-")[-2:])
        await pilot.press("enter")
        await until(pilot, on(pilot, "ModelScreen"))
        await pilot.click("#sample")
        await until(pilot, on(pilot, "EncounterScreen"))
        case = app.screen.case
        await until(pilot, lambda: app.book.info is not None, "the bundle", 120)
        await until(pilot, lambda: "test model" in screen_text(app))
        await pilot.press("ctrl+g")
        await until(pilot, lambda: case.busy and case.parts[0].text.count(" ") > 3, "the first words", 120)
        await until(pilot, lambda: case.parts[0].text.count(" ") > 25 or not case.busy, "some more", 120)
        app.book.stop(case)
        await until(pilot, lambda: not case.busy, "the stop", 30)
        assert case.parts[0].text
        await pilot.press("f8")
        await until(pilot, on(pilot, "Sign"))
        await pilot.press(*"Dr. Meyer", "enter")
        await until(pilot, lambda: case.signed)
        await pilot.press("f9")
        await until(pilot, on(pilot, "Choose"))
        await pilot.press("enter")
        await until(pilot, lambda: list((home / "exports").glob("*.md")), "the file")
        await leave(pilot)
    assert bridge.ended
    (file,) = (home / "exports").iterdir()
    with Vault.open(home / "records.vault", Passphrase(WORDS.encode())) as vault:
        (one,) = vault.records.list()
        note = vault.records.peek(one.id).document(Kind.NOTE)
    assert one.state is State.SIGNED
    assert note is not None
    assert note.origin.bundle == "smollm2-135m-instruct"
    assert len(note.origin.bundle_sha256) == 64
    assert note.sections()[0].text.strip()[:40] in file.read_text(encoding="utf-8")
