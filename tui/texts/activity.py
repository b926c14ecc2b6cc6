"""What an entry of the activity log says, in words; the log itself keeps its details as data."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from edge.contract.encounter import Kind, State
from edge.text import one_line
from tui.labels import meant
from tui.texts import catalogue, current, t

_FORMS = {"md": "file", "txt": "file", "clipboard": "clipboard", "training lines": "training"}


def in_words(event: str, detail: str) -> str:
    """The details of an entry, "" where there are none that a clinician needs. detail: JSON as the log keeps it."""
    try:
        given: Any = json.loads(detail)
    except ValueError:
        return ""
    known = _WORDS.get(event.replace("-", "_"))
    return one_line(known(given), 160) if known is not None and isinstance(given, dict) else ""


def _kinds(d: dict[str, Any]) -> str:
    known = [kind for kind in d.get("kinds", ()) if kind in set(Kind)]
    return " + ".join(t(f"library.{kind}") for kind in known) or t("library.source")


def _edit(d: dict[str, Any]) -> str:
    for key in ("title", "discarded", "draft"):
        if d.get(key):
            return t(f"log.edit_{key}")
    if "restored" in d:
        return t("log.edit_restored", number=d["restored"])
    return t("log.edit_kept", number=d["revision"]) if "revision" in d else ""


def _state(name: Any) -> str:
    return t(f"app.{str(name).lower()}") if name in set(State) else ""


def _export(d: dict[str, Any]) -> str:
    form = t(f"log.export_{_FORMS.get(str(d.get('form')), 'data')}")
    marks = [t("log.export_signed" if d["signed"] else "log.export_draft")] if "signed" in d else []
    return ", ".join([form, *marks])


def _policy(d: dict[str, Any]) -> str:
    days = d.get("days", {})
    shown = ((_state(name), value) for name, value in days.items())
    return ", ".join(f"{name}: {value or t('retention.ever')}" for name, value in shown if name)


def _key(d: dict[str, Any]) -> str:
    what = str(d.get("what", "")).replace(" ", "_")
    return t(f"log.key_{what}") if f"log.key_{what}" in catalogue(current()) else ""


def _model(d: dict[str, Any]) -> str:
    return str(d.get("bundle", ""))


_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "create": _kinds,
    "edit": _edit,
    "accept": lambda d: meant(str(d.get("section", ""))),
    "sign": lambda d: t("log.sign", version=d.get("version", 1), name=d.get("signer", "")),
    "delete": lambda d: _state(d.get("state")),
    "purge": lambda d: t("log.purge", count=len(d.get("records", ())), held=d.get("held", 0)),
    "legal_hold": lambda d: t("log.hold_on" if d.get("on") else "log.hold_off"),
    "retention_policy": _policy,
    "export": _export,
    "backup": lambda d: str(d.get("name", "")),
    "restore": lambda d: t("log.restore", made=str(d.get("made", ""))[:10]),
    "key_change": _key,
    "bundle_change": _model,
    "unlock_failed": lambda d: t("log.failed", count=d.get("times", 1)),
    "baseline": lambda d: t("log.records", count=d.get("records", 0)),
    "audit": lambda d: t("log.audit", count=d.get("entries", 0)),
    "unlock": lambda d: t("log.offline" if d.get("seal") == "kernel" else "log.not_offline"),
}
