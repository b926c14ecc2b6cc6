"""How many threads a model gets: the cores that this process may use, within its affinity and its container's share."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")
_OLDER = Path("/sys/fs/cgroup/cpu")  # of a kernel with control groups of version 1


def usable_cores() -> int:
    """Cores of this process, one left for the screen where there are more than two; at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if (share := _share()) is not None:
        cores = min(cores, max(1, int(share)))
    return cores - 1 if cores > 2 else cores


def _share() -> float | None:
    """Cores of the container's share, None without a limit."""
    with suppress(OSError, ValueError):  # not every system has one, and a sealed process may not read it
        quota, period = _CPU_MAX.read_text(encoding="ascii").split()
        return None if quota == "max" else int(quota) / int(period)
    with suppress(OSError, ValueError):
        quota, period = ((_OLDER / f"cpu.cfs_{name}_us").read_text(encoding="ascii") for name in ("quota", "period"))
        return int(quota) / int(period) if int(quota) > 0 else None
    return None
