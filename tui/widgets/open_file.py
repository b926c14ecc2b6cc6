"""Open a file: a path with completion, the folder's list and recent places; then what was read, before it is used.

One box does both, so that no dialog comes in front of a dialog, and a path that was wrong still stands there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input, OptionList
from textual.widgets.option_list import Option

from edge.errors import EdgescribeError
from edge.text import one_line
from tui.labels import speaker_label
from tui.settings import short
from tui.texts import catalogue, current, t
from tui.texts.core import error_line, told
from tui.widgets import folders
from tui.widgets.dialogs import Dialog
from tui.widgets.safe import Label, SafeInput, button, label, plain

if TYPE_CHECKING:
    from edge.encounters.writing import ReadFile

Read = Callable[[Path], Awaitable["tuple[ReadFile, str]"]]
_TURNS = 200  # of the preview
_REPORT = 8_000  # characters of a report in the preview


@dataclass(frozen=True)
class Opened:
    """What the clinician looked at and took. title: of a new encounter."""

    reading: ReadFile = field(repr=False)
    folder: Path = field(repr=False)
    title: str = field(default="", repr=False)


class OpenFile(Dialog[Opened]):
    """read: what the program makes of a file, and a warning of the core beside; its errors are shown under the path.

    recent: folders, newest first. fresh: a new encounter is made, which needs a title. replaces: a conversation is
    there already.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "tab", show=False, priority=True)]

    def __init__(self, read: Read, recent: list[str], fresh: bool, replaces: bool = False) -> None:
        super().__init__()
        self.heading = t("open.title")
        self._read, self._recent, self._fresh, self._replaces = read, recent, fresh, replaces
        self._entries: list[folders.Entry] = []
        self._found: Opened | None = None

    def body(self) -> ComposeResult:
        start = f"{short(Path(self._recent[0]))}/" if self._recent else "~/"
        with Vertical(id="open-choose"):
            yield SafeInput(start, id="path", select_on_focus=False)
            yield Label(id="open-status")
            yield OptionList(id="entries", markup=False)
            yield Label(t("open.hint"), classes="dialog-hint")
            with Horizontal(classes="buttons"):
                yield button(t("app.cancel"), "no")
                yield button(t("open.button"), "open", "primary")
        with Vertical(id="open-preview"):
            yield Label(id="open-facts")
            yield Label(id="open-warnings")
            with VerticalScroll():
                yield Label(id="open-text")
            if self._fresh:
                yield Label(t("new.prompt"))
                yield SafeInput(id="open-title", placeholder=t("open.untitled"))
            with Horizontal(classes="buttons"):
                yield button(t("app.back"), "back")
                yield button(t("open.take"), "take", "primary")

    def on_mount(self) -> None:
        self._show(preview=False)
        self._list()

    def _show(self, preview: bool) -> None:
        self.query_one("#open-choose").display = not preview
        self.query_one("#open-preview").display = preview
        self.query_one("#take" if preview and not self._fresh else "#open-title" if preview else "#path").focus()

    # -- the path and the list -----------------------------------------------------------------------------------------

    @property
    def _path(self) -> SafeInput:
        return self.query_one("#path", SafeInput)

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "path":
            self.query_one("#open-status", Label).show("")
            self._list()

    def _list(self) -> None:
        self.run_worker(self._fill(self._path.value), exclusive=True, group="entries", exit_on_error=False)

    async def _fill(self, typed: str) -> None:
        folder, begun = folders.parts(typed)
        found = await asyncio.to_thread(folders.listed, folder, begun)
        if not begun:
            recent = [folders.Entry(Path(one), True) for one in self._recent if Path(one) != folder]
        else:
            recent = []
        self._entries = [*recent, *found]
        shown = self.query_one("#entries", OptionList)
        shown.clear_options()
        for place, one in enumerate(self._entries):
            name = t("open.recent", folder=short(one.path)) if place < len(recent) else one.path.name
            shown.add_option(Option(label(name + ("/" if one.is_folder and place >= len(recent) else ""), 200)))
        if not self._entries:
            shown.add_option(Option(label(t("open.nothing")), disabled=True))

    def action_tab(self) -> None:
        """Complete the path; to the next part where nothing can be added to it."""
        if not self._path.has_focus:
            self.focus_next()
            return
        folder, begun = folders.parts(self._path.value)
        longer = folders.completed(begun, [one for one in self._entries if one.path.parent == folder] if begun else [])
        if longer and longer != begun:
            self._type(self._path.value[: len(self._path.value) - len(begun)] + longer)
        else:
            self.query_one("#entries").focus()

    def _type(self, text: str) -> None:
        self._path.value = text
        self._path.cursor_position = len(text)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if event.option_index < len(self._entries):
            self._choose(self._entries[event.option_index].path)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "path":
            self._typed()
        else:
            self._take()

    def _typed(self) -> None:
        text = self._path.value.strip()
        if text:
            try:
                self._choose(Path(text).expanduser())
            except RuntimeError as fault:
                self._refuse(str(fault))

    def _choose(self, path: Path) -> None:
        """A folder is gone into; a file is read."""
        if path.is_dir():
            self._type(f"{short(path)}/".replace("//", "/"))
            self._path.focus()
            return
        self.query_one("#open-status", Label).show(t("open.reading"))
        self.run_worker(self._open(path), exclusive=True, group="read", exit_on_error=False)

    def _refuse(self, why: str) -> None:
        self.query_one("#open-status", Label).show(why)
        self._path.focus()

    # -- what was read -------------------------------------------------------------------------------------------------

    async def _open(self, path: Path) -> None:
        try:
            reading, doubt = await self._read(path)
        except EdgescribeError as error:
            self._refuse(error_line(error))
            return
        self.query_one("#open-status", Label).show("")
        self._found = Opened(reading, path.absolute().parent)
        warnings = [t("open.replaces")] if self._replaces else []
        warnings += [t("open.report")] if reading.kind == "report" else []
        warnings += [one for one in (doubt, *reading.warnings) if one]
        self.query_one("#open-facts", Label).show(plain(f"{path.name}\n{facts(reading)}", "bold"))
        shown = self.query_one("#open-warnings", Label)
        shown.show(plain("\n".join(f"! {one_line(told(one))}" for one in warnings)))
        shown.display = bool(warnings)
        self.query_one("#open-text", Label).show(preview(reading))
        if self._fresh:
            self.query_one("#open-title", SafeInput).value = one_line(path.stem)
        self._show(preview=True)

    def _take(self) -> None:
        if self._found is not None:
            found = self._found
            title = self.query_one("#open-title", SafeInput).value if self._fresh else ""
            self.dismiss(Opened(found.reading, found.folder, title))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "no":
            self.dismiss(None)
        elif event.button.id == "open":
            self._typed()
        elif event.button.id == "back":
            self._show(preview=False)
        else:
            self._take()

    def action_give_up(self) -> None:
        """From the preview back to the path, with the path as it was."""
        if self.query_one("#open-preview").display:
            self._show(preview=False)
        else:
            self.dismiss(None)


def facts(reading: ReadFile) -> str:
    """What the program makes of a file, in one line."""
    known = catalogue(current())
    size = len(reading.turns) if reading.kind == "conversation" else f"{len(reading.text):,}"
    code = reading.language or "unknown"
    language = t(f"open.language_{code}") if f"open.language_{code}" in known else code
    parts = [t(f"open.kind_{reading.kind}", count=size), reading.format, reading.encoding, language]
    return " · ".join(part for part in parts if part)


def preview(reading: ReadFile) -> Text:
    """The beginning of what was read: turns with their speakers, or a report's text."""
    if reading.kind == "report":
        rest = reading.text[_REPORT:].strip()
        return plain(reading.text[:_REPORT] + (f"\n{t('open.more')}" if rest else ""))
    out = Text()
    for turn in reading.turns[:_TURNS]:
        out.append_text(plain(f"{one_line(speaker_label(turn.speaker), 40) or t('open.nobody')}: ", "bold"))
        out.append_text(plain(f"{one_line(turn.text)}\n"))
    if len(reading.turns) > _TURNS:
        out.append(t("open.more"))
    return out
