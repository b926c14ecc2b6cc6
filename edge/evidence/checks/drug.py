"""Drug: every drug of the note was named, by generic or brand, or as a recogniser may have misspelt it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from rapidfuzz import fuzz, process

from edge.evidence.view import Flag, Severity, View
from edge.terms import drugs

NAME = "drug"
_MISHEARD = 72.0  # fuzz.ratio of a name and what stands in the transcript
_WORD = re.compile(r"[^\W\d_]{3,}")
_GENERAL = frozenset(
    {"nicotine", "insulin", "testosterone", "estradiol", "progesterone", "caffeine", "melatonin", "cortisone"}
)


def check(view: View) -> Iterator[Flag]:
    """A drug that nobody named."""
    for one in view.named:
        if one.group != "drug" or one.name in _GENERAL or _named(view, one.name):
            continue
        if _misheard(one.name, view.text(one), _vocabulary(view)):
            continue
        alike = [
            said
            for name, said in view.talk.by_name.items()
            if said[0].what.group == "drug" and drugs.alike(name, one.name)
        ]
        if alike:
            heard = alike[0][0].what.name
            message = f"{view.text(one)} was not said; {heard}, which sounds or looks alike, was."
        else:
            message = f"{view.text(one)} was not said."
        yield view.flag(
            NAME, Severity.HIGH, message, [said[0].turn for said in alike] or [s.quote.turn for s in view.sources[:1]]
        )


def _named(view: View, generic: str) -> bool:
    """Whether a drug was named and not only to say that it is another ("not hydralazine"), or by its kind."""
    said = view.talk.by_name.get(generic, ())
    if any(s.what.state != "no" for s in said) or (said and view.piece.section in {"allergies", "past", "history"}):
        return True
    if any(len(name) > 5 and name in generic for name, s in view.talk.by_name.items() if s[0].what.group == "drug"):
        return True
    return any(phrase in view.talk.transcript.source.casefold() for phrase in drugs.by_kind(generic))


def _vocabulary(view: View) -> tuple[str, ...]:
    return _words(view.talk.transcript.source)


@lru_cache(maxsize=4)
def _words(source: str) -> tuple[str, ...]:
    """Words of a conversation that are no drug names, and pairs of short ones as recognisers cut a name."""
    found = [m[0].casefold() for m in _WORD.finditer(source)]
    known = drugs.lexicon()
    pairs = [a + b for a, b in pairwise(found) if len(a) + len(b) < 16]
    return tuple(
        {word for word in found if word not in known and len(word) > 4} | {pair for pair in pairs if len(pair) > 5}
    )


def _misheard(generic: str, written: str, vocabulary: tuple[str, ...]) -> bool:
    names = {generic, written.casefold(), *(n for n, g in drugs.lexicon().items() if g == generic)}
    for name in names:
        hit = process.extractOne(name, vocabulary, scorer=fuzz.ratio, score_cutoff=_MISHEARD)
        if hit is not None and hit[0][:2] == name[:2]:
            return True
    return False
