"""How the model side's programs end: exit codes for named errors, Ctrl-C and SIGTERM, each with its cleaning up.

`edgescribe` itself has its own end (edge.cli): it seals the process and speaks as the laptop's program.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from edge.errors import EdgescribeError
from edge.text import sanitise


class Terminated(KeyboardInterrupt):
    """SIGTERM, as an exception: what runs is unwound as after Ctrl-C, so children end and half files go."""


def run_verb(args: argparse.Namespace, stopped: str = "Stopped.") -> int:
    """Run args.run(args). Returns its code, a named error's, 130 after Ctrl-C or 143 after SIGTERM.

    stopped: what to say after either.
    """
    try:
        with _unwinding():
            return int(args.run(args))
    except EdgescribeError as error:
        print(sanitise(f"{error.title}: {error}"), file=sys.stderr)  # it may name a file that another person named
        return error.exit_code
    except KeyboardInterrupt as error:
        print(stopped, file=sys.stderr)
        return 128 + (signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT)


@contextmanager
def _unwinding() -> Iterator[None]:
    """Within the block the first SIGINT or SIGTERM raises; further ones are ignored, so that cleaning up is not cut."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {}

    def raise_once(number: int, _: FrameType | None) -> None:
        for known in before:
            signal.signal(known, signal.SIG_IGN)
        raise Terminated if number == signal.SIGTERM else KeyboardInterrupt

    for number in (int(signal.SIGINT), int(signal.SIGTERM)):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup and the like stay as they were asked for
            before[number] = signal.signal(number, raise_once)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
