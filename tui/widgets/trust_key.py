"""A model that nobody vouches for: why it may not write, and the way to mend that, the public key from IT."""

from __future__ import annotations

import asyncio
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Button

from edge.contract import signing
from edge.contract.signing import PublicKey
from edge.errors import UsageError
from edge.text import one_line
from tui.texts import t
from tui.texts.core import error_line
from tui.widgets.dialogs import Dialog
from tui.widgets.safe import Label, SafeInput, button


class TrustKey(Dialog[bool]):
    """First the key is read and shown, then it is trusted: one box for both. Answers True once it is."""

    def __init__(self) -> None:
        super().__init__()
        self.heading = t("trust.title")
        self._key: PublicKey | None = None
        self._path = Path()

    def body(self) -> ComposeResult:
        yield Label(t("trust.about"))
        yield Label(t("trust.path"))
        yield SafeInput(id="key-file")
        yield Label(id="trust-status")
        with Horizontal(classes="buttons"):
            yield button(t("app.cancel"), "no")
            yield button(t("trust.read"), "yes", "primary")

    def on_input_changed(self) -> None:
        self._key = None
        self.query_one("#yes", Button).label = t("trust.read")

    def on_input_submitted(self) -> None:
        self.run_worker(self._go_on(), exclusive=True, exit_on_error=False)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "no":
            self.dismiss(None)
        else:
            self.run_worker(self._go_on(), exclusive=True, exit_on_error=False)

    async def _go_on(self) -> None:
        status = self.query_one("#trust-status", Label)
        try:
            if self._key is not None:
                await asyncio.to_thread(signing.trust, self._path)
                self.dismiss(True)
                return
            self._path = Path(self.query_one(SafeInput).value.strip()).expanduser()
            self._key = await asyncio.to_thread(signing.read_key, self._path)
        except (UsageError, RuntimeError) as error:
            status.show(error_line(error) if isinstance(error, UsageError) else one_line(str(error)))
            return
        status.show(t("trust.compare", name=one_line(self._key.name), code=_in_fours(self._key.key_id)))
        self.query_one("#yes", Button).label = t("trust.button")


def _in_fours(code: str) -> str:
    """A code as it is read aloud."""
    return " ".join(code[at : at + 4] for at in range(0, len(code), 4))
