"""The terminal after a death: a small parent waits, and puts it back as it was, kill -9 included.

A program that draws a whole screen turns off echo and line ends and switches to a second screen. If it is killed it can
undo nothing. So the work runs in a child, and the parent, which opens nothing and knows no patient data, restores.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys

# Leave the second screen, show the cursor, end mouse, paste, focus and synchronised-output modes and the keyboard
# protocol, default colours (xterm control sequences; kitty keyboard protocol).
RESET = (
    b"\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l\x1b[?2004l\x1b[?1004l"
    b"\x1b[?2026l\x1b[?2048l\x1b[<u\x1b[0m\r\n"
)
_PR_SET_PDEATHSIG = 1


def guard() -> None:
    """Go on in a child process; the parent ends with its exit code, and restores the terminal if it was killed.

    Returns in the child, and at once where there is no terminal or no fork. Call it after the seal (which the child
    inherits), with one thread running, before anything is opened.
    """
    if sys.platform == "win32":
        return
    terminal = next((fd for fd in range(3) if os.isatty(fd)), None)
    if terminal is None:
        return
    import termios

    saved = termios.tcgetattr(terminal)
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _die_with(parent)
        return
    status = _wait(child)
    with contextlib.suppress(OSError, termios.error):
        termios.tcsetattr(terminal, termios.TCSADRAIN, saved)
    if os.WIFSIGNALED(status):
        _after_death(terminal, os.WTERMSIG(status))
        os._exit(128 + os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status))


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGHUP, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(128 + signal.SIGHUP)


def _wait(child: int) -> int:
    """Wait for the child's end; pass requests to end on to it, and stop and go on with it (job control)."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)  # the terminal sends these to the child as well
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, lambda got, _: os.kill(child, got))
    while True:
        _, status = os.waitpid(child, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return status
        os.kill(os.getpid(), signal.SIGSTOP)
        os.kill(child, signal.SIGCONT)


def _after_death(terminal: int, number: int) -> None:
    name = signal.Signals(number).name
    with contextlib.suppress(OSError):
        os.write(terminal, RESET)
        os.write(2, f"edgescribe was ended by {name}. What was saved is safe; what was not saved is lost.\n".encode())
