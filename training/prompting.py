"""Prompting strategies of the ELMTEX study (Guluzade et al., 2025) as rows beside fine-tuning.

naive: the keys alone. advanced: keys with their definitions, the words of the trained instruction. examples: advanced,
with the three nearest training reports and their fields before the report. All decode under the same grammar.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from edge.contract.events import Finished
from edge.contract.prompts import render
from edge.contract.schemas import extraction_instruction, naive_instruction
from edge.engine.base import Engine, Request
from edge.engine.constrain import extraction_grammar
from edge.errors import UsageError
from edge.tasks.extract import answer_tokens
from training.floors import Nearest
from training.sources import TrainingDocument

STRATEGIES = ("naive", "advanced", "examples")
_EXAMPLES = 3

Similar = Callable[[str, int], Sequence[int]]


def instruction(strategy: str) -> str:
    """The instruction of a strategy. Raises UsageError for an unknown one."""
    if strategy not in STRATEGIES:
        raise UsageError(
            f"There is no prompting strategy {strategy!r}.",
            f"Known: {', '.join(STRATEGIES)}; for notes see docs/training.md.",
        )
    return naive_instruction() if strategy == "naive" else extraction_instruction()


def title(strategy: str, encoder: Path | None) -> str:
    """A strategy as tables name it, with what finds its examples."""
    if strategy != "examples":
        return f"{strategy} prompt"
    return f"advanced prompt, {_EXAMPLES} examples by {encoder.resolve().name if encoder else 'TF-IDF'}"


def nearest(train: Sequence[TrainingDocument], encoder: Path | None) -> Similar:
    """A function (report, how many) -> indices of the most similar training reports, best first.

    encoder: folder of a sentence encoder such as all-MiniLM-L6-v2 (mean-pooled cosine); None = TF-IDF cosine.
    """
    if encoder is None:
        index = Nearest([d.raw for d in train], [""] * len(train))
        return lambda report, count: index.ranked(report)[:count]
    from training.bertscore import sentence_vectors

    vectors = sentence_vectors([d.raw for d in train], encoder)

    def ranked(report: str, count: int) -> Sequence[int]:
        scores = vectors @ sentence_vectors([report], encoder)[0]
        found: list[int] = scores.argsort(descending=True)[:count].tolist()
        return found

    return ranked


def with_examples(document: TrainingDocument, train: Sequence[TrainingDocument], similar: Similar) -> str:
    """Document part of a prompt that shows the nearest examples first, the nearest last."""
    shown = [train[i] for i in similar(document.raw, _EXAMPLES)]
    parts = [f"{example.text}\nAnswer:\n{example.tasks[0].target}" for example in reversed(shown)]
    return "\n\n".join([*parts, document.text])


def extract(
    engine: Engine, document: TrainingDocument, strategy: str, train: Sequence[TrainingDocument], similar: Similar
) -> Finished:
    """Write the fields of one report. Raises InputError if report and examples do not fit the model."""
    text = with_examples(document, train, similar) if strategy == "examples" else document.text
    prompt = render(engine.info.prompt_format, text, instruction(strategy))
    room = engine.info.context_length - engine.count(prompt)
    request = Request(prompt, max(1, min(answer_tokens(engine, prompt), room)), extraction_grammar(document.raw))
    return next(event for event in engine.stream(request) if isinstance(event, Finished))
