"""Subject: what is said of a relative is not the patient's, nor another relative's, nor the other way round."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge.evidence.view import Conversation, Flag, Severity, View

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
        said = view.talk.once(_told, one.name)
        if not said.subjects or one.subject in said.subjects or said.open:
            continue
        if (said.subjects | {one.subject}) & _WIDE or ("patient" in said.subjects and said.often):
            continue
        own = re.match(r"(?:the )?(?:patient|he|she) ", view.piece.text, re.IGNORECASE) is not None
        if (
            one.subject == "patient"
            and not own
            and (view.piece.section not in _PATIENT_IN or _RISK.search(view.piece.text))
        ):
            continue
        if one.subject in said.relatives:
            continue
        whom = ", ".join(sorted(said.subjects))
        yield view.flag(NAME, Severity.HIGH, f"{view.text(one)}: the conversation has it of the {whom}.", said.turns)
        return


@dataclass(frozen=True)
class _Told:
    """Whose a thing is in the conversation. open: it may be the patient's. relatives: all that are named beside it."""

    subjects: frozenset[str]
    open: bool
    often: bool
    relatives: frozenset[str]
    turns: tuple[int, ...]


def _told(talk: Conversation, name: str) -> _Told:
    said = [s for s in talk.by_name.get(name, ()) if s.what.state in {"yes", "asked"}]
    turns = tuple(dict.fromkeys(s.turn for s in said))
    return _Told(
        frozenset(s.what.subject for s in said if s.what.state == "yes" and (s.clear or s.what.subject != "patient")),
        any(s.what.subject == "patient" and (s.what.state == "asked" or not s.clear) for s in said),
        len(said) > 1,
        frozenset(one for turn in turns for one in talk.once(_relatives, turn)),
        turns,
    )


def _never_named(view: View) -> Iterator[Flag]:
    """A relative whom nobody named, where the turn that supports the statement names another one."""
    if not view.sources or view.sources[0].score < _SUPPORT:
        return
    here = view.talk.once(_relatives, view.sources[0].quote.turn) - _WIDE
    written = {c.name for c in view.reading.concepts if c.group == "relative"} - _WIDE
    if here and not view.talk.once(_spoken_of, None) & written and not here & written:
        for name in sorted(written):
            message = f"{name}: the conversation speaks of the {', '.join(sorted(here))}."
            yield view.flag(NAME, Severity.HIGH, message, [view.sources[0].quote.turn])
            return


def _spoken_of(talk: Conversation, _: None) -> frozenset[str]:
    """All relatives that are named."""
    return frozenset(c.name for turn in talk.index.turns for c in turn.concepts if c.group == "relative")


def _relatives(talk: Conversation, turn: int) -> frozenset[str]:
    """Relatives that a turn or the one before it names."""
    near = talk.index.turns[max(0, turn - 1) : turn + 1]
    return frozenset(c.name for one in near for c in one.concepts if c.group == "relative")
