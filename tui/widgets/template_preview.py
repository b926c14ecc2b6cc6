"""A template as what it asks of the model: its sections in order, each with its instruction."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from edge.contract.templates import Template
from tui.texts import t
from tui.widgets.safe import Label, plain


class TemplatePreview(VerticalScroll):
    """Keeps showing the last template that could be used, until another one can."""

    def compose(self) -> ComposeResult:
        yield Label(t("templates.preview"), classes="pane-title")
        yield Label(classes="preview-text")

    def show(self, template: Template) -> None:
        """Show a template."""
        if self.is_mounted:
            self.query_one(".preview-text", Label).show(self.text(template))

    @staticmethod
    def text(template: Template) -> Text:
        """The template in words."""
        out = Text().append_text(plain(template.title + "\n", "bold underline"))
        for number, spec in enumerate(template.sections, 1):
            out.append_text(plain(f"\n{number}  {spec.title}", "bold"))
            out.append(f"   {t('templates.tokens', count=spec.max_tokens)}\n", "italic")
            if spec.headings:
                out.append_text(plain(t("templates.headings", headings=", ".join(spec.headings)) + "\n"))
            out.append_text(plain(spec.instruction + "\n"))
        return out
