"""The owned inference thread: loads the model and writes answers on one thread, talks through queues.

Runtimes keep per-thread state and must not be called from two threads; a screen or a command line must never wait in
native code. Ctrl-C reaches the waiting side, which cancels the answer and lets the thread finish its token.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from edge.contract.events import EngineEvent, Finished
from edge.contract.prompts import Prompt, TokenizerLike, encode
from edge.engine.base import EngineInfo, Request
from edge.engine.decode import Decoder
from edge.errors import EdgescribeError, EngineError

T = TypeVar("T")
_WAIT = 0.1  # seconds between two chances for a signal handler on the waiting side


@dataclass(frozen=True)
class Loaded:
    """What a loader gives to the host: description, decoder and tokenizer of one bundle."""

    info: EngineInfo
    decoder: Decoder
    tokenizer: TokenizerLike


@dataclass
class _Job:
    request: Request
    out: queue.SimpleQueue[EngineEvent | BaseException] = field(default_factory=queue.SimpleQueue)
    cancelled: threading.Event = field(default_factory=threading.Event)


@dataclass
class _Ahead:
    prompt: Prompt = field(repr=False)
    cancelled: threading.Event = field(default_factory=threading.Event)


class EngineHost:
    """An Engine (edge.engine.base) whose model lives on a thread of its own.

    load runs on that thread; its error is raised by the constructor.
    """

    def __init__(self, load: Callable[[], Loaded]) -> None:
        self._jobs: queue.SimpleQueue[_Job | _Ahead | None] = queue.SimpleQueue()
        self._ready: queue.SimpleQueue[Loaded | BaseException] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._active: _Job | None = None
        self._ahead: _Ahead | None = None
        self._thread = threading.Thread(target=self._work, args=(load,), name="engine", daemon=True)
        self._thread.start()
        loaded = self._wait(self._ready)
        if isinstance(loaded, BaseException):
            raise loaded
        self._info, self._tokenizer = loaded.info, loaded.tokenizer

    @property
    def info(self) -> EngineInfo:
        return self._info

    def count(self, prompt: Prompt) -> int:
        return len(encode((*prompt.document, *prompt.instruction), self._tokenizer))

    def stream(self, request: Request) -> Iterator[EngineEvent]:
        job = _Job(request)
        with self._lock:
            if not self._thread.is_alive():
                raise EngineError("The model is not running any more.", "", "Open the bundle again.")
            self._active = job
            self._stop_reading()
        self._jobs.put(job)
        try:
            while True:
                event = self._wait(job.out)
                if isinstance(event, BaseException):
                    raise event
                yield event
                if isinstance(event, Finished):
                    return
        finally:
            job.cancelled.set()  # a caller that stops listening also stops the work

    def read_ahead(self, prompt: Prompt) -> None:
        """See edge.engine.base.AheadReader."""
        with self._lock:
            self._stop_reading()
            self._ahead = _Ahead(prompt)
            self._jobs.put(self._ahead)

    def _stop_reading(self) -> None:
        if self._ahead is not None:
            self._ahead.cancelled.set()

    def cancel(self) -> None:
        with self._lock:
            self._stop_reading()
            if self._active is not None:
                self._active.cancelled.set()

    def close(self) -> None:
        self.cancel()
        self._jobs.put(None)
        self._thread.join(timeout=30)

    def _wait(self, source: queue.SimpleQueue[T]) -> T:
        while True:
            try:
                return source.get(timeout=_WAIT)
            except queue.Empty:
                if not self._thread.is_alive():
                    with contextlib.suppress(queue.Empty):
                        return source.get_nowait()  # its last word may have come between the look and its end
                    raise EngineError("The model stopped unexpectedly.", "", "Open the bundle again.") from None

    def _work(self, load: Callable[[], Loaded]) -> None:
        try:
            loaded = load()
        except BaseException as error:  # noqa: BLE001 - the worker's edge: handed to the waiting side
            self._ready.put(_named(error))
            return
        self._ready.put(loaded)
        while (job := self._jobs.get()) is not None:
            if isinstance(job, _Ahead):
                _read(loaded.decoder, job)
                continue
            try:
                for event in loaded.decoder.run(job.request, job.cancelled):
                    job.out.put(event)
            except BaseException as error:  # noqa: BLE001 - the worker's edge
                loaded.decoder.forget()
                job.out.put(_named(error))
        loaded.decoder.forget()


def _read(decoder: Decoder, job: _Ahead) -> None:
    """Read ahead. An error is nobody's yet: the request that follows meets it again and tells it."""
    try:
        decoder.read_ahead(job.prompt, job.cancelled)
    except BaseException:  # noqa: BLE001 - the worker's edge
        decoder.forget()


def _named(error: BaseException) -> BaseException:
    """Errors without a name may quote the document: only their type is kept."""
    if isinstance(error, EdgescribeError):
        return error
    return EngineError("The model's runtime failed.", f"Cause: {type(error).__name__}.", "Try again.")
