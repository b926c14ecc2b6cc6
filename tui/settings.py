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

from edge import disk, foreign, paths

LANGUAGES = ("en", "de")
THEMES = ("edge-dark", "edge-light", "edge-contrast", "edge-colour-blind")
FORMS = ("auto", "whole")  # what a note is made of: of facts where a tagger serves, or always by the model
CLEAR_AFTER = 60  # seconds until a copy is taken off the clipboard
LOCK_MINUTES = (1, 2, 5, 10, 15, 30)
_LARGEST = 64 * 1024  # bytes of the file
_LONGEST = 1000  # characters of a text in it
_MOST = 1000  # entries of a list in it


@dataclass
class Settings:
    """lock_minutes: idle minutes before the vault locks. copy_osc52: copying may use the terminal's own clipboard.
    export_title: exported files have the encounter's title in their names, as it was typed."""

    theme: str = "edge-dark"
    language: str = "en"
    lock_minutes: int = 5
    template: str = "visit"
    form: str = "auto"
    bundle: str = ""
    signer: str = ""
    export_folder: str = ""
    export_title: bool = False
    copy_osc52: bool = False
    last: str = ""
    pending: list[str] = field(default_factory=list)
    reset: list[str] = field(default_factory=list)  # what had no usable value when it was read; not kept

    def exports(self) -> Path:
        """Folder that notes are exported to."""
        return Path(self.export_folder).expanduser() if self.export_folder else paths.data_dir() / "exports"


def place() -> Path:
    return paths.data_dir() / "settings.json"


def load() -> Settings:
    """The kept settings. What is missing has its default; so has what is of the wrong type or out of range, or the
    whole file if it can't be read, and `reset` names it."""
    settings = Settings(language=language_of(os.environ.get("LC_ALL") or os.environ.get("LANG") or ""))
    try:
        raw: Any = foreign.parse_json(foreign.read(place(), _LARGEST), depth=2)
    except FileNotFoundError:
        return settings
    except (OSError, foreign.Refused):
        raw = None
    if not isinstance(raw, dict):
        settings.reset = ["settings.json"]
        return settings
    for one in fields(Settings):
        if one.name == "reset" or one.name not in raw:
            continue
        value = raw[one.name]
        if type(value) is type(getattr(settings, one.name)) and _in_range(one.name, value):
            setattr(settings, one.name, value)
        else:
            settings.reset.append(one.name)
    return settings


def _in_range(name: str, value: Any) -> bool:
    """Whether a setting's value, of its right type, can be used."""
    choices: dict[str, tuple[Any, ...]] = {
        "theme": THEMES, "language": LANGUAGES, "lock_minutes": LOCK_MINUTES, "form": FORMS,
    }  # fmt: skip
    if name in choices:
        return value in choices[name]
    if isinstance(value, list):
        return len(value) <= _MOST and all(isinstance(one, str) and one.isalnum() and len(one) <= 32 for one in value)
    if isinstance(value, str):
        return len(value) <= _LONGEST and value.isprintable() and (name != "export_folder" or is_folder(value))
    return True


def is_folder(text: str) -> bool:
    """Whether a folder can be called so: "~nosuch" names a user that there isn't."""
    try:
        Path(text).expanduser()
    except RuntimeError:
        return False
    return len(text) <= _LONGEST and text.isprintable()


def can_write(folder: Path) -> bool:
    """Whether this process may make a file in a folder, which is made if it is not there."""
    import tempfile  # here: the first screen must not wait for it

    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


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
    kept = {name: value for name, value in asdict(settings).items() if name != "reset"}
    with contextlib.suppress(OSError):
        place().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        disk.write(place(), json.dumps(kept, ensure_ascii=False, indent=1).encode())
