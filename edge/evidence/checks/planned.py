"""Planned or done: what was only ordered or booked has no result yet."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge.evidence.view import Conversation, Flag, Said, Severity, View, clause

NAME = "planned or done"
_GROUPS = frozenset({"test", "procedure"})
_MEASURED = frozenset(
    {
        "blood_pressure",
        "pulse",
        "weight",
        "height",
        "temperature",
        "oxygen",
        "injection",
        "icing",
        "cast",
        "physical_therapy",
    }
)
_DONE = re.compile(
    r"\b(?:was (?:done|normal|performed|completed|obtained|unremarkable|negative|positive|reviewed)|were (?:done|"
    r"normal|taken|reviewed|obtained)|"
    r"showed|shows|show|revealed|reveals|demonstrates?d?|completed|performed|underwent|returned|came back|is normal|"
    r"results? (?:was|were|is)|"
    r"up to date|had (?:a|an|his|her)|ergab|zeigte)\b",
    re.IGNORECASE,
)
_FUTURE = re.compile(
    r"\b(?:order|schedul\w*|will|going to|gon na|gonna|'ll|let's|let us|want|would like|'d like|need|due|next|"
    r"get you|set up|send|refer|plan\w*|"
    r"recommend\w*|should|book\w*|arrange|after|before|if|until|repeat|check|recheck|pending|consider|add)\b",
    re.IGNORECASE,
)
_PAST = re.compile(
    r"\b(?:did|done|showed|shows|show|looks?|looked|was|were|had|normal|came back|results?|reviewed|reviewing|took|"
    r"taken|last|ago|already|see|"
    r"yesterday|previous|prior|in (?:19|20)\d\d|reveals?|demonstrates?|negative|positive|we have|i have|got|here)\b",
    re.IGNORECASE,
)


def check(view: View) -> Iterator[Flag]:
    """A test or procedure with a result or as done, of which the conversation only has the plan."""
    for one in view.named:
        if (
            one.group not in _GROUPS
            or one.name in _MEASURED
            or one.state != "yes"
            or one.time in {"planned", "conditional"}
        ):
            continue
        low, high = clause(view.piece.text, one.start, one.end)
        around = view.piece.text[low:high]
        if _DONE.search(around) is None or _FUTURE.search(around) is not None:
            continue
        if view.talk.once(_never_done, one.name):
            turns = view.talk.turns_of(one.name)
            yield view.flag(NAME, Severity.HIGH, f"{view.text(one)}: the conversation only plans it.", turns)
            return


def _never_done(talk: Conversation, name: str) -> bool:
    """Whether a thing is named, and only as one to be done."""
    said = talk.by_name.get(name, ())
    return bool(said) and all(_only_planned(talk, s) for s in said)


def _only_planned(talk: Conversation, said: Said) -> bool:
    text = talk.index.turns[said.turn].text
    low, high = said.what.sentence
    low, high = max(low, said.what.start - 110), min(high, said.what.end + 90)
    return _FUTURE.search(text, low, high) is not None and _PAST.search(text, low, high) is None
