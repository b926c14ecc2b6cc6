"""The terminal's driver on Linux and macOS: the framework's, reading what comes in as paste.py does.

Bytes that are no UTF-8 are replaced: the framework's reading ends the app at the first one.
"""

from __future__ import annotations

import codecs
import os
import selectors
import sys
import time
from typing import Any

from textual.driver import Driver
from textual.events import Key

from tui.terminal import textual_private
from tui.terminal.paste import TerminalReader

_LOOK, _SOON = 0.1, 0.03  # seconds between two looks at timeouts; the same while a key waits for one


def window() -> type[Driver] | None:
    """The driver of a window; None: the framework's own (Windows, where a paste comes as the console's key events)."""
    if sys.platform == "win32":
        return None
    from textual.drivers.linux_driver import LinuxDriver

    class WindowDriver(LinuxDriver):
        """Reads a terminal's bytes in a thread of its own."""

        def run_input_thread(self) -> None:
            """Events from standard input until the app ends."""
            reader = TerminalReader(textual_private.parser(self))
            decode = codecs.getincrementaldecoder("utf-8")("replace").decode
            last = time.monotonic()
            with selectors.SelectSelector() as selector:
                selector.register(self.fileno, selectors.EVENT_READ)
                while not self.exit_event.is_set():
                    if not selector.select(_SOON if reader.waits else _LOOK):
                        self._pass_on(reader.tick(time.monotonic() - last))
                        continue
                    if not (data := os.read(self.fileno, 4096)):
                        break
                    last = time.monotonic()
                    self._pass_on(reader.feed(decode(data)))

        def _pass_on(self, events: Any) -> None:
            for event in events:
                life = getattr(self._app, "life", None)
                if life is not None and isinstance(event, Key) and event.key == "ctrl+q":
                    life.quit_asked()  # the launcher sees it even if the screen's thread never does
                self.process_message(event)

    return WindowDriver
