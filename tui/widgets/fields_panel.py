"""The extracted fields as a table; the row under the cursor lights up the place where it stands.

A sign before each entry says how it stands: marked, accepted, or doubtful with its score. Empty fields are listed last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import DataTable

from edge.contract.fields import FieldEntry
from edge.contract.schemas import FIELDS
from edge.encounters.open_encounter import OpenEncounter
from edge.text import one_line
from tui.labels import field_label
from tui.texts import t
from tui.widgets import flags
from tui.widgets.messages import RowChosen, RowsAccepted, Spot
from tui.widgets.panel import PanelBase
from tui.widgets.safe import Label, label
from tui.widgets.table import Table

MARKED, ACCEPTED, DOUBTFUL, EMPTY = "■", "✓", "?", "–"
_SIGN = 2  # cells
_ROOMY, _TIGHT = (20, 14), (18, 11)  # cells of a field's name and of what is said; tight below 80
_WIDE = 100  # cells of the panel from which a field's name stands in one line


@dataclass(frozen=True)
class FieldLine:
    """A line of the table. index: of the encounter's row, None for a field without entries."""

    key: str
    index: int | None


def lines_of(encounter: OpenEncounter) -> list[FieldLine]:
    """Entries in the order of the schema; then the fields in which nothing was found."""
    order = {field.key: i for i, field in enumerate(FIELDS)}
    rows = sorted(range(len(encounter.rows)), key=lambda i: order.get(encounter.rows[i].key, 99))
    filled = {row.key for row in encounter.rows}
    keys = [key for key in (encounter.kept_fields.entries or order) if key not in filled]
    return [FieldLine(encounter.rows[i].key, i) for i in rows] + [FieldLine(key, None) for key in keys]


def said_of(entry: FieldEntry) -> str:
    """What is said of an entry beside its words: negated, uncertain, past, planned, of whom; flag of a result."""
    known = entry.attributes
    found = [t(f"said.{known[key]}") for key in ("polarity", "time") if known.get(key) in _SAID_OF[key]]
    if known.get("subject") in ("family", "other"):
        found.append(one_line(str(known.get("relative") or ""), 20) or t(f"said.{known['subject']}"))
    lab = known.get("lab")
    if isinstance(lab, dict) and lab.get("flag") in ("high", "low"):
        found.append(t(f"said.{lab['flag']}"))
    return ", ".join(found)


def _spot(entry: FieldEntry | None) -> list[tuple[int, int]]:
    return [] if entry is None or entry.start is None or entry.end is None else [(entry.start, entry.end)]


_SAID_OF = {"polarity": ("denied", "uncertain"), "time": ("past", "planned", "stopped", "conditional")}


