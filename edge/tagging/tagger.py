"""An encoder with its heads behind one call: segments of a text in, spans with labels, scores and attributes out.

What runs the numbers is a Backend (edge.tagging.onnx on a laptop, torch in training), so what is trained is scored by
the code that ships. Time grows with the length of the text, which is limited; memory does not.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import numpy as np

from edge.clinical.language import is_german
from edge.contract.tagging import SCHEME, TaggerSpec, TaggerTask
from edge.errors import InputError
from edge.tagging import scorer
from edge.tagging.decode import BEGIN, OUTSIDE, TokenSpan, place, probabilities, proposals
from edge.tagging.windows import NO_PLACE, Stream, Window, WindowSegment, batch, stream, windows

MAX_CHARACTERS = 600_000  # some 100,000 words: a day of talk, or a book
MAX_TOKENS = 200_000  # more than such a text has in any language with words
_BATCH = 4  # windows at once: more is hardly faster on two cores and costs memory
_SPANS = 512


class Backend(Protocol):
    """Runs the two graphs of a tagger. All arrays float32 but ids and mask, which are int64."""

    def encode(self, ids: Any, mask: Any) -> tuple[Any, Any]:
        """(hidden, tokens): shape (windows, length, width) and (windows, length, token columns)."""

    def judge(self, vectors: Any) -> Any:
        """Shape (spans, span columns) for vectors of shape (spans, 3 x width): first, last and mean of the tokens."""


@dataclass(frozen=True)
class Attribute:
    """The value of an attribute and its probability."""

    value: str
    score: float


@dataclass(frozen=True)
class Span:
    """A piece of the text: text[start:end] carries label. score: 0 to 1. segment: number of its turn or line."""

    label: str
    start: int
    end: int
    segment: int
    score: float
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True)
class SpanCandidate:
    """A span before its label's threshold. features: edge.tagging.scorer's, of which its score is made."""

    span: Span
    features: Any = field(repr=False)


@dataclass(frozen=True)
class SpanReading:
    """What the encoder made of a text: the stream, hidden states (n, width) and token logits (n, columns)."""

    segments: tuple[WindowSegment, ...] = field(repr=False)
    stream: Stream
    hidden: Any = field(repr=False)
    tokens: Any = field(repr=False)


class Tagger:
    """A spec, a tokenizer and a backend."""

    def __init__(self, spec: TaggerSpec, tokenizer: Any, backend: Backend) -> None:
        self.spec = spec
        self._tokenizer, self._backend = tokenizer, backend
        self._marks = tuple(tokenizer.token_to_id(mark) for mark in ("[CLS]", "[SEP]", "[PAD]"))

    def read(self, segments: Sequence[WindowSegment]) -> SpanReading:
        """Run the encoder over a text, once for all tasks. Raises InputError if it is too long."""
        length = sum(len(segment.text) for segment in segments)
        if length > MAX_CHARACTERS:
            raise InputError(
                "The text is too long.",
                f"It has {length:,} characters, {MAX_CHARACTERS:,} are read at most.",
                "Split it.",
            )
        found = stream(self._tokenizer, segments)
        if len(found) > MAX_TOKENS:
            raise InputError(
                "The text is too long.", f"It has {len(found):,} tokens, {MAX_TOKENS:,} are read at most.", "Split it."
            )
        # Filled in place: parts kept apart would tie up what the runtime frees around them.
        states = tokens = None
        columns = sum(task.token_columns for task in self.spec.tasks)
        for cut, part, logits in self._windows(found):
            kept = slice(cut.keep_start - cut.start + 1, cut.keep_end - cut.start + 1)
            if states is None or tokens is None:
                states = np.empty((len(found), part.shape[1]), dtype=np.float32)
                tokens = np.empty((len(found), columns), dtype=np.float32)
            states[cut.keep_start : cut.keep_end] = part[kept]
            tokens[cut.keep_start : cut.keep_end] = logits[kept]
        if states is None or tokens is None:
            states = tokens = np.zeros((0, columns), dtype=np.float32)
        return SpanReading(tuple(segments), found, states, tokens)

    def _windows(self, found: Stream) -> Iterator[tuple[Window, Any, Any]]:
        opening, closing, padding = self._marks
        cuts = windows(len(found), self.spec.window, self.spec.overlap)
        while part := list(islice(cuts, _BATCH)):
            ids, mask = batch([found.ids[cut.start : cut.end] for cut in part], opening, closing, padding)
            states, logits = self._backend.encode(ids, mask)
            yield from zip(part, states, logits, strict=True)

    def candidates(self, task: str, text: str, reading: SpanReading) -> list[SpanCandidate]:
        """Whatever may be a span of a task, in order of place. text: the whole that the segments' offsets count in.

        Raises ValueError for a task that the spec has not.
        """
        chosen = self.spec.task(task)
        if chosen is None:
            raise ValueError(f"no task {task!r}")
        scheme = probabilities(reading.tokens[:, self.spec.token_slice(task)].reshape(-1, len(chosen.labels), SCHEME))
        placed = reading.stream.starts != NO_PLACE
        runs = proposals(scheme, reading.stream.segment, placed, chosen.floors)
        found = []
        for start in range(0, len(runs), _SPANS):
            part = runs[start : start + _SPANS]
            judged = self._backend.judge(np.stack([pooled(reading.hidden, run.first, run.last) for run in part]))
            judged = judged[:, self.spec.span_slice(task)]
            found += [
                self._candidate(chosen, text, reading, run, row, scheme) for run, row in zip(part, judged, strict=True)
            ]
        return [one for one in found if one.span.end > one.span.start]

    def spans(self, task: str, text: str, reading: SpanReading) -> list[Span]:
        """Spans of a task that reach their label's threshold, in order of place. Raises ValueError as candidates."""
        found = self.candidates(task, text, reading)
        chosen = self.spec.task(task)
        assert chosen is not None
        least = chosen.least(is_german(text))
        return [span for span in best_of([one.span for one in found]) if span.score >= least[span.label]]

    def _candidate(
        self, task: TaggerTask, text: str, reading: SpanReading, run: TokenSpan, row: Any, scheme: Any
    ) -> SpanCandidate:
        start, end = place(text, reading.stream, run)
        verdict = 1 / (1 + float(np.exp(-np.clip(row[run.label], -30, 30))))
        segment = int(reading.stream.segment[run.first])
        keys = [label.key for label in task.labels]
        heads = _heads(scheme, run, verdict)
        given = scorer.vector(keys, run.label, heads, text, (start, end), reading.segments, segment)
        share = self.spec.verified
        score = scorer.score(task.scorer, given) if task.scorer else float(run.score ** (1 - share) * verdict**share)
        return SpanCandidate(Span(keys[run.label], start, end, segment, score, _attributes(task, row)), given)

    def tag(self, task: str, text: str, segments: Sequence[WindowSegment]) -> list[Span]:
        """Spans of one task over a text: read and spans in one. Raises InputError, ValueError."""
        return self.spans(task, text, self.read(segments))


