"""What the note was before: its revisions, the difference to now, and the way back."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from edge.contract.encounter import Kind
from edge.contract.note import EncounterNote
from edge.encounters.open_encounter import OpenEncounter
from edge.text import sanitise
from edge.vaults import Revision
from tui.labels import author_label, local_time
from tui.texts import t
from tui.widgets.messages import RestoreAsked
from tui.widgets.safe import Label, label


@dataclass(frozen=True)
class Past:
    """A revision of one of the encounter's notes, with its content."""

    document: int
    revision: Revision
    content: EncounterNote


def text_of(note: EncounterNote) -> str:
    """A note as lines."""
    return "\n".join(f"{section.heading}\n{section.text}\n" for section in note.written)


def difference(old: str, new: str) -> Text:
    """Lines that went (-) and came (+) from old to new."""
    out = Text()
    for line in difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=1):
        if line.startswith(("---", "+++")):
            continue
        if line.startswith("@@"):  # line numbers say nothing to a reader
            out.append("…\n" if out else "", "dim")
            continue
        style = {"+": "bold", "-": "strike dim"}.get(line[:1], "dim")
        out.append(sanitise(line) + "\n", style)
    return out if out else Text(t("history.same"), style="dim")


class HistoryPanel(Vertical):
    """A panel of the encounter (tui.widgets.panels)."""

    def __init__(self) -> None:
        super().__init__()
        self._past: list[Past] = []
        self._now = ""

    def compose(self) -> ComposeResult:
        yield Label(t("history.none"), id="history-banner")
        yield OptionList(markup=False)
        with VerticalScroll(id="history-diff"):
            yield Label()

    async def show(self, encounter: OpenEncounter, job: str = "") -> None:
        """Nothing to do here: history is read when the panel opens (fill)."""

    def fill(self, past: list[Past], encounter: OpenEncounter) -> None:
        """Show revisions, newest first."""
        self._past = past
        self._now = "\n".join(f"{p.heading}\n{p.text}\n" for p in encounter.sections if p.text.strip())
        self.query_one("#history-banner", Label).show(t("history.help" if past else "history.none"))
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(label(self._line(one, encounter))) for one in past])
        if past:
            options.highlighted = 0

    def _line(self, one: Past, encounter: OpenEncounter) -> str:
        reason = one.revision.reason.split(" ")[0]
        name = {"generated": "generated", "edit": "edit", "restore": "restore", "accept": "accept"}.get(reason, "edit")
        return t(
            "history.line" if one.document == encounter.documents.get(Kind.NOTE) else "history.older",
            when=local_time(one.revision.created),
            reason=t(f"history.{name}"),
            author=author_label(one.revision.author),
        )

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        if 0 <= event.option_index < len(self._past):
            old = text_of(self._past[event.option_index].content)
            self.query_one("#history-diff Label", Label).show(difference(old, self._now))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        one = self._past[event.option_index]
        self.post_message(RestoreAsked(one.document, one.revision.number))

    def focus_first(self) -> None:
        """Put the cursor into the list."""
        self.query_one(OptionList).focus()
