"""Bring a backup back: it is checked byte by byte and told what it holds before it takes the place of the records."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Button, Input

from edge.errors import EdgescribeError
from tui.labels import day_and_time
from tui.texts import t
from tui.texts.core import error_line
from tui.widgets.dialogs import Dialog
from tui.widgets.safe import Label, SafeInput, SecretInput, button, wipe

if TYPE_CHECKING:
    from edge.vaults import Passphrase


class Restore(Dialog["tuple[Path, Passphrase]"]):
    """First the backup is checked, then it may be brought back: one box for both. Answers its file and passphrase."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.heading = t("restore.title")
        self._folder = folder
        self._checked: tuple[Path, Passphrase] | None = None

    def body(self) -> ComposeResult:
        yield Label(t("restore.about"))
        yield Label(t("restore.file"))
        yield SafeInput(self._folder, id="restore-file", select_on_focus=False)
        yield Label(t("restore.passphrase"))
        yield SecretInput(id="restore-secret")
        yield Label(id="restore-status")
        with Horizontal(classes="buttons"):
            yield button(t("app.cancel"), "no")
            yield button(t("restore.check"), "yes", "primary")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "restore-file":
            self.query_one(SecretInput).focus()
        else:
            self._go_on()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "no":
            self.action_give_up()
        else:
            self._go_on()

    def action_give_up(self) -> None:
        if self._checked is not None:
            self._checked[1].wipe()
        self.dismiss(None)

    def _go_on(self) -> None:
        if self._checked is not None:
            self.dismiss(self._checked)
            return
        field = self.query_one(SecretInput)
        if field.value and not field.disabled:
            self._enable(False)
            self.query_one("#restore-status", Label).show(t("settings.checking"))
            path = Path(self.query_one("#restore-file", SafeInput).value.strip())
            self.run_worker(self._check(path, field.take()), exit_on_error=False)

    def _enable(self, on: bool) -> None:
        for field in self.query(Input):
            field.disabled = not on

    async def _check(self, path: Path, typed: bytearray) -> None:
        from edge.vaults import Passphrase, check_backup

        status = self.query_one("#restore-status", Label)
        secret: Passphrase | None = None
        try:
            path = path.expanduser().absolute()
            secret = Passphrase(typed)
            found = await asyncio.to_thread(check_backup, path, secret)
        except (EdgescribeError, RuntimeError) as error:
            if secret is not None:
                secret.wipe()
            named = error if isinstance(error, EdgescribeError) else EdgescribeError(str(error))
            status.show(error_line(named))
            self._enable(True)
            return
        finally:
            wipe(typed)
        self._checked = (path, secret)
        made = ", ".join(day_and_time(found.made))
        status.show(t("restore.holds", made=made, count=found.counts.get("encounter", 0)))
        done = self.query_one("#yes", Button)
        done.label = t("restore.button")
        done.focus()
