"""The app's base: what is drawn is filtered, no side door is open, and a fault shows no patient text."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, ClassVar

from rich.segment import Segment, Segments
from textual.app import App, SystemCommand
from textual.filter import LineFilter
from textual.screen import Screen
from textual.theme import Theme

from edge.errors import EdgescribeError, as_error
from edge.seal import crash
from edge.text import one_line
from tui.actions import Commands
from tui.terminal import driver, textual_private
from tui.terminal.beat import Beat
from tui.texts import t
from tui.widgets.safe import SafeLines

# The colour-blind safe palette is Okabe and Ito's (2008): blue, orange, sky, yellow, vermilion on near black.
THEMES = (
    Theme(
        "edge-dark", primary="#5fafd7", secondary="#87afaf", accent="#d7af5f", warning="#ffaf5f", error="#ff6e6e",
        success="#87d787", foreground="#d8dee4", background="#14181c", surface="#1a2026", panel="#242c34", dark=True,
    ),
    Theme(
        "edge-light", primary="#005f87", secondary="#3a6b6b", accent="#8a5a00", warning="#9a4a00", error="#b00020",
        success="#1b6e2a", foreground="#1c2126", background="#f7f7f4", surface="#ffffff", panel="#e6e9ea", dark=False,
    ),
    Theme(
        "edge-contrast", primary="#00ffff", secondary="#ffffff", accent="#ffff00", warning="#ffff00", error="#ff8080",
        success="#00ff00", foreground="#ffffff", background="#000000", surface="#000000", panel="#1c1c1c", dark=True,
        text_alpha=1.0,
    ),
    Theme(
        "edge-colour-blind", primary="#56b4e9", secondary="#0072b2", accent="#f0e442", warning="#e69f00",
        error="#d55e00", success="#56b4e9", foreground="#f0f0f0", background="#101214", surface="#16191c",
        panel="#22272b", dark=True,
    ),
)  # fmt: skip


class BaseApp(textual_private.SilentFault, App[int]):
    """Textual's App without its ways out: screenshots, tracebacks with locals, the terminal's clipboard unasked."""

    CSS_PATH = "first.tcss"
    COMMANDS: ClassVar[Any] = {Commands}
    TITLE = "edgescribe"
    copy_through_terminal = False

    def __init__(self, theme: str = THEMES[0].name, life: Beat | None = None) -> None:
        super().__init__(driver_class=driver.window())
        self.life = life
        self._complaints: list[EdgescribeError] = []
        self._safe_lines = [SafeLines()]
        for one in THEMES:
            self.register_theme(one)
        textual_private.begin_with(self, lambda: self.set_reactive(App.theme, theme), theme)

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), *self._safe_lines]

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        return ()

    def deliver_screenshot(self, *_: Any, **__: Any) -> str | None:
        return None

    def action_screenshot(self, filename: str | None = None, path: str | None = None) -> None:
        return

    def save_screenshot(self, *_: Any, **__: Any) -> str:
        raise EdgescribeError("Screens are not written to disk.")

    def deliver_text(self, *_: Any, **__: Any) -> str | None:
        return None

    def deliver_binary(self, *_: Any, **__: Any) -> str | None:
        return None

    def open_url(self, url: str, *, new_tab: bool = True) -> None:
        return

    def copy_to_clipboard(self, text: str) -> None:
        """Inside the app always; to the terminal (OSC 52) only if the user has switched that on."""
        textual_private.copy_inside(self, text)
        if self.copy_through_terminal:
            super().copy_to_clipboard(text)

    def go(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run work beside the screen; its errors become a box that says what to do."""
        self.run_worker(self._guarded(work), exit_on_error=False)

    async def _guarded(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except Exception as fault:  # noqa: BLE001 - the edge of a piece of work: a named error for the user
            self.complain(as_error(fault))

    def complain(self, error: EdgescribeError) -> None:
        """Show a named error in front of the screen; never in front of a question, which is answered first."""
        from tui.widgets.dialogs import Complaint, Dialog

        if isinstance(self.screen, Dialog):
            self._complaints.append(error)
        else:
            mend = self.mends(error)
            self.push_screen(
                Complaint(error, t(f"mend.{mend}") if mend else ""),
                lambda wanted: self.go_to(mend) if wanted else None,
            )

    def mends(self, error: EdgescribeError) -> str:
        """What leads to the place that mends an error, a key of the texts mend.*; "" if nothing here does."""
        return ""

    def go_to(self, mend: str) -> None:
        """Go to the place that mends an error. mend: see mends()."""

    def complain_later(self) -> None:
        """Show an error that waited for an answer."""
        if self._complaints:
            self.complain(self._complaints.pop(0))

    def tell(self, text: str) -> None:
        """A short remark that goes away by itself."""
        self.notify(one_line(text), markup=False, timeout=5)

    def fault_lines(self, fault: BaseException | None) -> Segments:
        """The kind of fault and its places in code: never a message or local variables, which hold patients' words."""
        lines = [t("app.fault")]
        if fault is not None:
            lines.append(crash.report(type(fault), fault.__traceback__))
        return Segments([Segment("\n".join(lines) + "\n")])
