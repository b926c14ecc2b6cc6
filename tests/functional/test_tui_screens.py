"""Every screen as text at three sizes against kept snapshots; contrast of every letter in every theme; both languages.

EDGESCRIBE_SNAPSHOTS=write makes the snapshots anew; look at the difference before committing it.
"""

from __future__ import annotations

import ast
import os
import re
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from functional.tui_kit import FLOOR, TALK, WORDS, fill, leave, make_app, on, screen_text, until
from textual.color import Color

from edge.contract.records import State
from edge.store.secret import Passphrase
from edge.store.vault import Vault
from tui import actions, settings, texts
from tui.app import EdgeApp
from tui.widgets.transcript_view import TranscriptView

SNAPSHOTS = Path(__file__).parent / "snapshots"
SIZES = ((80, 24), (120, 36), (200, 60))
SCREENS = (
    "unlock", "library", "search", "encounter", "conversation", "fields", "history", "rewrite", "template", "sign",
    "export", "help", "palette", "settings", "audit", "seal", "vault",
)  # fmt: skip
DIALOGS = ("rewrite", "template", "sign", "export", "help", "palette")  # they dim what is behind them on purpose
STRESS = bool(os.environ.get("EDGESCRIBE_STRESS"))
_VARYING = (
    (re.compile(r"20\d\d-\d\d-\d\d"), "YYYY-MM-DD"),
    (re.compile(r"\b\d\d:\d\d\b"), "HH:MM"),
    (re.compile(r"/proc/\d+/"), "/proc/PID/"),
    (re.compile(r"\b[2-9b-df-hj-np-tv-xz]{8}\b"), "RECORDID"),
    (re.compile(r"[0-9a-f]{12,64}"), "SHA"),
    (re.compile(r" +$", re.MULTILINE), ""),
)


