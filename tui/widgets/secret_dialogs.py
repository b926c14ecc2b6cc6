"""Asking for what opens the records: a wrong secret is told in the box itself, before anything goes on.

What is typed lies in one buffer that is wiped (SecretInput); the answer is a secret that the caller wipes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Button, Input

from edge.errors import EdgescribeError
from tui.texts import t
from tui.texts.core import error_line, told
from tui.widgets.dialogs import Dialog
from tui.widgets.safe import Label, SecretInput, button, wipe

if TYPE_CHECKING:
    from edge.vaults import Passphrase, Secret
    from tui.app import EdgeApp

PassphraseCheck = Callable[["Secret"], Coroutine[Any, Any, None]]


class AskSecret(Dialog["Secret"]):
    """The passphrase or, with recovery, the recovery key in its place. check: raises for a wrong one."""

    def __init__(self, heading: str, check: PassphraseCheck, ok: str = "", recovery: bool = False) -> None:
        super().__init__()
        self.heading, self._check, self._ok, self._recovery = heading, check, ok, recovery
        self._by_key = False

    def body(self) -> ComposeResult:
        yield Label(t("settings.current"), id="secret-prompt")
        yield SecretInput(id="asked")
        yield Label(id="secret-status")
        if self._recovery:
            with Horizontal(classes="buttons -left"):
                yield button(t("unlock.use_recovery"), "other")
        with Horizontal(classes="buttons"):
            yield button(t("app.cancel"), "no")
            yield button(self._ok or t("app.ok"), "yes", "primary")

    def on_input_submitted(self) -> None:
        self._try()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "no":
            self.dismiss(None)
        elif event.button.id == "yes":
            self._try()
        else:
            self._by_key = not self._by_key
            self.query_one("#secret-prompt", Label).show(t("unlock.recovery" if self._by_key else "settings.current"))
            event.button.label = t("unlock.use_passphrase" if self._by_key else "unlock.use_recovery")
            field = self.query_one(SecretInput)
            wipe(field.take())
            field.masked = not self._by_key
            field.focus()

    def _try(self) -> None:
        field = self.query_one(SecretInput)
        if field.value and not field.disabled:
            field.disabled = True
            self.query_one("#secret-status", Label).show(t("settings.checking"))
            self.run_worker(self._judge(field.take()), exit_on_error=False)

    async def _judge(self, typed: bytearray) -> None:
        from edge.vaults import Passphrase, RecoveryKey

        field, status = self.query_one(SecretInput), self.query_one("#secret-status", Label)
        secret: Secret | None = None
        try:
            secret = RecoveryKey.parse(typed.decode()) if self._by_key else Passphrase(typed)
            await self._check(secret)
        except EdgescribeError as error:
            if secret is not None:
                secret.wipe()
            status.show(error_line(error))
            field.disabled = False
            field.focus()
            return
        finally:
            wipe(typed)
        self.dismiss(secret)


class NewPassphrase(Dialog["Passphrase"]):
    """A new passphrase, typed twice, that is strong enough."""

    def __init__(self) -> None:
        super().__init__()
        self.heading = t("settings.change")

    def body(self) -> ComposeResult:
        yield Label(t("settings.new"))
        yield SecretInput(id="new-first")
        yield Label(t("first.again"))
        yield SecretInput(id="new-second")
        yield Label(id="secret-status")
        with Horizontal(classes="buttons"):
            yield button(t("app.cancel"), "no")
            yield button(t("settings.change"), "yes", "primary")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "new-first":
            self.query_one("#new-second").focus()
        else:
            self._judge()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "no":
            self.dismiss(None)
        else:
            self._judge()

    def _judge(self) -> None:
        from edge.vaults import Passphrase, strength

        first, second = self.query_one("#new-first", SecretInput), self.query_one("#new-second", SecretInput)
        if not first.value:
            first.focus()
            return
        typed, again = first.take(), second.take()
        same = typed == again
        wipe(again)
        found = Passphrase(typed)
        wipe(typed)
        good, advice = strength(found) if same else (False, t("first.differ"))
        if good:
            self.dismiss(found)
            return
        found.wipe()
        self.query_one("#secret-status", Label).show(told(advice))
        first.focus()


def with_passphrase(app: EdgeApp, heading: str, then: Callable[[Passphrase], Coroutine[Any, Any, None]]) -> None:
    """Ask for the passphrase until it is the right one, and do something with it; it is wiped after that."""
    from edge.vaults import Passphrase

    async def guarded(secret: Passphrase) -> None:
        with secret:
            await then(secret)

    def answered(secret: Secret | None) -> None:
        if isinstance(secret, Passphrase):
            app.go(guarded(secret))

    app.push_screen(AskSecret(heading, checked_by(app)), answered)


def checked_by(app: EdgeApp) -> PassphraseCheck:
    """Whether a secret opens the records that are open; told with the delay of a failed unlock."""

    async def check(secret: Secret) -> None:
        await app.vault.call(lambda vault: vault.admin.confirm(secret))

    return check


async def asked_for(app: EdgeApp, dialog: Dialog[Any]) -> Any:
    """The answer of a dialog, for work that goes on with it."""
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    app.push_screen(dialog, done.set_result)
    return await done
