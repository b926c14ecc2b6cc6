"""What IT has recorded for a machine whose kernel can't seal fully: one file that an ordinary user can't write.

    {"accept": "partial", "by": "Jane Roe, IT", "why": "Windows, with the firewall rule of the audit guide"}

accept: "partial" (part of the seal is missing) or "none". Without it, and without --unsealed, the program stops with
exit code 7. The file is seal.json in /etc/edgescribe, /Library/Application Support/edgescribe or
%ProgramData%\\edgescribe; on Linux and macOS it, and its folder, must belong to root and be writable by nobody else.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import NamedTuple

from edge import foreign
from edge.errors import SealError

FILE = "seal.json"
NO_CLIPBOARD = "no-clipboard"
_LARGEST = 4096
_ROOT = 0


class Accepted(NamedTuple):
    """accept: the least level that is accepted, "kernel" where nothing is recorded. by, why: as recorded."""

    accept: str = "kernel"
    by: str = ""
    why: str = ""

    def takes(self, level: str) -> bool:
        """Whether a process sealed to this level may go on."""
        order = ("none", "partial", "kernel")
        return order.index(level) >= order.index(self.accept)


def folder() -> Path:
    """Where IT's settings of this machine lie."""
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "edgescribe"
    if sys.platform == "darwin":
        return Path("/Library/Application Support/edgescribe")
    return Path("/etc/edgescribe")


def forbids_copying() -> bool:
    """Whether IT has switched the clipboard off on this machine: a file of that name lies in folder(), whatever it
    holds.
    """
    return (folder() / NO_CLIPBOARD).exists()


def read() -> Accepted:
    """What is recorded on this machine. Raises SealError for a file that is malformed or that a user could write."""
    path = folder() / FILE
    try:
        if os.name == "posix" and any(_anybody_s(place) for place in (path.parent, path)):
            raise _unusable("it does not belong to root alone")
        value = foreign.parse_json(foreign.read(path, _LARGEST, links=False), depth=2)
    except (FileNotFoundError, NotADirectoryError):
        return Accepted()
    except (OSError, foreign.Refused) as error:
        raise _unusable(error.strerror or "" if isinstance(error, OSError) else str(error)) from None
    if not isinstance(value, dict) or value.keys() != {"accept", "by", "why"}:
        raise _unusable("it has other names than accept, by and why")
    texts = [value["accept"], value["by"], value["why"]]
    if not all(isinstance(text, str) and text.strip() and text.isprintable() and len(text) <= 200 for text in texts):
        raise _unusable("each value is a short text")
    if value["accept"] not in ("partial", "none"):
        raise _unusable('accept is "partial" or "none"')
    return Accepted(*texts)


def _anybody_s(path: Path) -> bool:
    found = os.lstat(path)
    return found.st_uid != _ROOT or bool(found.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _unusable(why: str) -> SealError:
    return SealError(f"IT's setting {folder() / FILE} can't be used.", f"{why}.", "Correct it, or remove it.")
