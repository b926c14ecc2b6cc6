"""First run to signed export in the app, with a real bundle of the small test model."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from functional.tui_kit import FLOOR, SEALED, WORDS, Gate, GatedEngine, leave, on, press_button, screen_text, until

from edge.contract.encounter import State
from edge.encounters.writing import Scribe
from edge.store.secret import Passphrase
from edge.store.vault import Vault
from tui import settings, texts
from tui.app import EdgeApp
from tui.vault_thread import VaultThread
from tui.widgets.section_editor import SectionEditor

pytestmark = [pytest.mark.model, pytest.mark.long]


async def test_first_run_to_signed_export_on_a_real_model(home: Path, bundle_135m: Path) -> None:
    texts.use("en")
    kept = settings.load()
    kept.template = "section:PLAN"  # one section: the small model is slow to no purpose on four
    gate = Gate(3)  # pieces of text: what is seen while it writes must not rest on how fast this machine is

    def opener(progress: Callable[[int, int], None]) -> Scribe:
        return Scribe(GatedEngine(Scribe.open(str(bundle_135m), progress).engine, gate))

    app = EdgeApp(VaultThread(home / "records.vault", FLOOR), opener, kept, SEALED)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, on(pilot, "WelcomeScreen"))
        app.screen.query_one("#first").value = app.screen.query_one("#second").value = WORDS
        app.screen.query_one("#second").focus()
        await pilot.press("enter")
        await until(pilot, on(pilot, "RecoveryScreen"))
        app.screen.query_one("#ending").value = "".join(app.screen._key.text().split("-")[-2:])
        await pilot.press("enter")
        await until(pilot, on(pilot, "ModelScreen"))
        await press_button(pilot, "sample")
        await until(pilot, on(pilot, "EncounterScreen"))
        encounter = app.screen.encounter
        await until(pilot, lambda: app.encounters.info is not None, "the bundle")
        await until(pilot, lambda: "TEST MODEL" in screen_text(app))
        await pilot.press("ctrl+g")
        area = app.screen.query_one(SectionEditor).area
        drawn = []
        for _ in range(3):
            await until(pilot, lambda: area.text and area.text not in drawn, "the next words on the screen")
            assert encounter.busy
            drawn.append(area.text)
            gate.let(3)
        assert all(new.startswith(old) for old, new in pairwise(drawn))
        app.encounters.stop(encounter)
        await until(pilot, lambda: not encounter.busy, "the stop")
        assert encounter.sections[0].text
        await pilot.press("f8")
        await until(pilot, on(pilot, "Sign"))
        await pilot.press(*"Dr. Meyer", "enter")
        await until(pilot, lambda: encounter.signed)
        await pilot.press("f9")
        await until(pilot, on(pilot, "Choose"))
        await pilot.press("enter")
        await until(pilot, lambda: list((home / "exports").glob("*.md")), "the file")
        await leave(pilot)
    assert app.model.ended
    (file,) = (home / "exports").iterdir()
    with Vault.open(home / "records.vault", Passphrase(WORDS.encode())) as vault:
        (one,) = vault.encounters.list()
        note = vault.encounters.peek(one.id).note
    assert one.state is State.SIGNED
    assert note is not None
    assert note.origin.bundle == "smollm2-135m-instruct"
    assert len(note.origin.bundle_sha256) == 64
    assert note.content.sections[0].text.strip()[:40] in file.read_text(encoding="utf-8")
