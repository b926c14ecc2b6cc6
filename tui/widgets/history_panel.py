"""What the note was before: its revisions and signatures, each as text with the changes since, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from edge.contract.encounter import Kind
from edge.contract.note import EncounterNote, Section
from edge.encounters.open_encounter import OpenEncounter
from edge.vaults import Revision, Signature
from tui.labels import author_label, local_time, signed_line
from tui.texts import t
from tui.widgets.changed_words import CAME, GONE, marked
from tui.widgets.messages import RestoreAsked
from tui.widgets.panel import PanelBase
from tui.widgets.safe import Label, label


@dataclass(frozen=True)
class Past:
    """A revision of one of the encounter's notes, with its content."""

    document: int
    revision: Revision
    content: EncounterNote


class HistoryPanel(PanelBase):
    """A panel of the encounter (tui.panels); history is read when it opens (fill)."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[Past | Signature] = []
        self._now: tuple[Section, ...] = ()

    def compose(self) -> ComposeResult:
        yield Label(t("history.none"), id="history-banner")
        yield OptionList(markup=False)
        with VerticalScroll(id="history-diff"):
            yield Label()

    def fill(self, past: list[Past], signatures: Sequence[Signature], encounter: OpenEncounter) -> None:
        """Show revisions and signatures, newest first."""
        self._lines = sorted([*signatures, *past], key=_moment, reverse=True)
        self._now = tuple(section.kept() for section in encounter.sections)
        self.query_one("#history-banner", Label).show(t("history.help" if past else "history.none"))
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([self._option(one, encounter) for one in self._lines])
        first = next((at for at, one in enumerate(self._lines) if isinstance(one, Past)), None)
        options.highlighted = first

    @staticmethod
    def _option(one: Past | Signature, encounter: OpenEncounter) -> Option:
        if isinstance(one, Signature):
            return Option(label(signed_line(one)), disabled=True)
        reason = one.revision.reason.split(" ")[0]
        name = reason if reason in ("generated", "edit", "restore", "accept") else "edit"
        line = t(
            "history.line" if one.document == encounter.documents.get(Kind.NOTE) else "history.older",
            when=local_time(one.revision.created),
            reason=t(f"history.{name}"),
            author=author_label(one.revision.author),
        )
        return Option(label(line))

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        one = self._lines[event.option_index] if 0 <= event.option_index < len(self._lines) else None
        if isinstance(one, Past):
            theme = self.app.theme_variables
            text = marked(one.content.sections, self._now, (theme.get("error", ""), theme.get("success", "")))
            if not any(GONE in str(span.style) or CAME in str(span.style) for span in text.spans):
                text = Text(f"{t('history.same')}\n\n", "italic").append_text(text)
            self.query_one("#history-diff Label", Label).show(text)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        one = self._lines[event.option_index]
        if isinstance(one, Past):
            self.post_message(RestoreAsked(one.document, one.revision.number))

    def focus_first(self) -> None:
        """Put the cursor into the list."""
        self.query_one(OptionList).focus()


def _moment(one: Past | Signature) -> tuple[str, int, bool]:
    """When it was, to the millisecond; a signature comes after what it signs, and before the next version."""
    return (
        (one.at, one.version, True)
        if isinstance(one, Signature)
        else (one.revision.created, one.revision.version, False)
    )
