"""What the note stands on: its statements, each with its sign and its source, and what was said and is not in it.

The line under the cursor lights up its turns in the conversation, and the other way round; below the list stand the
message of each flag and both quotes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import DataTable

from edge.contract.facts import Omission, Quote, Statement
from edge.encounters.open_encounter import OpenEncounter
from edge.text import one_line
from tui.labels import meant
from tui.texts import t
from tui.texts.core import told
from tui.widgets import flags
from tui.widgets.messages import SaidInserted, SaidSetAside, Spot
from tui.widgets.panel import PanelBase
from tui.widgets.safe import Label, label
from tui.widgets.table import Table

_SIGN, _SOURCE = 3, 16  # cells


@dataclass(frozen=True)
class SourceRow:
    """One line: a heading, a statement, or something that was said."""

    heading: str = ""
    statement: Statement | None = None
    omission: Omission | None = None


def rows_of(encounter: OpenEncounter) -> Iterator[SourceRow]:
    """All lines, in the order of the note, then what it lacks."""
    for section in encounter.sections:
        statements = section.kept().statements
        if statements:
            yield SourceRow(meant(section.heading))
        yield from (SourceRow(statement=one) for one in statements)
    if omissions := encounter.omissions:
        yield SourceRow(t("sources.said", count=len(omissions)))
        yield from (SourceRow(omission=one) for one in omissions)


class SourcesPanel(PanelBase):
    """A panel of the encounter (tui.panels)."""

    def __init__(self) -> None:
        super().__init__()
        self.ready = False
        self.rows: list[SourceRow] = []
        self._encounter: OpenEncounter | None = None
        self._lit: set[int] = set()

    def compose(self) -> ComposeResult:
        yield Label(id="sources-banner")
        yield Table()
        with VerticalScroll(id="sources-about", can_focus=False):
            yield Label()

    def on_mount(self) -> None:
        self.ready = True

    async def on_resize(self) -> None:
        if self._encounter is not None:
            await self.show(self._encounter)

    async def restyle(self) -> None:
        if self._encounter is not None:
            await self.show(self._encounter)

    async def show(self, encounter: OpenEncounter, job: str = "") -> None:
        """Bring the panel up to the encounter."""
        self._encounter = encounter
        if not self.ready or not self.size.width:
            return
        self.query_one("#sources-banner", Label).show(self._banner(encounter))
        before = self._current
        self.rows, self._lit = list(rows_of(encounter)), set()
        table = self.query_one(DataTable)
        at = table.cursor_row
        table.clear(columns=True)
        table.display = bool(self.rows)
        room = max(20, self.size.width - _SIGN - _SOURCE - 8)
        for name, width in (("sign", _SIGN), ("text", room), ("source", _SOURCE)):
            table.add_column("", key=name, width=width)
        table.show_header = False
        for number, row in enumerate(self.rows):
            table.add_row(*self._cells(row), height=None, key=str(number))
        if self.rows:
            same = next((n for n, row in enumerate(self.rows) if before is not None and row == before), at)
            table.move_cursor(row=min(max(1, same), len(self.rows) - 1))
            self._about(self._current)
        else:
            self.query_one("#sources-about Label", Label).show("")

    def _banner(self, encounter: OpenEncounter) -> Text:
        review = encounter.review
        if not encounter.has_note:
            return Text(t("sources.no_note"))
        if encounter.busy or review is None:
            return Text(t("sources.checking"))
        if review.problem:
            return label(f"{t('sources.not_checked')} {told(review.problem)}")
        out = Text()
        if review.foreign:
            out.append(t("sources.foreign") + "\n", "bold reverse")
        counts = flags.counted(one for section in encounter.sections for one in section.kept().statements)
        for kind, count in counts:
            out.append(f"{flags.SIGNS[kind]} {count} {t(f'sources.{kind}')}", flags.style(self.app, kind))
            out.append("   ")
        if not counts:
            out.append(t("sources.all_good") + "   ")
        if review.heard.lacking:
            out.append(t("sources.no_finder"))
        else:
            count = len(encounter.omissions)
            out.append(f"{flags.SAID} {t('sources.said', count=count)}", "bold" if count else "")
        return out

    def _cells(self, row: SourceRow, lit: bool = False) -> Iterable[Text]:
        if row.statement is not None:
            one, kind = row.statement, flags.standing(row.statement)
            style = flags.style(self.app, kind) if kind else ""
            source = flags.place_label(one.sources[0]) if one.sources else ""
            source = source or (t("sources.none") if kind == flags.NONE else "")
            text = Text(one_line(one.text), style=style)
            if lit:
                text.stylize("reverse")
            return Text(flags.SIGNS[kind], style=style), text, Text(source, style="" if kind != flags.NONE else style)
        if row.omission is not None:
            said = row.omission
            style = flags.style(self.app, flags.HIGH) if said.critical else ""
            turn = t("sources.only_turn", turn=said.quote.turn)
            return Text(flags.said_sign(said), style=style), Text(one_line(said.statement)), Text(turn)
        return Text(""), Text(one_line(row.heading).upper(), style="bold"), Text("")

    @property
    def _current(self) -> SourceRow | None:
        at = self.query_one(DataTable).cursor_row
        return self.rows[at] if 0 <= at < len(self.rows) else None

    def _about(self, row: SourceRow | None) -> None:
        out = Text()
        known: Iterator[tuple[str, str]] = iter(())
        if row is not None and row.statement is not None:
            known = flags.in_words(row.statement)
        elif row is not None and row.omission is not None:
            known = flags.omission_lines(row.omission)
        for kind, line in known:
            out.append(line + "\n", flags.style(self.app, kind) if kind else "")
        self.query_one("#sources-about Label", Label).show(out)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        row = self._current
        self._about(row)
        if row is None or self._encounter is None or not self.has_focus_within:
            return
        self._light_rows(set())
        talk = self._encounter.conversation
        if row.statement is not None:
            self.post_message(Spot(*flags.places(row.statement, talk)))
        elif row.omission is not None:
            quote = row.omission.quote
            self.post_message(Spot((quote.start, quote.end)))
        else:
            self.post_message(Spot())

    def turn_chosen(self, start: int, end: int) -> None:
        """Light up the lines that stand on a turn; the cursor goes to the first."""
        found = {
            number
            for number, row in enumerate(self.rows)
            if any(quote.start < end and start < quote.end for quote in _quotes(row))
        }
        self._light_rows(found)
        if found:
            self.query_one(DataTable).move_cursor(row=min(found))

    def _light_rows(self, rows: set[int]) -> None:
        table = self.query_one(DataTable)
        for number in rows ^ self._lit:
            _, text, _ = self._cells(self.rows[number], number in rows)
            table.update_cell(str(number), "text", text)
        self._lit = rows

    def focus_first(self) -> None:
        """Put the cursor into the list."""
        self.query_one(DataTable).focus()

    def can(self, action: str) -> bool:
        """insert and set_aside on something said, jump to the next group."""
        row = self._current if self.ready else None
        if action == "jump":
            return bool(self.rows)
        return action in ("insert", "set_aside") and row is not None and row.omission is not None

    def act(self, action: str) -> None:
        """See can()."""
        row = self._current
        if action == "jump":
            said = next((n for n, one in enumerate(self.rows) if one.omission is not None), 0)
            here = row is not None and row.omission is not None
            self.query_one(DataTable).move_cursor(row=1 if here or not said else said)
        elif row is not None and row.omission is not None:
            self.post_message(SaidInserted(row.omission) if action == "insert" else SaidSetAside(row.omission))


def _quotes(row: SourceRow) -> list[Quote]:
    if row.omission is not None:
        return [row.omission.quote]
    return [link.quote for link in row.statement.sources] if row.statement is not None else []
