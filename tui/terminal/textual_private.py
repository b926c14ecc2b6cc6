"""Every name of Textual's own that begins with an underscore, or is as good as private, and that this app holds on to.

They are here and nowhere else, so that a new Textual is tried in one place: NAMES says what breaks without each, and a
test asks Textual for all of them. Mixins stand before Textual's class in a class's bases; nothing heavy is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from textual import screen as textual_screen
from textual._styles_cache import StylesCache
from textual._xterm_parser import XTermParser

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.app import App
    from textual.driver import Driver
    from textual.strip import Strip
    from textual.widget import Widget

# Where the name is: what breaks without it.
NAMES = {
    "textual.screen:UPDATE_PERIOD": "a key waits 17 ms for the next frame instead of 4",
    "textual.screen:Screen._compositor_refresh": "a scroll bar or a new row is drawn a frame after its layout",
    "textual.screen:Screen._compositor": "the same",
    "textual.widget:Widget._repaint_required": "the same",
    "textual.widget:Widget._size": "the conversation is drawn anew at every key in the note beside it",
    "textual.widget:Widget._size_updated": "the same",
    "textual.widget:Widget._container_size": "the same",
    "textual.widgets:DataTable._update_dimensions": "a list drawn while it is filled stays with cut-off words",
    "textual.widgets:DataTable._clear_caches": "the same",
    "textual.widgets:TextArea._line_cache": "every row of a section is drawn anew for each word that is written",
    "textual.widgets:TextArea._theme": "a field's colours are made anew at every drawing",
    "textual.app:App._exception": "a fault shows no place in code",
    "textual.app:App._fatal_error": "a fault prints local variables, which hold patients' words",
    "textual.app:App._exit_renderables": "a fault ends the app without a word",
    "textual.app:App._close_messages_no_wait": "the same: the app hangs",
    "textual.app:App._clipboard": "text copied inside the app goes to the terminal unasked",
    "textual.app:App._refresh_truecolor_filter": "all styles are read and applied twice at the start",
    "textual._styles_cache:StylesCache.get_inner_outer": "drawn text of widgets that are gone stays in memory",
    "textual._xterm_parser:XTermParser": "a paste that holds control bytes is read as keys",
    "textual.driver:Driver._debug": "the same",
}
_ROW = 2  # place of the row's number in TextArea's names for drawn rows


def draw_often() -> None:
    """Draw up to 240 times a second, where something has changed; animations keep the framework's own rate."""
    textual_screen.__dict__["UPDATE_PERIOD"] = 1 / 240


def forget_drawn() -> None:
    """Drop what was drawn: Textual keeps the last 1,024 drawn widgets, text and all, as keys of a cache of margins."""
    StylesCache.get_inner_outer.cache_clear()


def parser(driver: Driver) -> XTermParser:
    """The framework's reader of what a terminal sends."""
    return XTermParser(driver._debug)


def unwatch(app: App[Any], widget: Widget, name: str) -> None:
    """Take a widget off the app's list of who watches a reactive: it would be kept as long as the app."""
    watching = getattr(app, "__watchers", {}).get(name, [])
    watching[:] = [one for one in watching if one[0] is not widget]


class DrawnAtOnce:
    """A screen that draws what a layout has just changed with it, not a frame later."""

    def _compositor_refresh(self) -> None:
        screen: Any = self
        late = {w for w in screen._compositor.visible_widgets if w._repaint_required and w is not screen}
        screen._compositor.update_widgets(late)
        for widget in late:
            widget._repaint_required = False
        parent: Any = super()
        parent._compositor_refresh()


class SteadyView:
    """A scroll view that is drawn anew only where its own size has changed.

    Told at every layout of the screen, Textual compares the parent's size with the view's, and draws the scroll bar.
    """

    def _size_updated(self, size: Any, virtual_size: Any, container_size: Any, layout: bool = True) -> bool:
        view: Any = self
        if size == view._size and view._container_size == size - view.styles.gutter.totals:
            return False
        parent: Any = super()
        return bool(parent._size_updated(size, virtual_size, container_size, layout))


class FittingColumns:
    """A table whose lines fit its columns: one drawn before Textual had measured them would be kept and drawn again."""

    def _update_dimensions(self, new_rows: Iterable[Any]) -> None:
        parent: Any = super()
        parent._update_dimensions(new_rows)
        table: Any = self
        table._clear_caches()
        table.refresh()


class DrawnRows:
    """What a text area has drawn of its rows, and with which theme. area: the TextArea."""

    def __init__(self, area: Any) -> None:
        self._area = area

    def above(self, first: int) -> dict[tuple[Any, ...], Strip]:
        """Drawn rows before a row's number."""
        cache = self._area._line_cache
        return {key: cache[key] for key in cache.keys() if key[_ROW] < first - 1}  # noqa: SIM118 - no mapping

    def put_back(self, rows: dict[tuple[Any, ...], Strip]) -> None:
        """They stand as they were drawn."""
        for key, row in rows.items():
            self._area._line_cache[key] = row

    @property
    def theme(self) -> object:
        """The theme whose colours are in use."""
        found: object = self._area._theme
        return found


class SilentFault:
    """An app whose fault shows what report() makes of it, never local variables. Before App in the bases."""

    def fault_lines(self, fault: BaseException | None) -> RenderableType:
        """What is shown. For the app to say."""
        raise NotImplementedError

    def panic(self, *_: Any) -> None:
        self._fatal_error()

    def _fatal_error(self) -> None:
        app: Any = self
        app._exit_renderables.append(self.fault_lines(app._exception))
        app._close_messages_no_wait()


def copy_inside(app: App[Any], text: str) -> None:
    """Put text on the app's own clipboard, not on the terminal's."""
    app._clipboard = text


def begin_with(app: App[Any], set_theme: Callable[[], None], theme: str) -> None:
    """Take the first theme before anything is styled: set as usual, all styles would be read and applied twice."""
    set_theme()
    dark = app.current_theme.dark
    app.update_classes({f"-theme-{theme}": True, "-dark-mode": dark, "-light-mode": not dark}, update=False)
    app.stylesheet.set_variables(app.get_css_variables())
    app._refresh_truecolor_filter(app.ansi_theme)
