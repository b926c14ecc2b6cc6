"""How long encounters are kept, for each state; what would go is shown before anything goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, DataTable, Input

from edge.contract.encounter import State
from edge.errors import UsageError
from edge.vaults import Plan, Vault
from tui.labels import day_and_time
from tui.texts import t
from tui.widgets.dialogs import Confirm
from tui.widgets.safe import Label, SafeInput, button, label
from tui.widgets.table import Table

if TYPE_CHECKING:
    from tui.app import EdgeApp


class RetentionTab(Vertical):
    """An empty field keeps for ever. Deleting is possible only for what stands in the table."""

    def __init__(self) -> None:
        super().__init__()
        self._plan: Plan | None = None

    @property
    def edge(self) -> EdgeApp:
        """The app, by its own type."""
        return cast("EdgeApp", self.app)

    def compose(self) -> ComposeResult:
        yield Label(t("retention.about"), classes="setting-text")
        for state in State:
            name = state.value.lower()
            with Horizontal(classes="setting"):
                yield Label(t(f"app.{name}"), classes="setting-name")
                yield SafeInput(placeholder=t("retention.ever"), id=f"days-{name}", compact=True, restrict=r"\d{0,5}")
        with Horizontal(classes="bar"):
            yield button(t("retention.show"), "retention-show", "primary", compact=True)
            yield button(t("retention.delete"), "retention-delete", "error", compact=True)
        yield Label(id="retention-verdict")
        yield Table("due")

    def on_mount(self) -> None:
        self.query_one("#retention-delete", Button).disabled = True
        self.query_one(DataTable).display = False
        self.edge.go(self._read())

    async def _read(self) -> None:
        policy = await self.edge.vault.call(lambda vault: vault.retention.policy())
        for state, days in policy.items():
            self.query_one(f"#days-{state.value.lower()}", Input).value = str(days)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.edge.go(self._show())

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "retention-show":
            self.edge.go(self._show())
        elif self._plan is not None:
            question = t("retention.sure", count=len(self._plan.due))
            self.app.push_screen(Confirm(question), lambda sure: self.edge.go(self._delete()) if sure else None)

    def _typed(self) -> dict[State, int | None]:
        fields = {state: self.query_one(f"#days-{state.value.lower()}", Input).value.strip() for state in State}
        return {state: int(text) if text else None for state, text in fields.items()}

    async def _show(self) -> None:
        """Keep the times, and the dry run."""
        wanted = self._typed()

        def work(vault: Vault) -> Plan:
            before = vault.retention.policy()
            if any(before.get(state) != days for state, days in wanted.items()):
                vault.retention.set_policy(wanted)
            return vault.retention.plan()

        self._fill(await self.edge.vault.call(work))

    def _fill(self, plan: Plan, done: str = "") -> None:
        self._plan = plan
        table = self.query_one(DataTable)
        table.clear(columns=True)
        for name in ("day", "state", "encounter"):
            table.add_column(label(t(f"library.{name}")))
        for one in plan.due:
            row = (day_and_time(one.updated)[0], t(f"app.{one.state.value.lower()}"), one.title)
            table.add_row(*(label(cell, 60) for cell in row))
        table.display = bool(plan.due)
        self.query_one("#retention-delete", Button).disabled = not plan.due
        text = t("retention.due", count=len(plan.due)) if plan.due else t("retention.nothing")
        held = t("retention.held", count=plan.held) if plan.held else ""
        self.query_one("#retention-verdict", Label).show(" ".join(part for part in (done, text, held) if part))

    async def _delete(self) -> None:
        """Delete what was shown; if something else is due by now, show that instead."""
        shown = {one.id for one in self._plan.due} if self._plan else set()
        busy = {encounter.id for encounter in self.edge.encounters.all if encounter.busy}
        if shown & busy:
            raise UsageError("The model writes in one of these encounters.", "", "Stop it, or wait for its end.")

        def work(vault: Vault) -> tuple[Plan, int]:
            if {one.id for one in vault.retention.plan().due} != shown:
                return vault.retention.plan(), 0
            gone = vault.retention.purge()
            return vault.retention.plan(), len(gone.due)

        self.edge.encounters.forget(shown)
        plan, gone = await self.edge.vault.call(work)
        self._fill(plan, t("retention.gone", count=gone) if gone else t("retention.changed"))