@pytest.fixture(autouse=True)
def fixed(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setenv("HOME", str(home.parent))
    texts.use("en")


def vault_with_records(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    made = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    with Vault.create(
        folder / "records.vault", Passphrase(WORDS.encode()), kdf=FLOOR, actor="dr.test", clock=lambda: made
    ) as vault:
        fill(vault, "Shoulder, follow-up", "Shoulder better.", State.SIGNED)
        fill(vault, "Ankle sprain", "Ankle pain.")


async def tour(app: EdgeApp, pilot: Any) -> AsyncIterator[str]:
    """Go through the screens; yields each one's name when it stands."""
    await until(pilot, on(pilot, "UnlockScreen"))
    await until(pilot, lambda: "scripted" in screen_text(app))
    yield "unlock"
    app.screen.query_one("#secret").value = WORDS
    await pilot.press("enter")
    await until(pilot, on(pilot, "LibraryScreen"))
    await until(pilot, lambda: "2 of 2" in screen_text(app) or "2 von 2" in screen_text(app))
    yield "library"
    await pilot.press("slash", *"ankle")
    await until(pilot, lambda: "1 of 2" in screen_text(app) or "1 von 2" in screen_text(app))
    yield "search"
    await pilot.press("escape", "n")
    await until(pilot, on(pilot, "EncounterScreen"))
    case = app.screen.case
    app.screen.query_one("#talk").insert(TALK)
    await until(pilot, lambda: case.conversation == TALK)
    case.title = "Knee, left"
    await pilot.press("ctrl+g")
    await until(pilot, lambda: case.has_note and not case.busy and not case.dirty)
    await settled(pilot)
    yield "encounter"
    await pilot.press("f6")
    await until(pilot, lambda: app.screen.query_one(TranscriptView).has_focus)
    await settled(pilot)
    yield "conversation"
    await pilot.press("f7")
    await until(pilot, lambda: case.rows and not case.busy)
    await pilot.press("down")
    await settled(pilot)
    yield "fields"
    await pilot.press("f4")
    await until(pilot, lambda: "model:scripted" in screen_text(app))
    yield "history"
    await pilot.press("f2")
    for key, name in (("ctrl+r", "rewrite"), ("ctrl+t", "template"), ("f8", "sign"), ("f9", "export")):
        await pilot.press(key)
        await until(pilot, lambda: len(app.screen_stack) == 4, name)
        await settled(pilot)
        yield name
        await pilot.press("escape")
        await until(pilot, on(pilot, "EncounterScreen"))
    await pilot.press("f1")
    await until(pilot, on(pilot, "Help"))
    await settled(pilot)
    yield "help"
    await pilot.press("escape", "ctrl+p")
    await until(pilot, on(pilot, "CommandPalette"))
    await settled(pilot, 0.4)
    yield "palette"
    await pilot.press("escape", "f10")
    await until(pilot, on(pilot, "SettingsScreen"))
    for tab in ("general", "audit", "seal", "vault"):
        app.screen.query_one("TabbedContent").active = f"tab-{tab}"
        await settled(pilot, 0.3)
        yield "settings" if tab == "general" else tab


async def settled(pilot: Any, seconds: float = 0.15) -> None:
    await pilot.pause(seconds)


def normal(text: str) -> str:
    for pattern, instead in _VARYING:
        text = pattern.sub(instead, text)
    return text.rstrip() + "\n"


async def test_screens_look_as_they_did(home: Path) -> None:
    vault_with_records(home)
    app = make_app(home)
    different: dict[str, str] = {}
    seen = []
    async with app.run_test(size=SIZES[-1]) as pilot:
        app.animation_level = "none"
        async for name in tour(app, pilot):
            seen.append(name)
            for width, height in SIZES:  # one round for all sizes, the widest last: a round for each costs thrice
                await pilot.resize_terminal(width, height)
                await settled(pilot, 0.15)
                kept = SNAPSHOTS / f"{width}x{height}" / f"{name}.txt"
                now = await steady(app, pilot)
                if os.environ.get("EDGESCRIBE_SNAPSHOTS") == "write":
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    kept.write_text(now, encoding="utf-8")
                elif not kept.is_file() or kept.read_text(encoding="utf-8") != now:
                    different[f"{width}x{height} {name}"] = now
        await leave(pilot)
    assert tuple(seen) == SCREENS
    assert not different, "\n\n".join(f"--- {name}\n{text}" for name, text in different.items())
    assert len(list(SNAPSHOTS.glob("*/*.txt"))) == len(SCREENS) * len(SIZES)


async def steady(app: EdgeApp, pilot: Any) -> str:
    """The screen once it shows the same twice."""
    before = ""
    for _ in range(20):
        now = normal(screen_text(app))
        if now == before:
            break
        before = now
        await settled(pilot, 0.06)
    return before


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
                await pilot.pause(0.05)
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
                assert "Alle Konsultationen durchsuchen" in screen_text(app)
                assert "VERSIEGELT" in screen_text(app)
            if name == "encounter":
                assert "ENTWURF" in screen_text(app)
                assert "GESICHERT" in screen_text(app)
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

    owners: dict[str, type] = {
        "app": EdgeApp, "library": LibraryScreen, "encounter": EncounterScreen, "settings": SettingsScreen
    }  # fmt: skip
    assert {action.scope for action in actions.ACTIONS} == set(owners)
    for action in actions.ACTIONS:
        run: Callable[..., Any] | None = getattr(owners[action.scope], f"action_{action.name}", None)
        assert run is not None, action
        assert action.title
    for scope in ("library", "encounter", "settings"):
        keys = [key for a in actions.of(scope, "app") for key in a.keys.split(",")]
        twice = {key for key in keys if keys.count(key) > 1}
        assert twice <= {"escape"}  # stops what is being written, goes back otherwise
    used = {f"action.{a.name}" for a in actions.ACTIONS}
    assert used == {key for key in texts.catalogue("en") if key.startswith("action.")}
