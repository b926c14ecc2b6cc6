"""Texts that make a careless reader slow, each as a function of its length in characters.

One list for every parser, for templates, loop detector and sanitiser: a shape found for one is tried on all.
"""

from __future__ import annotations

from collections.abc import Callable

Shape = Callable[[int], str]

VTT = "WEBVTT\n\n00:00.000 --> 00:01.000\n"
GRID = 'File type = "ooTextFile"\nObject class = "TextGrid"\n'


def repeated(unit: str, head: str = "", tail: str = "") -> Shape:
    """The unit again and again up to a length, after a head and before a tail."""
    return lambda length: head + (unit * (length // len(unit) + 1))[:length] + tail


TEXTS: dict[str, Shape] = {
    "letters": repeated("a"),
    "spaces": repeated(" ", "Doctor", ": x"),
    "tabs": repeated("\t", "a", "b"),
    "line ends": repeated("\n", "Doctor: a", "b"),
    "underscores": repeated("_", "[doctor] hello\nSignature"),
    "dots": repeated(".", "Doctor: a\nDr"),
    "apostrophes": repeated("'", "Doctor: a\nx"),
    "words and colons": repeated("a b: "),
    "words without a colon": repeated("Anna Maria von der "),
    "hyphens": repeated("a-", "Doctor: a\n"),
    "brackets open": repeated("["),
    "brackets nested": repeated("[doctor ", "[doctor] a\n"),
    "round brackets": repeated("(speaker "),
    "many lines": repeated("a\n"),
    "many short labels": repeated("D: x\nP: y\n"),
    "labels all different": lambda length: "\n".join(f"Name{n}: x" for n in range(length // 11)),
    "continuation lines": repeated("and then some\n", "Doctor: hello\n"),
    "labels without words": repeated("Doctor:\n", "", "Patient: x"),
    "stars": repeated("*", "**Doctor:** a\n", "x"),
    "quotation signs": repeated("> ", "> Doctor: a\n"),
    "heading signs": repeated("#", "# Doctor\na\n"),
    "digits": repeated("9", "Doctor: a\n"),
    "clocks": repeated("00:01 "),
    "clocks in brackets": repeated("[00:01:02] ", "[00:00:01] Doctor: a\n"),
    "clocks without end": repeated("1:2:3:4"),
    "numbered lines": repeated("1. "),
    "full-width colons": repeated("医：", "Doctor: a\n"),
    "arrows": repeated("-> ", "Doctor -> a\n"),
    "entities": repeated("&amp;"),
    "entity without end": repeated("9", VTT + "&#"),
    "ampersands": repeated("&", VTT),
    "line separators": repeated("\u2028x"),
    "controls": repeated("\x1b[31m"),
    "combining accents": repeated("\u0301", "Doctor: a"),
    "voice without end": repeated("<v ", VTT),
    "voice with spaces": repeated(" ", VTT + "<v", ">x"),
    "voice spans": repeated("<v A>b", VTT),
    "tags without end": repeated("<a", VTT),
    "tags": repeated("<i>a</i>", VTT),
    "less-than signs": repeated("<", VTT),
    "closing tags": repeated("</", VTT),
    "arrows of captions": repeated("-->", VTT),
    "cues": repeated("00:00.000 --> 00:01.000\nDoctor: hi\n\n", "WEBVTT\n\n"),
    "cues without blank lines": repeated("00:00.000 --> 00:01.000\nhi\n", "WEBVTT\n\n"),
    "cue of many lines": repeated("hi there\n", VTT),
    "SubRip numbers": repeated("1\n", "1\n00:00:00,000 --> 00:00:01,000\nhi\n\n"),
    "tiers": repeated('"IntervalTier"\n"a"\n0 1 1\n0 1 "x"\n', GRID),
    "tiers without end": repeated('"IntervalTier"', GRID),
    "tier quotes": repeated('"', GRID + '"IntervalTier" "a" 0 1 1 0 1 '),
    "tier numbers": repeated("0 1 ", GRID + '"IntervalTier" "a" ', '"x"'),
    "tier digits": repeated("9", GRID + '"IntervalTier" "a" ', ' 1 "x"'),
    "tier equal signs": repeated("=", GRID + '"IntervalTier" "a" ', '"x"'),
}
