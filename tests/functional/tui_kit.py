"""Shared by the app's tests: an app over a scripted engine and a cheap vault, steps of a user, pictures of screens."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import textual.pilot
from textual._context import visible_screen_stack
from textual.message_pump import MessagePump
from textual.strip import Strip
from textual.widgets import Button
from vaulting import save_note

from edge.contract.encounter import Source, State
from edge.contract.events import EngineEvent, Text
from edge.contract.note import Section
from edge.contract.origin import Origin
from edge.encounters.open_encounter import OpenEncounter
from edge.encounters.writing import Scribe
from edge.engine.base import Engine, Request
from edge.engine.scripted import ScriptedEngine
from edge.seal.policy import SealStatus
from edge.store.kdf import KdfParameters
from edge.store.secret import Passphrase
from edge.store.vault import Vault
from tui import settings
from tui.app import EdgeApp
from tui.screens.encounter import EncounterScreen
from tui.vault_thread import VaultThread
from tui.widgets.note_panel import NotePanel
from tui.widgets.section_editor import SectionEditor

FLOOR = KdfParameters(64 * 1024, 1, 1)
WORDS = "correct horse battery staple"
SEALED = SealStatus("kernel", ("seccomp filter of 154 instructions", "Landlock 5"))
MOMENT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)  # what the clock shows in every test of the app
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


class Gate:
    """Lets an engine write as many pieces of text as the test has allowed, however fast the machine is."""

    def __init__(self, pieces: int) -> None:
        self._allowed, self._open = pieces, False
        self._changed = threading.Condition()

    def let(self, pieces: int = 1) -> None:
        """Allow some more pieces."""
        with self._changed:
            self._allowed += pieces
            self._changed.notify_all()

    def open(self) -> None:
        """Hold nothing back any more."""
        with self._changed:
            self._open = True
            self._changed.notify_all()

    def pass_one(self) -> None:
        """Wait, in the engine's thread, until one more piece is allowed."""
        with self._changed:
            self._changed.wait_for(lambda: self._open or self._allowed > 0)
            self._allowed -= 1


class GatedEngine:
    """An engine whose pieces of text go through a gate; cancel() opens it, as a real engine answers a stop at once."""

    def __init__(self, engine: Engine, gate: Gate) -> None:
        self._engine, self._gate = engine, gate
        self.info = engine.info

    def count(self, prompt: Any) -> int:
        return self._engine.count(prompt)

    def cancel(self) -> None:
        self._engine.cancel()
        self._gate.open()

    def close(self) -> None:
        self._engine.close()

    def stream(self, request: Request) -> Iterator[EngineEvent]:
        for event in self._engine.stream(request):
            if isinstance(event, Text):
                self._gate.pass_one()
            yield event


def make_app(folder: Path, answers: Callable[[str], str] = script, gate: Gate | None = None, **engine: Any) -> EdgeApp:
    """An app over a scripted engine, behind a gate if there is one. engine: options of ScriptedEngine."""
    vault = VaultThread(folder / "records.vault", FLOOR, moment)

    def scribe(_: Any) -> Scribe:
        scripted = ScriptedEngine(answers, **engine)
        return Scribe(GatedEngine(scripted, gate) if gate else scripted)

    return EdgeApp(vault, scribe, settings.load(), SEALED)


def make_vault(folder: Path) -> Vault:
    """An open vault where make_app looks for it."""
    empty_vault(folder)
    return Vault.open(folder / "records.vault", Passphrase(WORDS.encode()), actor="dr.test", clock=moment)


def moment() -> datetime:
    """The clock of the app's tests."""
    return MOMENT


def yesterday() -> datetime:
    """The clock when the vault was made."""
    return MOMENT - timedelta(days=1)


