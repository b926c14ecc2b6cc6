"""Preferences; the audit chain; the seal and how to check it; the vault and its keys."""

from __future__ import annotations

import asyncio
import os

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, DataTable, Input, Select, TabbedContent, TabPane

from edge.encounters import templates
from edge.text import one_line
from edge.vaults import Passphrase
from tui import actions, settings
from tui.labels import event_label, local_time, seal_line, titled
from tui.screens.base import EdgeScreen
from tui.settings import short
from tui.texts import activity, t
from tui.texts.core import told
from tui.widgets.key_bar import KeyBar
from tui.widgets.model_tab import ModelTab
from tui.widgets.retention_tab import RetentionTab
from tui.widgets.safe import Label, SafeInput, button, label
from tui.widgets.secret_dialogs import with_passphrase
from tui.widgets.status_bar import StatusBar
from tui.widgets.table import Table
from tui.widgets.templates_tab import TemplatesTab
from tui.widgets.vault_tab import VaultTab

_CODE = 8  # cells of an encounter's id
_WIDE = 110  # columns from which an entry of the activity shows its number


def _prove(pid: int) -> str:
    status = f"grep -E 'Seccomp:|NoNewPrivs:' /proc/{pid}/status"
    return f"{status}\n# Seccomp: 2, NoNewPrivs: 1\nls -l /proc/{pid}/fd"


def _choice(text: str) -> str:
    """A safe text for a choice, which reads markup."""
    return one_line(text).replace("[", "(")


