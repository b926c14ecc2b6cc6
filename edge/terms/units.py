"""Units as people say and write them, each under one name: of doses, of body weight, of time, English and German.

The one table of them: what a dose, a duration and a number that was said are compared by, and how a note writes them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_DOSES = {
    "mg": "mg mgs milligram milligrams milligramm", "mcg": "mcg µg microgram micrograms mikrogramm",
    "g": "g gram grams gramm", "mL": "ml mls mil mils cc milliliter milliliters",
    "unit": "unit units iu einheit einheiten", "%": "% percent prozent",
}  # fmt: skip
_WEIGHTS = {"lb": "pound pounds lb lbs", "kg": "kg kilo kilos kilogram kilograms kilogramm"}
_TIMES = {
    "minute": "minute minutes minuten", "hour": "hour hours hr hrs stunde stunden", "day": "day days tag tage tagen",
    "week": "week weeks wk wks woche wochen", "month": "month months monat monate monaten",
    "year": "year years yr yrs jahr jahre jahren",
}  # fmt: skip
_WRITTEN = frozenset(_DOSES) - {"unit"} | frozenset(_WEIGHTS)  # names that are what a note writes


def _by_word(table: Mapping[str, str]) -> dict[str, str]:
    return {word.casefold(): name for name, words in table.items() for word in words.split()}


def _behind(table: Mapping[str, str], before: str = "") -> re.Pattern[str]:
    """Pattern of a unit right behind a number; group 1 is its word. before: pattern of words that may stand between."""
    words = sorted((word for words in table.values() for word in words.split()), key=len, reverse=True)
    return re.compile(rf"[\s-]*{before}({'|'.join(map(re.escape, words))})(?!\w)", re.IGNORECASE)


NAMES: Mapping[str, str] = _by_word(_DOSES | _WEIGHTS | _TIMES)
"""Word, case folded -> name of its unit."""
DOSE = _behind(_DOSES)
WEIGHT = _behind(_WEIGHTS)
TIME = _behind(_TIMES, r"(?:(?:more|full|whole|good|or so|solid|straight)\s+)?")


def name(word: str) -> str | None:
    """The unit that a word names: "milligrams", "mgs" and "MG" are "mg"; None for a word that is none."""
    return NAMES.get(word.casefold())


def written(word: str) -> str:
    """A unit as a note writes it ("mg" for "milligrams"); a word without a short form as it was said, case folded."""
    found = name(word)
    return found if found in _WRITTEN else word.casefold()
