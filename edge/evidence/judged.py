"""Flags by a judge of pairs, beside the rules: where its answer is sure enough.

judge_weights.toml: [flags] least chance of an answer that raises the flag of that name; answers that are not there
raise none. [negation] a second vote: least chance of a statement to which the rules give at least these log odds of
being turned round. Chosen on validation (docs/lab-log.md). The judge is asked only where its answer can count.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources

from edge.contract.facts import Flag, Severity, SourceLink
from edge.evidence.checks import negation
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
    """What the judge says of each statement; nothing of one that is a word or two, has no source, comes too late, or of
    which its answer would not count."""
    found: list[Answers] = [{}] * len(pieces)
    if judge is None:
        return found
    asked = [at for at, piece in enumerate(pieces) if linked[at] and _counts(View(piece, talk, linked[at]))][:MOST]
    pairs = [statement_pair(pieces[at], talk, [one.quote.turn for one in linked[at]]) for at in asked]
    for at, said in zip(asked, judge(pairs), strict=True):
        found[at] = said
    return found


def _counts(view: View) -> bool:
    """Whether a judge's answer can raise a flag on a statement."""
    if len(view.piece.text.split()) < _LEAST_WORDS:
        return False
    return bool(weights()["flags"]) or negation.odds(view) >= weights()["negation"]["odds"]


def flags(view: View, said: Answers, known: Sequence[Flag]) -> Iterator[Flag]:
    """Flags that the judge is sure of and no rule has raised."""
    least, second = weights()["flags"], weights()["negation"]
    raised = {flag.check for flag in known}
    for answer in ERRORS:
        name = _CHECK_OF.get(answer, answer)
        if answer in least and name not in raised and said.get(answer, 0.0) >= least[answer]:
            yield _flag(view, name)
    doubted = negation.NAME not in raised and said.get(negation.NAME, 0.0) >= second["least"]
    if negation.NAME not in least and doubted and negation.odds(view) >= second["odds"]:
        yield _flag(view, negation.NAME)


def _flag(view: View, name: str) -> Flag:
    turns = [one.quote.turn for one in view.sources[:1]]
    return view.flag(name, Severity.HIGH, f"The conversation seems to say something else ({name}).", turns)
