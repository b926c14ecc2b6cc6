"""Checks, taggers and codes beside the screen: one thread, one piece of work after the other, seconds each.

Apart from the model's thread, where a note may be written for minutes. The thread is a daemon: nothing that it does is
waited for at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from edge.encounters.checking import Checker
    from edge.encounters.tools import Tools

T = TypeVar("T")


class SharedChecker:
    """Gives the installed checker. It holds no state between two calls, so that two threads may use it at once."""

    def __init__(self) -> None:
        self.threads = 0  # of each model; 0 for what this process may use
        self._lock = threading.Lock()
        self._checker: Checker | None = None

    def __call__(self) -> Checker:
        """Called on a worker's thread, which may wait."""
        from edge.encounters.checking import Checker  # no screen waits for what it loads

        with self._lock:
            if self._checker is None:
                self._checker = Checker.open(None, False, self.threads)
            return self._checker


class ToolThread:
    """allow_unsigned: also bundles that no known key signed. checker: see edge.encounters.tools.Tools."""

    def __init__(self, allow_unsigned: bool = False, checker: Callable[[], Checker] | None = None) -> None:
        self._unsigned, self._checker = allow_unsigned, checker
        self._work: queue.SimpleQueue[Callable[[Tools], None]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def call(self, work: Callable[[Tools], T]) -> T:
        """Run work with the tools, and return its result. Raises what work raises."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def run(tools: Tools) -> None:
            try:
                result = work(tools)
            except Exception as error:  # noqa: BLE001 - the worker's edge: raised where it is awaited
                fault = error
                self._tell(loop, answer, lambda: answer.set_exception(fault))
            else:
                self._tell(loop, answer, lambda: answer.set_result(result))

        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="tools", daemon=True)
            self._thread.start()
        self._work.put(run)
        return await answer

    @staticmethod
    def _tell(loop: asyncio.AbstractEventLoop, answer: asyncio.Future[Any], tell: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the app has ended
            loop.call_soon_threadsafe(lambda: None if answer.done() else tell())

    def _run(self) -> None:
        from edge.encounters.tools import Tools  # in this thread: no screen waits for what it loads

        tools = Tools(self._unsigned, self._checker)
        while True:
            self._work.get()(tools)
