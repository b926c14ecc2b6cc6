"""Allergy or intolerance: an allergy in the note was said to be one; what is prescribed or only upsets is none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge.evidence.view import Conversation, Flag, Named, Said, Severity, View, window

NAME = "allergy or intolerance"
_ALLERGY = re.compile(
    r"\b(?:allerg\w*|anaphyla\w+|hives|reaction|throat (?:closed|swell\w*|swelled)|rash\w*|swell\w*|break out|"
    r"broke out|itch\w*|welts|blister\w*|"
    r"intoleran\w*|epipen)\b",
    re.IGNORECASE,
)
_NONE = re.compile(
    r"\b(?:no (?:known )?(?:drug |medication |medicine )?allerg\w+|nkda|nka|not (?:an |a true )?allerg\w*|"
    r"denies (?:\w+ ){0,3}allerg\w*)\b",
    re.IGNORECASE,
)
_NOT_ONE = re.compile(
    r"\b(?:not (?:an |a |really an? )?(?:true |real )?allerg\w*|n't (?:an )?allerg\w*|side effect|intoleran\w+)\b",
    re.IGNORECASE,
)
_UPSETS = re.compile(
    r"\b(?:nausea|vomit\w*|upset|stomach|gi\b|edema|cough|drows\w*|headache|pollen|"
    r"seasonal)",
    re.IGNORECASE,
)
_FORWARD = 5  # turns in which a doctor comes to say so
_SAYS = re.compile(r"\ballerg(?:ic|y|ies)\b", re.IGNORECASE)


def check(view: View) -> Iterator[Flag]:
    """A drug called an allergy, near whose names nobody spoke of any reaction, or that was said to be none."""
    text = view.piece.text
    if _NONE.search(text) or not (_SAYS.search(text) or view.piece.section == "allergies"):
        return
    if re.search(r"not an? (?:true )?allerg|side effect|intoleran|adverse|seasonal|avoid", text, re.IGNORECASE):
        return
    for one in view.named:
        if (
            one.group != "drug"
            or one.state != "yes"
            or one.subject not in {"patient", "family"}
            or not _meant(view, one)
        ):
            continue
        said = view.talk.turns_of(one.name)
        if said and not view.talk.once(_spoken_of, one.name):
            yield view.flag(NAME, Severity.HIGH, f"{view.text(one)}: no allergy to it was said.", said)
            return
        denied = view.talk.once(_said_to_be_none, one.name)
        if denied:
            yield view.flag(NAME, Severity.HIGH, f"{view.text(one)}: said to be no allergy.", denied)
            return


def _spoken_of(talk: Conversation, name: str) -> bool:
    """Whether anybody spoke of a reaction near a name."""
    near = window(talk, talk.by_name.get(name, ()), before=2, after=2)
    return any(_ALLERGY.search(talk.index.turns[turn].text) for turn in near)


def _said_to_be_none(talk: Conversation, name: str) -> tuple[int, ...]:
    """Turns in which a drug is said to be no allergy, none where it is elsewhere said to be one."""
    if any(_affirmed(talk.index.turns[turn].text) for turn in talk.turns_of(name)):
        return ()
    return tuple(turn for said in talk.by_name.get(name, ()) for turn in _denied(talk, said))


def _meant(view: View, one: Named) -> bool:
    """Whether the statement calls this drug an allergy, and does not only name one beside it."""
    text = view.piece.text
    if _UPSETS.search(text) or re.search(
        r"\b(?:brother|sister|mother|father|son|daughter|wife|"
        r"husband)\b",
        text,
        re.IGNORECASE,
    ):
        return False
    near = text[max(0, one.start - 60) : one.end + 14]
    return (
        view.piece.section == "allergies"
        or re.search(r"\ballerg(?:ic to|ies|y to)\b|\ballergy\b", near, re.IGNORECASE) is not None
    )


def _denied(talk: Conversation, said: Said) -> list[int]:
    """Turns from a drug's name on in which it is said to be no allergy, before another drug is named."""
    turns = talk.index.turns
    found = []
    for turn in range(said.turn, min(len(turns), said.turn + _FORWARD)):
        text = turns[turn].text[max(0, said.what.start - 140) :] if turn == said.turn else turns[turn].text
        if _NOT_ONE.search(text):
            found.append(turn)
        if turn > said.turn and any(drug.generic != said.what.name for drug in turns[turn].drugs):
            break
    return found


def _affirmed(text: str) -> bool:
    rest = _NOT_ONE.sub(" ", text)
    return re.search(r"\b(?:allergic to|is an allergy|true allergy|anaphyla\w+)\b", rest, re.IGNORECASE) is not None
