"""History or finding: what was only in the past, and is over, is not written as present."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge.evidence.view import Conversation, Flag, Said, Severity, View

NAME = "history or finding"
_OVER = re.compile(
    r"\b(?:resolved|went away|gone (?:away|now)|it's gone|back in|years ago|as a (?:kid|child)|when i was (?:a |"
    r"\w+)|used to (?:have|get)|"
    r"in the past|had that|last (?:winter|summer|spring|fall|year)|not anymore|weggegangen|damals)\b",
    re.IGNORECASE,
)
_PRESENT = re.compile(
    r"\b(?:history|past|previous\w*|prior|resolved|ago|former\w*|remote|childhood|had|was|were|in (?:19|20)\d\d|"
    r"since|status post|s/p|denies|no)\b",
    re.I,
)


def check(view: View) -> Iterator[Flag]:
    """A present symptom, every mention of which is of the past."""
    if view.piece.section not in {"ros", "exam", "complaint", "assessment", "assessment_plan"} or _PRESENT.search(
        view.piece.text
    ):
        return
    for one in view.named:
        if one.group != "symptom" or one.state != "yes" or one.subject != "patient" or one.time:
            continue
        if turns := view.talk.once(_only_past, one.name):
            yield view.flag(NAME, Severity.LOW, f"{view.text(one)}: the conversation has it in the past.", turns)
            return


def _only_past(talk: Conversation, name: str) -> tuple[int, ...]:
    """Turns that affirm a thing of the patient, if each of them has it in the past; else none."""
    said = [s for s in talk.by_name.get(name, ()) if s.what.subject == "patient" and s.what.state == "yes"]
    return tuple(s.turn for s in said) if all(_over(talk, s) for s in said) else ()


def _over(talk: Conversation, said: Said) -> bool:
    text = talk.index.turns[said.turn].text
    low, high = said.what.sentence
    return _OVER.search(text, max(low, said.what.start - 80), min(high, said.what.end + 80)) is not None
