"""What a caller asks of the seal, and what it got. Plain immutable values; no system call here."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from edge.contract.sealing import Level


class SealPolicy(NamedTuple):
    """What the process still needs once it is sealed.

    write_dirs: folders below which it may create and change files (made with mode 0700 where missing).
    read_dirs: folders below which it may read, besides the system's own; None means everywhere.
    allow_unsealed: go on, saying so, on a system that cannot seal, or not fully.
    accept: the least level that IT has recorded as enough for this machine (edge.seal.setting).
    """

    write_dirs: tuple[Path, ...]
    read_dirs: tuple[Path, ...] | None = None
    allow_unsealed: bool = False
    accept: Level = "kernel"


class SealStatus(NamedTuple):
    """What is enforced on this process.

    level: "kernel" (network and file writes refused by the kernel), "partial" (see gaps), "none".
    mechanisms: what is in force, by name. gaps: what is not, one plain sentence each.
    """

    level: Level
    mechanisms: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()

    def line(self) -> str:
        """Return one short plain statement for a status line."""
        if self.level == "kernel":
            return f"Network: none. Refused by the kernel ({', '.join(self.mechanisms)})."
        if self.level == "partial":
            return f"Network: NOT FULLY OFFLINE ({', '.join(self.mechanisms)}). {' '.join(self.gaps)}"
        return "Network: NOT FULLY OFFLINE. " + " ".join(self.gaps)

    def as_dict(self) -> dict[str, object]:
        """Return the status as plain data for JSON."""
        return {"level": self.level, "mechanisms": list(self.mechanisms), "gaps": list(self.gaps), "line": self.line()}
