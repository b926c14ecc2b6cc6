"""Edits a template's text: what is wrong with it is said at once, what it asks of the model is shown beside it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import TextArea

from edge.contract.template_check import problem
from edge.contract.template_files import save
from edge.contract.templates import parse_template
from edge.encounters.templates import own_folder
from edge.errors import EdgescribeError
from edge.text import one_line
from tui import actions
from tui.labels import in_words
from tui.screens.base import EdgeScreen
from tui.texts import t
from tui.widgets.dialogs import Confirm
from tui.widgets.key_bar import KeyBar
from tui.widgets.safe import Label
from tui.widgets.safe_area import SafeArea
from tui.widgets.status_bar import StatusBar
from tui.widgets.template_preview import TemplatePreview


class TemplateEditor(EdgeScreen):
    """own: it may be changed. fresh: it is in no file yet. A text with a mistake in it can't be saved.

    What is in no file goes into the vault while it is typed (EdgeApp.unsaved) and is what the editor opens with.
    """

    scope = "template"
    BINDINGS = actions.bindings("template")

    def __init__(self, name: str, title: str, text: str, own: bool, fresh: bool = False) -> None:
        super().__init__()
        self.template_name, self._title, self._own = name, title, own
        self._text, self._fresh = text, fresh
        self._kept = ""
        self._live = False  # from mounted until left: what the field holds is what was typed

    def compose(self) -> ComposeResult:
        yield StatusBar()
        yield Label(id="template-head")
        if self._own:
            yield Label(t("templates.help"), id="template-help")
        with Container(classes="sides"):
            yield SafeArea(self._text, id="template-text", show_line_numbers=True, read_only=not self._own)
            yield TemplatePreview()
        yield Label(id="template-problem")
        yield KeyBar("template", "app")

    def on_mount(self) -> None:
        area = self.query_one(SafeArea)
        self._kept = "" if self._fresh else area.text
        typed = self.edge.unsaved.get(self.template_name) if self._own else None
        if typed is not None and typed != self._kept:
            area.load_text(typed)
            self.edge.tell(t("templates.found"))
        area.focus()
        self._live = True
        self.call_after_refresh(self._judge)

    @property
    def changed(self) -> bool:
        """Whether there is something that is in no file."""
        return self._own and self.query_one(SafeArea).text != self._kept

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._judge()

    def _judge(self) -> None:
        if not self._live:
            return
        text = self.query_one(SafeArea).text
        if self._own:
            self.edge.unsaved.put(self.template_name, text if self.changed else None)
            self.keys_changed()
        found = problem(text)
        if found is None:
            template = parse_template(text, self.template_name)
            self.query_one(TemplatePreview).show(template)
            self._title, line = template.title, t("templates.fits", count=len(template.sections))
        else:
            line = in_words(found)
        verdict = self.query_one("#template-problem", Label)
        verdict.show(line if self._own else t("templates.read_only"))
        verdict.set_class(found is not None, "-wrong")
        state = t("app.unsaved" if self.changed else "app.saved") if self._own else t("templates.shipped")
        self.query_one("#template-head", Label).show(f"{one_line(self._title, 80)}   │ {state}")

    # -- actions ---------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "discard":
            return self._live and self.changed
        return self._own if action == "save" else True

    def action_save(self) -> None:
        text = self.query_one(SafeArea).text
        if (found := problem(text)) is not None:
            self.edge.tell(t("templates.not_saved", problem=in_words(found)))
            self.query_one(SafeArea).move_cursor((found.line - 1, 0))
            return
        try:
            save(self.template_name, text, own_folder())
        except EdgescribeError as error:
            self.edge.complain(error)
            return
        self._kept, self._fresh = text, False
        self._judge()
        self.edge.tell(t("templates.saved"))

    def action_discard(self) -> None:
        """Back to the text that is saved; a template without one is left."""
        if self._fresh:
            self.app.push_screen(Confirm(t("templates.discard_sure")), self._leave)
        elif self.changed:
            self.app.push_screen(Confirm(t("templates.discard_sure")), self._discard)

    def _discard(self, sure: bool | None) -> None:
        if sure:
            self.query_one(SafeArea).load_text(self._kept)
            self._judge()
            self.edge.tell(t("templates.discarded"))

    def action_back(self) -> None:
        if self.changed:
            self.app.push_screen(Confirm(t("templates.leave")), self._leave)
        else:
            self._leave(True)

    def _leave(self, sure: bool | None) -> None:
        if sure:
            self._live = False
            if self._own:
                self.edge.unsaved.put(self.template_name, None)
            self.dismiss()
