"""Names and times for people, in the language in use: of fields, shipped templates and their sections, of days.

A note's own headings stay as they were written; beside them stands what they mean. The vault keeps UTC, the
screen shows this machine's time.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from edge.contract.schemas import FIELDS
from edge.contract.transcript import SPEAKERS
from edge.encounters import templates
from edge.text import one_line
from tui.texts import catalogue, current, t
from tui.texts.core import told

if TYPE_CHECKING:
    from edge.contract.template_check import Problem
    from edge.seal import SealStatus
    from edge.vaults import Signature

_FIELDS = {field.key: field.label for field in FIELDS}


def field_label(key: str) -> str:
    """A field's name."""
    return t(f"field.{key}") if key in _FIELDS else key


def meant(title: str) -> str:
    """A title or heading that ships with the program, in the language in use; any other as it is."""
    name = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")
    return t(f"section.{name}") if f"section.{name}" in catalogue(current()) else title


def heading_label(heading: str) -> str:
    """A heading as it is shown above its section: what it means in capitals, and after it how it stands in the note."""
    shown = meant(heading).upper()
    return heading if shown == heading.upper() else f"{shown} · {heading}"


def titled(name: str) -> str:
    """A template's title; of the clinic's own ones also the name, as two of them may have the same title."""
    title = meant(templates.get(name).title)
    if name.startswith("section:"):
        return t("template.one_section", section=title)
    return title if templates.is_shipped(name) or name == title else f"{title}   ({name})"


def speaker_label(speaker: str) -> str:
    """A speaker as it is shown beside what was said: a role in the language in use, any other name as it is."""
    return t(f"speaker.short_{speaker.lower()}") if speaker in SPEAKERS else speaker


def seal_line(seal: SealStatus | None) -> str:
    """What the seal does, as SealStatus.line() says it; None: this process has none."""
    level = seal.level if seal is not None and seal.level in ("kernel", "partial") else "none"
    by, gaps = (", ".join(map(told, seal.mechanisms)), " ".join(map(told, seal.gaps))) if seal is not None else ("", "")
    return t(f"settings.seal_{level}", by=by, gaps=gaps).strip()


def event_label(event: str) -> str:
    """What happened, of an entry in the audit chain; as it stands there if nobody knows it."""
    name = event.replace("-", "_")
    return t(f"event.{name}") if f"event.{name}" in catalogue(current()) else event


def check_label(name: str) -> str:
    """A check's name; as it stands there if nobody knows it."""
    key = re.sub(r"[^a-z]+", "_", name)
    return t(f"check.{key}") if f"check.{key}" in catalogue(current()) else name


def author_label(author: str) -> str:
    """Who wrote: a person by name, a model as one."""
    name = author.removeprefix("model:")
    return author if name == author else t("history.model", name=name)


def now() -> datetime:
    """This moment, in this machine's time."""
    return datetime.now().astimezone()


def day_began() -> str:
    """When this day began on this machine, as the vault keeps times."""
    began = now().replace(hour=0, minute=0, second=0, microsecond=0)
    return began.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _local(kept: str) -> datetime | None:
    try:
        return datetime.fromisoformat(kept).astimezone()
    except ValueError:
        return None


def local_time(kept: str) -> str:
    """ "09:30" of a kept time, with the day where it is not today."""
    moment = _local(kept)
    if moment is None:
        return "?"
    return f"{moment:%H:%M}" if moment.date() == now().date() else f"{moment:%Y-%m-%d %H:%M}"


def moment(kept: str) -> str:
    """Day and time of a kept time, in full: of a signature."""
    found = _local(kept)
    return f"{found:%Y-%m-%d %H:%M}" if found is not None else "?"


def signed_line(by: Signature) -> str:
    """Who signed which version, and when."""
    return t("history.signed", signer=one_line(by.signer), when=moment(by.at), version=by.version)


def day_and_time(kept: str) -> tuple[str, str]:
    """The day in words or as a date, and the time."""
    moment = _local(kept)
    if moment is None:
        return "?", ""
    age = (now().date() - moment.date()).days
    day = {0: t("library.today"), 1: t("library.yesterday")}.get(age, f"{moment:%Y-%m-%d}")
    return day, f"{moment:%H:%M}"


def days_since(kept: str) -> int:
    """Whole days since then by the calendar, 0 for today."""
    moment = _local(kept)
    return max(0, (now().date() - moment.date()).days) if moment is not None else 0


def in_words(found: Problem) -> str:
    """A problem with its line, in the language in use."""
    return t("templates.line", line=found.line, problem=t(f"problem.{found.kind}", **found.values))