def _heads(scheme: Any, run: TokenSpan, verdict: float) -> scorer.Heads:
    within = 1 - scheme[run.first : run.last + 1, :, OUTSIDE].mean(axis=0)
    others = np.delete(within, run.label)
    beside = (run.first - 1, run.last + 1)
    before, after = (1 - float(scheme[at, run.label, OUTSIDE]) if 0 <= at < len(scheme) else 0.0 for at in beside)
    begin = float(scheme[run.first, run.label, BEGIN])
    return scorer.Heads(run.score, verdict, float(others.max(initial=0.0)), begin, before, after)


def best_of(spans: Sequence[Span]) -> list[Span]:
    """Of spans of one label that overlap, the one with the best score; in order of place."""
    kept: list[Span] = []
    taken: dict[str, list[tuple[int, int]]] = {}
    for span in sorted(spans, key=lambda one: (-one.score, one.start - one.end)):
        places = taken.setdefault(span.label, [])
        at = bisect.bisect_left(places, (span.start, span.end))
        before = places[at - 1][1] if at else -1
        after = places[at][0] if at < len(places) else span.end
        if before <= span.start and span.end <= after:
            places.insert(at, (span.start, span.end))
            kept.append(span)
    return sorted(kept, key=lambda one: (one.start, one.end, one.label))


def _attributes(task: TaggerTask, row: Any) -> dict[str, Attribute]:
    """The likeliest value of every attribute; of two values, the second from its threshold on."""
    found, at = {}, len(task.labels)
    for one in task.attributes:
        shares = probabilities(row[at : at + len(one.values)][None])[0]
        best = int(shares.argmax()) if len(shares) > 2 else int(shares[1] >= one.threshold)
        found[one.key] = Attribute(one.values[best], float(shares[best]))
        at += len(one.values)
    return found


def pooled(hidden: Any, first: int, last: int) -> Any:
    """The vector of a span: its first token, its last token, the mean over all; shape (3 x width,)."""
    return np.concatenate([hidden[first], hidden[last], hidden[first : last + 1].mean(axis=0)])
