"""The owned thread: events come in order, cancel and Ctrl-C reach it, its death is a named error."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from edge.contract import prompts
from edge.contract.events import EngineEvent, Finished, Text
from edge.engine.base import EngineInfo, Request
from edge.engine.host import EngineHost, Loaded
from edge.errors import BundleError, EngineError

INFO = EngineInfo("b", "0" * 64, "chatml", "1", 100, "test")
REQUEST = Request(prompts.render("chatml", "d", "i"), 10)


class SlowDecoder:
    """Writes a word every 5 ms until cancelled; raises what it is told to."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error, self.threads, self.forgotten = error, set[str](), 0

    def run(self, request: Request, cancelled: threading.Event) -> Iterator[EngineEvent]:
        self.threads.add(threading.current_thread().name)
        n = 0
        while not cancelled.is_set() and n < 200:
            if self.error is not None and n == 3:
                raise self.error
            yield Text("w")
            n += 1
            time.sleep(0.005)
        yield Finished("w" * n, "cancelled" if cancelled.is_set() else "end", 1, 0, n, 0.0)

    def forget(self) -> None:
        self.forgotten += 1


def host(decoder: Any) -> EngineHost:
    return EngineHost(lambda: Loaded(INFO, decoder, None))


def test_cancel_ends_the_answer_and_the_next_one_is_whole() -> None:
    decoder = SlowDecoder()
    engine = host(decoder)
    seen = []
    for event in engine.stream(REQUEST):
        seen.append(event)
        if len(seen) == 5:
            engine.cancel()
    assert seen[-1].reason == "cancelled"  # type: ignore[union-attr]
    assert len(seen) < 20
    assert list(engine.stream(REQUEST))[-1].reason == "end"  # type: ignore[union-attr]
    assert decoder.threads == {"engine"}
    engine.close()
    assert decoder.forgotten == 1


def test_a_listener_that_leaves_stops_the_work() -> None:
    engine = host(SlowDecoder())
    stream = engine.stream(REQUEST)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    started = time.monotonic()
    assert isinstance(next(iter(engine.stream(REQUEST))), Text)
    assert time.monotonic() - started < 0.5
    engine.close()


def test_errors_without_a_name_do_not_quote_the_document() -> None:
    engine = host(SlowDecoder(ValueError("patient Mrs. Keller")))
    with pytest.raises(EngineError) as caught:
        list(engine.stream(REQUEST))
    assert "Keller" not in str(caught.value)
    assert "ValueError" in str(caught.value)
    engine.close()


def test_a_loader_that_fails_is_raised_where_it_was_asked_for() -> None:
    def load() -> Loaded:
        raise BundleError("The file weights.onnx was altered.")

    with pytest.raises(BundleError, match=r"weights\.onnx"):
        EngineHost(load)


def test_a_closed_engine_says_so() -> None:
    engine = host(SlowDecoder())
    engine.close()
    with pytest.raises(EngineError, match="not running"):
        next(iter(engine.stream(REQUEST)))


def test_a_last_word_between_the_look_and_the_threads_end_is_heard() -> None:
    """The thread may put its error and end just after the waiting side found the queue empty."""

    class Late(queue.SimpleQueue[Any]):
        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            if block:
                raise queue.Empty
            return super().get(block=False)

        def get_nowait(self) -> Any:
            return self.get(block=False)

    engine = host(SlowDecoder())
    engine.close()
    late = Late()
    late.put("its last word")
    assert engine._wait(late) == "its last word"
    with pytest.raises(EngineError, match="unexpectedly"):
        engine._wait(late)


class ReadingDecoder(SlowDecoder):
    """Reads ahead until it is told to stop; then says for what text."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.stopped: list[str] = []

    def read_ahead(self, prompt: prompts.Prompt, cancelled: threading.Event) -> int:
        text = next(part for part in prompt.document if isinstance(part, str) and part.startswith("text"))
        if text == "text broken":
            raise RuntimeError(text)
        self.begun.put(text)
        assert cancelled.wait(10)
        self.stopped.append(text)
        return 0


def ahead(text: str) -> prompts.Prompt:
    return prompts.render("chatml", text, "")


def test_newer_text_and_a_request_end_reading_ahead_and_its_errors_are_nobodys() -> None:
    decoder = ReadingDecoder()
    engine = host(decoder)
    engine.read_ahead(ahead("text one"))
    assert decoder.begun.get(timeout=10) == "text one"
    engine.read_ahead(ahead("text one two"))
    assert decoder.begun.get(timeout=10) == "text one two"
    assert list(engine.stream(REQUEST))[-1].reason == "end"  # type: ignore[union-attr]
    assert decoder.stopped == ["text one", "text one two"]
    engine.read_ahead(ahead("text broken"))
    assert list(engine.stream(REQUEST))[-1].reason == "end"  # type: ignore[union-attr]
    assert decoder.forgotten == 1
    engine.read_ahead(ahead("text three"))
    assert decoder.begun.get(timeout=10) == "text three"
    engine.close()
    assert decoder.stopped[-1] == "text three"
