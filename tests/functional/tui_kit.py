"""Shared by the app's tests: an app over a scripted engine and a cheap vault, steps of a user, pictures of screens."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import textual.pilot

from edge.contract.records import Origin, Section, Source, State
from edge.engine.scripted import ScriptedEngine
from edge.seal.policy import SealStatus
from edge.service import Scribe
from edge.store.kdf import KdfParameters
from edge.store.secret import Passphrase
from edge.store.vault import Vault
from tui import settings
from tui.app import EdgeApp
from tui.bridge import Bridge
from tui.desk import Desk

FLOOR = KdfParameters(64 * 1024, 1, 1)
WORDS = "correct horse battery staple"
SEALED = SealStatus("kernel", ("seccomp filter of 154 instructions", "Landlock 5"))
TALK = "Doctor: What brings you in?\nPatient: My left knee hurts since Monday.\nDoctor: Any fever?\nPatient: No fever."
FIELDS = '{"signs_symptoms": ["left knee hurts", "No fever"], "age": []}'


async def _breath(min_sleep: float = 0.0, max_sleep: float = 1.0) -> None:
    await asyncio.sleep(max(0.005, min_sleep))


# Textual's own waits until the process uses no CPU, up to a second a key on a busy machine; until() waits for facts.
textual.pilot.wait_for_idle = _breath


def script(instruction: str) -> str:
    """Answers of the scripted engine, by what is asked."""
    if instruction.startswith("Extract"):
        return FIELDS
    if "with this change" in instruction:
        return "Knee pain, shorter."
    for word, answer in (
        ("subjective", "CHIEF COMPLAINT\nLeft knee pain since Monday. No fever."),
        ("physical examination", "None."),
        ("results", "None."),
        ("assessment", "ASSESSMENT AND PLAN\nKnee pain. Rest and acetaminophen 500 mg."),
        ("plan", "Rest. Return in two weeks."),
        ("objective", "Knee stable."),
    ):
        if word in instruction.casefold():
            return answer
    return "A line of the note."


def make_app(folder: Path, answers: Callable[[str], str] = script, **engine: Any) -> EdgeApp:
    """An app over a scripted engine. engine: options of ScriptedEngine."""
    desk = Desk(folder / "records.vault", FLOOR)
    bridge = Bridge(lambda progress: Scribe(ScriptedEngine(answers, **engine)))
    return EdgeApp(desk, bridge, settings.load(), SEALED)


def make_vault(folder: Path, words: str = WORDS) -> Vault:
    """An open vault where make_app looks for it."""
    folder.mkdir(parents=True, exist_ok=True)
    return Vault.create(folder / "records.vault", Passphrase(words.encode()), kdf=FLOOR, actor="dr.test")


@cache
def _pattern() -> tuple[tuple[str, bytes], ...]:
    """The files of an empty vault: deriving keys costs most of a small test's time, so it is done once."""
    with tempfile.TemporaryDirectory() as name:
        make_vault(Path(name)).close()
        return tuple((file.name, file.read_bytes()) for file in Path(name).iterdir() if not file.name.endswith("lock"))


def empty_vault(folder: Path) -> None:
    """A locked, empty vault where make_app looks for it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in _pattern():
        (folder / name).write_bytes(content)


def fill(vault: Vault, title: str, text: str = "Knee pain.", state: State = State.DRAFT) -> str:
    """A record with a note; returns its id."""
    origin = Origin("scripted", "0" * 64, "1", "5" * 64)
    source = Source("visit.txt", TALK, "5" * 64)
    summary = vault.records.save_note(
        title, source, "soap", [Section("SUBJECTIVE", text), Section("PLAN", "Rest.")], origin
    )
    if state is State.SIGNED:
        vault.edits.sign(summary.id, "Dr. Test")
    return summary.id


async def until(pilot: Any, condition: Callable[[], Any], what: str = "", seconds: float = 15.0) -> None:
    """Let the app work until the condition holds. Fails with what was waited for."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            shown = screen_text(pilot.app)
            raise AssertionError(f"waited in vain: {what or condition}; on {pilot.app.screen!r}:\n{shown}")
        await asyncio.sleep(0.03)
    await asyncio.sleep(0.02)


def on(pilot: Any, name: str) -> Callable[[], bool]:
    """Whether a screen of that class name is shown."""
    return lambda: type(pilot.app.screen).__name__ == name


async def unlock(pilot: Any, words: str = WORDS) -> None:
    """From the unlock screen to the list."""
    await until(pilot, on(pilot, "UnlockScreen"))
    pilot.app.screen.query_one("#secret").value = words
    await pilot.press("enter")
    await until(pilot, on(pilot, "LibraryScreen"), "the list")


async def leave(pilot: Any) -> None:
    """Quit as a user does."""
    await pilot.app.leave(0)


def screen_text(app: EdgeApp) -> str:
    """What the screen shows, as lines of text."""
    width, height = app.size
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in line).rstrip()[:width] for line in lines[:height])


def picture(app: EdgeApp, target: Path) -> None:
    """An SVG of the screen."""
    target.write_text(app.export_screenshot(), encoding="utf-8")
