"""Preferences; the audit chain; the seal and how to check it; the vault and its keys."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, DataTable, Input, Select, Switch, TabbedContent, TabPane

from edge.errors import EdgescribeError
from edge.text import one_line
from edge.workbench import Passphrase, RecoveryKey, Vault, audit_tail, template_names
from tui import actions, settings
from tui.clock import local_time
from tui.labels import titled
from tui.screens.base import EdgeScreen
from tui.screens.dialogs import Ask, button
from tui.settings import short
from tui.texts import t
from tui.walls import Label, SafeInput, label
from tui.widgets.key_bar import KeyBar
from tui.widgets.model_tab import ModelTab
from tui.widgets.status_bar import StatusBar
from tui.widgets.templates_tab import TemplatesTab


def _prove(pid: int) -> str:
    return f"grep -E 'Seccomp:|NoNewPrivs:' /proc/{pid}/status     # Seccomp: 2, NoNewPrivs: 1\nls -l /proc/{pid}/fd"


def _choice(text: str) -> str:
    """A safe text for a choice, which reads markup."""
    return one_line(text).replace("[", "(")


class SettingsScreen(EdgeScreen):
    """Every change counts at once and is kept when the screen is left, unless its label says otherwise."""

    scope = "settings"
    BINDINGS = actions.bindings("settings")

    def compose(self) -> ComposeResult:
        yield StatusBar()
        with TabbedContent():
            for name, body in (
                ("general", self._general),
                ("model", self._model),
                ("templates", self._templates),
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
        yield from self._line("signer", kept.signer)
        yield from self._line("folder", short(kept.exports()))
        with Horizontal(classes="setting"):
            yield Label(t("settings.osc52"), classes="setting-name")
            yield Switch(kept.copy_osc52, id="osc52")

    @staticmethod
    def _template_options() -> list[tuple[str, str]]:
        return [(_choice(titled(n)), n) for n in template_names() if not n.startswith("section:")]

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
            self.edge.use_language(value)
        elif event.select.id == "lock":
            kept.lock_minutes = int(value)
        elif event.select.id == "template":
            kept.template = value

    def on_input_changed(self, event: Input.Changed) -> None:
        kept = self.edge.settings
        if event.input.id == "signer":
            kept.signer = event.value
        elif event.input.id == "folder":
            default = short(type(kept)().exports())
            kept.export_folder = "" if event.value.strip() in ("", default) else event.value.strip()

    def on_switch_changed(self, event: Switch.Changed) -> None:
        self.edge.settings.copy_osc52 = event.value

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
            select.value = kept.template = kept.template if kept.template in template_names() else "visit"

    def action_template_new(self) -> None:
        self.query_one(TemplatesTab).make()

    def action_template_delete(self) -> None:
        self.query_one(TemplatesTab).delete()

    # -- audit -----------------------------------------------------------------------------------------------------

    def _audit(self) -> ComposeResult:
        with Horizontal(classes="buttons"):
            yield button(t("settings.verify"), "verify", "primary")
        yield Label(id="verdict")
        yield Label(t("settings.chain"), classes="dialog-note")
        yield DataTable(cursor_type="row", zebra_stripes=True, id="chain")

    async def on_mount(self) -> None:
        self.edge.go(self._line_of_vault())
        self.edge.go(self._fill_chain())

    async def _fill_chain(self) -> None:
        entries = await self.edge.desk.call(audit_tail)
        table = self.query_one("#chain", DataTable)
        table.clear(columns=True)
        for name, width in (("#", 6), ("time", 17), ("event", 16), ("record", 10), ("who", 16), ("detail", 60)):
            table.add_column(label(name), width=width)
        for one in entries:
            cells = (str(one.seq), local_time(one.at), one.event, one.subject, one.actor, one.detail)
            table.add_row(*(label(cell, 80) for cell in cells))

    # -- seal ------------------------------------------------------------------------------------------------------

    def _seal(self) -> ComposeResult:
        yield Label(self.edge.seal_line, classes="setting-text")
        yield Label(t("settings.seal_prove"), classes="dialog-note")
        yield Label(_prove(os.getpid()), classes="setting-text")

    # -- vault -----------------------------------------------------------------------------------------------------

    def _vault(self) -> ComposeResult:
        yield Label(id="vault-line", classes="setting-text")
        yield Label(id="vault-status")
        for name, text in (("change", "change"), ("newkey", "new_key"), ("check", "check"), ("backup", "backup")):
            yield button(t(f"settings.{text}"), name)

    async def _line_of_vault(self) -> None:
        kinds = await self.edge.desk.call(lambda vault: vault.custody.slots())
        lines = [t("settings.vault_file", path=short(self.edge.desk.path))]
        lines.append(t("settings.vault_keys", kinds=", ".join(kinds)))
        if (info := self.edge.book.info) is not None:
            lines.append(t("settings.vault_bundle", name=info.bundle, sha=info.bundle_sha256))
        self.query_one("#vault-line", Label).show("\n".join(lines))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "check":
            self._say(t("settings.checking"))
            self.edge.go(self._check())
        elif event.button.id == "backup":
            self.edge.go(self._backup())
        elif event.button.id == "verify":
            self._with_passphrase(self._verify)
        elif event.button.id == "newkey":
            self._with_passphrase(self._new_key)
        elif event.button.id == "change":
            self._with_passphrase(self._ask_new)

    def _say(self, text: str) -> None:
        self.query_one("#vault-status", Label).show(text)

    def _with_passphrase(self, then: Callable[[Passphrase], Any]) -> None:
        def answered(typed: str | None) -> None:
            if typed:
                self.edge.go(self._guarded(then, Passphrase(typed.encode())))

        self.app.push_screen(Ask(t("settings.verify_ask"), t("settings.current"), password=True), answered)

    @staticmethod
    async def _guarded(then: Callable[[Passphrase], Any], secret: Passphrase) -> None:
        with secret:
            await then(secret)

    async def _verify(self, secret: Passphrase) -> None:
        report = await self.edge.desk.call(lambda vault: vault.custody.verify_chain(secret))
        good = t("settings.chain_good", count=report.entries)
        text = good if report.good else t("settings.chain_bad", why=report.why)
        self.query_one("#verdict", Label).show(text)
        await self._fill_chain()

    async def _new_key(self, secret: Passphrase) -> None:
        from tui.screens.welcome import RecoveryScreen

        key: RecoveryKey = await self.edge.desk.call(lambda vault: vault.custody.new_recovery_key(secret))
        await self.app.push_screen(RecoveryScreen(key, first=False))

    async def _ask_new(self, secret: Passphrase) -> None:
        current = secret.copy()
        done: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        ask = Ask(t("settings.change"), t("settings.new"), password=True)
        self.app.push_screen(ask, lambda typed: done.set_result(typed))
        typed = await done
        again: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        if typed:
            second = Ask(t("settings.change"), t("first.again"), password=True)
            self.app.push_screen(second, lambda text: again.set_result(text))
            if await again != typed:
                self._say(t("first.differ"))
                return
            with current, Passphrase(typed.encode()) as new:
                await self.edge.desk.call(lambda vault: vault.custody.change_passphrase(current, new))
            self._say(t("settings.changed"))

    async def _check(self) -> None:
        found = await self.edge.desk.call(Vault.verify)
        self._say(t("settings.sound") if not found else t("settings.unsound", what="; ".join(found)))

    async def _backup(self) -> None:
        folder = self.edge.settings.exports()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            target, _ = await self.edge.desk.call(lambda vault: vault.custody.backup(folder))
        except OSError as fault:
            raise EdgescribeError("The backup could not be written.", fault.strerror or "") from None
        self._say(t("settings.backed", file=short(target)))
