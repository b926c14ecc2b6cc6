"""One section of the note: its heading, how it stands, and its text in a field that grows with it."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.geometry import Size
from textual.reactive import Reactive
from textual.widgets import TextArea

from edge.contract.facts import Statement
from edge.encounters.open_encounter import OpenSection
from tui.labels import heading_label
from tui.texts import t
from tui.widgets import flags
from tui.widgets.messages import SectionEdited, StatementChosen
from tui.widgets.safe import Label, label
from tui.widgets.safe_area import LIT, SafeArea

# The size of what a container holds follows from the layout just made. Textual's own asks for a second one then: a key
# that begins a row would wait for both.
GROWS = Reactive(Size(0, 0), layout=False, repaint=False)


class Sections(VerticalScroll):
    """The sections of a note, one under the other."""

    virtual_size = GROWS


class SectionEditor(Vertical):
    """Shows a OpenSection. The field is read-only while the model writes in it, and in a signed note."""

    virtual_size = GROWS

    def __init__(self, part: OpenSection) -> None:
        super().__init__(classes="section")
        self.part = part
        self._seen = ""
        self._asked: tuple[OpenSection, bool, str, float | None] | None = None
        self.ready = False
        self._statements: tuple[Statement, ...] = ()
        self._of: tuple[object, ...] = ()  # what the statements were worked out of
        self._lit: tuple[int, int] | None = None
        self._chosen: Statement | None = None

    def compose(self) -> ComposeResult:
        yield Label(classes="section-head")
        yield SafeArea(self.part.text, compact=True, highlight_cursor_line=False)

    @property
    def area(self) -> SafeArea:
        return self.query_one(SafeArea)

    def on_mount(self) -> None:
        if not self.query(SafeArea):  # taken away before it stood
            return
        self._seen = self.area.text
        self.ready = True
        if self._asked is not None:
            self.show(*self._asked)

    def show(self, part: OpenSection, locked: bool, job: str, reading: float | None = None) -> None:
        """Bring heading and field up to the section. job: "" or "note", "rewrite": what the model does now."""
        self.part = part
        if not self.ready:  # its widgets don't stand yet: on_mount shows what was asked for last
            self._asked = (part, locked, job, reading)
            return
        area = self.area
        area.read_only = locked or part.writing
        # A key may have changed the field since its last message: what was typed is newer than the part then.
        if part.text != area.text and area.text == self._seen:
            self._fill(area, part)
        self._mark()
        self._asked = (part, locked, job, reading)
        self.query_one(".section-head", Label).show(self._status(job, reading))
        begins, ends = part.writing and not self.has_class("-writing"), self.has_class("-writing") and not part.writing
        if begins and not locked and not self._somebody_types():
            self.call_after_refresh(self.scroll_visible, animate=False)
        if ends:
            area.history.clear()  # what the model wrote is taken back as a whole (OpenEncounter.undo_writing)
            if not area.has_focus:
                area.move_cursor(area.document.end)
        self.set_class(part.writing, "-writing")

    def _somebody_types(self) -> bool:
        """Whether the cursor is in another section: what is looked at there stays in view."""
        return any(one.has_focus_within for one in self.screen.query(SectionEditor))

    def restyle(self) -> None:
        """Make the heading anew in the theme's colours."""
        if self.ready and self._asked is not None:
            self.query_one(".section-head", Label).show(self._status(*self._asked[2:]))

    def _fill(self, area: SafeArea, part: OpenSection) -> None:
        if part.writing and part.text.startswith(area.text):
            # The cursor waits at the top: if it went along, every row would be drawn anew for every word.
            area.insert(part.text[len(area.text) :], area.document.end, maintain_selection_offset=False)
            area.move_cursor((0, 0))
        else:
            area.load_text(part.text)
        self._seen = area.text

    def _status(self, job: str, reading: float | None) -> Text:
        part = self.part
        line = label(heading_label(part.heading))
        line.stylize("bold")
        if part.writing and reading is not None:
            line.append(f"  {t('encounter.reading', percent=int(100 * reading))}", "italic")
        elif part.writing:
            line.append(f"  {t('encounter.rewriting' if job == 'rewrite' else 'encounter.writing')}", "italic")
        elif job == "note" and part.claimed:
            line.append(f"  {t('encounter.claimed')}", "italic")
        elif job == "note" and part.waiting is not None:
            line.append(f"  {t('encounter.waiting')}", "dim italic")
        elif part.cut:
            line.append("  ")
            line.append(f" {t(f'encounter.cut_{part.stop}')} ", "bold reverse")
        elif part.section.accepted:
            line.append(f"  {t('encounter.accepted')}", "italic")
        elif not part.text.strip():
            line.append(f"  {t('encounter.absent' if part.stop == 'end' else 'encounter.empty_part')}", "dim italic")
        for kind, count in flags.counted(self._statements) if not part.writing else ():
            line.append("  ")
            line.append(f"{flags.SIGNS[kind]} {count}", flags.style(self.app, kind))
        return line

    # -- what the statements stand on ----------------------------------------------------------------------------------

    def _mark(self) -> None:
        """Mark statements that a check speaks against or that have no source, and what the other side points at."""
        part = self.part
        of = (part.text, part.section, part.checked, part.writing)
        if len(of) != len(self._of) or any(a is not b for a, b in zip(of, self._of, strict=True)):
            known = not part.writing and (part.section.statements or part.checked[1])
            self._of, self._statements = of, part.kept().statements if known else ()
        marks = [(one.start, one.end, kind) for one in self._statements if (kind := flags.standing(one))]
        lit = [] if self._lit is None else self._standing_on(*self._lit)
        if self.area.text == part.text:
            self.area.mark(*marks, *((one.start, one.end, LIT) for one in lit))

    def _standing_on(self, start: int, end: int) -> list[Statement]:
        quotes = ((one, link.quote) for one in self._statements for link in one.sources)
        return list(dict.fromkeys(one for one, quote in quotes if quote.start < end and start < quote.end))

    def light_up(self, start: int | None, end: int = 0) -> int | None:
        """Light up the statements that stand on these characters of the conversation; None: none of them.

        Returns the row of the first one, as it is drawn.
        """
        self._lit = None if start is None else (start, end)
        if not self.ready:
            return None
        self._mark()
        found = [] if self._lit is None else self._standing_on(*self._lit)
        if not found:
            return None
        return self.area.wrapped_document.location_to_offset(self.area.location_at(found[0].start)).y

    def on_text_area_selection_changed(self, event: TextArea.SelectionChanged) -> None:
        event.stop()
        area = self.area
        if not area.has_focus:
            return
        at = area.cursor_offset if self._statements else 0
        found = next((one for one in self._statements if one.start <= at <= one.end), None)
        if found is not self._chosen:
            self._chosen = found
            self.post_message(StatementChosen(found))

    def on_descendant_focus(self) -> None:
        self._chosen = None
        at = self.area.cursor_offset if self._statements else 0
        self._chosen = next((one for one in self._statements if one.start <= at <= one.end), None)
        self.post_message(StatementChosen(self._chosen))

    @property
    def statement(self) -> Statement | None:
        """The statement under the cursor."""
        return self._chosen

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        text = event.text_area.text
        if text == self._seen:
            return
        self._seen = text
        if not self.part.writing:
            self.part.text = text  # at once: a redraw must never bring an older text back
            self._mark()
            self.post_message(SectionEdited(self.part.key, text))
