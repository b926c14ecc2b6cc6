"""Starts the app's window as a process of its own and cleans up after it, however it ends. Holds no key and no text.

The window locks by ending: the kernel takes its memory back, and a new one shows unlock. If it dies (a fault in native
code, kill -9), the terminal is put back as it was found. Standard library only: this must start at once.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from types import FrameType

from edge.seal.environment import boot_command, clean
from tui import terminal

LOCKED = 75  # the window's exit code for "show unlock" (tui.app)
_NAMED = range(9)  # exit codes that the window has explained itself (edge.cli)
_PR_SET_PDEATHSIG = 1


def _die_with_me() -> None:
    """In the child: end when the launcher does, so that no window lives on without one (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def main(options: Sequence[str], command: Callable[[Sequence[str]], list[str]] = boot_command) -> int:
    """Run windows until one ends for good; returns its exit code, 128 + n for one that signal n killed.

    command: makes the command line of a window from its options.
    """
    modes = terminal.modes()
    try:
        return _windows(options, command, modes)
    finally:
        if not terminal.gone():
            terminal.put(modes)  # however it ends: what is typed is shown again


def _windows(options: Sequence[str], command: Callable[[Sequence[str]], list[str]], modes: list[object] | None) -> int:
    children: list[subprocess.Popen[bytes]] = []

    def forward(number: int, _: FrameType | None) -> None:
        for child in children:
            child.send_signal(number)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), forward)
    while True:
        terminal.hold(modes)
        start = None if sys.platform == "win32" else _die_with_me
        # One thread here, so code between fork and exec is safe.
        child = subprocess.Popen(command(options), env=clean(os.environ), preexec_fn=start)
        children[:] = [child]
        code = child.wait()
        if terminal.gone():
            terminal.give_up()
            return 128 + signal.SIGTERM  # whatever the window's own code: nobody is left to be told more
        if code == LOCKED:
            continue
        if code not in _NAMED and code != 128 + signal.SIGTERM:
            terminal.restore(modes)
            _explain(code)
        return code if code >= 0 else 128 - code


def _explain(code: int) -> None:
    how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    print(
        f"edgescribe: The window ended unexpectedly ({how}).\n"
        "  What was typed up to the last second or two is in the vault.\n"
        "  → Start edgescribe again: it opens where you were.",
        file=sys.stderr,
    )
