"""Under whose name changes are recorded and notes are signed: one setting of this user, for the app and the verbs.

It stands in the app's settings file. Whoever set no name works under the system's user name.
"""

from __future__ import annotations

import getpass
from typing import Any

from edge import foreign, paths
from edge.text import one_line

SETTINGS = "settings.json"  # in the data folder
SETTING = "signer"
LONGEST = 160  # characters of a name
_LARGEST = 64 * 1024  # bytes of the file


def name() -> str:
    """The clinician's name as it was set, else the login, else "unknown"."""
    return named() or login()


def named() -> str:
    """The name that was set; "" if none was, or if the settings cannot be read."""
    try:
        raw: Any = foreign.parse_json(foreign.read(paths.data_dir() / SETTINGS, _LARGEST), depth=2)
    except (OSError, foreign.Refused):
        return ""
    found = raw.get(SETTING) if isinstance(raw, dict) else None
    return one_line(found, LONGEST).strip() if isinstance(found, str) else ""


def login() -> str:
    """The system's user name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
