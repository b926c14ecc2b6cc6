"""Drug: every drug of the note was named, by generic or brand, or as a recogniser may have misspelt it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from rapidfuzz import fuzz, process

from edge.evidence.view import Conversation, Flag, Severity, View
from edge.terms import drugs

NAME = "drug"
_MISHEARD = 72.0  # fuzz.ratio of a name and what stands in the transcript
_OTHER_NAME = 82.0  # the same for a name of the drug that the note does not use: most are near to some word
_WORD = re.compile(r"[^\W\d_]{3,}")
_GENERAL = frozenset(
    {"nicotine", "insulin", "testosterone", "estradiol", "progesterone", "caffeine", "melatonin", "cortisone"}
)


def check(view: View) -> Iterator[Flag]:
    """A drug that nobody named."""
    for one in view.named:
        if one.group != "drug" or one.name in _GENERAL or view.talk.once(_spoken_of, one.name):
            continue
        if view.talk.once(_misheard, (one.name, view.text(one).casefold())):
            continue
        alike = [name for name in view.talk.once(_drugs, None) if drugs.alike(name, one.name)]
        if alike:
            message = f"{view.text(one)} was not said; {alike[0]}, which sounds or looks alike, was."
        else:
            message = f"{view.text(one)} was not said."
        turns = [view.talk.by_name[name][0].turn for name in alike] or [s.quote.turn for s in view.sources[:1]]
        yield view.flag(NAME, Severity.HIGH, message, turns)


def _spoken_of(talk: Conversation, generic: str) -> bool:
    """Whether a drug was named, alone or in a combination, or called by its kind."""
    said = talk.once(_drugs, None)
    if generic in talk.by_name or any(generic in drugs.parts(name) for name in said):
        return True
    if any(name in _GENERAL and name in generic for name in said):  # "the cortisone cream" is hydrocortisone
        return True
    if (parts := drugs.parts(generic)) and all(_spoken_of(talk, name) for name in parts):
        return True
    if "-" in generic and generic.replace("-", " ") in talk.once(_folded, None):
        return True
    return any(
        phrase in talk.once(_folded, None) and not talk.once(_is_of_another, (phrase, generic))
        for phrase in drugs.by_kind(generic)
    )


def _is_of_another(talk: Conversation, asked: tuple[str, str]) -> bool:
    """Whether what a drug is called by its kind is said of another drug of that kind, which was named ("the statin" of
    atorvastatin)."""
    phrase, generic = asked
    return any(name != generic and phrase in drugs.by_kind(name) for name in talk.once(_drugs, None))


def _drugs(talk: Conversation, _: None) -> tuple[str, ...]:
    """Drugs that are named, in order."""
    return tuple(name for name, said in talk.by_name.items() if said[0].what.group == "drug")


def _folded(talk: Conversation, _: None) -> str:
    return talk.transcript.source.casefold()


def _vocabulary(talk: Conversation, _: None) -> tuple[str, ...]:
    """Words of a conversation that are no drug names, and pairs of short ones as recognisers cut a name; in order."""
    found = [m[0].casefold() for m in _WORD.finditer(talk.transcript.source)]
    known = drugs.lexicon()
    words = [word for word in found if word not in known and len(word) > 4]
    pairs = [a + b for a, b in pairwise(found) if len(a) + len(b) < 16 and not {a, b} & known.keys()]
    return tuple(dict.fromkeys([*words, *(pair for pair in pairs if len(pair) > 5)]))


def _by_opening(talk: Conversation, _: None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in talk.once(_vocabulary, None):
        found.setdefault(word[:2], []).append(word)
    return found


def _misheard(talk: Conversation, names: tuple[str, str]) -> bool:
    """Whether a drug, by its generic name or as it is written, is nearest to a word that begins as it does."""
    generic, written = names
    for name in sorted({generic, written, *(n for n, g in drugs.lexicon().items() if g == generic)}):
        near = talk.once(_by_opening, None).get(name[:2], ())
        least = _MISHEARD if name in names else _OTHER_NAME
        if process.extractOne(name, near, scorer=fuzz.ratio, score_cutoff=least) is None:
            continue  # most names: no need to look at every word
        hit = process.extractOne(name, talk.once(_vocabulary, None), scorer=fuzz.ratio, score_cutoff=least)
        if hit is not None and hit[0][:2] == name[:2]:
            return True
    return False
