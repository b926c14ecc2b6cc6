"""An engine that writes given answers: streaming, cancel, loops and failure are tested without weights.

It is an Engine of the same behaviour as the real ones (events, cancel, errors), minus the model. Never loaded by the
program itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from edge.contract.events import EngineEvent, Finished, Reading, StopReason, Text
from edge.contract.prompts import PROMPT_VERSION, Prompt
from edge.engine.base import EngineInfo, Request
from edge.errors import EngineError, InputError
from edge.text import sanitise

Script = Callable[[str], str]


class ScriptedEngine:
    """Answers each request with script(instruction text), word by word.

    delay: seconds a word. fail_after: words until the runtime "dies". context: tokens (words here) that fit.
    """

    def __init__(
        self, script: Script, *, delay: float = 0.0, fail_after: int | None = None, context: int = 32768
    ) -> None:
        self._script, self._delay, self._fail_after = script, delay, fail_after
        self._cancel = threading.Event()
        self._lock = threading.Lock()
        self.closed = False
        self.ahead: list[Prompt] = []  # what was asked to be read ahead
        none = "0" * 64
        self.info = EngineInfo("scripted", none, "chatml", PROMPT_VERSION, context, "scripted", "test", "edgescribe")

    def count(self, prompt: Prompt) -> int:
        return sum(len(s.split()) for s in (*prompt.document, *prompt.instruction) if isinstance(s, str))

    def read_ahead(self, prompt: Prompt) -> None:
        self.ahead.append(prompt)

    def cancel(self) -> None:
        self._cancel.set()

    def close(self) -> None:
        self.closed = True

    def stream(self, request: Request) -> Iterator[EngineEvent]:
        with self._lock:
            self._cancel.clear()
            yield from self._answer(request)

    def _answer(self, request: Request) -> Iterator[EngineEvent]:
        total = self.count(request.prompt)
        if total + request.max_tokens > self.info.context_length:
            raise InputError("The document is too long for this model.", f"It needs {total:,} tokens.")
        yield Reading(0, total)
        yield Reading(total, total)
        instruction = next(s for s in request.prompt.instruction if isinstance(s, str))
        words = sanitise(self._script(instruction)).split(" ")
        reason: StopReason = "end"
        written: list[str] = []
        for word in words:
            if self._cancel.is_set():
                reason = "cancelled"
                break
            if self._fail_after is not None and len(written) >= self._fail_after:
                raise EngineError("The model stopped unexpectedly.", "", "Open the bundle again.")
            if len(written) >= request.max_tokens:
                reason = "length"
                break
            if self._delay:
                time.sleep(self._delay)
            yield Text((" " if written else "") + word)
            written.append(word)
        yield Finished(" ".join(written), reason, total, 0, len(written), 0.0)
