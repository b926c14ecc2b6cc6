"""Runs a test in a fresh interpreter, so that what it forks is a process with one thread.

A fork copies the calling thread alone: a lock that any other one held stays locked in the child for good. A test worker
has other threads (its own, and those of libraries that earlier tests loaded).
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_HERE = "EDGESCRIBE_TEST_ALONE"
# Neither the project's plugins nor its conftest: they are most of a start, and these tests need none.
_OPTIONS = ("-c", os.devnull, "--rootdir", str(ROOT), "--noconftest", "-o", f"pythonpath={ROOT / 'tests'}")
_PLUGINS = ("xdist", "asyncio", "timeout", "cacheprovider", "hypothesispytest")


def alone(test: Callable[..., None]) -> Callable[..., None]:
    """Decorator of a test that forks. Its fixtures may not come from a conftest."""
    if os.environ.get(_HERE):
        return test

    @functools.wraps(test)
    def started_afresh(**_: Any) -> None:
        name = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
        command = [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", *_OPTIONS, name]
        for plugin in _PLUGINS:
            command += ["-p", f"no:{plugin}"]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, _HERE: "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        assert "1 passed" in done.stdout

    return started_afresh


def assert_one_thread() -> None:
    """Raise AssertionError in a process that a fork would copy a part of."""
    threads = len(os.listdir("/proc/self/task"))
    assert threads == 1, f"a test that forks is run alone (tests/alone.py): there are {threads} threads here"
