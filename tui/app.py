"""Wiring: the threads of the vault and of the model, the open encounters and the screens, from unlock to lock.

main() runs it in this process, which the command line has sealed. LOCKED as exit code asks the launcher for a new one:
locking ends the process that holds keys and text.

What only an open vault needs (open encounters, other screens) is imported by the model's thread once the unlock
screen is drawn, and by then at the latest where it is used: from the command to that screen nobody may wait.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import importlib
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from textual.events import Event, Key, MouseDown, MouseScrollDown, MouseScrollUp, Paste
from textual.screen import Screen
from textual.widgets import Input, TextArea

from edge import paths
from edge.errors import BundleError, EdgescribeError, InputError
from tui import actions, settings, terminal, texts
from tui.base_app import BaseApp
from tui.screens.base import EdgeScreen
from tui.screens.unlock import UnlockScreen
from tui.template_drafts import TemplateDrafts
from tui.terminal import idle
from tui.terminal.beat import Beat
from tui.texts import t
from tui.tool_thread import SharedChecker, ToolThread
from tui.vault_thread import VaultThread
from tui.widgets.messages import EncounterChanged

if TYPE_CHECKING:
    from edge.contract.bundle_card import BundleCard
    from edge.encounters.open_encounter import OpenEncounter
    from edge.encounters.writing import ReadFile, Scribe
    from edge.seal import SealStatus
    from edge.vaults import Passphrase, RecoveryKey
    from tui.model_thread import ModelNews, ModelThread, Opener
    from tui.open_encounters import OpenEncounters

LOCKED = 75
WARNED = 20  # seconds before the records lock by themselves
_BEHIND = ("tui.open_encounters", "tui.screens.library", "tui.screens.encounter", "tui.screens.settings")
_TOUCHES = (Key, MouseDown, MouseScrollDown, MouseScrollUp, Paste)


class EdgeApp(BaseApp):
    """seal: what this process was sealed with. life: where the launcher looks whether it lives."""

    BINDINGS = actions.bindings("app")

    def __init__(
        self,
        vault: VaultThread,
        opener: Opener,
        kept: settings.Settings,
        seal: SealStatus | None,
        life: Beat | None = None,
    ) -> None:
        super().__init__(kept.theme, life)
        self.vault, self.settings = vault, kept
        self._opener, self._thread = opener, cast("ModelThread | None", None)
        self.checker = SharedChecker()
        self.unsaved = TemplateDrafts(vault)
        self.seal_level = seal.level if seal else "none"
        self.seal = seal
        self._idle = idle.Idle()
        self._model_line: tuple[str, tuple[str, ...]] = (t("app.loading", percent=0), ())
        self._leaving = self._unlocked = self._warned = False
        self._early: list[Event] | None = []  # keys until the first screen stands
        self._no_model: EdgescribeError | None = None  # why, until it was told
        self.named_bundle, self.allow_unsigned = "", False  # of the command line, for this window
        self.was_ended = False  # the window before this one did not answer
        self.damage: list[str] = []  # what the check of the vault found, once it is done
        texts.use(kept.language)

    @property
    def model(self) -> ModelThread:
        """The way to the engine."""
        if self._thread is None:
            from tui.model_thread import ModelThread

            self._thread = ModelThread(self._opener, self.checker)
        return self._thread

    @cached_property
    def encounters(self) -> OpenEncounters:
        """The open encounters."""
        from tui.open_encounters import OpenEncounters

        tools = ToolThread(self.allow_unsigned, self.checker)
        return OpenEncounters(self.vault, self.model, tools, self._changed, self.settings.form)

    def get_default_screen(self) -> Screen[Any]:
        """Unlock itself where there is a vault: an empty screen below it would be styled and drawn first."""
        return UnlockScreen() if self.vault.exists() else super().get_default_screen()

    def on_mount(self) -> None:
        if not self.vault.exists():
            from tui.screens.welcome import WelcomeScreen

            self.push_screen(WelcomeScreen())
        if self.life is not None:  # from the first screen on: a window may hang before its first second is over
            self.life.beat(None)
        self.screen.call_after_refresh(self._begin)
        self.set_interval(0.1, self._take)
        self.set_interval(1.0, self._second)
        for number in (signal.SIGTERM, *((signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ())):
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                asyncio.get_running_loop().add_signal_handler(number, lambda: self.go(self.leave(143)))

    def _begin(self) -> None:
        """The first screen stands, with a field to type in: what was typed before comes now, and then the model."""
        typed, self._early = self._early, None
        for event in typed or ():
            self.post_message(event)
        self.model.start()

    async def on_event(self, event: Event) -> None:
        if self._early is not None and isinstance(event, Key | Paste):
            self._early.append(event)
            return
        if isinstance(event, _TOUCHES):
            self._idle.touch()
        await super().on_event(event)

    # -- what the bars show ------------------------------------------------------------------------------------------

    def model_line(self) -> tuple[str, tuple[str, ...]]:
        """The bundle's name or how far its loading is, and what must be known of it (keys of texts)."""
        return self._model_line

    def queue_line(self) -> str:
        """What the model has to do, for the status bar."""
        count, seconds = self._thread.waiting() if self._thread else (0, None)
        if not count:
            return ""
        if seconds is None:
            return t("app.queue", count=count)
        left = f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
        return t("app.queue_left", count=count, left=left)

    # -- news from the engine, once in a tenth of a second -----------------------------------------------------------

    def _take(self) -> None:
        for fact in self._thread.take() if self._thread and not self._leaving else ():
            self._heed(fact)
        if isinstance(self.screen, EdgeScreen):
            self.screen.tick()
            self.complain_later()

    def _heed(self, fact: ModelNews) -> None:
        from tui.model_thread import Done, Loading, Ready, Unavailable, Update

        match fact:
            case Loading(done, total):
                self._model_line = (t("app.loading", percent=int(100 * done / max(1, total))), ())
            case Ready(info):
                self.encounters.info, self._no_model = info, None
                marks = {"test_model": info.purpose == "test", "unsigned_model": info.signed_by is None}
                self._model_line = (info.bundle, tuple(key for key, holds in marks.items() if holds))
            case Unavailable(error):
                self._model_line = (t("app.no_model"), ())
                self._no_model = error
                if self._unlocked:
                    self._inside()
            case Update():
                self.encounters.update(fact)
            case Done():
                self.go(self.encounters.done(fact))

    def _second(self) -> None:
        if self.life is not None and not self._leaving:
            self.life.beat(self._idle.ends(self.settings.lock_minutes) if self.vault.is_open else None)
        if not self.is_headless and not self._leaving and terminal.gone():
            self.go(self.leave(143))  # closed without a word: an unlocked vault must not stay open unseen
            return
        if not self.vault.is_open or self._leaving:
            return
        self._idle.sweep()
        if self._idle.over(self.settings.lock_minutes):
            self.action_lock()
            return
        left = self._idle.ends(self.settings.lock_minutes) - time.monotonic()
        if left < WARNED and not self._warned:
            self.tell(t("app.lock_soon", seconds=max(1, round(left))))
        self._warned = left < WARNED
        if any(one.unsaved for one in self.encounters.all):
            self.go(self.encounters.save_all())
        if self.unsaved.dirty:
            self.go(self.unsaved.save())

    def _changed(self, encounter: OpenEncounter, what: str) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, EdgeScreen) and screen.encounter is encounter:
                screen.post_message(EncounterChanged(encounter, what))
        if what != "text" and isinstance(self.screen, EdgeScreen):
            self.screen.list_changed()

    # -- from unlock to lock -----------------------------------------------------------------------------------------

    async def unlocked(self, sample: bool = False) -> None:
        """The vault is open: the list, what was open last, and what the model had still to write."""
        from tui.screens.library import LibraryScreen

        self._idle.touch()
        await self.vault.call(lambda vault: vault.verify_in_background(self.damage.extend))
        await self.unsaved.load()
        # Read before the list stands, and shown with it: no screen comes up later, under somebody's hands.
        shown = None if sample else await self._last_open()
        if isinstance(done := self.screen, UnlockScreen):  # the stack's first, which stays: emptied, below the list
            await self.push_screen(LibraryScreen())
        else:
            await self.switch_screen(LibraryScreen())
        if shown is not None:
            self.show_encounter(shown)
        if isinstance(done, UnlockScreen):
            await done.remove_children()
        self.call_after_refresh(self._inside)
        if self.settings.reset:
            self.tell(t("settings.reset", names=", ".join(self.settings.reset)))
        if place := await self.vault.call(lambda vault: vault.warning()):
            from tui.texts.core import told

            self.tell(told(place))
        if list(self.unsaved):
            self.tell(t("templates.left"))
        if sample:
            await self.sample_encounter()
        for identifier in list(self.settings.pending):
            with contextlib.suppress(EdgescribeError):  # wiped or signed since: nothing to take up
                await self.encounters.write(await self.encounters.open(identifier))

    async def _last_open(self) -> OpenEncounter | None:
        """The encounter that was open when the app was left, if it is there still."""
        with contextlib.suppress(EdgescribeError):
            if self.settings.last:
                return await self.encounters.open(self.settings.last, self.settings.template)
        return None

    def _inside(self) -> None:
        """The list stands: now what keeps the model from running may be said in front of it, not before."""
        self._unlocked = True
        error, self._no_model = self._no_model, None
        if error is not None:
            self.complain(error)

    async def leave(self, code: int) -> None:
        """Keep everything and end this process: 0 to quit, LOCKED to show unlock again."""
        if self._leaving:
            return
        self._leaving = True
        if self.life is not None:  # from here on it must be gone soon, whatever holds it up
            self.life.end_by(time.monotonic())
            if code != LOCKED:
                self.life.quit_asked(math.inf)
        if self.vault.is_open:
            cases = [s.encounter for s in self.screen_stack if isinstance(s, EdgeScreen) and s.encounter is not None]
            shown = cases[0].id if cases else ""
            busy = [
                encounter.id
                for encounter in self.encounters.all
                if encounter.doing == "note" and encounter.busy and encounter.id
            ]
            self.settings.last, self.settings.pending = shown, busy
        settings.save(self.settings)
        await asyncio.to_thread(self.model.close)
        try:
            if self.vault.is_open:
                await self._keep_all()
        finally:
            await asyncio.to_thread(self.vault.close)
            self.exit(code, return_code=code)

    async def ask_to_restore(self) -> None:
        """A backup in place of the records; the window locks then, and what opened the backup unlocks it."""
        from tui.widgets.restore import Restore
        from tui.widgets.secret_dialogs import asked_for

        folder = f"{settings.short(self.settings.exports())}/"
        found: tuple[Path, Passphrase] | None = await asked_for(self, Restore(folder))
        if found is not None:
            with found[1] as secret:
                await self.restore(found[0], secret)

    async def restore(self, source: Path, secret: Passphrase) -> None:
        """Put a backup in place of the records, and lock. What was open before belongs to the records of before."""
        if self.vault.is_open:
            await self._keep_all()
        self.settings.last, self.settings.pending = "", []
        try:
            await self.vault.restore(source, secret)
        except EdgescribeError as error:  # the records are locked by now, and as they were
            from tui.widgets.dialogs import Complaint

            self.push_screen(Complaint(error), lambda _: self.go(self.leave(LOCKED)))
            return
        await self.leave(LOCKED)

    async def _keep_all(self) -> None:
        """Everything that was typed into the vault: if one part can't be kept, the other one is."""
        try:
            await self.unsaved.save()
        finally:
            await self.encounters.save_all(commit=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "lock" and self._shows_key():
            return False  # the recovery key is shown only once: a lock would lose it
        if action in ("lock", "settings"):
            here = getattr(self.screen, "scope", "") in ("settings", "template")  # an editor stands above the settings
            return self.vault.is_open and not (action == "settings" and here)
        return True

    def _shows_key(self) -> bool:
        """Whether a recovery key is on the screen, or under a box or the settings in front of it."""
        return any(isinstance(one, EdgeScreen) and one.holds_key for one in self.screen_stack)

    def action_lock(self) -> None:
        if self.vault.is_open and not self._shows_key():
            self.go(self.leave(LOCKED))

    async def action_quit(self) -> None:
        if self.model.waiting()[0]:
            from tui.widgets.dialogs import Confirm

            self.push_screen(Confirm(t("app.quit_busy")), lambda sure: self.go(self.leave(0)) if sure else None)
        else:
            self.go(self.leave(0))

    def action_help(self) -> None:
        from tui.widgets.dialogs import Help

        self.push_screen(Help())

    def action_palette(self) -> None:
        from textual.command import CommandPalette

        if not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandPalette(placeholder=t("help.commands"), id="--command-palette"))

    def action_settings(self) -> None:
        from tui.screens.settings import SettingsScreen

        if self.check_action("settings", ()):
            self.push_screen(SettingsScreen())

    def mends(self, error: EdgescribeError) -> str:
        """A model that is missing or may not write is chosen in the settings, which also say how IT installs one."""
        return "model" if isinstance(error, BundleError) and self.check_action("settings", ()) else ""

    def go_to(self, mend: str) -> None:
        from tui.screens.settings import SettingsScreen

        self.push_screen(SettingsScreen(tab=mend))

    def edit_template(self, name: str, title: str, text: str, own: bool, fresh: bool, done: Callable[[], None]) -> None:
        """Open a template's editor; done: called when it is left."""
        from tui.screens.template_editor import TemplateEditor

        self.push_screen(TemplateEditor(name, title, text, own=own, fresh=fresh), lambda _: done())

    async def show_recovery_key(self, key: RecoveryKey) -> None:
        """Show a new recovery key, once."""
        from tui.screens.welcome import RecoveryScreen

        await self.push_screen(RecoveryScreen(key, first=False))

    def named(self, name: str) -> None:
        """The clinician's name as it was given for a signature: kept, where the settings have none."""
        if not self.settings.signer:
            self.settings.signer = name
            settings.save(self.settings)
            self.go(self.vault.call(lambda vault: vault.act_as(name)))

    def use_bundle(self, name: str) -> None:
        """Write with another bundle from now on; "": with the one that is chosen by itself."""
        self.settings.bundle, self.named_bundle = name, ""
        settings.save(self.settings)
        self._model_line = (t("app.loading", percent=0), ())
        self.model.reopen()

    def may_write(self, card: BundleCard) -> bool:
        """Whether a bundle may be chosen: one that nobody vouches for may only be named on the command line."""
        return card.manifest.kind == "decoder" and (card.signer is not None or self.allow_unsigned)

    # -- encounters --------------------------------------------------------------------------------------------------

    def show_encounter(self, encounter: OpenEncounter) -> None:
        """Open the encounter's screen."""
        from tui.screens.encounter import EncounterScreen

        self.push_screen(EncounterScreen(encounter))

    async def open_encounter(self, identifier: str) -> None:
        self.show_encounter(await self.encounters.open(identifier, self.settings.template))

    async def sample_encounter(self) -> None:
        """The sample visit that ships with the program: the one that is kept, or a new one."""
        if kept := await self.encounters.sample():
            await self.open_encounter(kept)
            return
        encounter = self.encounters.new(self.settings.template, t("library.sample_title"))
        from importlib import resources

        text = resources.files("edge.samples").joinpath("visit.txt").read_text(encoding="utf-8")
        self.encounters.set_conversation(encounter, text, "visit.txt")
        self.show_encounter(encounter)

    async def open_file(self, encounter: OpenEncounter | None, then: Callable[[], None] | None = None) -> None:
        """Choose a file, show what is read from it, and take it: into this encounter, or into a new one (None)."""
        from tui.widgets.open_file import Opened, OpenFile

        recent = await self.vault.call(lambda vault: vault.places.all())

        def answered(found: Opened | None) -> None:
            if found is None:
                return
            into = encounter or self.encounters.new(self.settings.template, found.title)
            self.encounters.set_conversation(into, found.reading.text, found.reading.name)
            self.go(self.vault.call(lambda vault: vault.places.add(str(found.folder))))
            if encounter is None:
                self.show_encounter(into)
            elif then is not None:
                then()

        replaces = encounter is not None and bool(encounter.conversation.strip())
        self.push_screen(OpenFile(self._read_file, recent, encounter is None, replaces), answered)

    @staticmethod
    async def _read_file(path: Path) -> tuple[ReadFile, str]:
        """What is read from a file, and why no note can be written about it, "" if one can. Raises InputError."""
        from edge.encounters.writing import about_someone, read_file

        def work() -> tuple[ReadFile, str]:
            reading = read_file(str(path.absolute()))  # absolute: a file named "-" is no standard input here
            try:
                return about_someone(reading) if reading.kind == "conversation" else reading, ""
            except InputError as error:
                from tui.texts.core import error_line

                return reading, error_line(error, hint=False)

        return await asyncio.to_thread(work)

    async def leave_encounter(self, encounter: OpenEncounter) -> None:
        """Back to the list; the model goes on if it is at work."""
        await self.encounters.close(encounter)
        if isinstance(self.screen, EdgeScreen) and self.screen.encounter is encounter:
            self.pop_screen()

    def complain(self, error: EdgescribeError) -> None:
        """Show a named error, once nobody is in the middle of a word: a box would take the keys."""
        typing = isinstance(self.focused, Input | TextArea) and self._idle.in_a_word
        if typing and not self._leaving:
            self.set_timer(0.3, lambda: self.complain(error))
        else:
            super().complain(error)

    async def export(self, identifier: str, form: str) -> None:
        kept = self.settings
        target = await self.encounters.export(identifier, kept.exports(), form, t("app.draft_mark"), kept.export_title)
        self.tell(t("export.done", file=settings.short(target)))

    async def copy_note(self, encounter: OpenEncounter, section: int | None = None) -> None:
        """The note or a section to the terminal's clipboard, if that is switched on; taken off again after a minute."""
        from edge.seal import setting

        if not self.settings.copy_osc52 or setting.forbids_copying():
            self.tell(t("export.no_copy"))
            return
        text = await self.encounters.copied(encounter, t("app.draft_mark"), section)
        self.copy_through_terminal = True
        self.copy_to_clipboard(text)
        self.copy_through_terminal = False
        self.tell(t("export.copied", seconds=settings.CLEAR_AFTER))
        self.set_timer(settings.CLEAR_AFTER, self._empty_clipboard)

    def _empty_clipboard(self) -> None:
        self.copy_through_terminal = True
        self.copy_to_clipboard(" ")
        self.copy_through_terminal = False
        self.tell(t("export.emptied"))

    async def use_language(self, language: str) -> None:
        """Change the interface's language; every open screen is composed anew in it."""
        texts.use(language)
        for screen in self.screen_stack:
            if isinstance(screen, EdgeScreen):
                await screen.redraw()
        self.tell(t("settings.kept"))


