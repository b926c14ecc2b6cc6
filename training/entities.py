"""Entities of a text, terms of ICD-10-CM and names of drugs, for an F1 that asks if a note holds the right findings.

A dictionary, no model: titles and inclusion terms of chapters A to T, qualifiers such as "unspecified" left out, the
longest term first, plural endings ignored. Two words for one code are one entity ("high blood pressure" is
"hypertension"); a negated finding counts like an affirmed one. What the catalogue does not list is never counted.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

from edge.errors import TrainingError
from training import facts, spans

_PACKAGE = "simple_icd_10_cm"
_MAX_WORDS = 6
_MAX_LETTERS = 120  # titles beyond it are lists, no names
_QUALIFIERS = re.compile(
    r"\([^)]*\)|\[[^\]]*\]|\b(?:nos|nec|not elsewhere classified|not otherwise specified|unspecified)\b"
)
_WORD = re.compile(r"[^\W_]+")
_CLAUSE = re.compile(r"[.;:\n]")
_CHAPTERS = "ABCDEFGHIJKLMNOPQRST"  # U to Z: special purposes, external causes, factors such as occupation
# Everyday words that happen to be inclusion terms.
_COMMON = frozenset(
    {("illness",), ("death",), ("old", "age"), ("pin",), ("growth",), ("disease",), ("disorder",), ("sick",)}
)


def words(text: str) -> tuple[str, ...]:
    """Words of a term or clause: case folded, qualifiers and plural endings left out."""
    found = _WORD.findall(_QUALIFIERS.sub(" ", text.casefold()))
    return tuple(w[:-1] if len(w) > 3 and w.endswith("s") and not w.endswith(("ss", "is", "us")) else w for w in found)


@cache
def terms() -> dict[tuple[str, ...], str]:
    """Words of a term -> its ICD-10-CM code; of two codes with the same words, the first in the book.

    Raises TrainingError if the catalogue is not installed.
    """
    spec = find_spec(_PACKAGE)  # located, not imported: importing it builds the whole tree of codes
    folders = list(spec.submodule_search_locations or []) if spec else []
    files = sorted(f for folder in folders for f in Path(folder).glob("data/icd10c-tabular-*.xml"))
    if not files:
        raise TrainingError(
            "ICD-10-CM is not installed.", f"The package {_PACKAGE} is missing.", "Install it with pip."
        )
    found: dict[tuple[str, ...], str] = {}
    for code in ElementTree.parse(files[-1]).iter("diag"):
        name = code.findtext("name") or ""
        if name[:1] in _CHAPTERS:
            notes = [note.text for tag in ("inclusionTerm", "includes") for note in code.findall(f"{tag}/note")]
            for title in (code.findtext("desc"), *notes):
                key = words(title) if title and len(title) < _MAX_LETTERS else ()
                if 0 < len(key) <= _MAX_WORDS and key not in _COMMON:
                    found.setdefault(key, name)
    return found


def entities(text: str) -> set[str]:
    """ICD-10-CM codes of the terms that a text holds, and generic names of its drugs."""
    known = terms()
    found = set(facts.drugs(text))
    for clause in _CLAUSE.split(text):
        said = words(clause)
        at = 0
        while at < len(said):
            sizes = range(min(_MAX_WORDS, len(said) - at), 0, -1)
            size = next((n for n in sizes if said[at : at + n] in known), 0)
            if size:
                found.add(known[said[at : at + size]])
            at += max(size, 1)
    return found


def count(reference: str, candidate: str) -> spans.Counts:
    """Entities that both texts hold, the candidate holds, and the reference holds; each counted once a text."""
    wanted, got = entities(reference), entities(candidate)
    return spans.Counts(len(wanted & got), len(got), len(wanted))
