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
    from edge.encounters.open_encounter import OpenEncounter
    from tui.app import EdgeApp


_TITLE = 12  # cells of an encounter's title that must be seen


class StatusBar(Widget):
    """The seal, the model, the queue; of an encounter also its title, state and whether it is saved."""

    def __init__(self) -> None:
        super().__init__()
        self.encounter: OpenEncounter | None = None
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
        if self.encounter is not None:
            self._case(left, self.encounter)
        else:
            left.append(f" {t('app.name')} ", "bold")
        title = one_line(self.encounter.title, 160) if self.encounter is not None and self.encounter.title else ""
        if self.encounter is not None and not title:
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

    def _case(self, line: Text, encounter: OpenEncounter) -> None:
        word = t(f"app.{encounter.state.value.lower()}")
        version = f" {t('app.version', version=encounter.version)}" if encounter.version > 1 else ""
        line.append(f" {word}{version} ", "bold")
        line.append(f"│ {t('app.unsaved' if encounter.unsaved else 'app.saved')} │ ")
        if encounter.incomplete:
            line.append(f" {t('app.incomplete')} ", "bold reverse")
            line.append(" ")

    def tick(self) -> None:
        """Draw again if something that it shows has changed."""
        app, encounter = self.edge, self.encounter
        now: tuple[object, ...] = (app.model_line(), app.queue_line(), len(app.damage))
        if encounter is not None:
            now += (
                encounter.title,
                encounter.state,
                encounter.version,
                encounter.unsaved,
                encounter.incomplete,
            )
        if now != self.drawn:
            self.drawn = now
            self.refresh()
