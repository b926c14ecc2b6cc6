"""Allergic is not prescribed: a drug that the patient said to react to, given all the same; an allergy denied."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge.evidence.view import Conversation, Flag, Severity, View
from edge.terms import drugs

NAME = "allergic, not prescribed"
_TO = re.compile(r"\b(?:allergic|allerg(?:y|ies)|allergisch)\s+(?:to|gegen|auf)\b[^.;?]{0,40}$", re.IGNORECASE)
_ITS = re.compile(r"[\s-]{0,2}allerg", re.IGNORECASE)
_REACTION = re.compile(r"\b(?:anaphyla\w+|hives|rash\w*|throat swelled|swelled up|Ausschlag)\b", re.IGNORECASE)
_GIVEN = re.compile(r"\b(?:start\w*|give|prescrib\w*|put you on|use|try|apply|cream|for the|for your)\b", re.IGNORECASE)
_UPSETS = re.compile(r"\b(?:itch\w*|nause\w*|sick|upset\w*|vomit\w*|throw\w* up|constipat\w*)\b", re.IGNORECASE)
_RELATIVE = re.compile(
    r"\b(?:brother|sister|mother|father|mom|mum|dad|son|daughter|wife|husband|twin|grand\w+|Schwester|Bruder|Mutter|"
    r"Vater|Sohn|Tochter)\b",
    re.IGNORECASE,
)
_DOUBT = re.compile(
    r"\bnot (?:really |truly |actually )?(?:an? )?(?:true |real )?allerg\w*|\bchallenge\b|\b(?:outgrow|outgrew)\w*",
    re.IGNORECASE,
)
_ASKED = re.compile(r"\ballerg\w*[^.!?]{0,60}\?", re.IGNORECASE)
_NOT = re.compile(
    r"\b(?:no|not|never|n't|without|don't|keine?r?|nicht|side effect|intoleran\w+|upset\w*)\b", re.IGNORECASE
)
_NONE = re.compile(
    r"\bno (?:known )?(?:drug |medication |medicine )?allerg\w+|\bNK(?:D)?A\b|\bdenies (?:any )?(?:\w+ ){0,3}allerg\w*|"
    r"\ballergies:?\s+(?:none|no|denied|nil)\b|\bnot allergic to any\w*|\bkeine (?:bekannten )?Allergien|"
    r"\bAllergien:?\s+keine\b",
    re.IGNORECASE,
)
_OTHER = re.compile(r"\b(?:other|except|apart|besides|aside|food|weiteren|außer)\b", re.IGNORECASE)
_ABOUT_IT = re.compile(
    r"\b(?:allerg\w*|\w+allergie|rash|hives|reaction|anaphyla\w+|avoid\w*|contraindicat\w*|instead of|rather than|"
    r"not (?:be )?(?:given|prescribed|taken)|stop\w*|no longer|discontinu\w*|due to|because of|alternative|tolerat\w*|"
    r"challenge|without|recall\w*|previous\w*|prior|itch\w*|sister|brother|twin)\b",
    re.IGNORECASE,
)
_COMPOUND = re.compile(r"\b([^\W\d_]{5,20}?)-?allergi(?:e|en|y|ies|c)\b", re.IGNORECASE)
_AROUND = 1_000  # characters of a sentence on either side of a drug: a turn without full stops may be endless
_OPENING = 60  # characters of an answer in which the drug is named that was asked for
_KINDS = (("cillin",), ("sulfa",), ("cef", "ceph"))  # parts of names that tell drugs of one kind


def check(view: View) -> Iterator[Flag]:
    """A drug of a kind that the patient is allergic to, stated as taken or given; no allergy, where one was said."""
    text = view.piece.text
    denies = _NONE.search(text) is not None and _OTHER.search(text) is None
    if not denies and not view.reading.drugs:
        return
    allergies = view.talk.once(_stated, None)
    if not allergies:
        return
    if denies and not {drug.generic for drug in view.reading.drugs} & set(allergies):
        yield view.flag(NAME, Severity.HIGH, "No allergy: the conversation names one.", allergies.values())
        return
    if view.piece.section == "allergies" or _ABOUT_IT.search(text) is not None:
        return
    for drug in view.reading.drugs:
        for allergen, turn in allergies.items():
            if _same_kind(drug.generic, allergen):
                words = text[drug.start : drug.end]
                yield view.flag(NAME, Severity.HIGH, f"{words}: the patient is allergic to {allergen}.", [turn])
                return


def _stated(talk: Conversation, _: None) -> dict[str, int]:
    """Drugs that the conversation says the patient is allergic to, each with the turn that says so; none where an
    allergy is in doubt, which is the business of another check."""
    turns = talk.index.turns
    found: dict[str, int] = {}
    for number, turn in enumerate(turns):
        if _DOUBT.search(turn.text) is not None:
            return {}
        if _RELATIVE.search(turn.text) is not None:
            continue
        asked = number > 0 and _ASKED.search(turns[number - 1].text) is not None and not _UPSETS.search(turn.text)
        for drug in turn.drugs:
            low, high = turn.sentence(drug.start)
            low, high = max(low, drug.start - _AROUND), min(high, drug.end + _AROUND)
            around = turn.text[low:high]
            bound = _TO.search(turn.text[low : drug.start]) or _ITS.match(turn.text[drug.end : high])
            reacts = bound or (_REACTION.search(around) and not _GIVEN.search(around))
            if "?" not in around and (reacts or (asked and drug.start < _OPENING)) and _NOT.search(around) is None:
                found.setdefault(drug.generic, number)
        for compound in _COMPOUND.finditer(turn.text):
            named = drugs.find(compound[1])
            if named and _NOT.search(turn.text[max(0, compound.start() - 30) : compound.start()]) is None:
                found.setdefault(named[0].generic, number)
    return found


def _same_kind(drug: str, allergen: str) -> bool:
    return drug == allergen or any(_of(drug, kind) and _of(allergen, kind) for kind in _KINDS)


def _of(drug: str, kind: tuple[str, ...]) -> bool:
    return any(part in drug for part in kind)
