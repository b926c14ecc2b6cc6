"""Whether a statement stands on anything: its claims, and which of them the conversation holds nothing of.

A claim is the smallest part of a statement that can be true or false by itself: an item of a list, an age. Precision
comes first: a claim counts as without a source only if none of its words, in any wording that is known, was said;
what an examiner says in one word ("lungs are clear") supports the list that a record makes of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge.contract.facts import SourceLink
from edge.evidence.conversation import Conversation
from edge.evidence.links import SUPPORTS
from edge.evidence.reading import read
from edge.evidence.statements import Piece, body

_ITEM = re.compile(r",\s+(?:and\s+|or\s+|und\s+|oder\s+)?|\s+(?:and|or|und|oder)\s+|;\s+")
_LISTS = re.compile(
    r"\b(?:denies|denied|endorses|reports|no|negative for|positive for|history of|without|verneint|keine?)\b",
    re.IGNORECASE,
)
_DENIED = re.compile(r"\b(?:denies|denied|no|without|negative|verneint|keine?)\b", re.IGNORECASE)
_AGE = re.compile(r"\b\d{1,3}(?:[- ]year[- ]old| y\.?o\.?)", re.IGNORECASE)
_SAYS_NOTHING = re.compile(r"^\W*however\W*$|\blengthy discussion\b|\bexpectations\b", re.IGNORECASE)  # of the visit
_ITEM_WORDS = 9  # an item longer than this is a clause, which stands with the rest of its sentence
_WEAK = 0.12  # share of a statement in its best turn under which the two have nothing in common
_OPENING = frozenset({"history", "complaint", ""})  # where a note says once whom it is about
_SECTIONS = frozenset({"exam", "vitals", "ros", "history", ""})
_NAMED = re.compile(r"\b([A-Z][a-z'’-]+) ([A-Z][a-z'’-]+)(?=,? (?:is|presents?|returns?|was|has|comes)\b|, an? )")
# What a record's words may stand for that was said in others, by an examiner or a patient: enough to be a source.
_WORDS_IMPLIED = {
    r"wheez|rales|rhonchi|crackle|lung|respirat": r"lungs?|breath sounds|breathing",
    r"murmur|gallop|rub|extra heart|cardio|thrill": r"heart|rhythm",
    r"guard|rebound|distend|abdom|organomegal": r"abdomen|belly|stomach",
    r"clubbing|cyanosis|edema|pitting": r"swelling|legs?|edema|extremit\w+",
    r"node|adenopathy|axillary|cervical|supraclavicular": r"(?:lymph )?nodes?|lumps?|glands?",
    r"rigidity": r"stiff\w*",
    r"warmth|heat\b": r"hot|warm|heat",
    r"dysuria|urinary": r"burn\w*|pee\w*|urin\w+|waterworks|passing water",
    r"hematuria|blood in (?:the )?urine": r"blood|pink",
    r"hematemesis|hemoptysis": r"blood",
    r"hematochezia|melena|stools?|rectal bleed": r"blood|bleed\w*|stools?|tarry|bowel\w*",
    r"bowel|constipation|diarrh": r"bowels?|stools?|poop?",
    r"jaundice": r"yellow|jaundice",
    r"hallucinat|paranoia": r"(?:seeing|hearing) (?:things|voices)|hallucinat\w*|voices",
    r"manic|mania": r"manic|mania|racing|less sleep|highs?",
    r"vomit|nausea": r"(?:being|been|feel\w*) sick|thr[oe]w\w* up|queasy",
    r"incontinence": r"leak\w*|wet|accidents?|hold it",
    r"blackout|syncope|faint": r"pass\w* out|faint\w*|black\w* out",
    r"orthopnea": r"(?:lying|laying|lie|lay) (?:down|flat)|pillows?",
    r"depress|hopeless|suicid|homicid|self-harm": r"depress\w*|mood|hopeless\w*|hurt\w* (?:yourself|myself)|suicid\w*",
    r"appetite": r"appetite|eating|hungry",
}
_IMPLIED = tuple(
    (re.compile(what, re.IGNORECASE), re.compile(rf"\b(?:{said})\b", re.IGNORECASE))
    for what, said in _WORDS_IMPLIED.items()
)


@dataclass(frozen=True)
class Claim:
    """text[start:end] of one statement. item: one of a list. name: of the person whom the note is about."""

    start: int
    end: int
    item: bool = False
    name: bool = False


def claims(piece: Piece) -> Iterator[Claim]:
    """What can be looked for by itself in a statement."""
    text = piece.text
    shift = len(text) - len(body(piece))
    ages = list(_AGE.finditer(text[:160]))
    if ages and piece.section in _OPENING and (named := _NAMED.search(text[: ages[0].start()] + " ")) is not None:
        yield Claim(named.start(), named.end(), name=True)
    yield from (Claim(age.start(), age.end(), True) for age in ages)
    cuts = [*(m.start() for m in _ITEM.finditer(text, shift)), len(text)]
    starts = [shift, *(m.end() for m in _ITEM.finditer(text, shift))]
    parts = [(a, b) for a, b in zip(starts, cuts, strict=True) if b > a]
    if len(parts) > 1 and _LISTS.search(text) and all(len(text[a:b].split()) <= _ITEM_WORDS for a, b in parts[1:]):
        yield from (Claim(a, b, True) for a, b in parts)
    else:
        yield Claim(shift, len(text))


def unsupported(piece: Piece, talk: Conversation, sources: Sequence[SourceLink]) -> list[Claim]:
    """Claims of a statement without a source, in order."""
    return [claim for claim in claims(piece) if _missing(piece, claim, talk, sources)]


def _missing(piece: Piece, claim: Claim, talk: Conversation, sources: Sequence[SourceLink]) -> bool:
    text = piece.text[claim.start : claim.end]
    if claim.name:
        return not talk.once(_names, text.split()[-1].casefold())
    if _SAYS_NOTHING.search(text):
        return False
    features = list(read(text).features)
    held = talk.index.postings
    if _AGE.fullmatch(text):
        return any(f[0] == "n" and f not in held for f in features)
    if not features or any(f in held for f in features):
        bare = not sources or sources[0].score < SUPPORTS
        return not claim.item and len(features) > 3 and bare and _best(talk, features) < _WEAK
    if piece.section not in _SECTIONS or _implied(text, talk):
        return False
    denied = _DENIED.search(piece.text[: claim.end]) is not None
    return denied if claim.item else len(features) > 2


def _names(talk: Conversation, word: str) -> bool:
    """Whether a conversation holds a name, however it is written."""
    return word in talk.transcript.source.casefold()


def _best(talk: Conversation, features: Sequence[str]) -> float:
    return float(max(talk.index.shares(features), default=0.0))


def _implied(text: str, talk: Conversation) -> bool:
    return any(what.search(text) and talk.once(_says, said) for what, said in _IMPLIED)


def _says(talk: Conversation, pattern: re.Pattern[str]) -> bool:
    return pattern.search(talk.transcript.source) is not None
