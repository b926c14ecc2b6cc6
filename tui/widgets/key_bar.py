"""The last lines: keys that work here and now, made from the action registry. A click does what the key does."""

from __future__ import annotations

from collections.abc import Callable

from rich.cells import cell_len
from rich.text import Text
from textual.app import RenderResult
from textual.events import Click
from textual.widget import Widget
from textual.widgets import Input, TextArea

from tui import actions


def _width(action: actions.Action) -> int:
    return cell_len(action.key) + cell_len(action.title) + 4


class KeyBar(Widget):
    """scopes: whose actions are shown. Those that the screen refuses just now are left out.

    roomy: a second line where one is too short for them, below 160 columns.
    """

    def __init__(self, *scopes: str, roomy: bool = False) -> None:
        super().__init__()
        self._scopes, self._roomy = scopes, roomy
        self._spans: list[tuple[int, int, int, actions.Action]] = []

    def on_mount(self) -> None:
        self._fit(self.app.size.width)

    def on_resize(self) -> None:
        self._fit(self.size.width)

    def _fit(self, width: int) -> None:
        lines = 2 if self._roomy and width < 160 else 1
        if self.styles.height is None or self.styles.height.value != lines:
            self.styles.height = lines

    def render(self) -> RenderResult:
        in_bar: Callable[[actions.Action], bool] = getattr(self.screen, "in_bar", lambda action: action.bar)
        shown = [a for a in actions.of(*self._scopes) if in_bar(a) and self._possible(a)]
        keep = [a for a in shown if a.name == "help"]
        lines: list[list[actions.Action]] = [[] for _ in range(max(1, self.size.height))]
        room = [self.size.width for _ in lines]
        room[-1] -= sum(_width(a) for a in keep)
        for action in [a for a in shown if a not in keep]:
            # A key that has no room is left out whole; "Keys" lists them all.
            at = next((n for n, left in enumerate(room) if _width(action) <= left), None)
            if at is not None:
                room[at] -= _width(action)
                lines[at].append(action)
        lines[-1] += keep
        self._spans = []
        return Text("\n", end="").join(self._line(y, line) for y, line in enumerate(lines))

    def _possible(self, action: actions.Action) -> bool:
        if not action.over and isinstance(self.screen.focused, Input | TextArea):
            return False  # it would be typed
        owner = self.app if action.scope == "app" else self.screen
        return owner.check_action(action.name, ()) is not False

    def _line(self, y: int, shown: list[actions.Action]) -> Text:
        line = Text(no_wrap=True, overflow="crop", end="")
        for action in shown:
            start = line.cell_len
            line.append(f" {action.key} ", style="bold reverse")
            line.append(f" {action.title} ")
            self._spans.append((y, start, line.cell_len, action))
        return line

    async def on_click(self, event: Click) -> None:
        for y, start, end, action in self._spans:
            if y == event.y and start <= event.x < end:
                await self.run_action(("app." if action.scope == "app" else "screen.") + action.name)
