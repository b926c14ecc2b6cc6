"""Token ids of a run: a document is encoded once and shared by the branches of all its tasks.

A row is [document][instruction 1][answer 1][instruction 2][answer 2]…[next document]…; attention lets a branch see its
document and itself only, and its positions start after the document, so a row equals separate samples exactly
(tests/model/test_training_equal.py). Rows are filled to a token budget, rows are grouped into optimiser steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edge.contract import prompts
from edge.errors import TrainingError
from training.config import BatchConfig
from training.sources import TrainingDocument


@dataclass(frozen=True)
class Branch:
    """One task: instruction ids, and answer ids ending with the end token."""

    instruction: tuple[int, ...]
    answer: tuple[int, ...]


@dataclass(frozen=True)
class Encoded:
    """A document with its branches. tokens: input tokens (the end token is a target only)."""

    id: str
    document: tuple[int, ...]
    branches: tuple[Branch, ...]

    @property
    def tokens(self) -> int:
        return len(self.document) + sum(len(b.instruction) + len(b.answer) - 1 for b in self.branches)

    @property
    def answer_tokens(self) -> int:
        return sum(len(b.answer) for b in self.branches)


@dataclass(frozen=True)
class Block:
    """A document's place in a row: document [start, start + length), then branches as (start, length)."""

    start: int
    length: int
    branches: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class PackedRow:
    """One packed row. ids, positions: every token. select: places whose next token is a target; labels: that token."""

    ids: tuple[int, ...]
    positions: tuple[int, ...]
    layout: tuple[Block, ...]
    select: tuple[int, ...]
    labels: tuple[int, ...]


def encode(
    document: TrainingDocument, format_name: str, tokenizer: Any, batch: BatchConfig, swap: bool = False
) -> list[Encoded]:
    """Encode a document and its tasks as inference would. A document longer than batch.max_tokens with all its tasks
    is repeated with fewer of them.

    swap: instruction before document (ablation). Raises TrainingError if one task alone exceeds batch.max_tokens and
    batch.too_long is "error"; with "drop" the task is left out.
    """
    end = prompts.chat_format(format_name).end
    shared: list[int] = []
    branches: list[Branch] = []
    found: list[Encoded] = []
    for task in document.tasks:
        first, second = (document.text, task.instruction) if not swap else (task.instruction, document.text)
        prompt = prompts.render(format_name, first, second)
        shared = prompts.encode(prompt.document, tokenizer)
        answer = prompts.encode((task.target, end), tokenizer)
        branch = Branch(tuple(prompts.encode(prompt.instruction, tokenizer)), tuple(answer))
        one = Encoded(document.id, tuple(shared), (branch,))
        if one.tokens > batch.max_tokens:
            if batch.too_long == "error":
                raise TrainingError(
                    f"The sample {document.id} has {one.tokens:,} tokens.",
                    f"batch.max_tokens is {batch.max_tokens:,}.",
                    'Raise batch.max_tokens, split the document, or set batch.too_long = "drop".',
                )
            continue
        if swap:
            found.append(one)
            continue
        together = Encoded(document.id, tuple(shared), (*branches, branch))
        if branches and together.tokens > batch.max_tokens:
            found.append(Encoded(document.id, tuple(shared), tuple(branches)))
            branches = []
        branches.append(branch)
    if branches:
        found.append(Encoded(document.id, tuple(shared), tuple(branches)))
    return found


def within(samples: list[Encoded], places: int, batch: BatchConfig) -> list[Encoded]:
    """The samples whose document with its longest branch fits the base's places (0 = any length).

    Raises TrainingError for another one if batch.too_long is "error".
    """
    found = []
    for sample in samples:
        longest = len(sample.document) + max(len(b.instruction) + len(b.answer) - 1 for b in sample.branches)
        if not places or longest <= places:
            found.append(sample)
        elif batch.too_long == "error":
            raise TrainingError(
                f"The sample {sample.id} is {longest:,} tokens long.",
                f"The base was made for {places:,} (max_position_embeddings in its config.json).",
                'Split the document, set batch.too_long = "drop", or take another base.',
            )
    return found


def row(samples: list[Encoded]) -> PackedRow:
    """Lay samples out in one row."""
    ids: list[int] = []
    positions: list[int] = []
    layout: list[Block] = []
    select: list[int] = []
    labels: list[int] = []
    for sample in samples:
        start = len(ids)
        ids += sample.document
        positions += range(len(sample.document))
        spans: list[tuple[int, int]] = []
        for branch in sample.branches:
            at = len(ids)
            body = (*branch.instruction, *branch.answer[:-1])
            ids += body
            positions += range(len(sample.document), len(sample.document) + len(body))
            spans.append((at, len(body)))
            first = at + len(branch.instruction) - 1
            select += range(first, first + len(branch.answer))
            labels += branch.answer
        layout.append(Block(start, len(sample.document), tuple(spans)))
    return PackedRow(tuple(ids), tuple(positions), tuple(layout), tuple(select), tuple(labels))


def steps(samples: list[Encoded], batch: BatchConfig) -> list[list[list[Encoded]]]:
    """Group samples, in order, into steps of rows: rows up to row_tokens, steps up to tokens (at least one sample)."""
    plan: list[list[list[Encoded]]] = []
    step: list[list[Encoded]] = []
    used = room = 0
    for sample in samples:
        if step and used + sample.tokens > batch.tokens:
            plan.append(step)
            step, used = [], 0
        if not step or room < sample.tokens:
            step.append([])
            room = max(batch.row_tokens, sample.tokens)
        step[-1].append(sample)
        room -= sample.tokens
        used += sample.tokens
    return [*plan, step] if step else plan
