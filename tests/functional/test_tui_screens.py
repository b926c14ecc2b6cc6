"""Every screen against kept snapshots, at three sizes, one in every theme; contrast in every theme; both languages.

EDGESCRIBE_SNAPSHOTS=write makes the snapshots anew; look at the difference before committing it.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from functional.tour import DIALOGS, SCREENS, shot, tour, vault_with_records
from functional.tui_kit import leave, make_app, on, quiet, screen_text, unlock, until
from textual._compositor import Compositor
from textual.color import Color
from textual.errors import NoWidget
from textual.widgets import Button, Input, TextArea

from edge.contract.fields import FieldEntry
from edge.contract.template_check import SENTENCES
from edge.encounters.open_encounter import FieldRow
from edge.seal.policy import SealStatus
from edge.store.chain import Event
from tui import actions, labels, settings, texts
from tui.app import EdgeApp
from tui.screens import settings as settings_screen

SNAPSHOTS = Path(__file__).parent / "snapshots"
SIZES = ((80, 24), (120, 36), (200, 60))
THEME = "edge-dark"
STRESS = bool(os.environ.get("EDGESCRIBE_STRESS"))


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No cursor blinks. Snapshots read the compositor's lines; drawing them for no terminal is half of the cost.

    The seal's commands name a process id of four digits: colours are counted in columns, and ids have more some days.
    """
    prove = settings_screen._prove
    monkeypatch.setattr(settings_screen, "_prove", lambda _: prove(4711))
    monkeypatch.setattr(Compositor, "render_update", lambda *_, **__: None)
    monkeypatch.setattr(Input, "_toggle_cursor", lambda _: None)
    monkeypatch.setattr(TextArea, "_toggle_cursor_blink_visible", lambda _: None)


@pytest.mark.usefixtures("still")
async def test_screens_look_as_they_did(home: Path) -> None:
    vault_with_records(home)
    app = make_app(home)
    app.theme = THEME
    different: list[str] = []
    seen, cut, buttons = [], list[str](), 0

    async def keep(name: str, size: tuple[int, int]) -> None:
        now = await shot(app, pilot, *size)
        different.extend(compare(SNAPSHOTS / f"{name}.txt", f"{now.text}\n{now.colours}"))

    async with app.run_test(size=SIZES[-1]) as pilot:
        app.animation_level = "none"
        async for name in tour(app, pilot):
            seen.append(name)
            for theme in [*settings.THEMES, THEME] if name == "encounter" else []:
                app.theme = theme
                await keep(f"themes/{theme}", SIZES[1])
            for size in SIZES:  # one round for all sizes, the widest last: a round for each costs thrice
                await keep(f"{size[0]}x{size[1]}/{name}", size)
                shown = in_sight(app) if size == SIZES[0] else {}
                buttons += len(shown)
                cut += [f"{name}: {button}" for button, whole in shown.items() if not whole]
        await leave(pilot)
    assert tuple(seen) == SCREENS
    assert buttons > 20
    assert not cut, "buttons that are not on a screen of 80 columns and 24 lines"
    assert not different, "\n\n".join(different)
    assert len(list(SNAPSHOTS.glob("*x*/*.txt"))) == len(SCREENS) * len(SIZES)
    assert len(list(SNAPSHOTS.glob("themes/*.txt"))) == len(settings.THEMES) == 4


def in_sight(app: EdgeApp) -> dict[str, bool]:
    """The buttons of the screen, without those of closed tabs, and whether all of each can be seen."""
    found = {}
    for button in app.screen.query(Button):
        with contextlib.suppress(NoWidget):
            place = app.screen.find_widget(button)
            if place.region.area:
                found[str(button.id)] = place.visible_region == place.region
    return found


