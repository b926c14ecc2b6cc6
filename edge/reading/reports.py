"""Reports as a model reads them: wrapped lines joined, signs that JSON escapes as plain ones, each one for one.

Both texts have the same length, so a place in one is the same place in the other, and what a model copies is cut from
the report itself.
"""

from __future__ import annotations

from edge.clinical.words import words as listed

_PLAIN = {ord("\t"): " ", ord('"'): "”", ord("\\"): "/"}
_NARROW, _WIDE = 50, 140  # characters of a line at which texts are wrapped
_NEARLY = 0.8  # of that width a line has that was broken before a word that did not fit
_RAGGED, _SEVERAL = 12, 3  # characters under the width within which several lines of a wrapped text end
_SPARED = 20  # lines that may be longer than a wrapped text is wide
_LABEL = 40  # characters of a label with its colon
_ORPHAN = 2  # words of the last line of a wrapped paragraph
_LEAST = 20  # characters of a line that goes on in the next
_BULLETS = "-*•–—·>+#|=_"
_ENDS = ".:;?!"
# A line that ends in one of these goes on: they stand before something.
_OPEN = listed(
    "a an the of and or with without for from to in on at by as was were is are be been has had have not no "
    "than that which who his her their this these every other upper lower left right both mild moderate severe "
    "chronic acute type stage due per about der die das des dem den ein eine einer eines einem einen und oder "
    "mit ohne für von vom zu zum zur im in am an auf bei als wurde wird ist sind war nicht kein keine keiner "
    "sowie nach über unter seit bis wegen links rechts beidseits "
)


def for_model(report: str) -> str:
    """The report as a language model reads it, of the same length: see the module."""
    return unwrapped(report).translate(_PLAIN)


def plain_signs(text: str) -> str:
    """A phrase of a report as for_model has it: line breaks, too, are spaces."""
    return text.replace("\n", " ").translate(_PLAIN)


def unwrapped(report: str) -> str:
    """The report with a space for each line break that only wraps a line; of the same length."""
    lines = report.split("\n")
    width = _width(lines)
    parts = []
    for number, line in enumerate(lines[:-1]):
        following = lines[number + 1]
        after = lines[number + 2] if number + 2 < len(lines) else ""
        parts += [line, " " if _goes_on(line, following, after, width) else "\n"]
    return "".join([*parts, lines[-1]])


def _width(lines: list[str]) -> int:
    """The width at which lines were wrapped; 0 if they were not: few come near it, or more than a few are longer."""
    lengths = sorted((len(line.strip()) for line in lines if line.strip()), reverse=True)
    spared = min(max(1, len(lengths) // 20), _SPARED)  # a footer, rows of a table
    for width in lengths[: spared + 1]:
        near = sum(width - _RAGGED < length <= width for length in lengths)
        if _NARROW <= width <= _WIDE and near >= _SEVERAL:
            return width
    return 0


def _goes_on(line: str, following: str, after: str, width: int) -> bool:
    """True if a line was broken for its width alone, so that the next goes on with its sentence."""
    end, begin = line.rstrip(), following.strip()
    if len(end) < _LEAST or not begin or begin[0] in _BULLETS or _in_columns(line) or _in_columns(following):
        return False
    first = begin.split(None, 1)[0]
    if _is_item(first) or ":" in begin[:_LABEL] or (first.isupper() and len(first) > 3 and end[-1] in _ENDS):
        return False
    fits = width == 0 or len(end) + 1 + len(first) <= width
    last = end.split()[-1].casefold()
    if end[-1] in _ENDS and not (last.endswith(".") and len(last) <= 4 and not fits):
        return not fits and end[-1] in ".?!" and len(end) >= width - _RAGGED and not _is_item(first)
    if last in _OPEN or end[-1] in ",-(/":
        return True
    if not fits:
        return True
    if not first[:1].islower():
        return False
    is_orphan = len(begin.split()) <= _ORPHAN and not after.strip()
    return len(end) >= _NEARLY * (width or _WIDE // 2) or is_orphan


def _in_columns(line: str) -> bool:
    """True for a row of a table: cells parted by a tab or several spaces."""
    inside = line.strip()
    return "\t" in inside or "   " in inside


def _is_item(word: str) -> bool:
    """True for the number of a list: "1.", "2)", "a)"."""
    return len(word) <= 4 and word[-1] in ".)" and word[:-1].isalnum() and (word[:-1].isdecimal() or word[-1] == ")")
