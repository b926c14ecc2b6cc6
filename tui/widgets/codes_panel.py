"""Candidate codes of the note: each with its words, how sure it is, why, what is open; a person decides on each.

The line under the cursor lights up its words in the note's text on the left.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import DataTable

from edge.contract.codes import CodeEntry, Decision
from edge.encounters.open_encounter import OpenEncounter
from tui.texts import t
from tui.texts.core import reason, told
from tui.widgets import flags
from tui.widgets.messages import CodeChosen, CodeRejected, CodesAccepted, CodesAsked, Spot
from tui.widgets.panel import PanelBase
from tui.widgets.safe import Label, label
from tui.widgets.table import Table

SIGNS = {Decision.OPEN: "", Decision.ACCEPTED: "✓", Decision.REJECTED: "✗"}
MARKED = "■"
_SIGN, _CODE, _SURE = 2, 9, 6  # cells


class CodesPanel(PanelBase):
    """A panel of the encounter (tui.panels)."""

    basis = True

    def __init__(self) -> None:
        super().__init__()
        self.ready = False
        self.marked: set[int] = set()
        self._encounter: OpenEncounter | None = None
        self._asked = False

    def compose(self) -> ComposeResult:
        yield Label(id="codes-banner")
        yield Table()
        with VerticalScroll(id="codes-about", can_focus=False):
            yield Label()

    def on_mount(self) -> None:
        self.ready = True

    async def on_resize(self) -> None:
        await self.restyle()

    async def restyle(self) -> None:
        if self._encounter is not None:
            await self.show(self._encounter)

    async def show(self, encounter: OpenEncounter, job: str = "") -> None:
        """Bring the panel up to the encounter."""
        if self._encounter is not encounter or len(encounter.codes.entries) <= max(self.marked, default=-1):
            self.marked.clear()
        self._encounter = encounter
        if not self.ready or not self.size.width:
            return
        entries, note = encounter.codes.entries, encounter.note_text()
        self.query_one("#codes-banner", Label).show(self._banner(encounter, note))
        table = self.query_one(DataTable)
        at = table.cursor_row
        table.clear(columns=True)
        table.show_header = False
        room = max(20, self.size.width - _SIGN - _CODE - _SURE - 10)
        for name, width in (("sign", _SIGN), ("code", _CODE), ("text", room), ("sure", _SURE)):
            table.add_column("", key=name, width=width)
        for number, entry in enumerate(entries):
            table.add_row(*self._cells(entry, number, note), height=None)
        if entries:
            table.move_cursor(row=min(at, len(entries) - 1))
        self._about(self.current)
        self._ask()

    def left(self, encounter: OpenEncounter) -> tuple[str, str]:
        return encounter.note_text(), t("encounter.note")

    def _banner(self, encounter: OpenEncounter, note: str) -> str:
        if not note:
            return t("sources.no_note")
        codes = encounter.codes
        if not codes.edition:
            return t("codes.none")
        if not codes.entries:
            return t("codes.nothing", edition=codes.edition)
        conflicts = [t("codes.conflict", code=one.code, other=one.excludes) for one in codes.conflicts]
        stale = sum(one.stale(note) for one in codes.entries)
        told = [*conflicts, t("codes.stale_count", count=stale)] if stale else conflicts
        return " ".join([t("codes.edition", edition=codes.edition), *told, t("codes.keys")])

    def _cells(self, entry: CodeEntry, number: int, note: str) -> Iterator[Text]:
        stale = entry.stale(note)
        style = flags.style(self.app, flags.LOW) if stale or entry.needs else ""
        yield Text(MARKED if number in self.marked else SIGNS[entry.decision], style="bold")
        yield Text(entry.code, style="bold" if entry.accepted else "")
        line = label(entry.description)
        if stale:
            line.append(f"  ! {t('codes.stale')}", style)
        elif entry.needs and not entry.proposed:
            line.append(f"  ? {t('codes.needs', what=', '.join(told(one) for one in entry.needs))}", style)
        yield line
        yield Text(f"{round(100 * entry.confidence)} %")

    @property
    def current(self) -> int | None:
        """Place of the candidate under the cursor."""
        at = self.query_one(DataTable).cursor_row
        return at if self._encounter is not None and 0 <= at < len(self._encounter.codes.entries) else None

    def _about(self, at: int | None) -> None:
        lines: list[str] = []
        if at is not None and self._encounter is not None:
            entry = self._encounter.codes.entries[at]
            lines = [flags.quoted(entry.quote, 200), reason(entry.why)]
            lines += [t("codes.instead", code=entry.proposed)] * bool(entry.proposed)
            lines += [t("codes.rejected", reason=entry.reason)] * bool(entry.reason)
            others = "; ".join(f"{o.code} {o.description} ({round(100 * o.confidence)} %)" for o in entry.alternatives)
            lines += [t("codes.others", codes=others)] * bool(others)
        self.query_one("#codes-about Label", Label).show("\n".join(lines))

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        at = self.current
        self._about(at)
        if at is not None and self._encounter is not None:
            self.post_message(Spot(*_places(self._encounter.codes.entries[at], self._encounter.note_text())))

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        if (at := self.current) is not None:
            self.post_message(CodeChosen(at))

    def focus_first(self) -> None:
        """Put the cursor into the list; look for candidates where nobody has."""
        self.query_one(DataTable).focus()
        self._asked = True
        self._ask()

    def _ask(self) -> None:
        """Look for candidates once the panel was opened by its key, where nobody has yet."""
        encounter = self._encounter
        if self._asked and encounter is not None and self.can("look_anew"):
            self._asked = False
            if not encounter.codes.edition:
                self.post_message(CodesAsked())

    def can(self, action: str) -> bool:
        """mark, accept and set_aside on a candidate; look_anew where there is a note."""
        if action == "look_anew":
            one = self._encounter
            return one is not None and one.has_note and not one.signed and not one.busy
        return self.ready and action in ("mark", "accept", "set_aside") and self.current is not None

    def act(self, action: str) -> None:
        """See can()."""
        at = self.current
        if action == "look_anew":
            self.post_message(CodesAsked())
        elif at is None or self._encounter is None:
            return
        elif action == "accept":
            chosen = sorted(self.marked) or [at]
            self.marked.clear()
            self.post_message(CodesAccepted(chosen))
        elif action == "set_aside":
            self.post_message(CodeRejected(at))
        else:
            self.marked ^= {at}
            table = self.query_one(DataTable)
            sign = next(self._cells(self._encounter.codes.entries[at], at, self._encounter.note_text()))
            table.update_cell_at(table.cursor_coordinate._replace(column=0), sign)
            table.move_cursor(row=min(at + 1, len(self._encounter.codes.entries) - 1))


def _places(entry: CodeEntry, note: str) -> list[tuple[int, int]]:
    """Where a candidate's words stand in the note as it is now: within their statement, if that is still there."""
    around = note.find(entry.sentence) if entry.sentence else -1
    start = note.find(entry.quote, max(0, around)) if note[entry.start : entry.end] != entry.quote else entry.start
    return [(start, start + len(entry.quote))] if start >= 0 and not entry.stale(note) else []