def compare(kept: Path, now: str) -> list[str]:
    """What differs from a kept snapshot; writes it where that is asked for."""
    if os.environ.get("EDGESCRIBE_SNAPSHOTS") == "write":
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(now, encoding="utf-8")
    before = kept.read_text(encoding="utf-8") if kept.is_file() else ""
    name = kept.relative_to(SNAPSHOTS).as_posix()
    return ["\n".join(difflib.unified_diff(before.splitlines(), now.splitlines(), name, "now", lineterm="", n=0))][
        : before != now
    ]


def contrasts(app: EdgeApp) -> list[tuple[float, str]]:
    """Contrast (WCAG 2) of every run of letters on the screen, and the letters."""
    found = []
    for line in app.screen._compositor.render_strips():
        for segment in line:
            style = segment.style
            if style is None or style.color is None or style.bgcolor is None:
                continue
            if not any(c.isalnum() for c in segment.text):
                continue
            front, back = Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor)
            if style.reverse:
                front, back = back, front
            found.append((ratio(front, back), segment.text))
    return found


def ratio(a: Color, b: Color) -> float:
    def luminance(colour: Color) -> float:
        parts = [c / 255 for c in colour.rgb]
        r, g, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * blue

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


async def test_every_letter_can_be_read_in_every_theme(home: Path) -> None:
    vault_with_records(home)
    app = make_app(home)
    pale: dict[str, float] = {}
    letters = 0
    async with app.run_test(size=(120, 36)) as pilot:
        app.animation_level = "none"
        async for name in tour(app, pilot):
            if name in DIALOGS or (not STRESS and name != "encounter"):
                continue
            for theme in settings.THEMES:
                app.theme = theme
                await quiet(pilot)
                floor = 7.0 if theme == "edge-contrast" else 4.5
                for found, text in contrasts(app):
                    letters += 1
                    if found < floor:
                        pale[f"{theme}, {name}: {text.strip()[:40]}"] = round(found, 2)
            if not STRESS:
                break
        await leave(pilot)
    assert letters > 150
    assert not pale


async def test_german_fits_and_is_german(home: Path) -> None:
    vault_with_records(home)
    kept = settings.load()
    kept.language = "de"
    settings.save(kept)
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        app.animation_level = "none"
        seen = 0
        async for name in tour(app, pilot):
            seen += 1
            if name == "library":
                assert "Konsultationen durchsuchen" in screen_text(app)
                assert "OFFLINE" in screen_text(app)
            if name == "encounter":
                assert "ENTWURF" in screen_text(app)
                assert "GESPEICHERT" in screen_text(app)
                if not STRESS:
                    break
        assert seen == (len(SCREENS) if STRESS else 4)
        await leave(pilot)


def used_keys() -> set[str]:
    """Every literal that t() is called with, and the beginnings of those that are put together."""
    found = set()
    for file in (ROOT / "tui").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "t" and node.args:
                for inner in ast.walk(node.args[0]):
                    if isinstance(inner, ast.Constant) and isinstance(inner.value, str) and "." in inner.value:
                        found.add(inner.value)
    return found


def test_both_catalogues_say_the_same_things() -> None:
    english, german = texts.catalogue("en"), texts.catalogue("de")
    assert set(english) == set(german)
    assert len(english) > 150
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", german[key])), key
    assert sum(english[key] != german[key] for key in english) > 140


def test_what_the_core_says_has_its_words_in_both_languages() -> None:
    kernel = SealStatus("kernel", ("seccomp",))
    partial = SealStatus("partial", ("Landlock 5",), ("No seccomp.",))
    for status in (kernel, partial, SealStatus("none", (), ("No kernel.",))):
        assert labels.seal_line(status) == status.line()
    assert labels.seal_line(None) == "Network: NOT FULLY OFFLINE."
    assert len({labels.event_label(event) for event in Event}) == len(Event) == 22
    assert labels.author_label("model:small") == "model small"
    texts.use("de")
    assert labels.seal_line(partial) == "Netz: NICHT GANZ OFFLINE (Landlock 5). No seccomp."
    assert len({labels.event_label(event) for event in Event} - {event.value for event in Event}) == len(Event) == 22
    assert max(len(labels.event_label(event)) for event in Event) <= 31, "its column"
    assert labels.event_label("\x1bnever seen") == "\x1bnever seen"
    assert (labels.author_label("model:small"), labels.author_label("dr.meyer")) == ("Modell small", "dr.meyer")
    assert (actions.shown("ctrl+s"), actions.shown("delete"), actions.shown("f10")) == ("Strg+S", "Entf", "F10")
    for kind in ("passphrase", "recovery", "keyring"):
        assert f"settings.opens_{kind}" in texts.catalogue("de")


