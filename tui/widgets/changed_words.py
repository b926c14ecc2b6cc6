"""An older note as text to read, with the words marked that went and came since: no lines of a comparison to decode."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from rich.text import Text

from edge.contract.note import Section
from edge.text import sanitise

MOST = 2_000_000  # pairs of words that are compared; a change larger than that is shown as a whole
GONE, CAME = "strike", "underline bold"


def marked(old: Sequence[Section], new: Sequence[Section], colours: tuple[str, str] = ("", "")) -> Text:
    """Both notes as one text, section by section: what went since is crossed out, what came is underlined.

    colours: of what went and of what came.
    """
    styles = [f"{style} {colour}".strip() for style, colour in zip((GONE, CAME), colours, strict=True)]
    out = Text()
    left = list(new)
    for before in old:
        now = next((one for one in left if one.heading == before.heading), None)
        if now is not None:
            left.remove(now)
        _section(out, before.heading, changes(before.body, now.body if now is not None else ""), styles)
    for now in left:
        _section(out, now.heading, changes("", now.body), styles)
    return out


def _section(out: Text, heading: str, pieces: Iterator[tuple[str, str]], styles: list[str]) -> None:
    found = [(sanitise(text), kind) for kind, text in pieces]
    if not any(text.strip() for text, _ in found):
        return
    out.append(f"{sanitise(heading)}\n", "bold")
    for text, kind in found:
        words = text.rstrip()  # a mark ends with the last word
        out.append(words, {"gone": styles[0], "came": styles[1]}.get(kind, "")).append(text[len(words) :])
    out.append("\n\n")


def changes(old: str, new: str) -> Iterator[tuple[str, str]]:
    """("same", "gone" or "came", text), in order; words with the space after them.

    Time in proportion to the text where little has changed; bounded by MOST otherwise. Ratcliff and Metzener (1988),
    as difflib has it.
    """
    before, now = _words(old), _words(new)
    head = _alike(before, now)
    tail = _alike(before[head:][::-1], now[head:][::-1])
    yield "same", "".join(before[:head])
    middle, other = before[head : len(before) - tail], now[head : len(now) - tail]
    if len(middle) * len(other) > MOST:
        yield "gone", "".join(middle)
        yield "came", "".join(other)
    else:
        was, became = ([word.strip() for word in words] for words in (middle, other))
        for kind, a, b, c, d in difflib.SequenceMatcher(None, was, became).get_opcodes():
            if kind == "equal":
                yield "same", "".join(other[c:d])
                continue
            yield "gone", "".join(middle[a:b])
            yield "came", "".join(other[c:d])
    yield "same", "".join(now[len(now) - tail :])


def _words(text: str) -> list[str]:
    return re.findall(r"\S+\s+", f"{text.strip()} ")


def _alike(a: Sequence[str], b: Sequence[str]) -> int:
    """How many words are the same at the beginning."""
    return next((n for n, (one, other) in enumerate(zip(a, b, strict=False)) if one != other), min(len(a), len(b)))
