"""What an engine and a task report while they work. Frozen facts; nothing here acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StopReason = Literal["end", "length", "loop", "cancelled"]


@dataclass(frozen=True)
class Reading:
    """The prompt is being read: done of total tokens (tokens reused from the last prompt count as done)."""

    done: int
    total: int


@dataclass(frozen=True)
class Text:
    """More text of the answer, sanitised."""

    text: str


@dataclass(frozen=True)
class Finished:
    """The answer is complete as far as it goes. text is the whole answer and may be shorter than the sum of the Text
    events if a loop was cut back (reason "loop"); seconds is wall time; passes are the forward passes of the model,
    those over the prompt included."""

    text: str
    reason: StopReason
    prompt_tokens: int
    reused_tokens: int
    generated_tokens: int
    seconds: float
    passes: int = 0


EngineEvent = Reading | Text | Finished


@dataclass(frozen=True)
class SectionStarted:
    """Section index (from 0) of total is being written, from one of the parts (from 0) of a long conversation."""

    index: int
    total: int
    key: str
    title: str
    part: int = 0
    parts: int = 1


@dataclass(frozen=True)
class SectionFinished:
    """A section as it will be kept. reason says why it ended; absent: the document says nothing about it.

    more: of a long conversation there are parts yet to be read for it; text is what those before them gave.
    """

    index: int
    key: str
    title: str
    text: str
    reason: StopReason
    absent: bool
    more: bool = False


TaskEvent = SectionStarted | SectionFinished | EngineEvent
