"""The note, a section under the other."""

from __future__ import annotations

import re

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets.text_area import Selection

from edge.encounters.open_encounter import OpenEncounter
from tui.labels import signed_line
from tui.texts import t
from tui.widgets.messages import PartReady
from tui.widgets.safe import Label
from tui.widgets.section_editor import SectionEditor, Sections


class NotePanel(Vertical):
    """A panel of the encounter (tui.widgets.panels)."""

    ready = False

    def compose(self) -> ComposeResult:
        yield Label(id="note-banner")
        yield Sections(id="sections", can_focus=False)

    def on_mount(self) -> None:
        self.ready = True
        self.post_message(PartReady())

    async def show(self, encounter: OpenEncounter, job: str = "") -> None:
        """Bring the panel up to the encounter. job: "", "note" or "rewrite"."""
        if not self.ready:
            return
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
