"""The quotes of a fact as the words that a line is made of."""

from __future__ import annotations

from collections.abc import Sequence

from edge.contract.facts import Quote
from edge.terms import units

DASH = " – "  # between quotes that do not follow one another


def words(quotes: Sequence[Quote]) -> str:
    """The words of the quotes, a dash between two that do not follow one another in a turn."""
    return DASH.join(one.text for one in kept(quotes))


def kept(quotes: Sequence[Quote]) -> list[Quote]:
    """The quotes in order of place, each once, one that lies within another left out, and a unit alone."""
    said = [one for one in quotes if units.DOSE.fullmatch(one.text) is None]
    whole = {
        (one.start, one.end): one for one in said if not any(one != other and within(one, other) for other in said)
    }
    return [whole[place] for place in sorted(whole)]


def within(one: Quote, other: Quote) -> bool:
    """Whether a quote stands in another, or is the same."""
    return other.start <= one.start and one.end <= other.end
