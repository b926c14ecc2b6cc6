"""Every word that the app shows, a catalogue a language: en.toml, de.toml. Both hold the same keys."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

_current = "en"


@cache
def catalogue(language: str) -> dict[str, str]:
    """All texts of a language, "table.key" -> text."""
    raw = tomllib.loads(resources.files("tui.texts").joinpath(f"{language}.toml").read_text(encoding="utf-8"))
    return {f"{table}.{key}": text for table, entries in raw.items() for key, text in entries.items()}


def use(language: str) -> None:
    """Show this language from now on."""
    global _current
    _current = language


def current() -> str:
    """The language in use."""
    return _current


def t(key: str, **values: object) -> str:
    """The text of a key, with {names} replaced by values."""
    text = catalogue(_current)[key]
    for name, value in values.items():
        text = text.replace("{" + name + "}", str(value))
    return text
