"""JSON objects that are read, changed in part and written again without losing what this program does not know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def updated(
    read: Mapping[str, Any] | None, now: Mapping[str, Any], understood: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> dict[str, Any]:
    """The object read, with the values of now: keys it does not have are added behind, in the order of now.

    read: None for what was not read. understood: the values that an object is understood as. A value that is still so
    stays exactly as it was read, and so does every key that is unknown; a known key that is not in now is taken away.
    """
    if read is None:
        return dict(now)
    before, out = understood(read), dict(read)
    for name in {**before, **now}:
        if name in before and name in now and before[name] == now[name]:
            continue
        if name in now:
            out[name] = now[name]
        else:
            out.pop(name, None)
    return out


def objects(value: Any) -> list[Mapping[str, Any]]:
    """The JSON objects of a list; anything else is none."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def whole(value: Any) -> int:
    """A JSON number that is whole; anything else is 0."""
    return value if isinstance(value, int) else 0


def number(value: Any) -> float:
    """A JSON number; anything else is 0."""
    return float(value) if isinstance(value, int | float) else 0.0


def mapping(value: Any) -> Mapping[str, Any]:
    """A JSON object; anything else is an empty one."""
    return value if isinstance(value, Mapping) else {}
