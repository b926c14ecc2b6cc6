"""A passphrase typed on a terminal is never shown, and the echo comes back however the program ends."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from vaulting import new_vault

ROOT = Path(__file__).resolve().parents[2]


def echoes(screen: int) -> bool:
    return bool(termios.tcgetattr(screen)[3] & termios.ECHO)


def until_asked(screen: int) -> bytes:
    shown = b""
    while b": " not in shown:
        shown += os.read(screen, 100)
    return shown


# What every process of these tests does first: take the terminal it was started on, and ask with the system's answers
# to signals, whatever the tests' process ignores or holds back.
START = """
import fcntl, os, signal, sys, termios
sys.path.insert(0, sys.argv[1])
write = int(sys.argv[2])
from edge.store.terminal import read_passphrase_tty
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.pthread_sigmask(signal.SIG_SETMASK, [])
for name in ("SIGHUP", "SIGQUIT", "SIGTERM", "SIGTSTP", "SIGCONT"):
    signal.signal(getattr(signal, name), signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
"""
ASK = 'with read_passphrase_tty("Passphrase: ") as got_it: os.write(write, bytes(got_it.view()))'
# The process group of a session's leader can't be stopped, so the leader plays the shell.
SHELL = f"""
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
asking = os.fork()
if asking == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    {ASK}
    os._exit(0)
os.write(write, f"{{asking}}\\n".encode())
os.waitpid(asking, os.WUNTRACED)
os.write(write, b"stopped")
os.waitpid(asking, 0)
"""


@contextlib.contextmanager
def on_a_terminal(*command: str, **environ: str) -> Iterator[tuple[subprocess.Popen[bytes], int, int]]:
    """A command on a terminal of its own: (the process, the terminal, what it writes to the pipe it is given)."""
    read, write = os.pipe()
    screen, slave = pty.openpty()
    words = [word.replace("PIPE", str(write)) for word in command]
    process = subprocess.Popen(
        [sys.executable, *words],
        stdin=slave, stdout=slave, stderr=slave, pass_fds=[write], start_new_session=True,
        cwd=ROOT, env=environ or None,
    )  # fmt: skip
    os.close(write)
    os.close(slave)
    try:
        yield process, screen, read
    finally:
        process.kill()
        process.wait()
        os.close(read)
        os.close(screen)


def script(text: str) -> tuple[str, ...]:
    return ("-c", START + text, str(ROOT), "PIPE")


def test_passphrase_on_a_terminal_is_not_echoed() -> None:
    with on_a_terminal(*script(ASK)) as (process, screen, read):
        shown = until_asked(screen)
        os.write(screen, "four wörds are here\n".encode())
        got = os.read(read, 4096)
        with contextlib.suppress(OSError):
            while chunk := os.read(screen, 100):
                shown += chunk
        process.wait()
    assert got == "four wörds are here".encode()
    assert shown == b"Passphrase: \r\n"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGKILL"])
def test_the_echo_comes_back_after_every_death(name: str) -> None:
    with on_a_terminal(*script(ASK)) as (process, screen, read):
        until_asked(screen)
        assert not echoes(screen)
        process.send_signal(getattr(signal, name))
        assert process.wait(timeout=60) == -getattr(signal, name)
        assert os.read(read, 100) == b""  # the guard has ended, too
        assert echoes(screen)


def test_a_signal_between_the_prompt_and_the_reading_does_not_wait_for_a_key() -> None:
    """Python has noted it then and answers it after the next system call: the one that waits for a key."""
    late = """
import ctypes, select, threading
wait = select.select
def noted_while_waiting(*sources):
    threading.Timer(0.2, ctypes.pythonapi.PyErr_SetInterruptEx, [signal.SIGTERM]).start()
    return wait(*sources)
select.select = noted_while_waiting
"""
    with on_a_terminal(*script(late + ASK)) as (process, screen, _):
        until_asked(screen)
        assert process.wait(timeout=60) == -signal.SIGTERM
        assert echoes(screen)


def test_the_echo_is_there_while_the_program_is_stopped_and_gone_when_it_goes_on() -> None:
    with on_a_terminal(*script(SHELL)) as (shell, screen, read):
        asking = int(os.read(read, 100))
        until_asked(screen)
        os.kill(asking, signal.SIGTSTP)
        assert os.read(read, 100) == b"stopped"
        assert echoes(screen)
        os.kill(asking, signal.SIGCONT)
        while echoes(screen):
            os.sched_yield()
        os.write(screen, b"four words are here\n")
        assert os.read(read, 100) == b"four words are here"
        assert shell.wait() == 0


def test_a_verb_killed_at_its_prompt_under_the_seal(tmp_path: Path) -> None:
    new_vault(tmp_path).close()
    take = (
        "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.executable, sys.argv[1:])"
    )
    verb = [sys.executable, "-m", "edge.cli", "vault", "verify", "--vault", str(tmp_path / "records.vault")]
    environ = {name: value for name, value in os.environ.items() if name != "EDGESCRIBE_PASSPHRASE_FILE"}
    with on_a_terminal("-c", take, *verb, **environ) as (process, screen, _):
        until_asked(screen)
        assert not echoes(screen)
        process.kill()
        process.wait()
        while not echoes(screen):
            os.sched_yield()
