"""The templates of this clinic: built-in ones to read, own ones to make, change and delete."""

from __future__ import annotations

import json
import re

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.message import Message
from textual.widgets import Button, DataTable

from edge.contract.template_files import Listed, delete, listed, name_for, text_of
from edge.errors import EdgescribeError
from edge.workbench import template, template_folder
from tui.labels import meant
from tui.screens.dialogs import Ask, Confirm
from tui.screens.template_editor import TemplateEditor, in_words
from tui.shell import Shell
from tui.texts import t
from tui.walls import Label, button, label
from tui.widgets.table import Table
from tui.widgets.template_preview import TemplatePreview


class TemplatesTab(Vertical):
    """Files are read when the tab is shown and after each change: they are few and small."""

    class Changed(Message):
        """There is one more or one less, or one has another title."""

    def __init__(self) -> None:
        super().__init__()
        self._listed: list[Listed] = []

    @property
    def shell(self) -> Shell:
        """The app, by its own type."""
        app = self.app
        assert isinstance(app, Shell)
        return app

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
        """Read the templates again and go to one of them."""
        table = self.query_one(DataTable)
        here = name or (self._listed[table.cursor_row].name if self._listed else "")
        self._listed = listed(template_folder())
        table.clear(columns=True)
        for key in ("title", "sections", "kind"):
            table.add_column(label(t(f"templates.{key}")), key=key)
        for one in self._listed:
            kind = t("templates.broken" if one.problem else "templates.own" if one.own else "templates.shipped")
            table.add_row(
                label(one.title if one.own else meant(one.title), 40), label(str(one.sections or "")), label(kind)
            )
        table.move_cursor(row=next((i for i, one in enumerate(self._listed) if one.name == here), 0))

    def current(self) -> Listed:
        """The template under the cursor."""
        return self._listed[self.query_one(DataTable).cursor_row]

    def on_data_table_row_highlighted(self) -> None:
        one = self.current()
        self.query_one("#template-delete", Button).disabled = not one.own
        self.query_one("#template-open", Button).label = label(t("templates.edit" if one.own else "templates.view"))
        preview = self.query_one(TemplatePreview)
        if one.problem is None:
            preview.show(template(one.name))
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
            self._edit(TemplateEditor(one.name, one.title, text_of(one.name, template_folder()), own=one.own))
        except EdgescribeError as error:
            self.shell.complain(error)

    def make(self) -> None:
        """A new one that begins as the one under the cursor."""
        base = self.current()

        def answered(title: str | None) -> None:
            if not title or not title.strip():
                return
            try:
                name = name_for(title, template_folder())
                text = text_of(base.name, template_folder())
            except EdgescribeError as error:
                self.shell.complain(error)
                return
            line = f"title = {json.dumps(title.strip(), ensure_ascii=False)}"
            text, found = re.subn(r"^title\s*=.*$", lambda _: line, text, count=1, flags=re.MULTILINE)
            self._edit(TemplateEditor(name, title, text if found else f"{line}\n{text}", own=True, fresh=True))

        note = t("templates.name_note", title=base.title)
        self.app.push_screen(Ask(t("templates.name_title"), t("templates.name_prompt"), note=note), answered)

    def _edit(self, editor: TemplateEditor) -> None:
        self.app.push_screen(editor, lambda _: self._changed(editor.template_name))

    def _changed(self, name: str = "") -> None:
        self.refill(name)
        self.post_message(self.Changed())

    def delete(self) -> None:
        """Delete an own one, after a question."""
        one = self.current()
        if not one.own:
            self.shell.tell(t("templates.only_own"))
            return

        def answered(sure: bool | None) -> None:
            if not sure:
                return
            try:
                delete(one.name, template_folder())
            except EdgescribeError as error:
                self.shell.complain(error)
                return
            self.shell.tell(t("templates.deleted"))
            self._changed()

        self.app.push_screen(Confirm(t("templates.delete_sure", title=one.title)), answered)
