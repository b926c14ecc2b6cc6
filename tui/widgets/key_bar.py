"""The last line: keys that matter here, made from the action registry. A click does what the key does."""

from __future__ import annotations

from rich.text import Text
from textual.app import RenderResult
from textual.events import Click
from textual.widget import Widget

from tui import actions


class KeyBar(Widget):
    """scopes: whose actions are shown. Those that the screen refuses just now are left out."""

    def __init__(self, *scopes: str) -> None:
        super().__init__()
        self._scopes = scopes
        self._spans: list[tuple[int, int, actions.Action]] = []

    def render(self) -> RenderResult:
        line = Text(no_wrap=True, overflow="ellipsis", end="")
        self._spans = []
        for action in actions.of(*self._scopes):
            owner = self.app if action.scope == "app" else self.screen
            if not action.bar or owner.check_action(action.name, ()) is False:
                continue
            start = line.cell_len
            line.append(f" {action.key} ", style="bold reverse")
            line.append(f" {action.title} ")
            self._spans.append((start, line.cell_len, action))
        return line

    async def on_click(self, event: Click) -> None:
        for start, end, action in self._spans:
            if start <= event.x < end:
                await self.run_action(("app." if action.scope == "app" else "screen.") + action.name)
