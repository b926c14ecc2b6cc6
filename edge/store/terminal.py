"""Asking for a secret on the terminal without echo, and giving the echo back however the asking ends.

A signal that ends or stops the program gives it back first. Of kill -9 a program learns nothing: a second process that
does nothing but wait sees this one gone and puts the terminal back, unless the shell has already done so.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from edge.errors import UsageError
from edge.store.secret import MAX_PASSPHRASE, Passphrase, first_line

_LOCAL_FLAGS = 3  # place of the flags that hold ECHO in what tcgetattr gives


def read_passphrase_tty(prompt: str) -> Passphrase:
    """Ask on the controlling terminal, without echo, straight into a buffer. Raises UsageError where there is none."""
    if sys.platform == "win32":
        import getpass

        return Passphrase(getpass.getpass(prompt).encode())
    try:
        tty = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        raise UsageError(
            "There is no terminal to ask for the passphrase.",
            "",
            "Give --passphrase-file FILE, or set EDGESCRIBE_PASSPHRASE_FILE to the path of such a file.",
        ) from None
    buffer = bytearray(MAX_PASSPHRASE + 2)
    try:
        with _silence(tty), _woken() as news:
            os.write(tty, prompt.encode())
            size = _line(tty, buffer, news)
    finally:
        os.write(tty, b"\n")
        os.close(tty)
    return first_line(buffer, size)


if sys.platform != "win32":
    import termios

    _ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT)

    @contextlib.contextmanager
    def _silence(tty: int) -> Iterator[None]:
        """No echo on this terminal for a block."""
        before = termios.tcgetattr(tty)
        silent = [*before[:_LOCAL_FLAGS], before[_LOCAL_FLAGS] & ~termios.ECHO, *before[_LOCAL_FLAGS + 1 :]]

        def end(number: int, _: FrameType | None) -> None:
            termios.tcsetattr(tty, termios.TCSAFLUSH, before)
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

        def stop(number: int, frame: FrameType | None) -> None:
            end(number, frame)  # goes on here when the program is in front again
            signal.signal(number, stop)
            termios.tcsetattr(tty, termios.TCSAFLUSH, silent)

        handlers: dict[int, Any] = dict.fromkeys(_ENDING, end) | {signal.SIGTSTP: stop}
        with _guarded(tty, before), _answering(handlers):
            try:
                termios.tcsetattr(tty, termios.TCSAFLUSH, silent)
                yield
            finally:
                termios.tcsetattr(tty, termios.TCSAFLUSH, before)

    @contextlib.contextmanager
    def _woken() -> Iterator[list[int]]:
        """A pipe that can be read after every signal, in a list; no pipe off the main thread, which gets none.

        Python answers a signal between two steps. One that comes after the last step before a read waits for a key.
        """
        if threading.current_thread() is not threading.main_thread():
            yield []
            return
        news, told = os.pipe()
        os.set_blocking(told, False)
        former = signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        try:
            yield [news]
        finally:
            signal.set_wakeup_fd(former)
            os.close(told)
            os.close(news)

    def _line(tty: int, buffer: bytearray, news: list[int]) -> int:
        """Read a line once there is one, with signals answered until then. Returns its size in bytes."""
        while True:
            ready, _, _ = select.select([tty, *news], [], [])
            if tty in ready:
                return os.readv(tty, [buffer])
            os.read(news[0], 64)

    @contextlib.contextmanager
    def _answering(handlers: dict[int, Any]) -> Iterator[None]:
        """Answer these signals for a block, where the program leaves them to the system and this thread may."""
        mine = threading.current_thread() is threading.main_thread()
        taken = [number for number in handlers if mine and signal.getsignal(number) == signal.SIG_DFL]
        for number in taken:
            signal.signal(number, handlers[number])
        try:
            yield
        finally:
            for number in taken:
                signal.signal(number, signal.SIG_DFL)

    @contextlib.contextmanager
    def _guarded(tty: int, before: list[Any]) -> Iterator[None]:
        """A process that gives the echo back if this one is gone before the block ends.

        It shares this one's memory as it is now, protections included, and ends with the block. Not with threads,
        which a fork does not copy.
        """
        if threading.active_count() > 1 or not before[_LOCAL_FLAGS] & termios.ECHO:
            yield
            return
        watched, held = os.pipe()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        guard = os.fork()
        if guard == 0:
            _guard(tty, before, watched, held)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.close(watched)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                os.write(held, b".")
            os.close(held)
            os.waitpid(guard, 0)

    def _guard(tty: int, before: list[Any], watched: int, held: int) -> None:
        """In the child, with every signal blocked: a program in the background may then set the terminal."""
        try:
            os.close(held)
            if os.read(watched, 1) == b"":
                now = termios.tcgetattr(tty)
                now[_LOCAL_FLAGS] |= termios.ECHO
                if now == before:  # a shell that was quicker has set what it wants
                    termios.tcsetattr(tty, termios.TCSAFLUSH, before)
        finally:
            os._exit(0)
