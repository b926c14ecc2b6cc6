"""The first run: a passphrase for a new vault, the recovery key shown once, a model, a sample visit to try."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Center, Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input, OptionList, ProgressBar
from textual.widgets.option_list import Option

from edge import paths
from edge.contract.bundle_card import BundleCard, cards
from edge.vaults import Passphrase, RecoveryKey, score, strength
from tui.screens.base import EdgeScreen
from tui.settings import short
from tui.texts import t
from tui.widgets.bundle_card import BundleView, why_not
from tui.widgets.dialogs import Ask, Confirm
from tui.widgets.key_bar import KeyBar
from tui.widgets.safe import Label, SafeInput, button, label
from tui.widgets.status_bar import StatusBar
from tui.widgets.trust_key import TrustKey


class WelcomeScreen(EdgeScreen):
    """Makes the vault."""

    def compose(self) -> ComposeResult:
        yield StatusBar()
        with Center(classes="middle"), VerticalScroll(classes="card"):
            yield Label(t("first.title"), classes="brand")
            yield Label(t("first.about"))
            yield Label(t("first.warning"), classes="dialog-note")
            yield Label(t("first.passphrase"))
            yield SafeInput(password=True, id="first")
            with Horizontal(id="meter"):
                yield ProgressBar(total=4, show_percentage=False, show_eta=False)
                yield Label(t("first.s0"), id="score")
            yield Label(t("first.again"))
            yield SafeInput(password=True, id="second")
            yield Label(id="first-status")
            with Horizontal(classes="buttons"):
                yield button(t("unlock.restore"), "restore")
                yield button(t("first.create"), "create", "primary")
        yield KeyBar("app")

    def on_mount(self) -> None:
        self.query_one("#first").focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "first":
            self.run_worker(self._judge(event.value), exclusive=True, group="score")

    async def _judge(self, typed: str) -> None:
        await asyncio.sleep(0.12)
        points = await asyncio.to_thread(score, typed)
        self.query_one(ProgressBar).update(progress=points)
        self.query_one("#score", Label).show(t(f"first.s{points}"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "first":
            self.query_one("#second").focus()
        else:
            self._make()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "restore":
            self.edge.go(self.edge.ask_to_restore())
        else:
            self._make()

    def _make(self) -> None:
        first, second = self.query_one("#first", Input), self.query_one("#second", Input)
        status = self.query_one("#first-status", Label)
        if first.disabled:
            return
        if first.value != second.value:
            status.show(t("first.differ"))
            second.value = ""
            second.focus()
            return
        if not first.value:
            first.focus()
            return
        passphrase = Passphrase(first.value.encode())
        good, advice = strength(passphrase)
        if not good:
            from tui.texts.core import told

            status.show(told(advice))
            first.focus()
            return
        first.disabled = second.disabled = True
        first.value = second.value = ""
        status.show(t("first.working"))
        self.edge.go(self._create(passphrase))

    async def _create(self, passphrase: Passphrase) -> None:
        with passphrase:
            try:
                await self.edge.vault.create(passphrase)
                key = await self.edge.vault.call(lambda vault: vault.admin.new_recovery_key(passphrase))
            finally:
                for field in self.query(Input):
                    field.disabled = False
        await self.edge.switch_screen(RecoveryScreen(key))


class RecoveryScreen(EdgeScreen):
    """Shows the recovery key once, and lets nobody on who has not kept it or said that they go without.

    A lock waits until then: the key is shown only once.
    """

    holds_key = True

    def __init__(self, key: RecoveryKey, first: bool = True) -> None:
        super().__init__()
        self._key, self._first, self._saved = key, first, False

    def compose(self) -> ComposeResult:
        yield StatusBar()
        with Center(classes="middle"), VerticalScroll(classes="card"):
            yield Label(t("recovery.title"), classes="brand")
            yield Label(t("recovery.about"))
            groups = self._key.text().split("-")
            rows = [groups[i : i + 3] for i in range(0, len(groups), 3)]
            yield Label("\n".join("-".join(row) for row in rows), id="key")
            yield button(t("recovery.file"), "file")
            yield Label(t("recovery.confirm"))
            yield SafeInput(id="ending")
            yield Label(id="key-status")
            with Horizontal(classes="buttons"):
                yield button(t("recovery.skip"), "skip")
                yield button(t("recovery.button"), "kept", "primary")
        yield KeyBar("app")

    def on_mount(self) -> None:
        self.query_one("#ending").focus()

    def on_input_submitted(self) -> None:
        self._check()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "kept":
            self._check()
        elif event.button.id == "file":
            folder = self.edge.settings.exports()
            default, told = short(folder / t("recovery.file_name")), t("recovery.file_path", folder=short(folder))
            self.app.push_screen(Ask(t("recovery.file"), told, default), self._save)
        else:
            self.app.push_screen(Confirm(t("recovery.skip_sure")), self._skip)

    def _save(self, typed: str | None) -> None:
        """The key into a new file that only this user can read. A file that is there is left as it is."""
        if not typed or not typed.strip():
            return
        status = self.query_one("#key-status", Label)
        try:
            path = Path(typed.strip()).expanduser()
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
            with open(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
                file.write(f"{self._key.text()}\n")
        except FileExistsError:
            status.show(t("recovery.file_there"))
        except (OSError, RuntimeError):
            status.show(t("recovery.file_refused", folder=short(self.edge.settings.exports())))
        else:
            self._saved = True
            status.show(t("recovery.file_saved", file=short(path)))

    def _skip(self, sure: bool | None) -> None:
        if sure:
            self._go_on()

    def _check(self) -> None:
        typed = "".join(c for c in self.query_one("#ending", Input).value.upper() if c.isalnum())
        if self._saved or typed == "".join(self._key.text().split("-")[-2:]):
            self._go_on()
        else:
            self.query_one("#key-status", Label).show(t("recovery.wrong"))

    def _go_on(self) -> None:
        self._key.wipe()
        if self._first:
            self.edge.switch_screen(ModelScreen())
        else:
            self.edge.pop_screen()


class ModelScreen(EdgeScreen):
    """What is installed, what it is good for, and where to begin. What may not write cannot be chosen here."""

    def compose(self) -> ComposeResult:
        found = cards(paths.bundle_dirs())
        self._cards = sorted(found, key=lambda card: not self.edge.may_write(card))  # else in the order of choice
        self._chosen = ""
        yield StatusBar()
        with Center(classes="middle"), Vertical(classes="card -broad"):
            yield Label(t("bundle.title"), classes="brand")
            yield Label(t("bundle.about" if self._cards else "bundle.none"))
            yield OptionList(*[Option(label(self._line(c))) for c in self._cards], markup=False)
            yield Label(id="model-why")
            yield BundleView()
            with Horizontal(classes="buttons"):
                yield button(t("trust.open"), "trust")
                yield button(t("bundle.sample"), "sample")
                yield button(t("bundle.start"), "start", "primary")
        yield KeyBar("app")

    @staticmethod
    def _line(card: BundleCard) -> str:
        purpose = t(f"bundle.{card.purpose}") if card.purpose in ("clinical", "test") else card.purpose
        return t("bundle.line", name=card.name, purpose=purpose)

    def on_mount(self) -> None:
        options, view = self.query_one(OptionList), self.query_one(BundleView)
        options.display = view.display = bool(self._cards)
        self.query_one("#trust").display = self.query_one("#model-why").display = False
        if self._cards:
            options.highlighted = 0
            self.call_after_refresh(view.show, self._cards[0])
        self.query_one("#start").focus()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        card = self._cards[event.option_index]
        may = self.edge.may_write(card)
        self._chosen = card.name if may and event.option_index else ""
        why = self.query_one("#model-why", Label)
        why.show("" if may else why_not(card))
        why.display = not may
        self.query_one("#trust").display = not may and card.manifest.kind == "decoder"
        self.query_one(BundleView).show(card)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "trust":
            self.app.push_screen(TrustKey(), self._trusted)
            return
        if self._chosen != self.edge.settings.bundle:
            self.edge.use_bundle(self._chosen)
        self.edge.go(self.edge.unlocked(sample=event.button.id == "sample"))

    def _trusted(self, done: bool | None) -> None:
        if done:
            self.edge.use_bundle("")
            self.edge.go(self.redraw())
