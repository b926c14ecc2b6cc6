"""Nothing makes a clinician wait: keys while a note streams, a large paste, a full vault, the start of the program.

What must not be loaded or waited for is tested here; how long it takes is measured by tests/bench/bench_app.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from functional.tui_kit import (
    Gate,
    editors,
    empty_vault,
    fill,
    leave,
    make_app,
    make_vault,
    new_encounter,
    new_with,
    quiet,
    screen_text,
    unlock,
    until,
    written,
)
from textual._compositor import Compositor
from textual.events import Key, Paste

from edge.contract.encounter import State
from edge.contract.note import Section
from edge.encounters.open_encounter import OpenSection
from tui.screens.encounter import EncounterScreen
from tui.widgets.section_editor import SectionEditor
from tui.widgets.transcript_view import TranscriptView

STRESS = bool(os.environ.get("EDGESCRIBE_STRESS"))


async def test_keys_reach_the_screen_while_a_note_streams(home: Path) -> None:
    empty_vault(home)
    gate = Gate(8)
    app = make_app(home, lambda i: "A line of it." if "subjective" in i else "word " * 500, gate)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await new_with(pilot)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: encounter.sections[1].writing and encounter.sections[1].text)
        editor = editors(app)[0]
        editor.area.focus()
        await until(pilot, lambda: editor.area.has_focus)
        streamed, typed = encounter.sections[1].text, ""
        for number in range(400 if STRESS else 40):
            letter = "abcdefgh "[number % 9]
            typed += letter
            gate.let()
            app.post_message(Key(letter, letter))
            await until(pilot, lambda: editor.area.text.startswith(typed), "the key")  # noqa: B023 - read at once
        assert encounter.sections[1].writing, "the note was to stream all the while"
        await until(pilot, lambda: len(encounter.sections[1].text) > len(streamed) + 5, "more of the note")
        await until(pilot, lambda: typed[:36] in screen_text(app))
        app.encounters.stop(encounter)
        await until(pilot, lambda: not encounter.busy)
        await leave(pilot)
    assert encounter.sections[0].text.startswith(typed)


async def test_a_large_paste_does_not_stop_the_screen(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    talk = "\n".join(f"{'Doctor' if n % 2 else 'Patient'}: turn {n} " + "word " * 14 for n in range(1200))
    assert len(talk) > 100_000
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await new_encounter(pilot)
        app.screen.query_one("#talk").focus()
        app.screen.post_message(Paste(talk))
        await until(pilot, lambda: len(app.screen.encounter.conversation) >= len(talk))
        await pilot.press("ctrl+e")
        view = app.screen.query_one(TranscriptView)
        await until(pilot, lambda: len(view.turns) == 1200)
        await leave(pilot)


async def test_a_full_vault_lists_and_finds_at_once(home: Path) -> None:
    count = 100_000 if STRESS else 2_000
    with make_vault(home) as vault:
        first = fill(vault, "Ankle, right", "Sprain of the right ankle.", State.SIGNED)
        key = vault.session.query("SELECT id FROM encounter WHERE code = ?", (first,))[0][0]
        with vault.session.transaction() as connection:
            connection.execute(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
                " INSERT INTO encounter (code, title, state, kinds, created, updated, bundle, bundle_sha256,"
                " prompt_version, source_sha256, incomplete) SELECT printf('z%07d', i), 'Visit ' || i, 'Signed',"
                " 'note', created, '2025-01-01T00:00:00.000Z', bundle, bundle_sha256, prompt_version, source_sha256, 0"
                " FROM n, encounter WHERE encounter.id = ?",
                (count, key),
            )
            connection.execute(
                "INSERT INTO search_text (encounter, title, body) SELECT id, title, 'knee pain and rest' FROM encounter"
                " WHERE id != ?",
                (key,),
            )
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await until(pilot, lambda: f"of {count + 1}" in screen_text(app), "the list")
        await pilot.press("slash", *"sprain")
        await until(pilot, lambda: f"1 of {count + 1}" in screen_text(app), "the one that matches")
        assert "Ankle, right" in screen_text(app)
        await leave(pilot)


def test_the_first_screen_needs_no_runtime() -> None:
    names = "('onnxruntime', 'onnxruntime_genai', 'torch', 'llguidance', 'tokenizers', 'numpy', 'zxcvbn')"
    code = f"import sys, tui.app; print([name for name in {names} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_a_long_note_keeps_its_editors(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = app.encounters.new("visit")
        encounter.sections = [OpenSection.of(Section(f"SECTION {n}", "text " * 60, str(n), "end")) for n in range(20)]
        app.push_screen(EncounterScreen(encounter))
        await until(pilot, lambda: len(app.screen.query(SectionEditor)) == 20)
        before = list(app.screen.query(SectionEditor))
        encounter.sections[3].text += " more"
        app._changed(encounter, "sections")
        await until(pilot, lambda: "more" in before[3].area.text)
        assert list(app.screen.query(SectionEditor)) == before
        await leave(pilot)


async def test_lines_drawn_before_the_columns_are_measured_do_not_stay(home: Path) -> None:
    with make_vault(home) as vault:
        fill(vault, "Shoulder, follow-up after surgery", state=State.SIGNED)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await until(pilot, lambda: "follow-up after surgery" in screen_text(app))
        screen = app.screen
        for _ in range(3):
            screen._fill(screen._rows, 1, None)  # as big as before: nothing but the measuring asks to draw again
            screen_text(app)  # drawn before it
            await until(pilot, lambda: "follow-up after surgery" in screen_text(app), "the whole title")
        await leave(pilot)


async def test_a_key_that_begins_a_row_lays_out_and_draws_the_note_once(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row, what it moves down and the scroll bar are one drawing: a second one would be a frame later.

    The check of the note, which draws what it found once nobody types any more, is left out: it belongs to no key.
    """
    monkeypatch.setattr(EncounterScreen, "_check_soon", lambda _: None)
    make_vault(home).close()
    app, seen = make_app(home), []
    draw = Compositor.render_update

    def counted(self: Compositor, *args: object, **options: object) -> object:
        seen.append([region for region in self._dirty_regions if region.right > 60 and region.height > 1])
        return draw(self, *args, **options)  # type: ignore[arg-type]

    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await written(pilot)
        area = editors(app)[0].area
        area.cursor_blink = False
        area.focus()
        area.insert("word " * 300, (0, 0))
        await quiet(pilot)
        monkeypatch.setattr(Compositor, "render_update", counted)
        begun = 0
        for _ in range(130):
            rows = area.size.height
            seen.clear()
            await pilot.press("a")
            await quiet(pilot)
            if area.size.height > rows:
                begun += 1
                assert sum(bool(regions) for regions in seen) == 1
        assert begun >= 2
        await leave(pilot)
