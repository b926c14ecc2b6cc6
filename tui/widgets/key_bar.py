"""The last line: keys that matter here, made from the action registry. A click does what the key does."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text
from textual.app import RenderResult
from textual.events import Click
from textual.widget import Widget

from tui import actions


def _width(action: actions.Action) -> int:
    return cell_len(action.key) + cell_len(action.title) + 4


class KeyBar(Widget):
    """scopes: whose actions are shown. Those that the screen refuses just now are left out."""

    def __init__(self, *scopes: str) -> None:
        super().__init__()
        self._scopes = scopes
        self._spans: list[tuple[int, int, actions.Action]] = []

    def render(self) -> RenderResult:
        line = Text(no_wrap=True, overflow="crop", end="")
        self._spans = []
        shown = [a for a in actions.of(*self._scopes) if a.bar and self._possible(a)]
        keep = [a for a in shown if a.name == "help"]
        room = self.size.width - sum(_width(a) for a in keep)
        for action in [a for a in shown if a not in keep]:
            if _width(action) <= room:  # a key that has no room is left out whole; "Keys" lists them all
                room -= _width(action)
                self._add(line, action)
        for action in keep:
            self._add(line, action)
        return line

    def _possible(self, action: actions.Action) -> bool:
        owner = self.app if action.scope == "app" else self.screen
        return owner.check_action(action.name, ()) is not False

    def _add(self, line: Text, action: actions.Action) -> None:
        start = line.cell_len
        line.append(f" {action.key} ", style="bold reverse")
        line.append(f" {action.title} ")
        self._spans.append((start, line.cell_len, action))

    async def on_click(self, event: Click) -> None:
        for start, end, action in self._spans:
            if start <= event.x < end:
                await self.run_action(("app." if action.scope == "app" else "screen.") + action.name)
