"""After a crash: no patient words in what is printed, no core file, and a terminal that works."""

from __future__ import annotations

import errno
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from edge.seal import crash, terminal

ROOT = Path(__file__).resolve().parents[2]
CANARY = "Mrs Quicksilver has a secret"
HEAD = f"import sys; sys.path.append({str(ROOT)!r})\nfrom edge.seal import crash\ncrash.install()\nWORDS = {CANARY!r}\n"

FAULTS = {
    "message": f"raise ValueError({CANARY!r})",
    "key": f"{{}}[{CANARY!r}]",
    "decoder": f"import json; json.loads({CANARY!r})",
    "unicode": f"({CANARY!r} + chr(0xdc80)).encode()",
    "chained": f"try:\n    1/0\nexcept ZeroDivisionError as why:\n    raise RuntimeError({CANARY!r}) from why",
    "locals": f"def work(note):\n    return note.missing\nwork({CANARY!r})",
    "group": f"raise ExceptionGroup({CANARY!r}, [ValueError({CANARY!r})])",
    "thread": "import threading\ndef work():\n    raise ValueError(WORDS)\n"
    "t = threading.Thread(target=work, name=WORDS)\n"
    "t.start(); t.join(); sys.exit(1)",
    "destructor": "class A:\n    def __del__(self):\n        raise ValueError(WORDS)\na = A()\ndel a\nsys.exit(1)",
    "notes": f"e = ValueError('x')\ne.add_note({CANARY!r})\nraise e",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_prints_its_kind_and_place_and_no_words(fault: str) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", HEAD + FAULTS[fault]], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1, done.stderr
    for word in ("Quicksilver", "secret"):
        assert word not in done.stderr + done.stdout
    assert "fault of its own" in done.stderr
    assert "Error" in done.stderr or "Group" in done.stderr


def test_without_the_hooks_the_words_would_be_printed() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", FAULTS["message"]], capture_output=True, text=True, timeout=60, check=False
    )
    assert CANARY in done.stderr


def test_our_own_errors_are_shown_as_written(capfd: pytest.CaptureFixture[str]) -> None:
    from edge.errors import SealError

    error = SealError("What happened.", "Why.", "What to do.")
    crash._print(SealError, error, None)
    assert capfd.readouterr().err == "What happened. Why. What to do.\n"


WORK = """
import os, signal, sys, termios, time, tty
sys.path.append({root!r})
from edge.seal import terminal
if {guarded}:
    terminal.guard()
tty.setraw(0)
os.write(1, b"\\x1b[?1049h\\x1b[?1000h\\x1b[?2004h\\x1b[?25lworking")
end = {end!r}
if end == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
elif end == "abort":
    os.abort()
elif end == "wait":
    time.sleep(60)
sys.exit(5)
"""


def on_a_terminal(code: str, send: int = 0) -> tuple[int, bytes, bool]:
    """Run code on a terminal of its own; return exit status, all output, and whether the terminal echoes again."""
    leader, follower = pty.openpty()
    before = termios.tcgetattr(follower)
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", code], stdin=follower, stdout=follower, stderr=follower, start_new_session=True
    )
    output = b""
    os.set_blocking(leader, False)
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        output += _read(leader)
        if send and b"working" in output:
            process.send_signal(send)
            send = 0
        time.sleep(0.01)
    process.kill()
    output += _read(leader)
    restored = termios.tcgetattr(follower)[:4] == before[:4]
    os.close(leader)
    os.close(follower)
    return process.wait(), output, restored


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError as fault:
        if fault.errno in (errno.EAGAIN, errno.EIO):
            return b""
        raise


@pytest.mark.parametrize(("end", "send", "code"), [("kill", 0, 137), ("abort", 0, 134), ("wait", signal.SIGTERM, 143)])
def test_the_terminal_is_restored_after_any_death(end: str, send: int, code: int) -> None:
    status, output, restored = on_a_terminal(WORK.format(root=str(ROOT), guarded=True, end=end), send)
    assert status == code
    assert restored
    after = output.split(b"working")[-1]
    for sequence in (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1000l", b"\x1b[?2004l"):
        assert sequence in after
    assert b"ended by SIG" in after


def test_without_the_guard_the_terminal_would_stay_broken() -> None:
    status, output, restored = on_a_terminal(WORK.format(root=str(ROOT), guarded=False, end="kill"))
    assert status == -signal.SIGKILL
    assert not restored
    assert b"\x1b[?1049l" not in output


def test_an_ordinary_end_keeps_its_exit_code_and_adds_nothing() -> None:
    status, output, restored = on_a_terminal(WORK.format(root=str(ROOT), guarded=True, end="exit"))
    assert status == 5
    assert restored
    assert output.endswith(b"working")


def test_without_a_terminal_nothing_is_forked() -> None:
    code = f"import os, sys; sys.path.append({str(ROOT)!r})\nfrom edge.seal import terminal\nbefore = os.getpid()\n"
    code += "terminal.guard()\nprint(before == os.getpid())"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "True"


def test_stop_and_go_on_reach_both() -> None:
    code = (
        f"import os, signal, sys, time; sys.path.append({str(ROOT)!r})\nfrom edge.seal import terminal\n"
        "terminal.guard()\nos.write(1, b'working')\nos.kill(os.getpid(), signal.SIGSTOP)\nos.write(1, b'again')\n"
    )
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", code], stdin=follower, stdout=follower, stderr=follower, start_new_session=True
    )
    try:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        os.kill(process.pid, signal.SIGCONT)
        _, status = os.waitpid(process.pid, 0)
        assert os.WEXITSTATUS(status) == 0
        assert b"again" in _read(leader)
    finally:
        os.close(leader)
        os.close(follower)
    assert terminal.RESET.startswith(b"\x1b[?1049l")