@cache
def _pattern() -> tuple[tuple[str, bytes], ...]:
    """The files of an empty vault, made once: a key derivation is most of a small test's time."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "records.vault"
        Vault.create(place, Passphrase(WORDS.encode()), kdf=FLOOR, actor="dr.test", clock=yesterday).close()
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
    summary = save_note(vault, title, source, "soap", [Section("SUBJECTIVE", text), Section("PLAN", "Rest.")], origin)
    if state is State.SIGNED:
        vault.edits.sign(summary.id, "Dr. Test")
    return summary.id


async def until(pilot: Any, condition: Callable[[], Any], what: str = "", looks: int = 6000) -> None:
    """Let the app work until the condition holds. Fails with what was waited for; looks: after which it hangs.

    Looks are counted, not seconds: a machine that is asleep, or too busy to run the test, takes no look.
    """
    for _ in range(looks):
        if condition():
            await asyncio.sleep(0.01)
            return
        await asyncio.sleep(0.02)
    shown = screen_text(pilot.app)
    raise AssertionError(f"waited in vain: {what or condition}; on {pilot.app.screen!r}:\n{shown}")


async def quiet(pilot: Any) -> None:
    """Let the app work until no message waits, no work is under way and nothing is left to lay out or to draw."""
    calm = 0
    while calm < 3:
        await asyncio.sleep(0.005)
        calm = 0 if _at_work(pilot.app) else calm + 1


def _at_work(app: EdgeApp) -> bool:
    if any(not worker.is_finished for worker in app.workers):
        return True
    pumps: list[MessagePump] = [app]
    for screen in app.screen_stack:
        pumps += [screen, *screen.walk_children()]
        if screen is app.screen and (
            screen._layout_required or screen._repaint_required or screen._dirty_widgets or screen._callbacks
        ):
            return True
    return any(pump._message_queue is not None and not pump._message_queue.empty() for pump in pumps)


def on(pilot: Any, name: str) -> Callable[[], bool]:
    """Whether a screen of that class name is shown."""
    return lambda: type(pilot.app.screen).__name__ == name


async def press_button(pilot: Any, name: str) -> None:
    """Press a button of the screen once it stands: a click would need its place, which comes with the next layout."""
    await until(pilot, lambda: any(one.is_mounted for one in pilot.app.screen.query(f"#{name}")), name)
    pilot.app.screen.query_one(f"#{name}", Button).press()


async def unlock(pilot: Any, words: str = WORDS) -> None:
    """From the unlock screen to the list."""
    await until(pilot, on(pilot, "UnlockScreen"))
    pilot.app.screen.query_one("#secret").value = words
    await pilot.press("enter")
    await until(pilot, on(pilot, "LibraryScreen"), "the list")


async def leave(pilot: Any) -> None:
    """Quit as a user does."""
    await pilot.app.leave(0)


def encounter_on(app: EdgeApp) -> OpenEncounter:
    """The encounter that is shown."""
    assert isinstance(app.screen, EncounterScreen)
    return app.screen.encounter


def idle(app: EdgeApp) -> bool:
    """Whether an encounter is shown on which no model is at work."""
    return isinstance(app.screen, EncounterScreen) and not app.screen.encounter.busy


def editors(app: EdgeApp) -> list[SectionEditor]:
    """The sections on the screen."""
    return list(app.screen.query_one(NotePanel).query(SectionEditor))


async def new_encounter(pilot: Any, title: str = "") -> OpenEncounter:
    """From the list to a new encounter with that title."""
    await pilot.press("n")
    await until(pilot, on(pilot, "Ask"), "the question for a title")
    await pilot.press(*title, "enter")
    await until(pilot, on(pilot, "EncounterScreen"))
    return encounter_on(pilot.app)


async def new_with(pilot: Any, text: str = TALK, title: str = "") -> OpenEncounter:
    """From the list to a new encounter with a conversation that was pasted."""
    await new_encounter(pilot, title)
    pilot.app.screen.query_one("#talk").insert(text)
    await until(pilot, lambda: encounter_on(pilot.app).conversation == text, "the conversation")
    return encounter_on(pilot.app)


async def written(pilot: Any, text: str = TALK) -> OpenEncounter:
    """A new encounter whose note is written."""
    encounter = await new_with(pilot, text)
    await pilot.press("ctrl+g")
    await until(pilot, lambda: encounter.has_note and idle(pilot.app), "the note")
    return encounter


def reopen(folder: Path) -> Vault:
    """The vault after the app has ended."""
    return Vault.open(folder / "records.vault", Passphrase(WORDS.encode()))


def strips(app: EdgeApp) -> list[Strip]:
    """The lines of the screen, with what is dimmed behind a dialog."""
    visible_screen_stack.set(app._background_screens)
    return app.screen._compositor.render_strips()


def screen_text(app: EdgeApp) -> str:
    """What the screen shows, as lines of text."""
    return text_of(strips(app), app)


def text_of(drawn: list[Strip], app: EdgeApp) -> str:
    """Drawn lines as text."""
    width, height = app.size
    return "\n".join("".join(segment.text for segment in line).rstrip()[:width] for line in drawn[:height])


def picture(app: EdgeApp, target: Path) -> None:
    """An SVG of the screen."""
    target.write_text(app.export_screenshot(), encoding="utf-8")
