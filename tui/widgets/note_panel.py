"""The note, a section under the other."""

from __future__ import annotations

import re

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets.text_area import Selection

from edge.contract.facts import Statement
from edge.encounters.open_encounter import OpenEncounter
from tui.labels import signed_line
from tui.texts import t
from tui.widgets import flags
from tui.widgets.messages import PartReady, Spot, StatementChosen
from tui.widgets.panel import PanelBase
from tui.widgets.safe import Label
from tui.widgets.section_editor import SectionEditor, Sections


class NotePanel(PanelBase):
    """The first panel of the encounter (tui.panels)."""

    ready = False
    _talk = ""

    def compose(self) -> ComposeResult:
        yield Label(id="note-banner")
        yield Sections(id="sections", can_focus=False)
        yield Label(id="note-source")

    def on_mount(self) -> None:
        self.query_one("#note-source").display = False
        self.ready = True
        self.post_message(PartReady())

    async def show(self, encounter: OpenEncounter, job: str = "") -> None:
        """Bring the panel up to the encounter. job: "", "note" or "rewrite"."""
        if not self.ready:
            return
        self._talk = encounter.conversation
        cut = encounter.note_incomplete
        banner = self._signed(encounter) if encounter.signed else t("encounter.incomplete_banner") if cut else ""
        if encounter.signed and cut:
            banner = f"{t('app.incomplete')}. {banner}"
        head = self.query_one("#note-banner", Label)
        head.show(banner)
        if head.display != bool(banner):
            head.display = bool(banner)
        head.set_class(cut, "-incomplete")
        head.set_class(encounter.signed and not cut, "-signed")
        sections = self.query_one("#sections")
        editors = list(sections.query(SectionEditor))
        if [e.part.key for e in editors] != [p.key for p in encounter.sections] or any(
            e.part is not p and e.part.heading != p.heading for e, p in zip(editors, encounter.sections, strict=True)
        ):
            editors = [SectionEditor(part) for part in encounter.sections]
            with self.app.batch_update():  # nothing is drawn between the old sections and the new ones
                await sections.remove_children()
                await sections.mount_all(editors)
        for editor, part in zip(editors, encounter.sections, strict=True):
            editor.show(part, encounter.signed, job, encounter.reading)
        known = any(part.section.statements or part.checked[1] for part in encounter.sections)
        self.query_one("#note-source").display = known and not encounter.busy

    async def restyle(self) -> None:
        for editor in self.query(SectionEditor):
            editor.restyle()
        if self.ready and (now := self.current()) is not None:
            self.query_one("#note-source", Label).show(self._about(now.statement))

    def on_statement_chosen(self, message: StatementChosen) -> None:
        message.stop()
        if not self.ready:
            return
        self.query_one("#note-source", Label).show(self._about(message.statement))
        for editor in self.query(SectionEditor):
            editor.light_up(None)
        self.post_message(Spot(*(flags.places(message.statement, self._talk) if message.statement else ())))

    def _about(self, statement: Statement | None) -> Text:
        """What is known of the statement under the cursor, in two lines."""
        if statement is None:
            return Text(t("sources.none_here"), style="dim")
        out = Text()
        known = [one for one in flags.in_words(statement) if not one[1].startswith(f"   {t('sources.in_note')}")]
        for kind, line in known[:2]:
            out.append(line + "\n", flags.style(self.app, kind))
        return out

    def turn_chosen(self, start: int, end: int) -> None:
        """Light up what stands on a turn, and bring the first of it into view."""
        seen = False
        for editor in self.query(SectionEditor):
            row = editor.light_up(start, end)
            if row is not None and not seen:
                seen = True
                top = editor.virtual_region.y + row
                sections = self.query_one("#sections")
                if not sections.scroll_offset.y <= top < sections.scroll_offset.y + sections.size.height - 1:
                    sections.scroll_to(y=max(0, top - 2), animate=False)

    def insert(self, position: int, start: int, end: int, text: str) -> str:
        """Put text into a section, instead of characters start to end, as one step of typing. Returns its heading."""
        editor = list(self.query(SectionEditor))[position]
        area = editor.area
        places = [area.location_at(at) for at in (start, end)]
        area.replace(text, *places, maintain_selection_offset=False)
        return editor.part.heading

    @staticmethod
    def _signed(encounter: OpenEncounter) -> str:
        if (by := encounter.signature) is None:
            return t("encounter.signed_banner")
        return f"{signed_line(by)} {t('encounter.signed_next')}"

    def current(self) -> SectionEditor | None:
        """The section that has the focus, or the first."""
        editors = list(self.query(SectionEditor))
        return next((e for e in editors if e.has_focus_within), editors[0] if editors else None)

    def find(self, words: str) -> tuple[int, int]:
        """Go to the next place of these words in the note and select it. Returns which it is, from 1, of how many."""
        editors = [editor for editor in self.query(SectionEditor) if editor.ready]
        found = [
            (number, match.start(), match.end())
            for number, editor in enumerate(editors)
            for match in re.finditer(re.escape(words), editor.area.text, re.IGNORECASE)
        ]
        if not found:
            return 0, 0
        here = next((n for n, editor in enumerate(editors) if editor.area.has_focus), 0)
        area = editors[here].area
        after = (here, _index(area.text, area.selection.end) if area.has_focus else 0)
        at = next((n for n, (number, start, _) in enumerate(found) if (number, start) >= after), 0)
        number, start, end = found[at]
        self._select(editors[number], start, end)
        return at + 1, len(found)

    def _select(self, editor: SectionEditor, start: int, end: int) -> None:
        """Select characters of a section and bring them into view."""
        area = editor.area
        places = [_place(area.text, index) for index in (start, end)]
        area.focus(scroll_visible=False)
        area.selection = Selection(*places)
        sections = self.query_one("#sections")
        row = editor.virtual_region.y + area.virtual_region.y + area.wrapped_document.location_to_offset(places[0]).y
        if not sections.scroll_offset.y <= row < sections.scroll_offset.y + sections.size.height:
            sections.scroll_to(y=max(0, row - 3), animate=False)

    def focus_first(self) -> None:
        """Put the cursor into the first section."""
        if (editor := self.current()) is not None and editor.ready:
            editor.area.focus()


def _place(text: str, index: int) -> tuple[int, int]:
    """Line and column of a character."""
    return text.count("\n", 0, index), index - (text.rfind("\n", 0, index) + 1)


def _index(text: str, place: tuple[int, int]) -> int:
    """Number of the character at a line and column."""
    return sum(len(line) + 1 for line in text.split("\n")[: place[0]]) + place[1]
