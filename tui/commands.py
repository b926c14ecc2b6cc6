"""The command palette, made from the action registry alone: none of Textual's own commands (screenshots)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from textual.command import DiscoveryHit, Hit, Hits, Provider

from tui import actions
from tui.actions import Action
from tui.texts import t


class Commands(Provider):
    """Actions that are possible on the screen below the palette."""

    def _possible(self) -> Iterator[tuple[Action, Callable[[], object]]]:
        for action in actions.of(getattr(self.screen, "scope", ""), "app"):
            owner = self.app if action.scope == "app" else self.screen
            if action.name != "palette" and owner.check_action(action.name, ()) is not False:
                yield action, getattr(owner, f"action_{action.name}")

    async def discover(self) -> Hits:
        for action, run in self._possible():
            yield DiscoveryHit(f"{action.title}  {action.key}", run)

    async def search(self, query: str) -> Hits:
        matcher, none = self.matcher(query), True
        for action, run in self._possible():
            if (score := matcher.match(action.title)) > 0:
                none = False
                yield Hit(score, matcher.highlight(action.title), run)
        if none:  # Textual would say so in English
            yield Hit(0.01, t("help.no_command"), lambda: None)
