"""Preferences of this user on this machine: a small JSON file beside the vault, readable before it is unlocked.

Nothing in it is about a patient. pending and last are record ids: what the model was to write, what was open.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from edge import disk, paths

LANGUAGES = ("en", "de")
THEMES = ("edge-dark", "edge-light", "edge-contrast", "edge-colour-blind")
LOCK_MINUTES = (1, 2, 5, 10, 15, 30)


@dataclass
class Settings:
    """lock_minutes: idle minutes before the vault locks. copy_osc52: copying may use the terminal's own clipboard."""

    theme: str = "edge-dark"
    language: str = "en"
    lock_minutes: int = 5
    template: str = "visit"
    bundle: str = ""
    signer: str = ""
    export_folder: str = ""
    copy_osc52: bool = False
    last: str = ""
    pending: list[str] = field(default_factory=list)

    def exports(self) -> Path:
        """Folder that notes are exported to."""
        return Path(self.export_folder).expanduser() if self.export_folder else paths.data_dir() / "exports"


def place() -> Path:
    return paths.data_dir() / "settings.json"


def load() -> Settings:
    """The kept settings; what is missing, of the wrong type or out of range has its default."""
    try:
        raw: Any = json.loads(place().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raw = {}
    settings = Settings()
    if isinstance(raw, dict):
        for one in fields(Settings):
            value = raw.get(one.name)
            if type(value) is type(getattr(settings, one.name)):
                setattr(settings, one.name, value)
    if settings.theme not in THEMES:
        settings.theme = THEMES[0]
    if settings.language not in LANGUAGES:
        settings.language = language_of(os.environ.get("LC_ALL") or os.environ.get("LANG") or "")
    if settings.lock_minutes not in LOCK_MINUTES:
        settings.lock_minutes = 5
    settings.pending = [one for one in settings.pending if isinstance(one, str)]
    return settings


def language_of(locale: str) -> str:
    """Interface language for a locale name."""
    return "de" if locale.casefold().startswith("de") else "en"


def short(path: Path) -> str:
    """A path as people write it, "~" for the home folder."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(path)


def save(settings: Settings) -> None:
    """Keep settings. A folder that cannot be written to loses them, and nothing else."""
    with contextlib.suppress(OSError):
        place().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        disk.write(place(), json.dumps(asdict(settings), ensure_ascii=False, indent=1).encode())
