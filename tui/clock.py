"""Times for people: the vault keeps UTC, the screen shows this machine's time."""

from __future__ import annotations

from datetime import datetime

from tui.texts import t


def now() -> datetime:
    """This moment, in this machine's time."""
    return datetime.now().astimezone()


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


def day_and_time(kept: str) -> tuple[str, str]:
    """The day in words or as a date, and the time."""
    moment = _local(kept)
    if moment is None:
        return "?", ""
    age = (now().date() - moment.date()).days
    day = {0: t("library.today"), 1: t("library.yesterday")}.get(age, f"{moment:%Y-%m-%d}")
    return day, f"{moment:%H:%M}"
