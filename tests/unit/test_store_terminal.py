"""A passphrase typed on a terminal is never shown, and the echo comes back however the program ends."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from vaulting import new_vault

from edge.store.terminal import read_passphrase_tty

ROOT = Path(__file__).resolve().parents[2]


def echoes(screen: int) -> bool:
    return bool(termios.tcgetattr(screen)[3] & termios.ECHO)


def until_asked(screen: int) -> bytes:
    shown = b""
    while b": " not in shown:
        shown += os.read(screen, 100)
    return shown


@contextlib.contextmanager
def asking() -> Iterator[tuple[int, int, int]]:
    """A process that asks on a terminal of its own: (its id, the terminal, what it got and EOF once all is over)."""
    read, write = os.pipe()
    pid, screen = pty.fork()
    if pid == 0:
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, [])  # whatever tests before this one left behind
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
                signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
            with read_passphrase_tty("Passphrase: ") as got_it:
                os.write(write, bytes(got_it.view()).hex().encode())
        finally:
            os._exit(0)
    os.close(write)
    try:
        yield pid, screen, read
    finally:
        os.close(read)
        os.close(screen)


def test_passphrase_on_a_terminal_is_not_echoed() -> None:
    with asking() as (pid, screen, read):
        shown = until_asked(screen)
        os.write(screen, "four wörds are here\n".encode())
        got = os.read(read, 4096)
        with contextlib.suppress(OSError):
            while chunk := os.read(screen, 100):
                shown += chunk
        os.waitpid(pid, 0)
    assert bytes.fromhex(got.decode()) == "four wörds are here".encode()
    assert shown == b"Passphrase: \r\n"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGKILL"])
def test_the_echo_comes_back_after_every_death(name: str) -> None:
    with asking() as (pid, screen, read):
        until_asked(screen)
        assert not echoes(screen)
        os.kill(pid, getattr(signal, name))
        _, status = os.waitpid(pid, 0)
        assert os.read(read, 100) == b""  # the guard has ended, too
        assert os.WIFSIGNALED(status) is (name != "SIGINT")
        if name != "SIGINT":
            assert os.WTERMSIG(status) == getattr(signal, name)
        assert echoes(screen)


def test_the_echo_is_there_while_the_program_is_stopped_and_gone_when_it_goes_on() -> None:
    """The process group of a session's leader can't be stopped, so the leader plays the shell."""
    read, write = os.pipe()
    leader, screen = pty.fork()
    if leader == 0:
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        asking = os.fork()
        if asking == 0:
            os.setpgid(0, 0)
            os.tcsetpgrp(0, os.getpid())
            signal.signal(signal.SIGTTOU, signal.SIG_DFL)
            with read_passphrase_tty("Passphrase: ") as got_it:
                os.write(write, bytes(got_it.view()))
            os._exit(0)
        os.write(write, f"{asking}\n".encode())
        os.waitpid(asking, os.WUNTRACED)
        os.write(write, b"stopped")
        os.waitpid(asking, 0)
        os._exit(0)
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
    os.waitpid(leader, 0)
    for descriptor in (read, write, screen):
        os.close(descriptor)


def test_a_verb_killed_at_its_prompt_under_the_seal(tmp_path: Path) -> None:
    new_vault(tmp_path).close()
    command = [sys.executable, "-m", "edge.cli", "vault", "verify", "--vault", str(tmp_path / "records.vault")]
    environ = {name: value for name, value in os.environ.items() if name != "EDGESCRIBE_PASSPHRASE_FILE"}
    pid, screen = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execve(command[0], command, environ)
    until_asked(screen)
    assert not echoes(screen)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    while not echoes(screen):
        os.sched_yield()
    os.close(screen)
