"""Costly things that several tests look at are made once, whichever of the test workers comes first."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

Made = TypeVar("Made")


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Made]) -> Made:
    """Return make(folder), made by one worker of this run and read by the others, which wait for it.

    folder: a new one that all workers see until the run ends. What is made can be pickled. Where making it fails, the
    next that asks tries again.
    """
    import fcntl  # here: a group for Windows shares the conftest that imports this

    base = factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    kept = root / f"{name}.made"
    with open(root / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            made = make(factory.mktemp(name))
            kept.write_bytes(pickle.dumps(made))
        value: Made = pickle.loads(kept.read_bytes())  # noqa: S301 - written by this very run
        return value
