"""All encounters: unsigned work on top, search as you type."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import DataTable, Input
from textual.widgets.data_table import CellDoesNotExist

from edge.contract.encounter import EncounterSummary, Kind, State
from tui import actions
from tui.labels import day_and_time
from tui.screens.base import EdgeScreen
from tui.settings import short
from tui.texts import t
from tui.widgets.dialogs import Ask, Choose, Confirm
from tui.widgets.key_bar import KeyBar
from tui.widgets.safe import Label, SafeInput, label
from tui.widgets.status_bar import StatusBar
from tui.widgets.table import Table

PAGE = 200
FILTERS = ("all", "unsigned", "only_signed")
UNSIGNED, SIGNED = (State.DRAFT, State.EDITED), (State.SIGNED,)


class LibraryScreen(EdgeScreen):
    """The list. limit grows when the cursor reaches its end."""

    scope = "library"
    BINDINGS = actions.bindings("library")

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[EncounterSummary] = []
        self._filter = FILTERS[0]
        self._limit = PAGE
        self._asked = 0

    def compose(self) -> ComposeResult:
        yield StatusBar()
        yield SafeInput(placeholder=t("library.search"), id="search")
        yield Label(id="library-line")
        yield Table("records")
        yield KeyBar("library", "app")

    def on_mount(self) -> None:
        self.query_one(DataTable).focus()

    def on_screen_resume(self) -> None:
        self.refresh_list()

    async def redraw(self) -> None:
        words = self.query_one("#search", Input).value
        await super().redraw()
        with self.prevent(Input.Changed):
            self.query_one("#search", Input).value = words
        self.refresh_list()

    def list_changed(self) -> None:
        self.refresh_list()

    def refresh_list(self) -> None:
        """Read the list again."""
        if self.edge.vault.is_open:
            self._asked += 1
            self.edge.go(self._load(self._asked))

    async def _load(self, asked: int) -> None:
        words = self.query_one("#search", Input).value
        await asyncio.sleep(0.05 if words else 0)  # while somebody types, only the last question is asked
        if asked != self._asked:
            return
        kept = self.edge.encounters
        if words.strip():
            found = await kept.search(words, self._limit)
        else:
            found = await kept.in_states(UNSIGNED, self._limit) if self._filter != "only_signed" else []
            if self._filter != "unsigned" and len(found) < self._limit:
                found += await kept.in_states(SIGNED, self._limit - len(found))
        total = await kept.count()
        if asked == self._asked:
            self._fill(found, total, bool(words.strip()))

    def _fill(self, found: list[EncounterSummary], total: int, searched: bool) -> None:
        table = self.query_one(DataTable)
        here = self._rows[table.cursor_row].id if 0 <= table.cursor_row < len(self._rows) else ""
        self._rows = found
        table.clear(columns=True)
        wide = self.size.width >= 100
        names = ["day", "time", "state", "encounter", "content", *(["model"] if wide else [])]
        for name in names:
            table.add_column(label(t(f"library.{name}")), key=name)
        room = max(16, self.size.width - (74 if wide else 56))
        last = ""
        for row in found:
            day, time = day_and_time(row.updated)
            cells = [label("" if day == last else day), label(time), self._state(row), label(row.title, room)]
            cells.append(label("+".join(t(f"library.{kind.value}") for kind in row.kinds) or t("library.source")))
            table.add_row(*cells, *([label(row.bundle, 28)] if wide else []), key=row.id)
            last = day
        position = next((i for i, row in enumerate(found) if row.id == here), 0)
        if found:
            table.move_cursor(row=position)
        line = t("library.count", shown=len(found), total=total)
        if not found:
            line = t("library.nothing") if searched or total else t("library.empty")
        self.query_one("#library-line", Label).show(
            f"{t('library.filter', which=t(f'library.{self._filter}'))}  {line}"
        )

    @staticmethod
    def _state(row: EncounterSummary) -> Text:
        cell = Text(t(f"app.{row.state.value.lower()}"), style="" if row.state is State.SIGNED else "bold")
        if not row.bundle and Kind.NOTE not in row.kinds:
            cell.append(f" {t('app.no_note')}", "italic")
        if row.incomplete:
            cell.append(" ").append(t("app.incomplete"), "bold reverse")
        if row.legal_hold:
            cell.append(f" {t('app.hold')}", "bold")
        return cell

    def _current(self) -> EncounterSummary | None:
        table = self.query_one(DataTable)
        try:
            return self._rows[table.cursor_row] if self._rows and table.cursor_row >= 0 else None
        except (IndexError, CellDoesNotExist):
            return None

    def on_input_changed(self) -> None:
        self._limit = PAGE
        self.refresh_list()

    def on_input_submitted(self) -> None:
        self.query_one(DataTable).focus()

    def key_escape(self) -> None:
        field = self.query_one("#search", Input)
        if field.value:
            field.value = ""
        self.query_one(DataTable).focus()

    def key_down(self) -> None:
        if self.query_one("#search").has_focus:
            self.query_one(DataTable).focus()

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        if len(self._rows) >= self._limit and event.cursor_row >= len(self._rows) - 5:
            self._limit += PAGE
            self.refresh_list()

    def on_data_table_row_selected(self) -> None:
        self.action_open_row()

    def on_resize(self) -> None:
        if self.is_current:  # under another screen it is read anew when it comes back
            self.refresh_list()

    # -- actions ---------------------------------------------------------------------------------------------------

    def action_search(self) -> None:
        self.query_one("#search").focus()

    def action_filter(self) -> None:
        self._filter = FILTERS[(FILTERS.index(self._filter) + 1) % len(FILTERS)]
        self.refresh_list()

    def action_new(self) -> None:
        self.edge.show_encounter(self.edge.encounters.new(self.edge.settings.template))

    def action_open_row(self) -> None:
        if (row := self._current()) is not None:
            self.edge.go(self.edge.open_encounter(row.id))

    def action_open_file(self) -> None:
        self.app.push_screen(Ask(t("open.title"), t("open.path"), ok=t("open.button")), self._open_file)

    def _open_file(self, path: str | None) -> None:
        if path and path.strip():
            self.edge.go(self.edge.encounter_from_file(Path(path.strip()).expanduser()))

    def action_sample(self) -> None:
        self.edge.go(self.edge.sample_encounter())

    def action_delete(self) -> None:
        if (row := self._current()) is None:
            return
        signed = row.state is State.SIGNED
        question = t("library.delete_signed" if signed else "library.delete_sure", title=row.title)

        def answered(sure: bool | None) -> None:
            if sure:
                self.edge.go(self._delete(row.id, signed))

        self.app.push_screen(Confirm(question), answered)

    async def _delete(self, identifier: str, signed: bool) -> None:
        await self.edge.encounters.delete(identifier, signed_too=signed)
        self.edge.tell(t("library.deleted"))
        self.refresh_list()

    def action_hold(self) -> None:
        if (row := self._current()) is not None:
            self.edge.go(self._hold(row.id, not row.legal_hold))

    async def _hold(self, identifier: str, on: bool) -> None:
        await self.edge.vault.call(lambda vault: vault.encounters.hold(identifier, on))
        self.edge.tell(t("library.held" if on else "library.lifted"))
        self.refresh_list()

    def action_export_row(self) -> None:
        if (row := self._current()) is None:
            return
        unsigned = row.state is not State.SIGNED
        note = t("export.about", folder=short(self.edge.settings.exports())) + (
            f"\n{t('export.draft')}" if unsigned else ""
        )
        forms = [("md", t("export.md")), ("txt", t("export.txt"))]

        def answered(form: str | None) -> None:
            if form:
                self.edge.go(self.edge.export(row.id, form))

        self.app.push_screen(Choose(t("export.title"), forms, note), answered)
