"""Drug names of a text, by generic name, and which names sound or look alike.

The lexicon is data (drugs.toml); a word that is not in it is no drug to any check, so a missing name costs a flag and
never makes one. Alike: names that people and recognisers take for each other (ISMP list of confused drug names gives
the kind; the measure here is of spelling).
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from rapidfuzz import fuzz
from rapidfuzz.distance import DamerauLevenshtein

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_ALIKE = 62.0  # fuzz.ratio, 0 to 100
_MISSPELT = 2  # letters
_JOINED = frozenset({" ", "/", "-", " / "})  # between the parts of a combination


@dataclass(frozen=True)
class DrugSpan:
    """A drug name: text[start:end] names the drug `generic`."""

    start: int
    end: int
    generic: str


@cache
def lexicon() -> dict[str, str]:
    """Drug name (generic, brand or short, case folded) -> generic name."""
    raw = tomllib.loads(resources.files("edge.terms").joinpath("drugs.toml").read_text(encoding="utf-8"))
    names = {name: name for name in raw["generic"]}
    for generic, brands in raw["brands"].items():
        names |= dict.fromkeys(brands, generic) | {generic: generic}
    return names


def find(text: str) -> list[DrugSpan]:
    """Drug names of a text in order, a combination ("fluticasone/salmeterol") as one. A long word off by one letter
    from exactly one name counts as that name."""
    names = lexicon()
    found: list[DrugSpan] = []
    for match in _WORD.finditer(text):
        word = match[0].casefold().removesuffix("'s").removesuffix("’s")
        generic = names.get(word) or names.get(word.removesuffix("s")) or (_close(word) if len(word) > 7 else None)
        if generic is None and "-" in word:
            generic = next((names[part] for part in word.split("-") if part in names), None)
        if generic is None:
            continue
        if found and text[found[-1].end : match.start()] in _JOINED and f"{found[-1].generic}-{generic}" in names:
            before = found.pop()  # "fluticasone salmeterol"
            found.append(DrugSpan(before.start, match.end(), f"{before.generic}-{generic}"))
        else:
            found.append(DrugSpan(match.start(), match.end(), generic))
    return found


@cache
def _kinds() -> dict[str, tuple[str, ...]]:
    raw = tomllib.loads(resources.files("edge.terms").joinpath("drugs.toml").read_text(encoding="utf-8"))
    found: dict[str, tuple[str, ...]] = {}
    for kind in raw["kinds"].values():
        for generic in kind["drugs"]:
            found[generic] = (*found.get(generic, ()), *kind["said"])
    return found


def by_kind(generic: str) -> tuple[str, ...]:
    """What people call a drug by its kind: "thyroid pill" for levothyroxine. Lower case."""
    return _kinds().get(generic, ())


def parts(generic: str) -> tuple[str, ...]:
    """The drugs that a combination is made of ("acetaminophen-codeine"); (): it is none, or one is not known."""
    named = tuple(generic.split("-"))
    return named if len(named) > 1 and all(name in lexicon() for name in named) else ()


@cache
def _by_first() -> dict[str, tuple[str, ...]]:
    groups: dict[str, list[str]] = {}
    for name in lexicon():
        groups.setdefault(name[:2], []).append(name)
    return {key: tuple(group) for key, group in groups.items()}


def _close(word: str) -> str | None:
    """The one drug whose name is a single letter away, as recognisers and fingers write it."""
    near = {
        lexicon()[name]
        for name in _by_first().get(word[:2], ())
        if abs(len(name) - len(word)) <= 1 and DamerauLevenshtein.distance(word, name, score_cutoff=1) <= 1
    }
    return near.pop() if len(near) == 1 else None


def alike(one: str, other: str) -> bool:
    """Whether two different generic names may be taken for each other by ear or eye."""
    if one == other:
        return False
    same_ends = one[:3] == other[:3] or one[-4:] == other[-4:]
    near = DamerauLevenshtein.distance(one, other, score_cutoff=_MISSPELT + 1) <= _MISSPELT
    return near or (same_ends and fuzz.ratio(one, other) >= _ALIKE)
