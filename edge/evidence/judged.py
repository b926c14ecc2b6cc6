"""Flags and omissions by a judge of pairs, beside the rules: where its answer is sure enough, and by how much.

judge_weights.toml: [flags] least chance of an answer that raises the flag of that name, "absent" that of a statement
without a source; answers that are not there raise none. [omissions] a logistic regression over the log odds of the
rules and of the judge. Both chosen on validation (docs/evidence.md).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources

from edge.contract.facts import Flag, Severity, SourceLink
from edge.evidence.conversation import Conversation
from edge.evidence.judging import ERRORS, PairJudge, statement_pair
from edge.evidence.statements import Piece
from edge.evidence.view import View

MOST = 400  # statements that are judged: about as many as a note of 5,000 words has
_CHECK_OF = {
    "age_sex": "age and sex", "planned": "planned or done", "stopped": "stopped or current",
    "allergy": "allergy or intolerance",
}  # fmt: skip
_LEAST_WORDS = 3

Answers = Mapping[str, float]


@cache
def weights() -> dict[str, dict[str, float]]:
    """The tables of judge_weights.toml."""
    text = resources.files("edge.evidence").joinpath("judge_weights.toml").read_text(encoding="utf-8")
    return {part: {name: float(value) for name, value in table.items()} for part, table in tomllib.loads(text).items()}


def answers(
    pieces: Sequence[Piece], linked: Sequence[tuple[SourceLink, ...]], talk: Conversation, judge: PairJudge | None
) -> list[Answers]:
    """What the judge says of each statement; nothing of one that is a word or two, has no source, or comes too late."""
    found: list[Answers] = [{}] * len(pieces)
    if judge is None:
        return found
    asked = [at for at, piece in enumerate(pieces) if linked[at] and len(piece.text.split()) >= _LEAST_WORDS][:MOST]
    pairs = [statement_pair(pieces[at], talk, [one.quote.turn for one in linked[at]]) for at in asked]
    for at, said in zip(asked, judge(pairs), strict=True):
        found[at] = said
    return found


def flags(view: View, said: Answers, known: Sequence[Flag]) -> Iterator[Flag]:
    """Flags that the judge is sure of and no rule has raised."""
    least = weights()["flags"]
    raised = {flag.check for flag in known}
    for answer in ERRORS:
        name = _CHECK_OF.get(answer, answer)
        if answer in least and name not in raised and said.get(answer, 0.0) >= least[answer]:
            turns = [one.quote.turn for one in view.sources[:1]]
            yield view.flag(name, Severity.HIGH, f"The conversation seems to say something else ({name}).", turns)
