"""The first line: what a clinician must always see. Words first; colour only repeats them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rich.cells import cell_len
from rich.text import Text
from textual.app import RenderResult
from textual.widget import Widget

from edge.text import one_line
from tui.texts import t

if TYPE_CHECKING:
    from tui.app import EdgeApp
    from tui.case import Case


_TITLE = 12  # cells of an encounter's title that must be seen


class StatusBar(Widget):
    """The seal, the model, the queue; of an encounter also its title, state and whether it is saved."""

    def __init__(self) -> None:
        super().__init__()
        self.case: Case | None = None
        self.drawn: tuple[object, ...] = ()

    @property
    def edge(self) -> EdgeApp:
        """The app, as what it is."""
        return cast("EdgeApp", self.app)

    def render(self) -> RenderResult:
        app = self.edge
        left, right = Text(no_wrap=True, end=""), Text(no_wrap=True, end="")
        seal = {"kernel": "sealed", "partial": "partly"}.get(app.seal_level, "unsealed")
        right.append(f" {t(f'app.{seal}')} ", "bold" if seal == "sealed" else "bold reverse")
        if app.damage:
            left.append(f" {t('app.damaged')} ", "bold reverse")
        if queue := app.queue_line():
            left.append(f" {queue} ", "bold reverse")
        if self.case is not None:
            self._case(left, self.case)
        else:
            left.append(f" {t('app.name')} ", "bold")
        title = one_line(self.case.title, 160) if self.case is not None and self.case.title else ""
        if self.case is not None and not title:
            title = t("encounter.untitled")
        wanted = left.cell_len + min(_TITLE, cell_len(title)) + 1
        right.append(self._model(self.size.width - right.cell_len - wanted))
        room = self.size.width - right.cell_len
        name_part = Text(title, end="")
        name_part.truncate(max(0, room - left.cell_len - 1), overflow="ellipsis")
        left.append_text(name_part)
        left.truncate(max(0, room), overflow="ellipsis", pad=True)
        return left + right

    def _model(self, room: int) -> str:
        """The model and what must be known of it; its name only if there is room: whose note this is counts more."""
        model, marks = self.edge.model_line()
        told = [t(f"app.{mark}") for mark in marks]
        whole = "│ " + " · ".join([one_line(model, 24 if self.size.width < 120 else 60), *told]) + " "
        if cell_len(whole) <= room:
            return whole
        return "│ " + " · ".join(told) + " " if told else ""

    def _case(self, line: Text, case: Case) -> None:
        word = t(f"app.{case.state.value.lower()}")
        version = f" {t('app.version', version=case.version)}" if case.version > 1 else ""
        line.append(f" {word}{version} ", "bold")
        line.append(f"│ {t('app.unsaved' if case.dirty or case.rows_dirty else 'app.saved')} │ ")
        if case.incomplete:
            line.append(f" {t('app.incomplete')} ", "bold reverse")
            line.append(" ")

    def tick(self) -> None:
        """Draw again if something that it shows has changed."""
        app, case = self.edge, self.case
        now: tuple[object, ...] = (app.model_line(), app.queue_line(), len(app.damage))
        if case is not None:
            now += (case.title, case.state, case.version, case.dirty or case.rows_dirty, case.incomplete)
        if now != self.drawn:
            self.drawn = now
            self.refresh()