async def test_the_palette_speaks_the_language_and_a_title_outlives_the_models_name(home: Path) -> None:
    vault_with_records(home)
    kept = settings.load()
    kept.language = "de"
    settings.save(kept)
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        await until(pilot, lambda: "scripted · TESTMODELL" in screen_text(app))
        await pilot.press("ctrl+p")
        await until(pilot, lambda: "Befehl suchen …" in screen_text(app))
        await pilot.press("ctrl+p", *"qqq")
        await until(pilot, lambda: "Diesen Befehl gibt es nicht" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, on(pilot, "LibraryScreen"))
        encounter = app.encounters.new("visit")
        encounter.title, encounter.rows = "Shoulder, follow-up", [FieldRow("age", FieldEntry("40", score=0.5))]
        encounter.fields_origin = replace(encounter.fields_origin, incomplete=True)
        app.show_encounter(encounter)
        await until(pilot, on(pilot, "EncounterScreen"))
        await quiet(pilot)
        first = screen_text(app).splitlines()[0]
        assert "Shoulder, f" in first
        assert "TESTMODELL" in first
        assert "scripted" not in first
        app.encounters.all.remove(encounter)
        await leave(pilot)


def test_every_problem_of_a_template_has_its_words() -> None:
    told = {key.removeprefix("problem.") for key in texts.catalogue("de") if key.startswith("problem.")}
    assert told == set(SENTENCES)
    for kind, sentence in SENTENCES.items():
        plain = re.sub(r"\{(\w+)!r\}", r"“{\1}”", sentence)
        assert texts.catalogue("en")[f"problem.{kind}"] == plain


def test_every_text_that_is_asked_for_exists() -> None:
    used, known = used_keys(), set(texts.catalogue("en"))
    whole = {key for key in used if not key.endswith((".", "_", ".s", ".tab_", ".cut_"))}
    assert len(whole) > 90
    assert whole <= known, whole - known
    starts = tuple(used - whole)
    idle = {key for key in known - whole if not key.startswith(starts) and not key.startswith("action.")}
    assert not idle, f"texts that nothing shows: {sorted(idle)}"


def test_every_action_exists_and_no_key_means_two_things() -> None:
    from tui.screens.encounter import EncounterScreen
    from tui.screens.library import LibraryScreen
    from tui.screens.settings import SettingsScreen
    from tui.screens.template_editor import TemplateEditor

    owners: dict[str, type] = {
        "app": EdgeApp, "library": LibraryScreen, "encounter": EncounterScreen, "settings": SettingsScreen,
        "template": TemplateEditor,
    }  # fmt: skip
    assert {action.scope for action in actions.ACTIONS} == set(owners)
    for action in actions.ACTIONS:
        run: Callable[..., Any] | None = getattr(owners[action.scope], f"action_{action.name}", None)
        assert run is not None, action
        assert action.title
    for scope in owners.keys() - {"app"}:
        keys = [key for a in actions.of(scope, "app") for key in a.keys.split(",")]
        twice = {key for key in keys if keys.count(key) > 1}
        # Writes or stops; signs a note or begins its next version: one of the two is possible.
        assert twice <= {"ctrl+g", "f8"}
    used = {f"action.{a.name}" for a in actions.ACTIONS if not a.text}
    assert used == {key for key in texts.catalogue("en") if key.startswith("action.")}
