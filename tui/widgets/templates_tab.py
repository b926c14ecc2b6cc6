"""The templates of this clinic: built-in ones to read, own ones to make, change and delete."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.message import Message
from textual.widgets import Button, DataTable

from edge.contract.template_files import Listed, delete, judged, listed, name_for, own_names, text_of
from edge.contract.templates import parse_template
from edge.encounters import templates
from edge.errors import EdgescribeError
from tui.labels import in_words, meant
from tui.texts import t
from tui.widgets.dialogs import Ask, Confirm
from tui.widgets.safe import Label, button, label
from tui.widgets.table import Table
from tui.widgets.template_preview import TemplatePreview

if TYPE_CHECKING:
    from tui.app import EdgeApp


def titled_anew(text: str, title: str) -> str:
    """A template's text under another title. A title below the first [[sections]] is that section's, and stays."""
    line = f"title = {json.dumps(title, ensure_ascii=False)}"
    sections = re.search(r"^\s*\[", text, re.MULTILINE)
    end = sections.start() if sections else len(text)
    head, found = re.subn(r"^title\s*=.*$", lambda _: line, text[:end], count=1, flags=re.MULTILINE)
    return (head if found else f"{line}\n{head}") + text[end:]


class TemplatesTab(Vertical):
    """Files are read when the tab is shown and after each change: they are few and small.

    A new template that is in no file yet stands below them until it is saved or given up.
    """

    class Changed(Message):
        """There is one more or one less, or one has another title."""

    def __init__(self) -> None:
        super().__init__()
        self._listed: list[Listed] = []

    @property
    def edge(self) -> EdgeApp:
        """The app, by its own type."""
        return cast("EdgeApp", self.app)

    def compose(self) -> ComposeResult:
        with Horizontal(classes="bar"):
            yield button(t("templates.new"), "template-new", "primary", compact=True)
            yield button(t("templates.edit"), "template-open", compact=True)
            yield button(t("templates.delete"), "template-delete", compact=True)
        with Container(classes="sides"):
            yield Table("templates")
            yield TemplatePreview()

    def on_mount(self) -> None:
        self.refill()

    def refill(self, name: str = "") -> None:
        """Read the templates again and go to one of them; stay if there is none of that name."""
        table = self.query_one(DataTable)
        before = self._listed[table.cursor_row].name if self._listed else ""
        self._listed = [*listed(templates.own_folder()), *self._in_no_file()]
        here = name if any(one.name == name for one in self._listed) else before
        table.clear(columns=True)
        for key in ("title", "sections", "kind"):
            table.add_column(label(t(f"templates.{key}")), key=key)
        for one in self._listed:
            title = one.title if one.own else meant(one.title)
            table.add_row(label(title, 40), label(str(one.sections or "")), label(t(f"templates.{self._kind(one)}")))
        table.move_cursor(row=next((i for i, one in enumerate(self._listed) if one.name == here), 0))

    def _in_no_file(self) -> list[Listed]:
        saved, unsaved = own_names(templates.own_folder()), self.edge.unsaved
        return [judged(name, unsaved.get(name) or "") for name in unsaved if name not in saved]

    def _kind(self, one: Listed) -> str:
        if one.own and one.name in self.edge.unsaved:
            return "unsaved"
        return "broken" if one.problem else "own" if one.own else "shipped"

    def _text_of(self, name: str) -> tuple[str, bool]:
        """A template's text as it is saved, False; or True and what was typed, of one in no file. Raises UsageError."""
        typed = self.edge.unsaved.get(name)
        if typed is None or name in own_names(templates.own_folder()):
            return text_of(name, templates.own_folder()), False
        return typed, True

    def current(self) -> Listed:
        """The template under the cursor."""
        return self._listed[self.query_one(DataTable).cursor_row]

    def on_data_table_row_highlighted(self) -> None:
        one = self.current()
        self.query_one("#template-delete", Button).disabled = not one.own
        self.query_one("#template-open", Button).label = label(t("templates.edit" if one.own else "templates.view"))
        preview = self.query_one(TemplatePreview)
        if one.problem is None:
            text, fresh = self._text_of(one.name) if one.own else ("", False)
            preview.show(parse_template(text, f"{one.name}.toml") if fresh else templates.get(one.name))
        else:
            preview.query_one(".preview-text", Label).show(in_words(one.problem))

    def on_data_table_row_selected(self) -> None:
        self.open()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        {"template-new": self.make, "template-open": self.open, "template-delete": self.delete}[str(event.button.id)]()

    def open(self) -> None:
        """Edit an own template, read a built-in one."""
        one = self.current()
        try:
            text, fresh = self._text_of(one.name)
        except EdgescribeError as error:
            self.edge.complain(error)
            return
        self._edit(one.name, one.title, text, own=one.own, fresh=fresh)

    def make(self) -> None:
        """A new one that begins as the one under the cursor."""
        base = self.current()

        def answered(title: str | None) -> None:
            if not title or not title.strip():
                return
            try:
                name = name_for(title, templates.own_folder(), self.edge.unsaved)
                text, _ = self._text_of(base.name)
            except EdgescribeError as error:
                self.edge.complain(error)
                return
            self._edit(name, title, titled_anew(text, title.strip()), own=True, fresh=True)

        note = t("templates.name_note", title=base.title)
        self.app.push_screen(Ask(t("templates.name_title"), t("templates.name_prompt"), note=note), answered)

    def _edit(self, name: str, title: str, text: str, own: bool, fresh: bool) -> None:
        self.edge.edit_template(name, title, text, own, fresh, lambda: self._changed(name))

    def _changed(self, name: str = "") -> None:
        self.refill(name)
        self.post_message(self.Changed())

    def delete(self) -> None:
        """Delete an own one, after a question."""
        one = self.current()
        if not one.own:
            self.edge.tell(t("templates.only_own"))
            return

        def answered(sure: bool | None) -> None:
            if not sure:
                return
            try:
                if one.name in own_names(templates.own_folder()):
                    delete(one.name, templates.own_folder())
            except EdgescribeError as error:
                self.edge.complain(error)
                return
            self.edge.unsaved.put(one.name, None)
            self.edge.tell(t("templates.deleted"))
            self._changed()

        self.app.push_screen(Confirm(t("templates.delete_sure", title=one.title)), answered)