class SettingsScreen(EdgeScreen):
    """Every change counts at once and is kept when the screen is left, unless its label says otherwise."""

    scope = "settings"
    BINDINGS = actions.bindings("settings")

    def __init__(self, tab: str = "general") -> None:
        """tab: the one that is open first."""
        super().__init__()
        self._first = tab

    def compose(self) -> ComposeResult:
        yield StatusBar()
        with TabbedContent():
            for name, body in (
                ("general", self._general),
                ("model", self._model),
                ("templates", self._templates),
                ("retention", self._retention),
                ("audit", self._audit),
                ("seal", self._seal),
                ("vault", self._vault),
            ):
                with (
                    TabPane(Content(t(f"settings.tab_{name}")), id=f"tab-{name}"),
                    VerticalScroll(can_focus=False),
                ):
                    yield from body()
        yield KeyBar("settings", "app")

    # -- general ---------------------------------------------------------------------------------------------------

    def _general(self) -> ComposeResult:
        kept = self.edge.settings
        yield from self._select("theme", [(t(f"settings.{n}"), n) for n in settings.THEMES], kept.theme)
        yield from self._select("language", [(t(f"settings.{n}"), n) for n in settings.LANGUAGES], kept.language)
        yield from self._select("lock", [(str(n), str(n)) for n in settings.LOCK_MINUTES], str(kept.lock_minutes))
        yield from self._select("template", self._template_options(), kept.template, "visit")
        yield from self._select("form", [(t(f"settings.form_{n}"), n) for n in settings.FORMS], kept.form)
        yield from self._line("signer", kept.signer)
        yield from self._line("folder", short(kept.exports()))
        with Vertical(id="folder-told"):
            yield Label(t("settings.folder_about"), id="folder-status", classes="dialog-note")
            yield button(t("settings.folder_lock"), "folder-lock", compact=True)
        switch = [(t("app.no"), "no"), (t("app.yes"), "yes")]
        yield from self._select("names", switch, "yes" if kept.export_title else "no")
        yield from self._select("osc52", switch, "yes" if kept.copy_osc52 else "no")

    @staticmethod
    def _template_options() -> list[tuple[str, str]]:
        return [(_choice(titled(n)), n) for n in templates.names() if not n.startswith("section:")]

    @staticmethod
    def _select(name: str, options: list[tuple[str, str]], value: str, otherwise: str = "") -> ComposeResult:
        known = [answer for _, answer in options]
        with Horizontal(classes="setting"):
            yield Label(t(f"settings.{name}"), classes="setting-name")
            shown = [(_choice(text), answer) for text, answer in options]
            chosen = value if value in known else otherwise or known[0]
            yield Select(shown, value=chosen, allow_blank=False, id=name, compact=True)

    @staticmethod
    def _line(name: str, value: str) -> ComposeResult:
        with Horizontal(classes="setting"):
            yield Label(t(f"settings.{name}"), classes="setting-name")
            yield SafeInput(one_line(value), id=name, compact=True)

    def on_select_changed(self, event: Select.Changed) -> None:
        kept, value = self.edge.settings, str(event.value)
        if event.select.id == "theme":
            kept.theme = value
            self.app.theme = value
        elif event.select.id == "language" and value != kept.language:
            kept.language = value
            self.edge.go(self.edge.use_language(value))
        elif event.select.id == "lock":
            kept.lock_minutes = int(value)
        elif event.select.id == "osc52":
            kept.copy_osc52 = value == "yes"
        elif event.select.id == "names":
            kept.export_title = value == "yes"
        elif event.select.id == "template":
            kept.template = value
        elif event.select.id == "form":
            kept.form = self.edge.encounters.form = value

    def on_input_changed(self, event: Input.Changed) -> None:
        kept = self.edge.settings
        if event.input.id == "signer":
            kept.signer = event.value if event.value.isprintable() else ""
            self.edge.go(self.edge.vault.call(lambda vault: vault.act_as(kept.signer)))
        elif event.input.id == "folder":
            default = short(type(kept)().exports())
            wanted = "" if event.value.strip() in ("", default) else event.value.strip()
            if settings.is_folder(wanted):
                kept.export_folder = wanted

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "folder":
            self.edge.go(self._try_folder())

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        if event.widget.id == "folder":
            self.edge.go(self._try_folder())

    async def _try_folder(self) -> None:
        """Whether exports can go to the folder now: the seal of this window was made for the one before."""
        folder = self.edge.settings.exports()
        may = await asyncio.to_thread(settings.can_write, folder)
        for status in self.query("#folder-status").results(Label):
            status.show(t("settings.folder_now" if may else "settings.folder_later", folder=short(folder)))
            self.query_one("#folder-told").set_class(not may, "-later")
        settings.save(self.edge.settings)

    def action_back(self) -> None:
        settings.save(self.edge.settings)
        self.app.pop_screen()

    # -- model -----------------------------------------------------------------------------------------------------

    def _model(self) -> ComposeResult:
        yield ModelTab(self.edge.settings)

    # -- templates -------------------------------------------------------------------------------------------------

    def _templates(self) -> ComposeResult:
        yield TemplatesTab()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action.startswith("template_"):
            return bool(self.query(TabbedContent)) and self.query_one(TabbedContent).active == "tab-templates"
        return True

    def on_tabbed_content_tab_activated(self) -> None:
        self.keys_changed()

    def on_templates_tab_changed(self) -> None:
        select, kept = self.query_one("#template", Select), self.edge.settings
        with self.prevent(Select.Changed):
            select.set_options(self._template_options())
            select.value = kept.template = kept.template if kept.template in templates.names() else "visit"

    def action_template_new(self) -> None:
        self.query_one(TemplatesTab).make()

    def action_template_delete(self) -> None:
        self.query_one(TemplatesTab).delete()

    # -- audit -----------------------------------------------------------------------------------------------------

    def _audit(self) -> ComposeResult:
        with Horizontal(classes="bar"):
            yield button(t("settings.verify"), "verify", "primary", compact=True)
        yield Label(id="verdict")
        yield Label(t("settings.chain"), classes="dialog-note")
        yield Table("chain")

    async def redraw(self) -> None:
        active = self.query_one(TabbedContent).active
        await super().redraw()
        self.query_one(TabbedContent).active = active
        self.query_one("#language").focus()
        await self._fill_chain()

    def on_mount(self) -> None:
        self.call_after_refresh(self._open_first)

    def _open_first(self) -> None:
        self.query_one(TabbedContent).active = f"tab-{self._first}"

    def on_resize(self) -> None:
        self.edge.go(self._fill_chain())

    async def _fill_chain(self) -> None:
        entries = await self.edge.vault.call(lambda vault: vault.admin.newest())
        table = self.query_one("#chain", DataTable)
        table.clear(columns=True)
        wide = self.size.width >= _WIDE
        code = max(_CODE, cell_len(t("audit.record")))
        widths = [("time", 16), ("event", 0), ("record", code), ("who", 16 if wide else 12)]
        widths = [("number", 6), *widths] if wide else widths
        room = self.size.width - sum(width + 2 for _, width in widths) - 4  # with the table's own edge
        for name, width in widths:
            table.add_column(label(t(f"audit.{name}")), width=width or max(16, room))
        for one in entries:
            detail = activity.in_words(one.event, one.detail)
            told = f"{event_label(one.event)}: {detail}" if detail else event_label(one.event)
            cells = (str(one.seq), local_time(one.at), told, one.subject, one.actor)
            table.add_row(*(label(cell) for cell in cells[0 if wide else 1 :]), height=None)

    # -- seal ------------------------------------------------------------------------------------------------------

    def _seal(self) -> ComposeResult:
        yield Label(seal_line(self.edge.seal), classes="setting-text")
        yield Label(t("settings.seal_prove"), classes="dialog-note")
        yield Label(_prove(os.getpid()), classes="setting-text")

    # -- retention, vault ------------------------------------------------------------------------------------------

    def _retention(self) -> ComposeResult:
        yield RetentionTab()

    def _vault(self) -> ComposeResult:
        yield VaultTab()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "folder-lock":
            self.edge.action_lock()
        elif event.button.id == "verify":
            with_passphrase(self.edge, t("settings.verify_ask"), self._verify)

    async def _verify(self, secret: Passphrase) -> None:
        report = await self.edge.vault.call(lambda vault: vault.admin.verify_chain(secret))
        good = t("settings.chain_good", count=report.entries)
        text = good if report.good else t("settings.chain_bad", why=told(report.why))
        self.query_one("#verdict", Label).show(text)
        await self._fill_chain()
