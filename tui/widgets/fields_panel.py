"""The extracted fields as a table; the row under the cursor lights up the place where it stands."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import DataTable

from edge.contract.fields import FieldEntry
from edge.contract.schemas import FIELDS
from edge.encounters.open_encounter import OpenEncounter
from tui.labels import field_label
from tui.texts import t
from tui.widgets.messages import RowChosen, Spot
from tui.widgets.safe import Label, label
from tui.widgets.table import Table


class FieldsPanel(Vertical):
    """A panel of the encounter (tui.widgets.panels)."""

    def __init__(self) -> None:
        super().__init__()
        self.ready = False
        self._case: OpenEncounter | None = None
        self._job = ""
        self._order: list[int] = []

    def compose(self) -> ComposeResult:
        yield Label(id="fields-banner")
        yield Table()

    def on_mount(self) -> None:
        self.ready = True

    async def on_resize(self) -> None:
        if self._case is not None:
            await self.show(self._case, self._job)

    async def show(self, encounter: OpenEncounter, job: str = "") -> None:
        """Bring the panel up to the encounter."""
        if not self.ready:
            return
        self._case, self._job = encounter, job
        banner = self.query_one("#fields-banner", Label)
        text = t("fields.none") if not encounter.rows else "" if encounter.fields_whole else t("fields.cut")
        text = t("encounter.writing") if job == "extract" else text
        banner.show(text)
        banner.display = bool(text)
        banner.set_class(not encounter.fields_whole and bool(encounter.rows), "-incomplete")
        table = self.query_one(DataTable)
        at = table.cursor_row
        table.clear(columns=True)
        table.display = bool(encounter.rows)
        place = max(12, cell_len(t("fields.nowhere")))
        room = max(16, self.size.width - 30 - place)
        for name, width in (("field", 22), ("text", room), ("place", place)):
            table.add_column(label(t(f"fields.{name}")), key=name, width=width)
        order = {field.key: i for i, field in enumerate(FIELDS)}
        self._order = sorted(range(len(encounter.rows)), key=lambda i: order.get(encounter.rows[i].key, 99))
        last = ""
        for index in self._order:
            row = encounter.rows[index]
            head = field_label(row.key) if row.key != last else ""
            last = row.key
            cells = (Text(head, style="bold"), label(row.entry.text), label(self._place(row.entry)))
            table.add_row(*cells, height=None)  # as many lines as the fact needs: none is cut
        if encounter.rows:
            table.move_cursor(row=min(at, len(encounter.rows) - 1))

    @staticmethod
    def _place(entry: FieldEntry) -> str:
        if entry.start is None:
            return t("fields.nowhere")
        return t("fields.exact") if entry.score >= 1 else t("fields.close", percent=round(entry.score * 100))

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        if self._case is not None and 0 <= event.cursor_row < len(self._order):
            row = self._case.rows[self._order[event.cursor_row]]
            self.post_message(Spot(row.entry.start, row.entry.end))

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        if 0 <= event.cursor_row < len(self._order):
            self.post_message(RowChosen(self._order[event.cursor_row]))

    def add_row(self) -> None:
        """Add a fact to the field under the cursor."""
        table = self.query_one(DataTable)
        if self._order:
            self.post_message(RowChosen(self._order[table.cursor_row], add=True))

    def focus_first(self) -> None:
        """Put the cursor into the table."""
        self.query_one(DataTable).focus()
