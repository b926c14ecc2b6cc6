"""Makes the pictures of docs/screens: `python -m functional.pictures ../docs/screens --bundle NAME`, in tests/.

A visit from first run to signed export in the app itself, with a real bundle or, without one, scripted answers; each
screen is drawn cell by cell as a terminal does. The vault is a new one in a temporary folder.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

from functional.tui_kit import (
    FLOOR,
    SEALED,
    WORDS,
    fill,
    idle,
    leave,
    make_app,
    on,
    press_button,
    quiet,
    screen_text,
    strips,
    unlock,
    until,
)
from rich.cells import cell_len
from textual.widgets import DataTable

from edge.contract.encounter import State
from edge.encounters.templates import own_folder
from edge.encounters.writing import Scribe
from edge.store.secret import Passphrase
from edge.store.vault import Vault
from edge.vaults import EncounterFilter
from tui import settings
from tui.app import EdgeApp
from tui.vault_thread import VaultThread

CELL = (9, 18)  # pixels
FONTS = Path("/usr/share/fonts/truetype/dejavu")
PATIENT = 600_000  # looks: a small machine writes for minutes
KNEE = """title = "Knee, follow-up"

[[sections]]
key = "course"
title = "Course"
max_tokens = 200
instruction = "Write how the knee has been since the last visit: pain, swelling, locking, what helps."

