"""The decoder over a session that plays back bytes: streaming, reuse, stops, loops, grammar, cancel, room."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from threading import Event
from typing import Any

import numpy as np
import pytest

from edge.contract import prompts
from edge.contract.events import Finished, Reading, Text
from edge.contract.schemas import FIELD_KEYS
from edge.engine.base import Request
from edge.engine.constrain import GrammarCompiler, extraction_grammar
from edge.engine.decode import CHUNK, Decoder
from edge.errors import EngineError, InputError

MARK = "Go:"


class PlaybackSession:
    """Scores favour the next byte of answer(prompt) after the prompt, then the end token."""

    def __init__(self, tokenizer: Any, answer: Callable[[str], str], capacity: int, log: list[str]) -> None:
        self.capacity, self._tokenizer, self._answer, self._log = capacity, tokenizer, answer, log
        self.ids: list[int] = []
        self.places = True

    def rewind(self, length: int) -> None:
        self._log.append(f"rewind {length}")
        del self.ids[length:]

    def append(self, ids: Sequence[int], places: int = 1) -> None:
        assert ids
        self._log.append(f"append {len(ids)}")
        self.ids.extend(ids)
        assert len(self.ids) <= self.capacity

    def logits(self, back: int = 0) -> Any:
        ids = self.ids[: len(self.ids) - back]
        start = len(ids) - 1 - ids[::-1].index(self._tokenizer.token_to_id("<|im_start|>"))
        prompt = self._tokenizer.decode(ids[:start], skip_special_tokens=False)
        answer = self._tokenizer.encode(self._answer(prompt), add_special_tokens=False).ids
        written = max(0, len(ids) - start - 1 - len("assistant\n"))
        scores = np.zeros(self._tokenizer.get_vocab_size(), dtype=np.float32)
        scores[answer[written] if written < len(answer) else self._tokenizer.token_to_id("<|im_end|>")] = 1
        return scores


class Bench:
    """A decoder over playback sessions, with what was asked of them."""

    def __init__(self, tokenizer: Any, answer: Callable[[str], str], context: int = 8192) -> None:
        self.log: list[str] = []
        self.opened = 0

        def open_session(capacity: int) -> PlaybackSession:
            self.opened += 1
            return PlaybackSession(tokenizer, answer, capacity, self.log)

        end = tokenizer.token_to_id("<|im_end|>")
        compiler = GrammarCompiler(tokenizer, tokenizer.get_vocab_size(), [end])
        self.decoder = Decoder(tokenizer, open_session, lambda: compiler, [end], context)

    def run(self, document: str, instruction: str = MARK, limit: int = 400, grammar: str | None = None) -> list[Any]:
        request = Request(prompts.render("chatml", document, instruction), limit, grammar)
        return list(self.decoder.run(request, Event()))


def test_streams_whole_characters_and_finishes(byte_tokenizer: Any) -> None:
    events = Bench(byte_tokenizer, lambda _: "Größe 1,80 m 👋").run("doc")
    assert "".join(e.text for e in events if isinstance(e, Text)) == "Größe 1,80 m 👋"
    assert all("\ufffd" not in e.text for e in events if isinstance(e, Text))
    last = events[-1]
    assert isinstance(last, Finished)
    assert (last.text, last.reason) == ("Größe 1,80 m 👋", "end")
    assert last.generated_tokens == len("Größe 1,80 m 👋".encode())


def test_the_document_is_read_once(byte_tokenizer: Any) -> None:
    bench = Bench(byte_tokenizer, lambda p: "A" if "one" in p else "B")
    first = bench.run("word " * 100, "Do one.")[-1]
    second = bench.run("word " * 100, "Do two.")[-1]
    assert (first.text, second.text) == ("A", "B")
    assert first.reused_tokens == 0
    assert second.reused_tokens > 500
    assert bench.opened == 1
    other = bench.run("another document", "Do one.")[-1]
    assert other.text == "A"
    assert other.reused_tokens < 250


def test_the_prompt_is_read_in_chunks_with_progress(byte_tokenizer: Any) -> None:
    events = [e for e in Bench(byte_tokenizer, lambda _: "x").run("w" * 1000) if isinstance(e, Reading)]
    assert events[0].done == 0
    assert events[-1].done == events[-1].total
    assert max(b.done - a.done for a, b in pairwise(events)) == CHUNK


def test_limit_loop_and_end_are_told_apart(byte_tokenizer: Any) -> None:
    bench = Bench(byte_tokenizer, lambda _: "He is a man " + "who is a man " * 20)
    last = bench.run("doc")[-1]
    assert last.reason == "loop"
    assert last.text == "He is a man who is a man "[: len(last.text)]
    assert last.text.count("who is") <= 1
    assert Bench(byte_tokenizer, lambda _: "abcdefgh" + str(list(range(50)))).run("doc", limit=5)[-1].reason == "length"


def test_cancel_before_and_during(byte_tokenizer: Any) -> None:
    bench = Bench(byte_tokenizer, lambda _: "abcdefghijklmnopqrstuvwxyz")
    cancelled = Event()
    request = Request(prompts.render("chatml", "doc", MARK), 400)
    seen = []
    for event in bench.decoder.run(request, cancelled):
        seen.append(event)
        if isinstance(event, Text) and event.text == "c":
            cancelled.set()
    assert seen[-1].reason == "cancelled"
    assert seen[-1].text in {"abc", "abcd"}
    cancelled.set()
    assert [type(e) for e in bench.decoder.run(Request(prompts.render("chatml", "x" * 900, MARK), 9), cancelled)][
        -1
    ] is Finished


def test_control_tokens_and_escapes_in_an_answer_are_harmless(byte_tokenizer: Any) -> None:
    last = Bench(byte_tokenizer, lambda _: "a\x1b[31mb\u202e").run("doc")[-1]
    assert last.text == "a\ufffd[31mb\ufffd"


def test_too_long_is_said_before_anything_is_read(byte_tokenizer: Any) -> None:
    bench = Bench(byte_tokenizer, lambda _: "x", context=500)
    with pytest.raises(InputError, match="too long"):
        bench.run("w" * 400)
    assert bench.log == []


def test_a_larger_document_gets_a_larger_cache(byte_tokenizer: Any) -> None:
    bench = Bench(byte_tokenizer, lambda _: "x", context=20_000)
    bench.run("w")
    bench.run("w" * 4000)
    assert bench.opened == 1
    bench.run("w" * 9000)
    assert bench.opened == 2


REPORT = 'She takes lisinopril 20 mg.\nNo "fever". Aged 54-year-old; Größe 170 cm.'


def answer_json(fields: dict[str, list[str]]) -> str:
    return json.dumps({key: fields.get(key, []) for key in FIELD_KEYS}, ensure_ascii=False)


def test_extraction_grammar_allows_verbatim_phrases_only(byte_tokenizer: Any) -> None:
    wanted = {
        "pharmacological_therapy": ["lisinopril 20 mg"],
        "age": ["54-year-old"],
        "signs_symptoms": ["Größe 170 cm"],
    }
    bench = Bench(byte_tokenizer, lambda _: answer_json(wanted))
    last = bench.run("doc", limit=2000, grammar=extraction_grammar(REPORT))[-1]
    assert last.reason == "end"
    assert json.loads(last.text) == {key: wanted.get(key, []) for key in FIELD_KEYS}
    # the keys are forced: far fewer forward passes than tokens
    assert len([line for line in bench.log if line.startswith("append")]) < last.generated_tokens / 2


@pytest.mark.parametrize("wish", ["lisinopril 40 mg", "20 mg.\nNo", 'No "fever"', "metformin", " lisinopril", ""])
def test_extraction_grammar_bends_what_is_not_in_the_report(byte_tokenizer: Any, wish: str) -> None:
    bench = Bench(byte_tokenizer, lambda _: answer_json({"pharmacological_therapy": [wish]}))
    last = bench.run("doc", limit=3000, grammar=extraction_grammar(REPORT))[-1]
    entries = json.loads(last.text)["pharmacological_therapy"] if last.reason == "end" else []
    assert wish not in entries
    assert all(e in REPORT and "\n" not in e and e == e.strip() for e in entries)


def test_a_grammar_that_cannot_be_compiled_is_an_engine_error(byte_tokenizer: Any) -> None:
    with pytest.raises(EngineError):
        Bench(byte_tokenizer, lambda _: "x").run("doc", grammar="start: undefined_rule")


def test_a_list_that_loops_is_closed_and_the_other_fields_are_written(byte_tokenizer: Any) -> None:
    looping = '{"life_style": [' + '"lisinopril 20 mg", ' * 60
    rest = answer_json({"age": ["54-year-old"]})

    def answer(_: str) -> str:
        return looping

    bench = Bench(byte_tokenizer, answer)
    last = bench.run("doc", limit=3000, grammar=extraction_grammar(REPORT))[-1]
    assert last.reason == "loop"
    found = json.loads(last.text)
    assert set(found) == set(json.loads(rest))
    assert len(found["life_style"]) <= 4


def test_repeated_lines_are_cut(byte_tokenizer: Any) -> None:
    answer = "PLAN\n" + "".join(f"Problem {n}: go up on the lisinopril.\n" for n in range(1, 30))
    last = Bench(byte_tokenizer, lambda _: answer).run("doc", limit=2000)[-1]
    assert (last.text, last.reason) == ("PLAN\nProblem 1: go up on the lisinopril.", "loop")


@pytest.mark.parametrize("length", [100, 1000])
def test_each_token_is_decoded_twice_at_most_however_long_the_answer(
    byte_tokenizer: Any, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    """Once for the screen as it comes, once in the finished answer."""
    from tokenizers import decoders

    decoded: list[int] = []

    class Counting:
        def __init__(self, **settings: Any) -> None:
            self._stream = real(**settings)

        def step(self, tokenizer: Any, token: int) -> str | None:
            decoded.append(1)
            return self._stream.step(tokenizer, token)

    real, whole = decoders.DecodeStream, Decoder._text
    monkeypatch.setattr(decoders, "DecodeStream", Counting)
    monkeypatch.setattr(Decoder, "_text", lambda self, ids: (decoded.append(len(ids)), whole(self, ids))[1])
    text = " ".join(f"w{number * 7919 % 10007}" for number in range(length))[:length].rstrip()
    last = Bench(byte_tokenizer, lambda _: text).run("doc", limit=length + 10)[-1]
    assert (last.text, last.generated_tokens) == (text, len(text))
    assert sum(decoded) <= 2 * len(text)


def read_anew(log: list[str]) -> int:
    """Tokens that went through the model."""
    return sum(int(line.split()[1]) for line in log if line.startswith("append"))


def test_a_text_that_grows_is_read_once_and_its_note_begins_at_once(byte_tokenizer: Any) -> None:
    text = " ".join(f"word{number}" for number in range(200))
    plain = Bench(byte_tokenizer, lambda _: "fine").run(text)[-1]
    bench = Bench(byte_tokenizer, lambda _: "fine")
    for end in range(100, len(text) + 100, 100):  # as it is typed
        bench.decoder.read_ahead(prompts.render("chatml", text[:end], ""), Event())
    before = read_anew(bench.log)
    assert before < len(text) + 300  # the text and the system's words, nothing of it twice but the last tokens
    last = bench.run(text)[-1]
    assert (last.text, last.reason) == (plain.text, plain.reason)
    assert last.prompt_tokens - last.reused_tokens < 100
    assert bench.opened == 1


def test_an_edit_at_the_end_keeps_what_stands_before_it(byte_tokenizer: Any) -> None:
    text = "word " * 300
    bench = Bench(byte_tokenizer, lambda _: "fine")
    bench.decoder.read_ahead(prompts.render("chatml", text + "He smokes.", ""), Event())
    before = read_anew(bench.log)
    bench.decoder.read_ahead(prompts.render("chatml", text + "He does not smoke.", ""), Event())
    assert read_anew(bench.log) - before < 40
    assert bench.run(text + "He does not smoke.")[-1].reused_tokens > len(text)


def test_reading_ahead_stops_within_a_chunk_and_goes_on_from_there(byte_tokenizer: Any) -> None:
    bench = Bench(byte_tokenizer, lambda _: "fine")
    stopped = Event()
    stopped.set()
    prompt = prompts.render("chatml", "word " * 300, "")
    assert bench.decoder.read_ahead(prompt, stopped) <= CHUNK
    assert bench.decoder.read_ahead(prompt, Event()) > 1500
    assert read_anew(bench.log) < 1500 + 300


def test_a_text_without_room_is_not_read_ahead(byte_tokenizer: Any) -> None:
    bench = Bench(byte_tokenizer, lambda _: "x", context=1200)
    assert bench.decoder.read_ahead(prompts.render("chatml", "w" * 400, ""), Event()) == 0
    assert bench.log == []
