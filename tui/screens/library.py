"""All encounters, last changed first: filters, search as you type, and what the model is at work on."""

from __future__ import annotations

import asyncio
import re

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import DataTable, Input
from textual.widgets.data_table import CellDoesNotExist

from edge.contract.encounter import EncounterSummary, Kind, State
from edge.text import one_line
from edge.vaults import EncounterFilter, SearchHit
from tui import actions
from tui.labels import day_and_time, day_began
from tui.screens.base import EdgeScreen
from tui.settings import short
from tui.texts import t
from tui.widgets.dialogs import Ask, Choose, Confirm
from tui.widgets.key_bar import KeyBar
from tui.widgets.safe import Label, SafeInput, label
from tui.widgets.status_bar import StatusBar
from tui.widgets.table import Table

PAGE = 200
FILTERS = ("all", "of_today", "unsigned", "cut", "no_note", "only_signed")


def _where(name: str) -> EncounterFilter:
    """What a filter shows. A sample visit is no work to be done: it stands under "all" only."""
    if name == "all":
        return EncounterFilter()
    found: dict[str, EncounterFilter] = {
        "of_today": EncounterFilter(sample=False, since=day_began()),
        "unsigned": EncounterFilter(sample=False, signed=False),
        "cut": EncounterFilter(sample=False, incomplete=True),
        "no_note": EncounterFilter(sample=False, note=False),
        "only_signed": EncounterFilter(sample=False, signed=True),
    }
    return found[name]


class LibraryScreen(EdgeScreen):
    """The list. limit grows when the cursor reaches its end."""

    scope = "library"
    AUTO_FOCUS = "#records"
    BINDINGS = actions.bindings("library")

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[EncounterSummary] = []
        self._at_work: dict[str, str] = {}
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
        kept, hits = self.edge.encounters, list[SearchHit]()
        if words.strip():
            hits = await kept.search(words, self._limit, _where(self._filter))
        found = [hit.summary for hit in hits] if words.strip() else await kept.kept(_where(self._filter), self._limit)
        total = await kept.count()
        if asked == self._asked:
            self._fill(found, total, {hit.summary.id: hit.snippet for hit in hits} if words.strip() else None)

    def _fill(self, found: list[EncounterSummary], total: int, context: dict[str, str] | None) -> None:
        """context: of a search, the words around what matched, by the encounter's id."""
        table = self.query_one(DataTable)
        here = self._rows[table.cursor_row].id if 0 <= table.cursor_row < len(self._rows) else ""
        self._rows, self._at_work = found, self.edge.encounters.at_work()
        table.clear(columns=True)
        wide, searched = self.size.width >= 100, context is not None
        names = ["day", "time", "state", "encounter", *([] if searched else ["content"])]
        names += ["model"] if wide and not searched else []
        for name in names:
            table.add_column(label(t(f"library.{name}")), key=name)
        room = max(16, self.size.width - (46 if searched else 74 if wide else 56))
        last = ""
        for row in found:
            day, time = day_and_time(row.updated)
            cells = [label("" if day == last else day), label(time), self._state(row), _title(row, room)]
            if context is not None:
                cells[-1].append("\n").append_text(_marked(context[row.id], room))
                table.add_row(*cells, key=row.id, height=2)
            else:
                cells.append(label("+".join(t(f"library.{kind.value}") for kind in row.kinds) or t("library.source")))
                table.add_row(*cells, *([label(row.bundle, 28)] if wide else []), key=row.id)
            last = day
        position = next((i for i, row in enumerate(found) if row.id == here), 0)
        if found:
            table.move_cursor(row=position)
        shown = t("library.count", shown=sum(not row.sample for row in found), total=total)
        if not found:
            among = searched and self._filter != FILTERS[0]
            shown = (
                t("library.nothing_here" if among else "library.nothing") if searched or total else t("library.empty")
            )
        self.query_one("#library-line", Label).show(self._filters(searched, shown))

    def _filters(self, searched: bool, shown: str) -> Text:
        """What the list shows: all filters with the one in use marked, where they fit; else that one."""
        if searched:
            line = Text(f"{t(f'library.found_{self._filter}')}  ", end="")
            line.stylize("bold", 0 if self._filter != FILTERS[0] else len(line))
            return line.append(one_line(shown))
        names = [t(f"library.{name}") for name in FILTERS]
        line = Text(f"{t('library.show')} ", end="")
        for name, text in zip(FILTERS, names, strict=True):
            line.append(f" {text} ", "bold reverse" if name == self._filter else "")
        if line.cell_len + len(shown) + 4 > self.size.width:
            line = Text(f"{t('library.show')} ", end="").append(f" {t(f'library.{self._filter}')} ", "bold reverse")
        return line.append(f"  {one_line(shown)}")

    def _state(self, row: EncounterSummary) -> Text:
        cell = Text(t(f"app.{row.state.value.lower()}"), style="" if row.state is State.SIGNED else "bold")
        if work := self._at_work.get(row.id):
            return cell.append(" ").append(t(f"library.{work}"), "bold reverse")
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

    def tick(self) -> None:
        super().tick()
        if self.edge.vault.is_open and self.edge.encounters.at_work() != self._at_work:
            self._at_work = self.edge.encounters.at_work()
            self.refresh_list()

    def in_bar(self, action: actions.Action) -> bool:
        """Esc is shown where it does something."""
        return super().in_bar(action) and (action.name != "show_all" or self.query_one("#search").has_focus)

    def action_show_all(self) -> None:
        """All encounters again."""
        field = self.query_one("#search", Input)
        self._filter = FILTERS[0]
        if field.value:
            field.value = ""
        else:
            self.refresh_list()
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
        """Whose encounter it is, is asked first: a list of dates alone mixes patients up."""

        def answered(title: str | None) -> None:
            if title is not None:
                self.edge.show_encounter(self.edge.encounters.new(self.edge.settings.template, title))

        self.app.push_screen(Ask(t("new.title"), t("new.prompt"), ok=t("new.button"), note=t("new.note")), answered)

    def action_open_row(self) -> None:
        if (row := self._current()) is not None:
            self.edge.go(self.edge.open_encounter(row.id))

    def action_open_file(self) -> None:
        self.edge.go(self.edge.open_file(None))

    def action_sample(self) -> None:
        def answered(sure: bool | None) -> None:
            if sure:
                self.edge.go(self.edge.sample_encounter())

        self.app.push_screen(Confirm(t("library.sample_sure")), answered)

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
        forms = [("md", t("export.md")), ("txt", t("export.txt")), ("fhir", t("export.fhir"))]

        def answered(form: str | None) -> None:
            if form:
                self.edge.go(self.edge.export(row.id, form))

        self.app.push_screen(Choose(t("export.title"), forms, note), answered)


def _title(row: EncounterSummary, room: int) -> Text:
    """Whose encounter it is; a sample says that it is nobody's."""
    if not row.sample:
        return label(row.title, room)
    return Text().append(t("app.sample"), "bold reverse").append(" ").append_text(label(row.title, room - 10))


def _marked(snippet: str, room: int) -> Text:
    """The words around what matched, which stands between « and »; the first match is always among them."""
    before, mark, rest = one_line(snippet).partition("«")
    words = before.split(" ")
    while len(words) > 1 and len(" ".join(words)) > room // 3:
        words = words[1:]
    begun = before if len(words) == len(before.split(" ")) else f"… {' '.join(words)}"
    out = Text(end="")
    for number, part in enumerate(re.split("[«»]", begun + mark + rest)):
        out.append(part, "bold underline" if number % 2 else "")
    out.truncate(room, overflow="ellipsis")
    return out