def load_behind() -> None:
    """Import what only an open vault needs, while the unlock screen stands; then let garbage be collected again.

    What is there by then (code, styles) stays for good: no collection need walk over it.
    """
    for name in _BEHIND:
        importlib.import_module(name)
    gc.freeze()
    idle.sweep_rarely()
    gc.enable()


def main(args: argparse.Namespace) -> int:
    """Run the app in this (sealed) process. Returns 0, LOCKED, 143 after a signal, or 1 after a fault."""
    kept = settings.load()
    vault = getattr(args, "vault", None) or paths.default_vault()
    thread = VaultThread(vault)
    unsigned = bool(getattr(args, "allow_unsigned", False))

    def opener(progress: Callable[[int, int], None]) -> Scribe:
        load_behind()
        from edge.encounters.writing import Scribe

        with contextlib.suppress(EdgescribeError):  # first: it is small, and a note of facts waits for nothing else
            app.checker()
        bundle = app.named_bundle or kept.bundle or None
        try:
            return Scribe.open(bundle, progress, unsigned, getattr(args, "threads", 0))
        except BundleError as error:
            if bundle is not None:  # one that was chosen is said not to work
                raise
            return Scribe.without_model(error)

    launcher, modes = os.getppid(), terminal.modes()
    app = EdgeApp(thread, opener, kept, getattr(args, "seal", None), getattr(args, "life", None))
    app.checker.threads = getattr(args, "threads", 0)
    app.named_bundle, app.allow_unsigned = getattr(args, "bundle", None) or "", unsigned
    app.was_ended = bool(getattr(args, "ended", False))
    try:
        code = app.run()
    finally:
        if thread.is_open:  # a fault of the app itself: what was typed is kept all the same
            for save in (app.unsaved.save, app.encounters.save_all):
                with contextlib.suppress(Exception):
                    asyncio.run(save())
        thread.close()
    code = 1 if code is None else code
    if terminal.gone():
        terminal.give_up()
    elif os.getppid() != launcher:
        terminal.let_go(modes)  # it was killed
    sys.stdout.flush()
    if not app.model.ended:
        os._exit(code)  # a runtime that is still loading would be torn down under its own feet
    return code
