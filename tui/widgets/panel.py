"""What the encounter's screen asks of a panel, and what a panel does unless it says otherwise."""

from __future__ import annotations

from textual.containers import Vertical

from edge.encounters.open_encounter import OpenEncounter


class PanelBase(Vertical):
    """A panel of the encounter (tui.panels).

    basis: whether the left side shows the text that fields point into, instead of the conversation, while it is open.
    """

    basis = False
    _theme = ""

    def notify_style_update(self) -> None:
        """A panel's texts hold the theme's colours: with another theme they are made anew."""
        super().notify_style_update()
        if self._theme and self._theme != self.app.theme:
            self.call_later(self.restyle)
        self._theme = self.app.theme

    async def restyle(self) -> None:
        """Make what holds the theme's colours anew."""

    def left(self, encounter: OpenEncounter) -> tuple[str, str]:
        """The text that stands on the left while the panel is open, and its title; "" for the conversation."""
        return "", ""

    async def show(self, encounter: OpenEncounter, job: str = "") -> None:
        """Bring the panel up to the encounter. job: what the model does for it now, "" for nothing."""

    def focus_first(self) -> None:
        """Put the cursor into the panel."""

    def can(self, action: str) -> bool:
        """Whether an action of tui.actions.IN_PANELS does something here now."""
        return False

    def act(self, action: str) -> None:
        """Do an action for which can() holds."""

    def turn_chosen(self, start: int, end: int) -> None:
        """The cursor stands on the turn from start to end of the conversation."""
