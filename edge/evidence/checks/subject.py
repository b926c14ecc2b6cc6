"""Subject: what is said of a relative is not the patient's, nor another relative's, nor the other way round."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge.evidence.view import Flag, Severity, View

NAME = "subject"
_GROUPS = frozenset({"condition", "procedure"})
_PATIENT_IN = frozenset({"past", "history", "assessment", "assessment_plan", "complaint", ""})
_GENERAL = frozenset({"alcohol", "smoking", "pain", "surgery", "fall", "injection", "vaccination", "pregnancy", "cast"})
_SUPPORT = 0.3  # share of a statement that its turn must hold
_RISK = re.compile(r"\b(?:risk|screen|test|evaluat|rule out|discuss|check)", re.IGNORECASE)
# Words that may stand for another of the list.
_WIDE = {"family", "parent", "sibling", "grandparent", "child"}


def check(view: View) -> Iterator[Flag]:
    """A condition of which every mention in the conversation is somebody else's."""
    yield from _never_named(view)
    for one in view.named:
        if one.group not in _GROUPS or one.name in _GENERAL or one.state != "yes":
            continue
        said = [s for s in view.talk.by_name.get(one.name, ()) if s.what.state in {"yes", "asked"}]
        subjects = {s.what.subject for s in said if s.what.state == "yes" and (s.clear or s.what.subject != "patient")}
        open_ = any(s.what.subject == "patient" and (s.what.state == "asked" or not s.clear) for s in said)
        if not subjects or one.subject in subjects or open_:
            continue
        if (subjects | {one.subject}) & _WIDE or ("patient" in subjects and len(said) > 1):
            continue
        own = re.match(r"(?:the )?(?:patient|he|she) ", view.piece.text, re.IGNORECASE) is not None
        if (
            one.subject == "patient"
            and not own
            and (view.piece.section not in _PATIENT_IN or _RISK.search(view.piece.text))
        ):
            continue
        if any(one.subject in _relatives(view, s.turn) for s in said):
            continue
        whom = ", ".join(sorted(subjects))
        yield view.flag(
            NAME, Severity.HIGH, f"{view.text(one)}: the conversation has it of the {whom}.", [s.turn for s in said]
        )
        return


def _never_named(view: View) -> Iterator[Flag]:
    """A relative whom nobody named, where the turn that supports the statement names another one."""
    if not view.sources or view.sources[0].score < _SUPPORT:
        return
    spoken = {c.name for turn in view.talk.index.turns for c in turn.concepts if c.group == "relative"}
    here = _relatives(view, view.sources[0].quote.turn) - _WIDE
    written = {c.name for c in view.reading.concepts if c.group == "relative"} - _WIDE
    if here and spoken & written == set() and not here & written:
        for name in sorted(written):
            message = f"{name}: the conversation speaks of the {', '.join(sorted(here))}."
            yield view.flag(NAME, Severity.HIGH, message, [view.sources[0].quote.turn])
            return


def _relatives(view: View, turn: int) -> set[str]:
    return {
        c.name for t in (turn - 1, turn) if t >= 0 for c in view.talk.index.turns[t].concepts if c.group == "relative"
    }
