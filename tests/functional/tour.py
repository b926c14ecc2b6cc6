"""A round through every screen of the app, for snapshots, contrast and languages; and how a snapshot is made."""

from __future__ import annotations

import re
import string
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from bundle_kit import contents, write_bundle
from functional.tui_kit import (
    TALK,
    WORDS,
    empty_vault,
    fill,
    new_encounter,
    on,
    quiet,
    screen_text,
    strips,
    text_of,
    until,
    yesterday,
)
from textual.strip import Strip
from textual.widgets import OptionList

from edge.contract.encounter import State
from edge.store.secret import Passphrase
from edge.store.vault import Vault
from tui.app import EdgeApp
from tui.widgets.transcript_view import TranscriptView

SCREENS = (
    "unlock", "library", "search", "encounter", "conversation", "fields", "history", "rewrite", "template", "sign",
    "export", "help", "palette", "settings", "model", "templates", "retention", "audit", "seal", "vault",
    "template editor",
)  # fmt: skip
DIALOGS = ("rewrite", "template", "sign", "export", "help", "palette")  # they dim what is behind them on purpose
_VARYING = (
    (re.compile(r"/proc/\d+/"), "/proc/PID/"),
    (re.compile(r"\b[2-9b-df-hj-np-tv-xz]{8}\b"), "RECORDID"),
    (re.compile(r"\b[0-9a-f]{12,64}\b"), "SHA"),
    (re.compile(r" +$", re.MULTILINE), ""),
)


CARD = """# scripted

## Intended use

Drafts that a clinician reads, corrects and signs.

## Known failures

- It can state what the conversation does not: invented ages, doses, findings. Check every statement.
- It can leave out what was said.
"""
FIGURES = [
    {"metric": "rouge1", "value": 27.98, "low": 22.0, "high": 34.3, "dataset": "aci-valid", "documents": 6},
    {"metric": "loop", "value": 37.5, "low": None, "high": None, "dataset": "aci-valid", "documents": 6},
]


def vault_with_records(folder: Path) -> None:
    """Two encounters of yesterday, one signed; one installed bundle."""
    empty_vault(folder)
    files = contents() | {"model-card.md": CARD.encode()}
    write_bundle(folder / "bundles" / "clinic", files, purpose="clinical", figures=FIGURES, name="clinic")
    place = folder / "records.vault"
    with Vault.open(place, Passphrase(WORDS.encode()), actor="dr.test", clock=yesterday) as vault:
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
    await pilot.press("escape")
    await new_encounter(pilot)
    async for name in _encounter(app, pilot):
        yield name
    await pilot.press("f1")
    await until(pilot, on(pilot, "Help"))
    yield "help"
    await pilot.press("escape", "ctrl+p")
    await until(pilot, on(pilot, "CommandPalette"))
    await until(pilot, lambda: app.screen.query_one(OptionList).option_count > 9)
    yield "palette"
    await pilot.press("escape", "f10")
    await until(pilot, on(pilot, "SettingsScreen"))
    for tab in ("general", "model", "templates", "retention", "audit", "seal", "vault"):
        app.screen.query_one("TabbedContent").active = f"tab-{tab}"
        yield "settings" if tab == "general" else tab
    app.screen.query_one("TabbedContent").active = "tab-templates"
    app.screen.query_one("#templates").focus()
    await pilot.press("n")
    await until(pilot, on(pilot, "Ask"))
    await pilot.press(*"Knee", "enter")
    await until(pilot, on(pilot, "TemplateEditor"))
    yield "template editor"


async def _encounter(app: EdgeApp, pilot: Any) -> AsyncIterator[str]:
    encounter = app.screen.encounter
    app.screen.query_one("#talk").insert(TALK)
    await until(pilot, lambda: encounter.conversation == TALK)
    encounter.title = "Knee, left"
    await pilot.press("ctrl+g")
    await until(pilot, lambda: encounter.has_note and not encounter.busy and not encounter.dirty)
    yield "encounter"
    await pilot.press("f6")
    await until(pilot, lambda: app.screen.query_one(TranscriptView).has_focus)
    yield "conversation"
    await pilot.press("f7")
    await until(pilot, lambda: encounter.rows and not encounter.busy)
    await pilot.press("down")
    await until(pilot, lambda: app.screen.query_one(TranscriptView).spot is not None)  # its words light up
    yield "fields"
    await pilot.press("f4")
    await until(pilot, lambda: "Written by" in screen_text(app) or "Geschrieben von" in screen_text(app))
    yield "history"
    await pilot.press("f2")
    for key, name in (("ctrl+r", "rewrite"), ("ctrl+t", "template"), ("f8", "sign"), ("f9", "export")):
        await pilot.press(key)
        await until(pilot, lambda: len(app.screen_stack) == 4, name)
        yield name
        await pilot.press("escape")
        await until(pilot, on(pilot, "EncounterScreen"))


@dataclass(frozen=True)
class Shot:
    """What a screen shows: its text, and the colours of it as runs of cells (a letter of the legend and a length)."""

    text: str
    colours: str


async def shot(app: EdgeApp, pilot: Any, width: int, height: int) -> Shot:
    """The screen at a size, once nothing moves any more."""
    if app.size != (width, height):
        await pilot.resize_terminal(width, height)
        await until(pilot, lambda: app.screen.size == (width, height))
    await quiet(pilot)
    lines = strips(app)  # drawn once for both: drawing is a third of the time
    return Shot(normal(text_of(lines, app)), colours(lines))


def normal(text: str) -> str:
    """Text without what differs from run to run."""
    for pattern, instead in _VARYING:
        text = pattern.sub(instead, text)
    return text.rstrip() + "\n"


def colours(drawn: list[Strip]) -> str:
    """The styles of every cell: a legend, then each line as runs; the same line again is counted."""
    names = iter(string.ascii_letters + string.digits + string.punctuation)
    legend: dict[str, str] = {}
    lines = []
    for line in drawn:
        runs: list[list[Any]] = []
        for style, cells in _runs(line):
            if style not in legend:
                legend[style] = next(names)
            if runs and runs[-1][0] == legend[style]:
                runs[-1][1] += cells
            else:
                runs.append([legend[style], cells])
        lines.append(" ".join(f"{name}{cells}" for name, cells in runs))
    counted = (f"{len(list(same))} x {line}" for line, same in groupby(lines))
    return "\n".join([*(f"{name} = {style}" for style, name in legend.items()), "", *counted]) + "\n"


def _runs(line: Any) -> Iterator[tuple[str, int]]:
    for segment in line:
        style = segment.style
        if style is None:
            yield "plain", segment.cell_length
            continue
        front, back = (c.triplet.hex if c and c.triplet else "default" for c in (style.color, style.bgcolor))
        marks = [name for name in ("bold", "italic", "dim", "reverse", "strike", "underline") if getattr(style, name)]
        yield " ".join([front, "on", back, *marks]), segment.cell_length
