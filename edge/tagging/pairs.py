"""Question and short answer read as one: "Any chest pain?" "No." is one denied fact with both turns.

English and German. A rule speaks only where the answer opens with a plain yes or no; all else is the model's business.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from edge.contract.facts import Quote
from edge.contract.transcript import Turn

_FILLER = r"(?:(?:um+|uh+|hm+|mm+|oh|ah|well|so|okay|like|you know|i mean|äh+m?|also|na|ach|naja|tja)\b[\s,.…-]*)*"
_NO = (
    r"no|nope|nah|none|never|nothing|neither|negative|not (?:really|at all|that i|since|lately|recently|any)|"
    r"i (?:do|have|did|am|was)\s?n[o']?t|i'm not|i(?:'ve)? never|hardly|nein|nee|nö|keine?[rsnm]?|nie|niemals|"
    r"gar nicht|nicht"
)
_YES = (
    r"yes|yeah|yep|yup|yea|i do|i am|i have|i did|correct|right|sure|absolutely|exactly|uh-huh|mm-hmm|mhm|that's right|"
    r"unfortunately yes|ja|jo|jawohl|doch|genau|stimmt|richtig|leider ja"
)
_ANSWER = re.compile(rf"[\s,.…-]*{_FILLER}(?:(?P<no>{_NO})|(?P<yes>{_YES}))(?![\w'])", re.IGNORECASE)
_NEGATED = re.compile(r"\b(?:no|not|n't|never|without|denied|deny|denies|kein\w*|nicht|ohne)\b|n't\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.?!](?=\s|$)")
_OPENING = 1_000  # characters of a turn in which its answer is looked for
_LONGEST = 90  # characters of an answer that are quoted
_SHORT_WORDS = 6
_NEAR = 200  # characters between what is asked and the question mark


@dataclass(frozen=True)
class PairAnswer:
    """How a turn answers the question before it. yes: False for no, None if neither is said. start, end: its place."""

    yes: bool | None
    start: int
    end: int


def is_asked(source: str, turn: Turn, end: int) -> bool:
    """Whether what ends at `end` stands in a question of its turn, or in the last words of it."""
    rest = source[end : min(turn.end, end + _NEAR)]
    stop = _SENTENCE_END.search(rest)
    if stop is not None:
        return stop[0] == "?"
    return len(rest.split()) <= _SHORT_WORDS  # speech without punctuation


def answer(source: str, turns: Sequence[Turn], number: int) -> PairAnswer | None:
    """The answer in the turn after turn `number`, if that turn opens with one or is short; None if there is none."""
    if number + 1 >= len(turns) or turns[number + 1].speaker == turns[number].speaker != "":
        return None
    turn = turns[number + 1]
    words = source[turn.start : min(turn.end, turn.start + _OPENING)]
    found = _ANSWER.match(words)
    if found is None and len(words.split()) > _SHORT_WORDS:
        return None
    yes = None if found is None else found["yes"] is not None
    opening = found.end() if found else 0
    stop = _SENTENCE_END.search(words, opening)
    end = min(stop.start() if stop else len(words), _LONGEST)
    if end < len(words) and words[end - 1 : end + 1].isalnum():
        end = words.rfind(" ", 0, end)
    end = max(end, opening)
    cut = words[:end].rstrip(" ,.")
    return PairAnswer(yes, turn.start, turn.start + len(cut)) if cut else None


def denied(asked: str, yes: bool) -> bool:
    """Whether a yes or no to the question denies what is asked: "no" does, and "no" to "no fever?" does, too."""
    return not yes if _NEGATED.search(asked) is None else not yes or asked.lstrip().lower().startswith(("no ", "kein"))


def quote(source: str, number: int, start: int, end: int) -> Quote:
    """A quote of turn `number`."""
    return Quote(number, start, end, source[start:end])


def is_short_answer(words: str) -> bool:
    """Whether words are an answer that says nothing without its question."""
    return len(words.split()) <= 3 and _ANSWER.match(words) is not None


def question_before(source: str, turns: Sequence[Turn], number: int) -> Quote | None:
    """The last question of the turn before turn `number`."""
    if number == 0:
        return None
    turn = turns[number - 1]
    words = source[turn.start : turn.end]
    if not words.rstrip().endswith("?") and "?" not in words[-_NEAR:]:
        return None
    end = words.rfind("?")
    before = [m.end() for m in _SENTENCE_END.finditer(words, 0, end)]
    start = before[-1] if before else 0
    start += len(words[start:end]) - len(words[start:end].lstrip())
    text = words[start:end].rstrip()
    return quote(source, number - 1, turn.start + start, turn.start + start + len(text)) if text else None
