"""What changed between two texts, as small as a typical edit: kept ranges of the old text and inserted new text.

A delta is JSON: [[start, end], "inserted", [start, end], …], ranges in characters of the old text. Common beginning
and end are cut off first; only what lies between is compared, by words, or by lines where it is long.
"""

from __future__ import annotations

import json
import re
from difflib import SequenceMatcher

from edge.errors import DamagedVaultError

_PIECES = re.compile(r"\w+|\s+|[^\w\s]")
_MANY = 1500  # pieces; comparing words costs up to the square of it

Delta = list[list[int] | str]


def make(old: str, new: str) -> str:
    """The delta from old to new."""
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    old_end, new_end = len(old) - tail, len(new) - tail
    delta: Delta = []
    _keep(delta, 0, head)
    _compare(delta, old[head:old_end], new[head:new_end], head)
    _keep(delta, old_end, len(old))
    return json.dumps(delta, ensure_ascii=False, separators=(",", ":"))


def apply(old: str, delta: str) -> str:
    """The text that delta makes of old. Raises DamagedVaultError if it is malformed."""
    try:
        parts = [part if isinstance(part, str) else old[part[0] : part[1]] for part in json.loads(delta)]
    except (ValueError, TypeError, IndexError):
        raise DamagedVaultError("A revision cannot be read.", "Its difference is malformed.") from None
    return "".join(parts)


def _common(a: str, b: str) -> int:
    limit = min(len(a), len(b))
    if a[:limit] == b[:limit]:
        return limit
    low, high = 0, limit  # a[:low] == b[:low], a[:high] != b[:high]
    while high - low > 1:
        middle = (low + high) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _compare(delta: Delta, old: str, new: str, offset: int) -> None:
    if not old or not new:
        _insert(delta, new)
        return
    a, b = _PIECES.findall(old), _PIECES.findall(new)
    if len(a) > _MANY or len(b) > _MANY:
        a, b = old.splitlines(keepends=True), new.splitlines(keepends=True)
    starts = [offset]
    for piece in a:
        starts.append(starts[-1] + len(piece))
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if tag == "equal":
            _keep(delta, starts[i1], starts[i2])
        else:
            _insert(delta, "".join(b[j1:j2]))


def _keep(delta: Delta, start: int, end: int) -> None:
    if start < end:
        last = delta[-1] if delta else None
        if isinstance(last, list) and last[1] == start:
            last[1] = end
        else:
            delta.append([start, end])


def _insert(delta: Delta, text: str) -> None:
    if text:
        delta.append(text)