class FieldsPanel(PanelBase):
    """A panel of the encounter (tui.panels)."""

    basis = True

    def __init__(self) -> None:
        super().__init__()
        self.ready = False
        self._case: OpenEncounter | None = None
        self._job = ""
        self.lines: list[FieldLine] = []
        self.marked: set[int] = set()
        self._awaited = False  # the cursor is to go into the table once it has lines

    def compose(self) -> ComposeResult:
        yield Label(id="fields-banner")
        yield Table()

    def on_mount(self) -> None:
        self.ready = True

    async def on_resize(self) -> None:
        if self._case is not None:
            await self.show(self._case, self._job)

    async def restyle(self) -> None:
        if self._case is not None:
            await self.show(self._case, self._job)

    async def show(self, encounter: OpenEncounter, job: str = "") -> None:
        """Bring the panel up to the encounter."""
        if not self.ready:
            return
        if self._case is not encounter or len(encounter.rows) <= max(self.marked, default=-1):
            self.marked.clear()
        self._case, self._job = encounter, job
        self._show_banner(encounter, job)
        table = self.query_one(DataTable)
        at = table.cursor_row
        table.clear(columns=True)
        known = bool(encounter.rows or encounter.kept_fields.entries)
        table.display = known
        self.lines = lines_of(encounter) if known else []
        place = max(9, cell_len(t("fields.nowhere")))
        field, said = _ROOMY if self.size.width >= 80 else _TIGHT
        labels = [field_label(one.key) for one in FIELDS]
        words = labels if self.size.width >= _WIDE else [word for label in labels for word in label.split()]
        field = max(field, *map(cell_len, words))  # no word is cut; on a wide screen no label takes two lines
        room = max(14, self.size.width - _SIGN - field - said - place - 13)
        widths = (("sign", _SIGN), ("field", field), ("text", room), ("said", said), ("place", place))
        for name, width in widths:
            table.add_column(label(t(f"fields.{name}") if name != "sign" else ""), key=name, width=width)
        last = ""
        for line in self.lines:
            head = field_label(line.key) if line.key != last else ""
            last = line.key
            table.add_row(*self._cells(encounter, line, head), height=None)  # as many lines as it needs: none is cut
        if self.lines:
            kept = min(at, len(self.lines) - 1)
            table.move_cursor(row=kept)
            self.call_after_refresh(self._hold, kept)
            if self._awaited:
                self.focus_first()

    def _hold(self, row: int) -> None:
        """Put the cursor back on its row if the table, laid out anew in another size, has begun at the first."""
        table = self.query_one(DataTable)
        if table.cursor_row == 0 < row < len(self.lines):
            table.move_cursor(row=row)

    def left(self, encounter: OpenEncounter) -> tuple[str, str]:
        return (encounter.basis if encounter.rows else "", t("encounter.basis"))

    def _show_banner(self, encounter: OpenEncounter, job: str) -> None:
        banner = self.query_one("#fields-banner", Label)
        text = t("fields.none") if not encounter.rows else "" if encounter.fields_whole else t("fields.cut")
        text = t("encounter.writing") if job == "extract" else text
        doubtful = sum(row.entry.doubtful for row in encounter.rows)
        if not text and doubtful:
            text = t("fields.doubtful", count=doubtful)
        banner.show(text or t("fields.keys"))
        banner.set_class(not encounter.fields_whole and bool(encounter.rows), "-incomplete")

    def _cells(self, encounter: OpenEncounter, line: FieldLine, head: str) -> Iterator[Text]:
        if line.index is None:
            yield from (Text(""), Text(head, style="bold"), Text(EMPTY), Text(""), Text(""))
            return
        entry = encounter.rows[line.index].entry
        doubtful = entry.doubtful
        sign = MARKED if line.index in self.marked else ACCEPTED if entry.accepted else DOUBTFUL if doubtful else ""
        style = flags.style(self.app, flags.LOW) if doubtful else ""
        yield Text(sign, style="bold" if sign == MARKED else style)
        yield Text(head, style="bold")
        yield label(entry.text)
        yield label(said_of(entry))
        yield Text(self._place(entry), style=style)

    @staticmethod
    def _place(entry: FieldEntry) -> str:
        if entry.start is None:
            return t("fields.nowhere")
        if entry.doubtful:
            return t("fields.score", percent=round(100 * (entry.confidence or 0.0)))
        return t("fields.exact") if entry.score >= 1 else t("fields.close", percent=round(entry.score * 100))

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        if self._case is not None and (line := self._current) is not None:
            entry = self._case.rows[line.index].entry if line.index is not None else None
            self.post_message(Spot(*_spot(entry)))

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        if (line := self._current) is not None:
            self.post_message(RowChosen(line.key, line.index))

    @property
    def _current(self) -> FieldLine | None:
        at = self.query_one(DataTable).cursor_row
        return self.lines[at] if 0 <= at < len(self.lines) else None

    def go_to(self, index: int) -> None:
        """Put the cursor on an entry, which lights up its place."""
        at = next((n for n, line in enumerate(self.lines) if line.index == index), None)
        if at is not None:
            self.query_one(DataTable).move_cursor(row=at)
            self.post_message(Spot(*_spot(self._case.rows[index].entry if self._case is not None else None)))

    def can(self, action: str) -> bool:
        """mark, accept and add_row on a line."""
        if not self.ready or (line := self._current) is None:
            return False
        return action == "add_row" or (action in ("mark", "accept") and (line.index is not None or bool(self.marked)))

    def act(self, action: str) -> None:
        """See can()."""
        if (line := self._current) is None:
            return
        if action == "add_row":
            self.post_message(RowChosen(line.key, None))
        elif action == "accept":
            chosen = sorted(self.marked) or ([line.index] if line.index is not None else [])
            self.marked.clear()
            self.post_message(RowsAccepted(chosen))
        elif line.index is not None:
            self.marked ^= {line.index}
            self._mark(line)

    def _mark(self, line: FieldLine) -> None:
        """Draw the sign of one line anew, and go on to the next."""
        table = self.query_one(DataTable)
        if self._case is not None:
            sign = next(self._cells(self._case, line, ""))
            table.update_cell_at(table.cursor_coordinate._replace(column=0), sign)
            table.move_cursor(row=min(table.cursor_row + 1, len(self.lines) - 1))

    def focus_first(self) -> None:
        """Put the cursor into the table, as soon as there is one."""
        self._awaited = not self.lines
        if self.lines:
            self.query_one(DataTable).focus()
