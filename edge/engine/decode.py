"""The decoder: one greedy loop for every runtime. Reads a prompt in chunks, keeps what the last prompt shares with
the next, writes token by token under an optional grammar, stops at the end token, at a loop or at the limit.

Greedy decoding makes a note reproducible from bundle, prompt version and document (docs/adr/0003).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from edge.contract.events import EngineEvent, Finished, Reading, StopReason, Text
from edge.contract.phrases import Phrases
from edge.contract.prompts import Prompt, encode
from edge.engine.base import Request, Session
from edge.engine.constrain import Constraint, GrammarCompiler
from edge.engine.copied import Copied, Copyable
from edge.engine.loops import Watch, loop_start, sentence_end
from edge.engine.quoted import Quoted
from edge.engine.reader import Drafting, Reader
from edge.engine.repeats import Pieces, Repeats, document_text
from edge.errors import InputError
from edge.text import sanitise

OPEN_END = 4  # tokens at the end of a text that is not complete yet; the last word may become another
ROOM = 1024  # tokens for an instruction and an answer, kept free when a document is read ahead
LEAST = 8192  # tokens of a cache, at least: memory is taken as it fills, and a text that grows keeps its cache
CHUNK = 64  # prompt tokens read between two looks at the cancel flag: about a second on a slow CPU


@dataclass
class Answer:
    """Tokens written so far, why writing stopped, and where a loop was cut (character offset).

    since: tokens before this index were already looked at for loops. escaping: a list that loops is being closed.
    text: what the tokens read, whole characters only, made token by token. repeats, copied: the rules of free text, or
    None. watch: what looks for loops in it.
    """

    ids: list[int]
    repeats: Repeats | None = None
    copied: Copied | None = None
    watch: Watch = field(default_factory=Watch)
    text: str = ""
    reason: StopReason = "length"
    cut: int | None = None
    since: int = 0
    escaping: bool = False
    looped: bool = False


class Decoder:
    """Owns one session. open_session(capacity) makes a new one when an answer needs more room.

    end_ids: tokens that end an answer. context: tokens the model was made for. drafts: tokens may be guessed ahead,
    where that changes no answer (edge.engine.reader). phrases: what they are guessed from beside the text, or None.
    """

    def __init__(
        self,
        tokenizer: Any,
        open_session: Callable[[int], Session],
        compiler: Callable[[], GrammarCompiler],
        end_ids: Sequence[int],
        context: int,
        *,
        drafts: bool = True,
        phrases: Phrases | None = None,
    ) -> None:
        self._tokenizer = tokenizer
        self._pieces = Pieces(tokenizer, end_ids)
        self._open_session = open_session
        self._compiler = compiler
        self._end = frozenset(end_ids)
        self._context = context
        self._drafting = Drafting(drafts, phrases)
        self._reader: Reader | None = None

    def run(self, request: Request, cancelled: Event) -> Iterator[EngineEvent]:
        """Yield the events of one answer (see Engine.stream)."""
        started = time.perf_counter()
        ids = encode((*request.prompt.document, *request.prompt.instruction), self._tokenizer)
        constraint = self._compiler().start(request.grammar) if request.grammar is not None else None
        reader = self._room_for(len(ids), request.max_tokens)
        reused, passes = reader.reuse(ids), reader.passes
        for done in self._prefill(reader, ids, reused, cancelled):
            yield Reading(done, len(ids))
        answer = Answer([], self._repeats(request), self._copied(request))
        shown = ""
        if cancelled.is_set():
            answer.reason = "cancelled"
        else:
            reader.begin(request.max_tokens, *self._quoted(request))
            for text in self._write(reader, constraint, request.max_tokens, answer, cancelled):
                yield Text(text)
            shown = answer.text
        final = self._text(answer.ids)[: answer.cut].rstrip()
        if answer.reason != "loop" and final.startswith(shown) and len(final) > len(shown):
            yield Text(final[len(shown) :])
        seconds, passes = time.perf_counter() - started, reader.passes - passes
        yield Finished(final, answer.reason, len(ids), reused, len(answer.ids), seconds, passes)

    def read_ahead(self, prompt: Prompt, cancelled: Event) -> int:
        """Read the document part of a prompt into the cache, in chunks, as far as it fits; returns the tokens in it.

        The last tokens are left out: they may become others when the text goes on.
        """
        ids = encode(prompt.document, self._tokenizer)[:-OPEN_END]
        if len(ids) + ROOM > self._context or not ids:
            return 0
        reader = self._room_for(len(ids), ROOM)
        return max(self._prefill(reader, ids, reader.reuse(ids), cancelled))

    def _repeats(self, request: Request) -> Repeats | None:
        """The rule against repeats, for free text alone: a grammar closes a list that loops."""
        if request.grammar is not None or not request.no_repeats:
            return None
        return Repeats(self._pieces, document_text(request.prompt.document))

    def _copied(self, request: Request) -> Copied | None:
        """The rule that only what was said is copied, for free text that is asked to keep it."""
        if request.grammar is not None or not request.copies:
            return None
        return Copied(self._pieces, Copyable.of(document_text(request.prompt.document)))

    def _quoted(self, request: Request) -> tuple[Quoted, ...]:
        """What guesses at phrases of the document, under a grammar alone: its answers are JSON."""
        if request.grammar is None or not self._drafting.guesses:
            return ()
        return (Quoted(self._tokenizer, document_text(request.prompt.document), self._drafting.quote_odds),)

    def forget(self) -> None:
        """Drop the cache (its text included)."""
        self._reader = None

    def _room_for(self, prompt: int, answer: int) -> Reader:
        if prompt + answer > self._context:
            raise InputError(
                "The document is too long for this model.",
                f"It needs {prompt:,} tokens and room for {answer:,} more; the model holds {self._context:,}.",
                "Split the document, or use a bundle with a longer context.",
            )
        if self._reader is None or self._reader.capacity < prompt + answer:
            self.forget()  # frees the old cache before the new one is allocated
            wanted = max(LEAST, prompt + answer + ROOM)
            session = self._open_session(min(self._context, -(-wanted // 1024) * 1024))
            self._reader = Reader(session, self._drafting)
        return self._reader

    def _prefill(self, reader: Reader, ids: list[int], at: int, cancelled: Event) -> Iterator[int]:
        yield at
        while at < len(ids) and not cancelled.is_set():
            chunk = ids[at : at + CHUNK]
            reader.read(chunk)
            at += len(chunk)
            yield at

    def _write(
        self, reader: Reader, constraint: Constraint | None, limit: int, answer: Answer, cancelled: Event
    ) -> Iterator[str]:
        """Extend answer token by token and yield the text that was added, once its characters are whole."""
        from tokenizers.decoders import DecodeStream

        stream = DecodeStream(skip_special_tokens=True)
        while len(answer.ids) < limit:
            if cancelled.is_set():
                answer.reason = "cancelled"
                return
            step = self._step(reader, constraint, answer, limit - len(answer.ids))
            if step is None:
                answer.reason = "loop" if answer.looped else "end"
                return
            answer.ids.extend(step)
            added = sanitise("".join(stream.step(self._tokenizer, token) or "" for token in step))
            if self._loops(answer, added, constraint is not None):
                answer.reason = "loop"
                return
            answer.text += added
            if added:
                yield added
            reader.append(step)
            for rule in (answer.repeats, answer.copied):
                if rule is not None:
                    rule.add(step[0])
        answer.reason = "length"

    def _loops(self, answer: Answer, added: str, constrained: bool) -> bool:
        """True if free text loops and was cut. A list that loops under a grammar is closed instead and goes on."""
        start = loop_start(answer.ids, answer.since)
        if constrained:
            answer.escaping = answer.escaping or start is not None
            answer.looped = answer.looped or start is not None
            return False
        if start is not None:
            answer.cut = sentence_end(self._text(answer.ids[:start]))
        else:
            answer.cut = answer.watch.take(added)
        return answer.cut is not None

    def _step(self, reader: Reader, constraint: Constraint | None, answer: Answer, room: int) -> list[int] | None:
        """Next tokens of the answer (several if the grammar forces them), or None at its end."""
        if constraint is not None:
            forced = [] if constraint.finished else constraint.forced()[:room]
            if forced:
                constraint.accept(forced)
                return forced
            if constraint.finished:
                return None
        scores = reader.logits()
        if constraint is not None:
            constraint.mask(scores)
            if answer.escaping and constraint.close_list(scores):
                text = self._tokenizer.decode([int(scores.argmax())])
                answer.escaping = "]" not in text
                answer.since = len(answer.ids)
        if answer.repeats is not None:
            answer.repeats.apply(scores)
        token = int(scores.argmax()) if answer.copied is None else answer.copied.choose(scores)
        if token is None or token in self._end:
            return None
        if constraint is not None:
            constraint.accept([token])
        return [token]

    def _text(self, ids: list[int]) -> str:
        return sanitise(self._tokenizer.decode(ids, skip_special_tokens=True))
