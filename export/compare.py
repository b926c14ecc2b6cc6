"""How far quantised weights moved from the reference, on held answers, position by position (teacher forcing)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from edge.contract.prompts import chat_format, encode, load_tokenizer, render
from export.held import Held
from export.logits import LogitSource
from export.progress import BuildProgress, silent


@dataclass(frozen=True)
class Distance:
    """Means over all answer tokens of all documents.

    perplexity, reference_perplexity: exp of the mean negative log likelihood of the answer, in nats. kl: of the
    candidate from the reference, nats a token. agreement: share of positions with the same first choice.
    """

    tokens: int
    documents: int
    perplexity: float
    reference_perplexity: float
    kl: float
    agreement: float

    @property
    def perplexity_ratio(self) -> float:
        """1.0: nothing lost."""
        return self.perplexity / self.reference_perplexity

    def measured(self) -> dict[str, float]:
        """For the manifest, rounded so that it is stable to print."""
        values = {f.name: float(getattr(self, f.name)) for f in fields(self)} | {
            "perplexity_ratio": self.perplexity_ratio
        }
        return {name: round(value, 5) for name, value in values.items()}


@dataclass
class _Sums:
    tokens: int = 0
    nll: float = 0.0
    kl: float = 0.0
    same: int = 0


def compare(
    reference: LogitSource,
    candidates: Mapping[str, LogitSource],
    documents: Sequence[Held],
    tokenizer_file: Path,
    prompt_format: str,
    progress: BuildProgress = silent,
) -> dict[str, Distance]:
    """Distance of each candidate from the reference on documents. The reference is computed once for all."""
    tokenizer = load_tokenizer(tokenizer_file)
    sums = {name: _Sums() for name in candidates}
    reference_nll = 0.0
    for done, held in enumerate(documents, start=1):
        ids, answer = encode_held(held, tokenizer, prompt_format)
        expected = _log_softmax(reference.logits(ids, answer - 1)[:-1])
        targets = ids[answer:]
        reference_nll -= float(_pick(expected, targets).sum())
        for name, candidate in candidates.items():
            _add(sums[name], expected, _log_softmax(candidate.logits(ids, answer - 1)[:-1]), targets)
        progress("Comparing", done, len(documents))
    return {
        name: Distance(
            s.tokens,
            len(documents),
            math.exp(s.nll / s.tokens),
            math.exp(reference_nll / s.tokens),
            s.kl / s.tokens,
            s.same / s.tokens,
        )
        for name, s in sums.items()
    }


def encode_held(held: Held, tokenizer: Any, prompt_format: str) -> tuple[list[int], int]:
    """Token ids of prompt, answer and end token; index of the first answer token."""
    prompt = render(prompt_format, held.document, held.instruction)
    head = encode((*prompt.document, *prompt.instruction), tokenizer)
    return head + encode((held.answer, chat_format(prompt_format).end), tokenizer), len(head)


def _log_softmax(scores: Any) -> Any:
    import numpy as np

    shifted = scores - scores.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _pick(log_probabilities: Any, targets: list[int]) -> Any:
    import numpy as np

    return log_probabilities[np.arange(len(targets)), targets]


def _add(sums: _Sums, expected: Any, found: Any, targets: list[int]) -> None:
    import numpy as np

    sums.tokens += len(targets)
    sums.nll -= float(_pick(found, targets).sum())
    sums.kl += float((np.exp(expected) * (expected - found)).sum())
    sums.same += int((expected.argmax(-1) == found.argmax(-1)).sum())
