"""What every full screen has: the status bar above, the key bar below, and its own actions from the registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.screen import Screen
from textual.widgets import Input

from tui.terminal import textual_private
from tui.widgets.key_bar import KeyBar
from tui.widgets.status_bar import StatusBar

if TYPE_CHECKING:
    from edge.encounters.open_encounter import OpenEncounter
    from tui.actions import Action
    from tui.app import EdgeApp


# A key that comes while something is drawn waits for the next frame.
textual_private.draw_often()


class EdgeScreen(textual_private.DrawnAtOnce, Screen[None]):
    """Narrow below 100 columns, wide from there; short below 30 lines, tall from there.

    scope: whose actions it has. encounter: the encounter that it shows. holds_key: it shows what is shown only once.
    """

    CSS_PATH: ClassVar[Path | None] = Path(__file__).parents[1] / "app.tcss"
    scope = ""
    holds_key = False
    encounter: OpenEncounter | None = None
    _in_field = False

    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - as Textual declares it

    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-short"), (30, "-tall")]  # noqa: RUF012 - as Textual declares it

    @property
    def edge(self) -> EdgeApp:
        """The app, by its own type."""
        return cast("EdgeApp", self.app)

    def list_changed(self) -> None:
        """An encounter was kept, signed or renamed: nothing to do where no list is shown."""

    async def redraw(self) -> None:
        """Compose everything anew, in another language."""
        await self.recompose()

    def on_descendant_focus(self) -> None:
        """Letters are keys outside a field, and text in one."""
        typing = isinstance(self.focused, Input)
        if typing != self._in_field:
            self._in_field = typing
            self.keys_changed()

    def in_bar(self, action: Action) -> bool:
        """Whether the key bar shows an action of this screen, if it is possible."""
        return action.bar

    def tick(self) -> None:
        """Bring the bars up to date."""
        for bar in self.query(StatusBar):
            bar.tick()

    def keys_changed(self) -> None:
        """Other actions are possible now."""
        for bar in self.query(KeyBar):
            bar.refresh()
