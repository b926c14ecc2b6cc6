"""The terminal that the app stands in: put back as it was found, given up once it is gone. Standard library only."""

from __future__ import annotations

import contextlib
import errno
import os
import sys

MYPY = False
if MYPY:  # not at run time: the launcher must start at once
    from typing import Any

# Wipe and leave the alternate screen; cursor on; mouse, paste and focus reports off; kitty keys popped; colours reset.
RESTORE = (
    "\x1b[?2026l\x1b[0m\x1b[2J\x1b[H\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"
    "\x1b[?2004l\x1b[?1004l\x1b[<u\x1b[?7h\x1b[0m"
)


_INPUT, _LOCAL = 0, 3  # places of the flags in what tcgetattr gives


def modes() -> Any:
    """The terminal's modes, for restore(); None where there are none to keep, or no terminal any more."""
    if sys.platform == "win32":
        return None
    import termios

    with contextlib.suppress(termios.error):
        return termios.tcgetattr(0)
    return None


def put(kept: Any) -> None:
    """Put the modes back."""
    if kept is not None:
        import termios

        termios.tcsetattr(0, termios.TCSANOW, kept)


def hold(kept: Any) -> None:
    """Keep what is typed for the window, byte by byte and unseen: it may be a passphrase, typed before there is one."""
    if kept is not None:
        import termios

        typed, shown = kept[_INPUT] & ~(termios.ICRNL | termios.IXON), kept[_LOCAL] & ~(termios.ECHO | termios.ICANON)
        put([typed, *kept[1:_LOCAL], shown, *kept[_LOCAL + 1 :]])


def let_go(kept: Any) -> None:
    """Undo hold(), for a launcher that can't any more. kept: the modes as they are since."""
    if kept is not None:
        import termios

        typed, shown = kept[_INPUT] | termios.ICRNL | termios.IXON, kept[_LOCAL] | termios.ECHO | termios.ICANON
        put([typed, *kept[1:_LOCAL], shown, *kept[_LOCAL + 1 :]])


def restore(kept: Any) -> None:
    """Put the terminal back: its modes, then everything that a screen program may have switched."""
    put(kept)
    os.write(1, RESTORE.encode())


def gone() -> bool:
    """Whether the terminal of standard input was closed: not every one sends a signal when it goes."""
    if sys.platform == "win32":
        return False
    import termios

    try:
        termios.tcgetattr(0)
    except termios.error as error:
        return bool(error.args[0] == errno.EIO)
    return False


def waiting() -> bytes:
    """What was typed and nobody has read, taken off the terminal: it was meant for a window that is gone."""
    if sys.platform == "win32":
        return b""
    import select

    found = b""
    while select.select([0], [], [], 0)[0] and (typed := os.read(0, 4096)):
        found += typed
        if len(found) > 1 << 20:
            break
    return found


def give_up() -> None:
    """Send what is still to be written nowhere: on a terminal that is gone it would fail, and the exit code with it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
