"""Certainty: what was said to be only possible is not written as sure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge.evidence.view import Conversation, Flag, Said, Severity, View

NAME = "certainty"
_DOUBT = re.compile(
    r"\b(?:could be|might be|may be|maybe|possibl[ey]|not sure (?:if|whether)|rule out|worried about|"
    r"concerned (?:about|for)|suspicious for|"
    r"can't exclude|ca n't exclude|don't know (?:if|whether)|do n't know (?:if|whether)|könnte|vielleicht)\b",
    re.IGNORECASE,
)
_HEDGED = re.compile(
    r"\b(?:possibl\w+|probabl\w+|likely|suspect\w*|may|might|could|concern\w*|rule out|r/o|differential|versus|vs|"
    r"if|consider\w*|\?|evaluat\w*|screen\w*|test\w*)\b",
    re.I,
)


def check(view: View) -> Iterator[Flag]:
    """A condition without any doubt in the note, every mention of which was in doubt."""
    if view.piece.section not in {
        "assessment",
        "assessment_plan",
        "past",
        "history",
        "complaint",
        "results",
        "",
    } or _HEDGED.search(view.piece.text):
        return
    for one in view.named:
        if one.group != "condition" or one.state != "yes" or one.subject != "patient":
            continue
        if turns := view.talk.once(_only_possible, one.name):
            yield view.flag(NAME, Severity.LOW, f"{view.text(one)}: the conversation has it as possible.", turns)
            return


def _only_possible(talk: Conversation, name: str) -> tuple[int, ...]:
    """Turns that speak of a thing of the patient, if each of them doubts it; else none."""
    said = [s for s in talk.by_name.get(name, ()) if s.what.subject == "patient"]
    return tuple(s.turn for s in said) if all(_doubtful(talk, s) for s in said) else ()


def _doubtful(talk: Conversation, said: Said) -> bool:
    text = talk.index.turns[said.turn].text
    low = max(said.what.sentence[0], said.what.start - 60)
    return said.what.state == "yes" and _DOUBT.search(text, low, said.what.end) is not None
