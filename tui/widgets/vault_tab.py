"""The vault: what opens it, whether it is sound, its backups and its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Button, ProgressBar

from edge.errors import EdgescribeError, UsageError
from edge.vaults import Passphrase, RecoveryKey, Secret, Vault
from tui.labels import day_and_time, days_since
from tui.settings import short
from tui.texts import t
from tui.texts.core import told
from tui.widgets.safe import Label, button
from tui.widgets.secret_dialogs import AskSecret, NewPassphrase, asked_for, checked_by, with_passphrase

if TYPE_CHECKING:
    from tui.app import EdgeApp


_SHOWN = 3  # findings of the background check


class VaultTab(Vertical):
    """Long work shows how far it is; nothing waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self._progress = ("", 0, 1)

    @property
    def edge(self) -> EdgeApp:
        """The app, by its own type."""
        return cast("EdgeApp", self.app)

    def compose(self) -> ComposeResult:
        yield Label(id="vault-line", classes="setting-text")
        yield Label(id="vault-status")
        yield ProgressBar(total=1, show_eta=False, id="vault-progress")
        for name, text in (
            ("change", "change"),
            ("newkey", "new_key"),
            ("check", "check"),
            ("backup", "backup"),
            ("restore", "restore"),
        ):
            yield button(t(f"settings.{text}"), name, compact=True)

    def on_mount(self) -> None:
        self.query_one(ProgressBar).display = False
        self.edge.go(self._read())

    async def _read(self) -> None:
        kinds = await self.edge.vault.call(lambda vault: vault.admin.slots())
        lines = [t("settings.vault_file", path=short(self.edge.vault.path))]
        lines.append(t("settings.vault_keys", kinds=", ".join(t(f"settings.opens_{kind}") for kind in kinds)))
        lines.append(backup_line(await self.edge.vault.call(lambda vault: vault.admin.last_backup())))
        if (info := self.edge.encounters.info) is not None:
            lines.append(t("settings.vault_bundle", name=info.bundle, sha=info.bundle_sha256))
        self.query_one("#vault-line", Label).show("\n".join(lines))
        if self.edge.damage:
            self._say(t("settings.unsound", what=_first(self.edge.damage)) + "\n" + t("settings.damage_hint"))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "check":
            self._say(t("settings.checking"))
            self.edge.go(self._check())
        elif event.button.id == "backup":
            self.edge.go(self._backup())
        elif event.button.id == "restore":
            self.edge.go(self._restore())
        elif event.button.id == "newkey":
            with_passphrase(self.edge, t("settings.new_key"), self._new_key)
        elif event.button.id == "change":
            self.edge.go(self._change())

    def _say(self, text: str) -> None:
        self.query_one("#vault-status", Label).show(text)

    async def _new_key(self, secret: Passphrase) -> None:
        key: RecoveryKey = await self.edge.vault.call(lambda vault: vault.admin.new_recovery_key(secret))
        await self.edge.show_recovery_key(key)

    async def _change(self) -> None:
        """Another passphrase; the old one or the recovery key allows it."""
        ask = AskSecret(t("settings.change"), checked_by(self.edge), recovery=True)
        current: Secret | None = await asked_for(self.edge, ask)
        if current is None:
            return
        with current:
            new: Passphrase | None = await asked_for(self.edge, NewPassphrase())
            if new is None:
                return
            with new:
                await self.edge.vault.call(lambda vault: vault.admin.change_passphrase(current, new))
        self._say(t("settings.changed"))

    async def _restore(self) -> None:
        busy = any(encounter.busy for encounter in self.edge.encounters.all)
        if busy:
            raise UsageError("A note is still being written.", "", "Wait for its end, or stop it.")
        await self.edge.ask_to_restore()

    async def _check(self) -> None:
        found = await self.edge.vault.call(Vault.verify)
        self._say(t("settings.sound") if not found else t("settings.unsound", what=_first(found)))

    async def _backup(self) -> None:
        folder = self.edge.settings.exports()
        bar = self.query_one(ProgressBar)
        self._progress = ("copying", 0, 1)
        bar.display = True
        timer = self.set_interval(0.1, self._show_progress)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            target, _ = await self.edge.vault.call(lambda vault: vault.admin.backup(folder, progress=self._count))
        except OSError as fault:
            raise EdgescribeError("The backup could not be written.", fault.strerror or "") from None
        finally:
            timer.stop()
            bar.display = False
            self._say("")
        await self._read()
        self._say(t("settings.backed", file=short(target)) + "\n" + t("settings.restore_hint", file=short(target)))

    def _count(self, step: str, done: int, total: int) -> None:
        """In the vault's thread: the screen looks at it when it likes."""
        self._progress = (step, done, total)

    def _show_progress(self) -> None:
        step, done, total = self._progress
        self._say(t(f"settings.step_{step}"))
        self.query_one(ProgressBar).update(total=max(1, total), progress=done)


def backup_line(made: str) -> str:
    """How old the last backup is. made: when, as the vault keeps times; "" if there is none."""
    if not made:
        return t("settings.backup_none")
    day, time = day_and_time(made)
    return t("settings.backup_last", when=f"{day}, {time}", days=days_since(made))


def _first(findings: list[str]) -> str:
    """The first findings, a line each, and how many more there are: `vault verify` prints all."""
    lines = [line for one in findings for line in one.splitlines()]
    more = [t("settings.more_damage", count=len(lines) - _SHOWN)] if len(lines) > _SHOWN else []
    return "; ".join([*map(told, lines[:_SHOWN]), *more])
