"""What lies in a folder, for a list to choose from and for completing a path. Bounded, whatever is in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_LOOKED_AT = 5_000  # entries of a folder
_SHOWN = 200


@dataclass(frozen=True)
class Entry:
    """One folder or file that can be chosen."""

    path: Path
    is_folder: bool


def parts(typed: str) -> tuple[Path, str]:
    """The folder that a typed path names so far, and how the name in it begins. "" is the home folder."""
    text = typed.strip()
    if not text:
        return Path.home(), ""
    head, _, begun = text.replace("\\", "/").rpartition("/") if os.sep == "\\" else text.rpartition("/")
    try:
        return Path(head + "/" if head or text.startswith("/") else ".").expanduser(), begun
    except RuntimeError:  # "~nobody/"
        return Path(head), begun


def listed(folder: Path, begun: str) -> list[Entry]:
    """Folders, then files, whose names begin so, in the order of their names. A folder that can't be read is empty."""
    found: list[Entry] = []
    try:
        with os.scandir(folder) as entries:
            for count, one in enumerate(entries):
                if count >= _LOOKED_AT:
                    break
                hidden = one.name.startswith(".") and not begun.startswith(".")
                if hidden or not one.name.casefold().startswith(begun.casefold()):
                    continue
                found.append(Entry(folder / one.name, _is_folder(one)))
    except OSError:
        return []
    found.sort(key=lambda one: (not one.is_folder, one.path.name.casefold()))
    return found[:_SHOWN]


def completed(begun: str, found: list[Entry]) -> str:
    """How all names go on: the longest beginning that they share, "" where that says no more."""
    names = [one.path.name for one in found]
    if not names:
        return ""
    if len(names) == 1:
        return names[0] + ("/" if found[0].is_folder else "")
    first, last = min(names, key=str.casefold), max(names, key=str.casefold)
    pairs = zip(first.casefold(), last.casefold(), strict=False)
    shared = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(first), len(last)))
    return first[:shared] if shared > len(begun) else ""


def _is_folder(one: os.DirEntry[str]) -> bool:
    try:
        return one.is_dir()
    except OSError:
        return False
