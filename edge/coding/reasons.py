"""Why a candidate, in words: what the classification asks for beside it, and why not its neighbour."""

from __future__ import annotations

import re
from collections.abc import Sequence

from edge.coding import guidelines
from edge.coding.lexicon import stem, stems
from edge.coding.results import Candidate
from edge.terminology.catalogue import Catalogue, Code

_UNFINISHED = re.compile(r",?\s*(?:such as)?\s*:?\s*$")  # of a note whose examples are notes of their own
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_OPEN = frozenset(map(stem, ("unspecified", "other", "specified", "not", "elsewhere", "classified", "nos", "nec")))
_MOST = 3  # words of a neighbour that are named


def reasons(catalogue: Catalogue, candidate: Candidate, text: str, codes: Sequence[str]) -> str:
    """candidate.why, why not the first of its alternatives, and what the classification asks for beside it.

    text: the note; codes: of all candidates, so that what is there already is not asked for.
    """
    found = [candidate.why]
    if candidate.alternatives and "side" not in candidate.needs:
        start, end = text.rfind("\n", 0, candidate.start) + 1, text.find("\n", candidate.end)
        found.append(over(candidate.code, candidate.alternatives[0][0], text[start : end if end >= 0 else len(text)]))
    if note := guidelines.asked_beside(catalogue, candidate.code.code, codes):
        asked = _UNFINISHED.sub("", note).removeprefix("code ")
        found.append(f"the classification asks: use additional code, {asked}")
    return "; ".join(filter(None, found))


def over(code: Code, other: Code, line: str) -> str:
    """Why code stands before another entry for a line: what the other says and the line does not; "" if nothing."""
    known = {*stems(code.description), *stems(line[:2000]), *_OPEN}
    unsaid = [word for word in _WORD.findall(other.description) if not known.issuperset(stems(word))]
    if unsaid:
        return f"not {other.code}: nothing says “{' '.join(unsaid[:_MOST])}”"
    less = set(stems(code.description)) - _OPEN > set(stems(other.description)) - _OPEN
    return f"more exact than {other.code}" if less else ""
