"""The launcher with a real sealed window in a real terminal: start, lock, kill -9, and the terminal put back."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from fcntl import ioctl
from pathlib import Path

import pytest
from conftest import ROOT
from functional.tui_kit import WORDS, empty_vault

from tui import terminal as terminal_state

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals")

_START = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from edge import cli
cli.VERBS = tuple(dict.fromkeys((*cli.VERBS, "app")))
this = [sys.executable, "-I", "-c", open("/proc/self/cmdline", "rb").read().split(b"\\0")[3].decode()]
if sys.argv[1:] == ["launch"]:
    from tui import launcher
    sys.exit(launcher.main(["window", "--bundle", "/none"], lambda options: [*this, *options]))
sys.exit(cli.main(sys.argv[1:]))
"""


class Terminal:
    """A pseudo terminal with the launcher in it. seen: all that was written to it."""

    def __init__(self, home: Path, start: str = _START) -> None:
        self.outer, inner = pty.openpty()
        ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
        self.inner = inner
        self.modes = termios.tcgetattr(inner)
        environ = {**os.environ, "EDGESCRIBE_HOME": str(home), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self.seen = b""
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-c", start, "launch"],
            stdin=inner, stdout=inner, stderr=inner, env=environ, cwd=ROOT, start_new_session=True,
        )  # fmt: skip

    def read(self, seconds: float) -> None:
        if select.select([self.outer], [], [], seconds)[0]:
            with contextlib.suppress(OSError):
                self.seen += os.read(self.outer, 65536)

    def text(self) -> str:
        plain = re.sub(rb"\x1b\[[0-9;?<>=:]*[a-zA-Z]|\x1b[PX^_\]].*?(?:\x07|\x1b\\)", b"", self.seen)
        return plain.decode("utf-8", "replace")

    def wait(self, words: str, seconds: float = 180.0) -> None:
        end = time.monotonic() + seconds
        while words not in self.text():
            assert time.monotonic() < end, f"no {words!r} in {self.text()[-600:]!r}"
            self.read(0.2)

    def type(self, text: str) -> None:
        os.write(self.outer, text.encode())

    def window(self) -> int:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        assert len(children) == 1
        return int(children[0])

    def end(self, seconds: float = 180.0) -> int:
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read(0.1)
        self.read(0.1)
        return self.process.wait(timeout=10)


@pytest.fixture
def terminal(tmp_path: Path):  # type: ignore[no-untyped-def]
    empty_vault(tmp_path / "v")
    one = Terminal(tmp_path / "v")
    yield one
    if one.process.poll() is None:
        one.process.kill()
        one.process.wait()
    os.close(one.inner)
    os.close(one.outer)


def test_lock_ends_the_process_and_shows_unlock_again(terminal: Terminal) -> None:
    terminal.wait("Passphrase")
    first = terminal.window()
    status = Path(f"/proc/{first}/status").read_text()
    assert "Seccomp:\t2" in status
    assert "NoNewPrivs:\t1" in status
    terminal.type(WORDS + "\r")
    terminal.wait("There is no model")
    terminal.seen = b""
    terminal.type("\x0c")  # Ctrl+L
    terminal.wait("Passphrase")
    assert terminal.window() != first
    assert not Path(f"/proc/{first}").exists()
    terminal.type("\x11")  # Ctrl+Q
    assert terminal.end() == 0
    assert termios.tcgetattr(terminal.inner) == terminal.modes


def test_a_killed_window_leaves_a_usable_terminal(terminal: Terminal) -> None:
    terminal.wait("Passphrase")
    terminal.type(WORDS + "\r")
    terminal.wait("There is no model")
    os.kill(terminal.window(), signal.SIGKILL)
    assert terminal.end() == 128 + signal.SIGKILL
    assert termios.tcgetattr(terminal.inner) == terminal.modes
    assert terminal_state.RESTORE.encode() in terminal.seen
    assert "ended unexpectedly" in terminal.text()


def test_a_killed_launcher_takes_the_window_along(terminal: Terminal) -> None:
    terminal.wait("Passphrase")
    window = terminal.window()
    terminal.process.kill()
    terminal.process.wait()
    end = time.monotonic() + 180
    while Path(f"/proc/{window}").exists() and time.monotonic() < end:
        terminal.read(0.1)
    assert not Path(f"/proc/{window}").exists()
    assert termios.tcgetattr(terminal.inner) == terminal.modes


def test_a_passphrase_typed_before_the_window_stands_counts_and_is_not_shown(terminal: Terminal) -> None:
    end = time.monotonic() + 180
    while termios.tcgetattr(terminal.inner)[3] & termios.ECHO and time.monotonic() < end:
        time.sleep(0.001)
    terminal.type(WORDS + "\r")
    terminal.wait("There is no model")
    assert WORDS.split()[0] not in terminal.text()
    terminal.type("\x11")  # Ctrl+Q
    assert terminal.end() == 0
    assert termios.tcgetattr(terminal.inner) == terminal.modes


def test_a_terminal_that_is_closed_without_a_signal_ends_the_app(home: Path) -> None:
    empty_vault(home)
    terminal = Terminal(home)
    terminal.wait("Passphrase")
    os.close(terminal.inner)
    os.close(terminal.outer)
    try:
        assert terminal.process.wait(timeout=300) == 128 + signal.SIGTERM  # the time is for a machine that hangs
    finally:
        terminal.process.kill()


def test_a_terminal_that_goes_while_the_window_writes_gives_the_same_code(tmp_path: Path) -> None:
    """What is left in buffers can't be written then: neither that nor the window's own code may be the last word."""
    window = "import os, sys; sys.stdout.write('x' * 99); os.read(0, 1); sys.exit(120)"
    start = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tui import launcher\n"
        f"sys.stdout.write('left over'); sys.exit(launcher.main([], lambda _: [sys.executable, '-c', {window!r}]))"
    )
    outer, inner = pty.openpty()
    process = subprocess.Popen([sys.executable, "-I", "-c", start], stdin=inner, stdout=inner, stderr=inner, cwd=ROOT)
    os.close(inner)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while not children.read_text():
        time.sleep(0.05)
    os.close(outer)
    assert process.wait(timeout=60) == 128 + signal.SIGTERM


def test_a_window_that_cannot_be_started_leaves_the_echo() -> None:
    start = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tui import launcher\n"
        "launcher.main([], lambda _: ['/nowhere/at-all'])"
    )
    outer, inner = pty.openpty()
    modes = termios.tcgetattr(inner)
    done = subprocess.run([sys.executable, "-I", "-c", start], stdin=inner, stdout=inner, stderr=inner, cwd=ROOT)
    assert done.returncode != 0
    assert termios.tcgetattr(inner) == modes
    os.close(inner)
    os.close(outer)
