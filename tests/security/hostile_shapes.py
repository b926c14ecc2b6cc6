"""Texts that make a careless reader slow, each as a function of its length in characters.

One list for every parser, for templates, loop detector and sanitiser: a shape found for one is tried on all.
"""

from __future__ import annotations

from collections.abc import Callable

Shape = Callable[[int], str]

VTT = "WEBVTT\n\n00:00.000 --> 00:01.000\n"
CDA = '<ClinicalDocument xmlns="urn:hl7-org:v3"><component><structuredBody><component><section><text>'
CDA_END = "</text></section></component></structuredBody></component></ClinicalDocument>"
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
    "JSON strings": repeated('{"text": "a"}, ', "[", '{"text": "b"}]'),
    "JSON numbers": repeated("1, ", "[", "1]"),
    "JSON digits": repeated("9", "[", "]"),
    "JSON brackets": lambda length: "[" * (length // 2) + "]" * (length // 2),
    "JSON words": repeated(
        '{"word": "a", "start": 1, "speaker": "A"}, ', '{"segments": [{"text": "a", "words": [', "{}]}]}"
    ),
    "JSON lists in lists": repeated('{"a": [{"b": [{}]}]}, ', "[", "{}]"),
    "table rows": repeated("1\t2\ta b\n", "start\tend\ttext\n"),
    "table tabs": repeated("\t", "start\tend\ttext\n"),
    "table quotes": repeated('"', "start,end,text\n"),
    "HTML tags": repeated("<p>a", "<html>"),
    "HTML tags without end": repeated("<a ", "<html>"),
    "HTML comments": repeated("<!--", "<html>"),
    "HTML scripts": repeated("<script>", "<html>"),
    "HTML styles without end": repeated("<style><", "<html>"),
    "HTML spaces": repeated(" ", "<html>a", "b"),
    "HL7 fields": repeated("|", "MSH|^~\\&|A|B\rOBX|1|TX|a||", "x"),
    "HL7 escapes": repeated("\\.br\\", "MSH|^~\\&|A|B\rOBX|1|TX|a||", "x"),
    "HL7 backslashes": repeated("\\", "MSH|^~\\&|A|B\rOBX|1|TX|a||", "x"),
    "HL7 components": repeated("^", "MSH|^~\\&|A|B\rOBX|1|TX|a||", "x"),
    "HL7 segments": repeated("OBX|1|TX|a||b\r", "MSH|^~\\&|A|B\r"),
    "CDA elements": repeated("<item>a</item>", CDA, CDA_END),
    "CDA depth": lambda length: CDA + "<list>" * (length // 13) + "</list>" * (length // 13) + CDA_END,
    "RTF words": repeated("\\b0 a", "{\\rtf1 ", "}"),
    "RTF groups": repeated("{", "{\\rtf1 ", "a}"),
    "RTF bytes": repeated("\\'e4", "{\\rtf1 ", "}"),
    "RTF backslashes": repeated("\\", "{\\rtf1 ", "a}"),
    "RTF data": repeated("\\bin9 ", "{\\rtf1 ", "a}"),
    "PDF without end": repeated("1 0 obj << ", "%PDF-1.4\n"),
    "PDF tables": repeated("xref\n0 1\n", "%PDF-1.4\n", "startxref\n9\n%%EOF"),
    "wrapped lines": repeated("and so on with a line that was wrapped at its width and goes\n", "Report\n"),
    "phrases in a row": repeated("thank you ", "Doctor: "),
    "marks": repeated("[BLANK_AUDIO] "),
    "open marks": repeated("(", "Doctor: a "),
    "tier equal signs": repeated("=", GRID + '"IntervalTier" "a" ', '"x"'),
}
