"""A window that does not answer, lock or quit is ended by its launcher, whatever its threads do."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from conftest import ROOT
from functional.test_tui_launcher import Terminal
from functional.tui_kit import WORDS, empty_vault

from tui import terminal as terminal_state
from tui.terminal import beat

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals")

# The app itself, in which help runs a regular expression that never ends: no other thread of it gets a turn then.
_HANGS = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from edge import cli
cli.VERBS = tuple(dict.fromkeys((*cli.VERBS, "app")))
this = [sys.executable, "-I", "-c", open("/proc/self/cmdline", "rb").read().split(b"\\0")[3].decode()]
if sys.argv[1:] == ["launch"]:
    from tui import launcher
    from tui.terminal import beat
    beat.HANG = 3.0
    sys.exit(launcher.main(["window", "--bundle", "/none"], lambda options: [*this, *options]))
import re
import edge.seal
import tui.app
edge.seal.reexec_clean = lambda: None  # this script stands for the program that would be started anew
tui.app.EdgeApp.action_help = lambda self: re.match(r"(a+)+$", "a" * 60 + "b")
sys.exit(cli.main(sys.argv[1:]))
"""


def started(home: Path, script: str) -> Terminal:
    empty_vault(home)
    return Terminal(home, script)


@pytest.mark.parametrize("then", ["nothing", "Ctrl+Q", "SIGTERM"])
def test_a_window_whose_threads_all_hang_is_ended(tmp_path: Path, then: str) -> None:
    terminal = started(tmp_path / "v", _HANGS)
    try:
        terminal.wait("Passphrase")
        terminal.type(WORDS + "\r")
        terminal.wait("There is no model")
        window = terminal.window()
        terminal.type("\r")  # closes that box
        terminal.read(0.5)
        terminal.seen = b""
        terminal.type("\x1bOP")  # F1: help
        time.sleep(0.5)
        if then == "nothing":
            terminal.wait("stopped answering")
            assert not Path(f"/proc/{window}").exists()
            assert terminal.window() != window
            terminal.type("\x11")
            assert terminal.end() == 0
        elif then == "Ctrl+Q":
            terminal.type("\x11")
            assert terminal.end() == 1
            assert "did not answer" in terminal.text()
        else:
            terminal.process.send_signal(signal.SIGTERM)
            assert terminal.end() == 128 + signal.SIGTERM
        assert not Path(f"/proc/{window}").exists()
        assert termios.tcgetattr(terminal.inner) == terminal.modes
        assert terminal_state.RESTORE.encode() in terminal.seen
    finally:
        terminal.process.kill()
        terminal.process.wait()


_FAKE = """
import sys, time, os
sys.path.insert(0, {root!r})
from tui.terminal.beat import Beat
life = Beat.of(int(sys.argv[sys.argv.index("--beat") + 1]))
if "--ended" in sys.argv:
    os.write(1, b"second window")
    sys.exit(0)
end = time.monotonic() + {end}
while True:
    life.beat({promise})
    time.sleep(0.1)
"""


@pytest.mark.parametrize(("end", "promise", "ends"), [(0.5, "end", True), (99, "end", False), (0, "None", False)])
def test_a_window_that_lives_must_still_lock_in_time(end: float, promise: str, ends: bool) -> None:
    """It draws, and yet it is there after the time at which it said that it would have locked."""
    window = _FAKE.format(root=str(ROOT), end=end, promise=promise)
    start = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tui import launcher\n"
        "from tui.terminal import beat; beat.GRACE = 1.5\n"
        f"sys.exit(launcher.main([], lambda options: [sys.executable, '-c', {window!r}, *options]))"
    )
    outer, inner = pty.openpty()
    process = subprocess.Popen([sys.executable, "-I", "-c", start], stdin=inner, stdout=inner, stderr=inner, cwd=ROOT)
    try:
        if ends:
            assert process.wait(timeout=120) == 0
            assert b"second window" in os.read(outer, 65536)
        else:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=6)
    finally:
        process.kill()
        process.wait()
        os.close(outer)
        os.close(inner)


def test_a_window_that_hangs_before_its_first_sign_of_life_is_ended() -> None:
    with beat.shared() as (life, _):
        assert life is not None
        looks = 0
        while not life.overdue(0.0):
            looks += 1
        assert looks == int(beat.START / beat.TICK)


def test_a_launcher_that_was_stopped_itself_ends_nobody() -> None:
    """Looks are counted, not time: after a sleep of the machine both go on together."""
    with beat.shared() as (life, _):
        assert life is not None
        life.beat(None)
        last = life.last()
        looks = 0
        while not life.overdue(last):
            looks += 1
        assert looks == int(beat.HANG / beat.TICK)
        life.beat(None)
        assert not life.overdue(last)
