"""Where a speaker corrects himself the last version counts: "twenty, no, forty milligrams" is 40."""

from __future__ import annotations

import re

from edge.terms import numbers

_CORRECTS = re.compile(
    r"[\s,.…;:–-]*(?:(?:uh|um|er|oh|ah|äh|ähm)\b[\s,.…-]*)*"
    r"(?:no|wait|sorry|i mean|actually|rather|scratch that|make that|correction|excuse me|pardon|nein|nee|quatsch|halt|"
    r"moment|ich meine|vielmehr|entschuldigung|falsch|doch)\b",
    re.IGNORECASE,
)
_REACH = 70  # characters from the correcting word to the number
_SENTENCE = re.compile(r"[?!\n]")
_UNIT = re.compile(
    r"[\s-]*(?:milligrams?|mg|micrograms?|mcg|µg|grams?|g|milliliters?|ml|units?|percent|%|tablets?|pills?|puffs?|"
    r"degrees|pounds?|kilos?|kg|days?|weeks?|months?|years?|hours?|times|milligramm|mikrogramm|einheiten|tabletten?|tage?n?|"
    r"wochen?|monate?n?|jahre?n?|stunden?|prozent|mal)(?!\w)",
    re.IGNORECASE,
)


def corrected(source: str, start: int, end: int, limit: int) -> int:
    """End of a span that holds a number with the correction that follows it within limit; end if none follows."""
    if not numbers.spans(source[start:end]):
        return end
    for _ in range(3):  # "ten, no, twenty, no, forty"
        said = _CORRECTS.match(source, end, limit)
        if said is None:
            break
        rest = source[said.end() : min(limit, said.end() + _REACH)]
        stop = _SENTENCE.search(rest)
        found = numbers.spans(rest[: stop.start()] if stop else rest)
        if not found:
            break
        end = said.end() + found[0].end
        if (unit := _UNIT.match(source, end, limit)) is not None:
            end = unit.end()
    return end
