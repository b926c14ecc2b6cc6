"""Starts the app's window as a process of its own and cleans up after it, however it ends. Holds no key and no text.

The window locks by ending: the kernel takes its memory back, and a new one shows unlock. If it dies (a fault in native
code, kill -9), the terminal is put back as it was found. It also watches the window (tui.terminal.beat): one that does
not answer, or has not locked or quit when it had to, is killed. Standard library only: this must start at once.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType

from edge.seal.environment import boot_command, clean
from tui import terminal
from tui.terminal import beat
from tui.terminal.beat import Beat

LOCKED = 75  # the window's exit code for "show unlock" (tui.app)
_NAMED = range(9)  # exit codes that the window has explained itself (edge.cli)
_PR_SET_PDEATHSIG = 1
_QUIT = (b"\x11", b"\x1b[113;5u")  # Ctrl+Q, as terminals send it
_LATEST_END = 10.0  # seconds after SIGTERM


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
    told: list[float] = []  # when somebody asked for the end

    def forward(number: int, _: FrameType | None) -> None:
        told.append(time.monotonic())
        for child in children:
            child.send_signal(number)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), forward)
    ended = False
    while True:
        terminal.hold(modes)
        with beat.shared() as (life, descriptor):
            child = _start(command, [*options, *(["--ended"] if ended else [])], descriptor)
            children[:] = [child]
            code, ended = _wait(child, life, told)
        if terminal.gone():
            terminal.give_up()
            return 128 + signal.SIGTERM  # whatever the window's own code: nobody is left to be told more
        if told:
            if ended:
                terminal.restore(modes)
            return 128 + signal.SIGTERM
        if ended:
            terminal.restore(modes)
            if life is not None and (life.wants_to_quit() or any(keys in terminal.waiting() for keys in _QUIT)):
                _explain("it did not answer, and was ended")
                return 1
            continue
        if code == LOCKED:
            continue
        if code not in _NAMED and code != 128 + signal.SIGTERM:
            terminal.restore(modes)
            _explain(f"killed by signal {-code}" if code < 0 else f"exit code {code}")
        return code if code >= 0 else 128 - code


def _start(
    command: Callable[[Sequence[str]], list[str]], options: Sequence[str], descriptor: int | None
) -> subprocess.Popen[bytes]:
    """A window. descriptor: of the memory in which it shows that it lives."""
    if sys.platform == "win32" or descriptor is None:
        return subprocess.Popen(command(options), env=clean(os.environ))
    # One thread here, so code between fork and exec is safe.
    return subprocess.Popen(
        command([*options, "--beat", str(descriptor)]),
        env=clean(os.environ),
        preexec_fn=_die_with_me,
        pass_fds=(descriptor,),
    )


def _wait(child: subprocess.Popen[bytes], life: Beat | None, told: list[float]) -> tuple[int, bool]:
    """The window's exit code, and whether it had to be ended because it did not answer, lock or quit."""
    ended, last = False, 0.0
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(beat.TICK), ended
        late = bool(told) and time.monotonic() > told[0] + _LATEST_END
        if late or (life is not None and life.overdue(last)):
            ended = True
            child.kill()
        last = life.last() if life is not None else 0.0


def _explain(how: str) -> None:
    print(
        f"edgescribe: The window ended unexpectedly ({how}).\n"
        "  What was typed up to the last second or two is in the vault.\n"
        "  → Start edgescribe again: it opens where you were.",
        file=sys.stderr,
    )