[[sections]]
key = "plan"
title = "Plan"
instruction = "Write the plan: medication with dose, exercises, imaging, when to come back."
"""


def draw(app: EdgeApp, target: Path) -> None:
    """A PNG of what the terminal shows."""
    from PIL import Image, ImageDraw, ImageFont

    fonts = {bold: ImageFont.truetype(str(FONTS / f"DejaVuSansMono{'-Bold' * bold}.ttf"), 15) for bold in (False, True)}
    size = (app.size.width * CELL[0], app.size.height * CELL[1])
    image = Image.new("RGB", size, app.theme_variables["background"])
    pen = ImageDraw.Draw(image)
    for y, line in enumerate(strips(app)[: app.size.height]):
        x = 0
        for segment in line:
            front, back, bold, marks = _look(segment.style)
            if not (width := segment.cell_length):
                continue
            pen.rectangle((x * CELL[0], y * CELL[1], (x + width) * CELL[0] - 1, (y + 1) * CELL[1] - 1), fill=back)
            for char in segment.text:
                pen.text((x * CELL[0], y * CELL[1]), char, font=fonts[bold], fill=front)
                x += cell_len(char)
            for mark, height in (("underline", 16), ("strike", 10)):
                if mark in marks:
                    row = y * CELL[1] + height
                    pen.line(((x - width) * CELL[0], row, x * CELL[0], row), fill=front)
    image.quantize(64).save(target, optimize=True)


def _look(style: Any) -> tuple[tuple[int, ...], tuple[int, ...], bool, list[str]]:
    front = tuple(style.color.triplet) if style and style.color and style.color.triplet else (216, 222, 228)
    back = tuple(style.bgcolor.triplet) if style and style.bgcolor and style.bgcolor.triplet else (20, 24, 28)
    if style and style.reverse:
        front, back = back, front
    if style and style.dim:
        front = tuple((a + b) // 2 for a, b in zip(front, back, strict=True))
    marks = [name for name in ("underline", "strike") if style and getattr(style, name)]
    return front, back, bool(style and style.bold), marks


async def first_run(app: EdgeApp, pilot: Any, shot: Callable[[str], Any]) -> None:
    """From the first start to a signed note that was exported."""
    await until(pilot, on(pilot, "WelcomeScreen"))
    app.screen.query_one("#first").value = WORDS
    await until(pilot, lambda: "strong" in screen_text(app))
    await shot("welcome")
    app.screen.query_one("#second").value = WORDS
    app.screen.query_one("#second").focus()
    await pilot.press("enter")
    await until(pilot, on(pilot, "RecoveryScreen"))
    app.screen._go_on()  # its key is nobody's business, not even a sample's
    await until(pilot, on(pilot, "ModelScreen"))
    await shot("model")
    await until(pilot, lambda: app.model._scribe is not None, "the bundle", PATIENT)
    await press_button(pilot, "sample")
    await until(pilot, on(pilot, "EncounterScreen"))
    encounter = app.screen.encounter
    await pilot.press("ctrl+g")
    await until(pilot, lambda: idle(app) and encounter.has_note, "the note", PATIENT)
    await shot("note")
    for key, name in (("f11", "sources"), ("f12", "codes")):
        await pilot.press(key)
        await quiet(pilot)
        await shot(name)
    await pilot.press("f2")
    await pilot.press("ctrl+r")
    await until(pilot, on(pilot, "Ask"))
    await pilot.press(*"shorter")
    await shot("rewrite")
    await pilot.press("escape", "f7")
    await until(pilot, lambda: encounter.rows and idle(app), "the fields", PATIENT)
    await pilot.press("f3", "down", "down")
    await shot("fields")
    await pilot.press("f2")
    area = app.screen.query("SectionEditor").last().area
    area.focus()
    area.move_cursor(area.document.end)
    await pilot.press(*" Seen today.", "ctrl+s", "f4")
    await until(pilot, lambda: "Edited by" in screen_text(app))
    await pilot.press("down")
    await shot("history")
    await pilot.press("f2", "f8")
    await until(pilot, on(pilot, "Sign"))
    await pilot.press(*"Dr. Meyer")
    await shot("sign")
    await pilot.press("enter")
    await until(pilot, lambda: encounter.signed)
    await pilot.press("f9")
    await until(pilot, on(pilot, "Choose"))
    await shot("export")
    await pilot.press("enter")
    await until(pilot, on(pilot, "EncounterScreen"))
    await shot("signed")


async def later(app: EdgeApp, pilot: Any, shot: Callable[[str], Any]) -> None:
    """Every later start: unlock, the list, the settings."""
    await until(pilot, on(pilot, "UnlockScreen"))
    await until(pilot, lambda: app.model._scribe is not None, "the bundle", PATIENT)
    await shot("unlock")
    app.settings.last = ""
    await unlock(pilot)
    await shot("library")
    app.encounters.form = "whole"  # the model writes, so that it is seen at work
    for summary in await app.encounters.kept(EncounterFilter(), 50):
        if summary.title == "Knee, left":
            await app.open_encounter(summary.id)
    await until(pilot, on(pilot, "EncounterScreen"))
    encounter = app.screen.encounter
    await pilot.press("ctrl+g")
    await until(pilot, lambda: len(encounter.note_text()) > 60, "some words", PATIENT)
    await shot("writing")
    app.model.stop(encounter.job or 0)
    await until(pilot, lambda: idle(app), "the stop", PATIENT)
    await pilot.press("escape")
    await until(pilot, on(pilot, "LibraryScreen"))
    await pilot.press("f1")
    await shot("help")
    await pilot.press("escape", "f10")
    await until(pilot, on(pilot, "SettingsScreen"))
    for tab in ("general", "model", "templates", "retention", "audit", "seal", "vault"):
        app.screen.query_one("TabbedContent").active = f"tab-{tab}"
        if tab == "templates":
            app.screen.query_one("#templates", DataTable).move_cursor(row=2)
        await shot({"general": "settings", "model": "bundles"}.get(tab, tab))
    app.screen.query_one("TabbedContent").active = "tab-templates"
    app.screen.query_one("#templates").focus()
    await pilot.press("enter")
    await until(pilot, on(pilot, "TemplateEditor"))
    area = app.screen.query_one("#template-text")
    area.insert("headings: Pain\n", (10, 0))
    await shot("template")


def others(home: Path) -> None:
    """Encounters beside the sample, so that the list is one."""
    with Vault.open(home / "records.vault", Passphrase(WORDS.encode())) as vault:
        fill(vault, "Shoulder, follow-up", "Shoulder better.", State.SIGNED)
        fill(vault, "Ankle sprain", "Ankle pain.")
        text = resources.files("edge.samples").joinpath("visit.txt").read_text(encoding="utf-8")
        from edge.contract.encounter import Source

        vault.encounters.save_source("Knee, left", Source("knee.txt", text, "6" * 64))
    own_folder().mkdir(exist_ok=True)
    (own_folder() / "knee-follow-up.toml").write_text(KNEE, encoding="utf-8")


async def make(out: Path, bundle: str, size: tuple[int, int], theme: str) -> None:
    """All pictures, in a new home."""
    home = Path(os.environ["EDGESCRIBE_HOME"])

    def app_with() -> EdgeApp:
        if not bundle:
            return make_app(home)
        kept = settings.load()
        return EdgeApp(VaultThread(home / "records.vault", FLOOR), lambda p: Scribe.open(bundle, p), kept, SEALED)

    for part in (first_run, later):
        app = app_with()
        app.theme = theme
        async with app.run_test(size=size) as pilot:
            app.animation_level = "none"

            async def shot(name: str, app: EdgeApp = app, pilot: Any = pilot) -> None:
                if not app.model.waiting()[0]:
                    await quiet(pilot)
                draw(app, out / f"{name}.png")

            await part(app, pilot, shot)
            await leave(pilot)
        if part is first_run:
            others(home)


def main() -> None:
    """Write the pictures into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--bundle", default="", help="folder of a bundle (default: scripted answers)")
    parser.add_argument("--home", type=Path, help="data folder that trusts the bundle's key, and holds it")
    parser.add_argument("--size", default="120x36")
    parser.add_argument("--theme", default="edge-dark")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    width, height = (int(part) for part in args.size.split("x"))
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "edgescribe"
        home.mkdir()
        for part in ("bundles", "trusted_keys"):
            if args.home is not None:
                (home / part).symlink_to(args.home / part)
        os.environ.update(EDGESCRIBE_HOME=str(home), HOME=name, LANG="C.UTF-8", LOGNAME="dr.meyer")
        asyncio.run(make(args.out, args.bundle, (width, height), args.theme))


if __name__ == "__main__":
    main()
