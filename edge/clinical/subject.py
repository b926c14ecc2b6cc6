"""Whom a piece of text is about: the patient, a relative by name, or another person; not the one who tells it."""

from __future__ import annotations

import re

from edge.clinical.cues import ContextCue
from edge.clinical.scope import LEAD, ScopeLine, between
from edge.clinical.words import words as _set
from edge.contract.facts import Subject

_FAMILY_KEYS = frozenset({"family"})
_SOCIAL_KEYS = frozenset({"social", "lifestyle"})
_FAR = 30  # words of a sentence that a relative at its head is the subject of
_HAS = _set(
    "with has had have died dies diagnosed suffers suffered developed is was : ( , † mit hat hatte haben leidet litt "
    "verstarb starb verstorben erkrankte erkrankt an hatten both and und",
)
_BEGINS = _set("and und or oder but aber that dass because weil if whose sowie , ; : . – -")
_KIN_WORDS = _set(
    "maternal paternal older younger elder half twin late first second two three four five one other both mother "
    "father brother sister aunt uncle grandmother grandfather ältere älterer jüngere jüngerer zwei drei mutter "
    "vater bruder schwester beide auch also my mein meine positive negative bei",
)
_WHO = re.compile(r"[\w-]*, (?:who|die|der) (?:has|had|was|is|died|developed|an|hat|hatte|leidet|selbst)\b", re.I)
_OWN = _set(
    "her his my their the der die seiner ihrer seine ihre",
)
_AT = _set(
    "is was were ist war in bei beim",
)
_OF = _set(
    "in of ( bei beim der des seiner ihrer seines ihres on for - – :",
)


def subject_of(line: ScopeLine, start: int, end: int, heading: str) -> tuple[Subject, str]:
    """Whom the piece is about, and the relation as the text names it ("" for the patient)."""
    if heading in _SOCIAL_KEYS:
        return Subject.PATIENT, ""  # a husband who works nights is the patient's household
    family = heading in _FAMILY_KEYS
    resets = [c for c in line.cues if c.kind == "reset" and c.end <= end]
    family = family and not resets
    found: tuple[int, ContextCue] | None = None
    for cue in line.cues:
        if cue.kind not in ("relative", "other") or (not family and not _told_of(line, cue)):
            continue
        distance = _about(line, cue, start, end, family)
        if distance is not None and (found is None or distance <= found[0]):
            found = (distance, cue)
    if found is not None:
        name = found[1].name or line.text[found[1].start : found[1].end]
        return (Subject.OTHER if found[1].kind == "other" else Subject.FAMILY), name
    return (Subject.FAMILY, "") if family else (Subject.PATIENT, "")


def _told_of(line: ScopeLine, cue: ContextCue) -> bool:
    """Whether a relative is one whose state is told, not one who tells, helps or comes along."""
    following = [t for t in line.tokens if t.start >= cue.end][:3]
    near = following[1].start if len(following) > 1 else len(line.text)
    if following and any(
        c.kind == "informs" and (c.start == following[0].start or (c.start <= near and following[0].text in LEAD))
        for c in line.cues
        if c.start >= cue.end
    ):
        return False
    if _WHO.match(line.text, cue.end):
        return True
    return not any(
        c.kind == "company" and c.end <= cue.start and not line.text[c.end : cue.start].strip() for c in line.cues
    )


def _heads(line: ScopeLine, cue: ContextCue) -> bool:
    """Whether a relative is what its clause is about: it begins the clause, or what it has follows at once."""
    after = [t.text for t in line.tokens if t.start >= cue.end][:1]
    if cue.name in ("family", "Familie") or (after and after[0] in _HAS):
        return True
    before = [t for t in line.tokens if t.end <= cue.start]
    for token in reversed(before):
        if token.text in _BEGINS or not token.text[0].isalnum():
            return True
        if token.text not in LEAD and token.text not in _OWN and token.text not in _KIN_WORDS:
            return False
    return True


def _about(line: ScopeLine, cue: ContextCue, start: int, end: int, family: bool) -> int | None:
    """Words between a relative and the piece if the piece is about the relative, else None."""
    if start <= cue.start and cue.end <= end:
        lead, _ = between(line, start, cue.start)
        if family or cue.name in ("family", "Familie") or all(t.text in LEAD or not t.text[0].isalnum() for t in lead):
            return 0
        following = [t for t in line.tokens if cue.end <= t.start < end and t.text[0].isalnum()]
        if line.text[cue.start : cue.end].endswith(("'s", "’s")) and following:
            return None  # "his wife's tablets": a thing of hers, not her state
        owned = len(lead) > 1 and lead[-1].text in _OWN and lead[-2].text in _AT
        return 0 if lead[-1].text in _OF or owned else None
    if cue.end <= start:
        words, cues = between(line, cue.end, start)
        if any(c.kind == "reset" for c in cues) or any(t.text in (";", "?", "!") for t in words):
            return None
        return len(words) if family or (len(words) <= _FAR and _heads(line, cue)) else None
    if cue.start < end:
        return None
    words, cues = between(line, end, cue.start)
    if any(c.kind in ("reset", "clause", "any") for c in cues) or any(t.text in (";", ",") for t in words):
        return None
    return 1000 + len(words) if words and len(words) <= 5 and any(t.text in _OF for t in words) else None
