"""The first screen of every later start: the passphrase, or the recovery key."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Center, Vertical
from textual.widgets import Button

from edge.errors import DamagedVaultError, EdgescribeError, NotAVaultError
from tui.screens.base import EdgeScreen
from tui.texts import t
from tui.widgets.key_bar import KeyBar
from tui.widgets.safe import Label, SecretInput, button, wipe
from tui.widgets.status_bar import StatusBar


class UnlockScreen(EdgeScreen):
    """Asks until the vault opens."""

    CSS_PATH = None  # the app's own styles do for it

    def __init__(self) -> None:
        super().__init__()
        self._recovery = False

    def compose(self) -> ComposeResult:
        yield StatusBar()
        with Center(classes="middle"), Vertical(classes="card"):
            yield Label(t("app.name"), classes="brand")
            yield Label(t("app.tagline"), classes="dialog-note")
            yield Label(t("unlock.prompt"), id="prompt")
            yield SecretInput(id="secret")
            yield Label(id="unlock-status")
            yield button(t("unlock.button"), "unlock", "primary")
            yield button(t("unlock.use_recovery"), "other")
            yield button(t("unlock.restore"), "restore")
        yield KeyBar("app")

    def on_mount(self) -> None:
        self.query_one("#secret").focus()
        if self.edge.was_ended:
            self.query_one("#unlock-status", Label).show(t("unlock.ended"))

    async def redraw(self) -> None:
        if not self.edge.vault.is_open:  # else it has done its work, and is empty
            await super().redraw()

    def on_input_submitted(self) -> None:
        self._try()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "unlock":
            self._try()
            return
        if event.button.id == "restore":
            self.edge.go(self.edge.ask_to_restore())
            return
        self._recovery = not self._recovery
        self.query_one("#prompt", Label).show(t("unlock.recovery" if self._recovery else "unlock.prompt"))
        event.button.label = t("unlock.use_passphrase" if self._recovery else "unlock.use_recovery")
        field = self.query_one("#secret", SecretInput)
        wipe(field.take())
        field.masked = not self._recovery
        field.focus()

    def _try(self) -> None:
        field = self.query_one("#secret", SecretInput)
        if field.value and not field.disabled:
            field.disabled = True
            self.query_one("#unlock-status", Label).show(t("unlock.working"))
            self.edge.go(self._unlock(field.take()))

    async def _unlock(self, typed: bytearray) -> None:
        from edge.vaults import Passphrase, RecoveryKey  # here: this screen must stand before cryptography is loaded

        field, status = self.query_one("#secret", SecretInput), self.query_one("#unlock-status", Label)
        try:
            with RecoveryKey.parse(typed.decode()) if self._recovery else Passphrase(typed) as secret:
                wipe(typed)
                await self.edge.vault.open(secret)
        except EdgescribeError as error:
            from tui.texts.core import error_line

            damaged = isinstance(error, DamagedVaultError | NotAVaultError)
            after = t("unlock.damaged") if damaged else f"\n{t('unlock.seconds')}"
            status.show(f"{error_line(error, hint=not damaged)} {after}")
            field.disabled = False
            field.focus()
            return
        finally:
            wipe(typed)
        await self.edge.unlocked()
