"""The installed bundles: what each is good for, which one writes, and a check of every byte on demand."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.timer import Timer
from textual.widgets import Button, DataTable, ProgressBar

from edge import paths
from edge.contract.bundle import verify_bundle
from edge.contract.bundle_card import BundleCard, cards
from edge.errors import BundleError
from tui.settings import Settings
from tui.texts import t
from tui.texts.core import error_line
from tui.widgets.bundle_card import BundleView, why_not
from tui.widgets.safe import Label, button, label
from tui.widgets.table import Table
from tui.widgets.trust_key import TrustKey

if TYPE_CHECKING:
    from tui.app import EdgeApp


class ModelTab(Vertical):
    """The first row stands for the one that is chosen by itself. A choice counts at once."""

    def __init__(self, kept: Settings) -> None:
        super().__init__()
        self._kept = kept
        self._cards: list[BundleCard] = []
        self._stopped = threading.Event()
        self._progress = (0, 1)
        self._timer: Timer | None = None

    @property
    def edge(self) -> EdgeApp:
        """The app, by its own type."""
        return cast("EdgeApp", self.app)

    def compose(self) -> ComposeResult:
        with Horizontal(classes="bar"):
            yield button(t("bundle.use"), "bundle-use", "primary", compact=True)
            yield button(t("bundle.verify"), "bundle-verify", compact=True)
            yield button(t("trust.open"), "bundle-trust", compact=True)
            yield ProgressBar(total=1, show_eta=False, id="bundle-progress")
        yield Label(id="bundle-verdict")
        with Container(classes="sides"):
            yield Table("bundles")
            yield BundleView()

    def on_mount(self) -> None:
        self.query_one(ProgressBar).display = False
        self._cards = cards(paths.bundle_dirs())
        if not self._cards:
            self.query_one("#bundle-verdict", Label).show(t("bundle.none"))
        for one in self.query(Button):
            one.disabled = not self._cards and one.id != "bundle-trust"
        self._fill()

    def on_unmount(self) -> None:
        self._stopped.set()

    def _fill(self) -> None:
        table = self.query_one(DataTable)
        here = table.cursor_row
        table.clear(columns=True)
        for key in ("chosen", "model", "precision", "size", "signer"):
            table.add_column(label(t(f"bundle.{key}") if key != "chosen" else " "), key=key)
        for row, one in enumerate([self._cards[0], *self._cards] if self._cards else []):
            name = t("bundle.automatic") if row == 0 else one.name
            mark = t("bundle.chosen") if self._kept.bundle == ("" if row == 0 else one.name) else ""
            cells = (mark, name, one.manifest.precision, f"{one.megabytes:.0f}", one.signer or "–")
            table.add_row(*(label(cell, 44) for cell in cells))
        table.move_cursor(row=max(0, here))

    def _current(self) -> BundleCard:
        return self._cards[max(0, self.query_one(DataTable).cursor_row - 1)]

    def on_data_table_row_highlighted(self) -> None:
        if self._cards:
            self.query_one(BundleView).show(self._current())

    def on_data_table_row_selected(self) -> None:
        self._use()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "bundle-use":
            self._use()
        elif event.button.id == "bundle-trust":
            self.app.push_screen(TrustKey(), self._trusted)
        elif self._timer is None:
            self.run_worker(self._verify(self._current()), exit_on_error=False)

    def _use(self) -> None:
        automatic = self.query_one(DataTable).cursor_row == 0
        verdict, card = self.query_one("#bundle-verdict", Label), self._current()
        refused = "" if automatic or self.edge.may_write(card) else why_not(card)
        verdict.set_class(bool(refused), "-wrong")
        if refused:
            verdict.show(refused)
            self.query_one("#bundle-trust").focus()
            return
        self.edge.use_bundle("" if automatic else card.name)
        verdict.show(t("bundle.used", name=t("bundle.automatic") if automatic else card.name))
        self._fill()

    def _trusted(self, done: bool | None) -> None:
        """Another key counts: who signed what is read again, and a model that waited for it is opened."""
        if done:
            self._cards = cards(paths.bundle_dirs())
            self._fill()
            self.query_one("#bundle-verdict", Label).set_class(False, "-wrong")
            self.query_one("#bundle-verdict", Label).show(t("trust.done"))
            self.edge.use_bundle(self._kept.bundle)

    async def _verify(self, card: BundleCard) -> None:
        verdict, bar = self.query_one("#bundle-verdict", Label), self.query_one(ProgressBar)
        verdict.show(t("bundle.verifying", name=card.name))
        verdict.set_class(False, "-wrong")
        self._progress = (0, 1)
        bar.display = True
        self._timer = self.set_interval(0.1, self._show_progress)
        try:
            found = await asyncio.to_thread(verify_bundle, card.folder, self._count)
            signer = t("bundle.signed_by", name=found.signed_by) if found.signed_by else t("bundle.not_signed")
            text = t("bundle.verified", name=card.name, count=len(found.manifest.files), signer=signer)
        except BundleError as error:
            text = t("bundle.refused", why=error_line(error))
            verdict.set_class(True, "-wrong")
        finally:
            self._timer.stop()
            self._timer = None
            bar.display = False
        verdict.show(text)

    def _count(self, done: int, total: int) -> None:
        """In the checking thread: the screen looks at it when it likes."""
        self._progress = (done, total)
        if self._stopped.is_set():
            raise BundleError("The check was stopped.")

    def _show_progress(self) -> None:
        done, total = self._progress
        self.query_one(ProgressBar).update(total=max(1, total), progress=done)
