"""Clean text of HTML, HL7 CDA (Release 2) and HL7 v2 messages (2.x, chapter 2: encoding; chapter 7: ORU)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from edge.clinical.words import words as listed
from edge.errors import InputError
from edge.reading import office
from edge.reading.scan import Checkpoint, go_on, lines, steps, unescape

_HIDDEN = ("script", "style", "head", "noscript", "template", "svg")
_BLOCKS = listed(
    "p div br hr li ul ol dl dt dd tr table thead tbody section article header footer h1 h2 h3 h4 h5 h6 pre "
    "blockquote address form title body html main nav aside figure caption "
)
_NAME = re.compile(r"/?([A-Za-z][A-Za-z0-9]{0,20})")
_ATTRIBUTES = 20_000  # characters of one tag
_CDA = "urn:hl7-org:v3"


# -- HTML --------------------------------------------------------------------------------------------------------------


def is_html(text: str) -> bool:
    """True for a document of HTML; false for text with a tag in it."""
    head = text.lstrip("\ufeff\ufffd \t\n")[:1_000].casefold()
    return head.startswith(
        (
            "<!doctype html",
            "<html",
            "<body",
            "<head",
            "<div",
            "<p>",
            "<p ",
            "<table",
            "<meta",
            "<title",
            "<h1",
            "<pre",
            "<style",
        )
    ) or (head.startswith(("<?xml", "<!--")) and "<html" in head)


def html_text(text: str, checkpoint: Checkpoint = go_on) -> str:
    """What a browser would show of a page, a block a line, cells parted by a tab."""
    step = steps(checkpoint)
    low = text.casefold() if len(text.casefold()) == len(text) else text
    parts: list[str] = []
    at = 0
    laid_out = False  # within <pre>, where line ends and tabs are the author's
    gone: set[str] = set()  # hidden elements whose end does not stand behind this place
    while (begin := text.find("<", at)) >= 0:
        step()
        parts.append(_as_laid_out(text[at:begin]) if laid_out else _flow(text[at:begin]))
        if text.startswith("<!--", begin):
            end = text.find("-->", begin) if "-->" not in gone else -1
            if end < 0:
                gone.add("-->")
            at = end + 3 if end >= 0 else begin + 4
            continue
        name = _NAME.match(text, begin + 1)
        end = text.find(">", begin, begin + _ATTRIBUTES)
        if (name is None and text[begin + 1 : begin + 2] not in ("!", "?")) or end < 0:
            parts.append("<")
            at = begin + 1
            continue
        at = end + 1
        tag = name[1].casefold() if name is not None else ""
        closing = text[begin + 1] == "/"
        if tag in _HIDDEN and not closing and tag not in gone:
            shut = low.find(f"</{tag}", at)
            if shut < 0:
                gone.add(tag)
            else:
                at = shut
        elif tag in ("td", "th") and closing:
            parts.append("\t")
        elif tag in _BLOCKS:
            parts.append("\n")
        laid_out = not closing if tag == "pre" else laid_out
    parts.append(_flow(text[at:]))
    return _tidy("".join(parts))


def _as_laid_out(text: str) -> str:
    return unescape(text).replace("\xa0", " ")


def _flow(text: str) -> str:
    """Text as a browser flows it: any spaces are one, entities read, a fixed space an ordinary one."""
    if not text.strip():
        return " " if text else ""
    words = " ".join(text.split())
    opening, closing = (" " if text[0].isspace() else ""), (" " if text[-1].isspace() else "")
    return opening + unescape(words).replace("\xa0", " ").replace("\n", " ") + closing


def _tidy(text: str) -> str:
    """Lines without spaces at their ends, and no two empty ones in a row."""
    kept: list[str] = []
    for _, line in lines(text):
        clean = "\t".join(" ".join(cell.split()) for cell in line.rstrip("\t ").split("\t"))
        if clean.strip() or (kept and kept[-1]):
            kept.append(clean.rstrip())
    return "\n".join(kept).strip("\n") + "\n"


# -- CDA ---------------------------------------------------------------------------------------------------------------


def is_cda(text: str) -> bool:
    """True for an HL7 Clinical Document."""
    head = text.lstrip("\ufeff\ufffd \t\n")[:5_000]
    return head.startswith("<") and "ClinicalDocument" in head and _CDA in head


def is_xml(text: str) -> bool:
    """True for a document that says it is XML."""
    return text.lstrip("\ufeff\ufffd \t\n").startswith("<?xml")


def cda_text(text: str, name: str, checkpoint: Checkpoint = go_on) -> str:
    """The narrative of a clinical document: titles and text of its sections, after who the patient is.

    Raises InputError for damaged XML, entities, or a document without narrative (a PDF inside).
    """
    handler = _Cda(checkpoint)
    body = re.sub(r"^\s*<\?xml[^>]{0,200}\?>", "", text[:1_000]) + text[1_000:]  # it is decoded already
    office.read_xml(body.encode("utf-8", "replace"), handler, name)
    found = _tidy("".join(handler.parts))
    if not handler.narrative:
        raise InputError(f"{name} is a CDA document without narrative text.", "", "Export the report as text or PDF.")
    return found


class _Cda:
    """Gathers titles, narrative, and the patient's name, birth and sex."""

    _BLOCK = frozenset({"title", "paragraph", "text", "item", "tr", "br", "list", "table", "caption", "section"})

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.parts: list[str] = []
        self.narrative = False
        self._path: list[str] = []
        self._step = steps(checkpoint)

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._step()
        if self._path[-1:] == ["patient"] and tag in ("birthTime", "administrativeGenderCode"):
            stated = attributes.get("value") or attributes.get("displayName") or attributes.get("code") or ""
            self.parts.append(f"{'Birth date' if tag == 'birthTime' else 'Sex'}: {stated[:40]}\n")
        if len(self._path) < 200:
            self._path.append(tag)
        else:
            raise ValueError("nested too deeply")
        if tag in self._BLOCK and "structuredBody" in self._path:
            self.parts.append("\n")
        if tag == "name" and self._path[-2:-1] == ["patient"]:
            self.parts.append("Patient: ")

    def end(self, tag: str) -> None:
        self._path.pop()
        if tag in ("td", "th"):
            self.parts.append("\t")
        elif (
            tag == "title"
            or (tag in self._BLOCK and "structuredBody" in self._path)
            or (tag == "name" and "patient" in self._path)
        ):
            self.parts.append("\n")

    def data(self, text: str) -> None:
        inside = "structuredBody" in self._path and ("text" in self._path or self._path[-1] == "title")
        named = "patient" in self._path and "name" in self._path
        if inside or named or self._path == ["ClinicalDocument", "title"]:
            self.parts.append(" ".join(text.split(" ")).replace("\n", " "))
            self.narrative = self.narrative or (inside and bool(text.strip()))


# -- HL7 v2 ------------------------------------------------------------------------------------------------------------


def is_hl7(text: str) -> bool:
    """True for an HL7 v2 message."""
    head = text.lstrip("\ufeff\ufffd\x0b \t\n")[:20]
    return len(head) > 8 and head.startswith(("MSH", "FHS", "BHS")) and not head[3].isalnum() and not head[3].isspace()


def hl7_text(text: str, name: str, checkpoint: Checkpoint = go_on) -> str:
    """Results and remarks of HL7 v2 messages as lines: "name<TAB>value unit (reference) flag".

    Raises InputError if they hold no result, order, document or remark.
    """
    step = steps(checkpoint)
    field, component, repeat, escape, part = "|", "^", "~", "\\", "&"
    found: list[str] = []
    told = False
    for _, line in lines(text.replace("\x0b", "\n").replace("\x1c", "\n"), checkpoint):
        step()
        segment = line.strip("\ufffd ")
        kind = segment[:3]
        if kind == "MSH" and len(segment) > 8:
            field, signs = segment[3], segment[4 : segment.find(segment[3], 4)] or "^~\\&"
            component, repeat, escape, part = list((signs + "^~\\&"[len(signs) :])[:4])
            continue
        reader = _Message(segment.split(field), component, repeat, escape, part)
        stated = {"PID": reader.patient, "OBR": reader.order, "OBX": reader.result, "NTE": reader.remark}.get(kind)
        if stated is not None and (words := stated().strip()):
            found.append(words)
            told = told or kind != "PID"
    if not told:
        raise InputError(
            f"{name} is an HL7 v2 message without results.", "It has no OBX, OBR or NTE segment.", "Give the report."
        )
    return "\n".join(found) + "\n"


class _Message:
    """One segment: its fields and the separators of its message."""

    def __init__(self, fields: list[str], component: str, repeat: str, escape: str, part: str) -> None:
        self._fields = fields
        self._signs = {"F": "|", "S": component, "T": part, "R": repeat, "E": escape}
        self._component, self._repeat, self._escape = component, repeat, escape

    def _get(self, number: int) -> str:
        return self._fields[number] if number < len(self._fields) else ""

    def _named(self, number: int) -> str:
        """The text of a coded field: its second component, else its first."""
        components = self._get(number).split(self._component)
        return self._read(next((c for c in (*components[1:2], components[0]) if c.strip()), ""))

    def _read(self, value: str) -> str:
        """A value without escapes: \\.br\\ is a line break, \\T\\ the separator of subcomponents."""
        pieces = value.split(self._escape)
        kept = [pieces[0]]
        at = 1
        while at < len(pieces):
            code = pieces[at]
            if code in self._signs:
                kept.append(self._signs[code])
            elif code[:3] in (".br", ".sp", ".ce"):
                kept.append("\n")
            elif code in ("H", "N") or code[:1] == "." or (at + 1 < len(pieces) and code[:1] in ("X", "Z", "C", "M")):
                pass
            else:  # no escape: the sign itself
                kept.append(self._escape + code)
                at += 1
                continue
            kept.append(pieces[at + 1] if at + 1 < len(pieces) else "")
            at += 2
        return "".join(kept)

    def _values(self, number: int) -> str:
        return "\n".join(
            " ".join(self._read(part) for part in one.split(self._component) if part)
            for one in self._get(number).split(self._repeat)
        )

    def patient(self) -> str:
        family, _, given = self._get(5).partition(self._component)
        name = " ".join(part for part in (given.replace(self._component, " ").strip(), family) if part)
        born, sex = self._get(7)[:8], self._get(8)[:1]
        date = f"{born[:4]}-{born[4:6]}-{born[6:]}" if len(born) == 8 and born.isdecimal() else born
        stated = [f"Patient: {name}" if name else "", f"born {date}" if date else "", f"sex {sex}" if sex else ""]
        return ", ".join(one for one in stated if one)

    def order(self) -> str:
        return self._named(4)

    def result(self) -> str:
        name, value = self._named(3), self._values(5)
        unit, range_, flag = self._get(6).split(self._component)[0], self._get(7), self._get(8)
        if self._get(2) in ("ED", "RP"):
            return f"{name}: an attached file, which is not read" if name else ""
        after = [value, self._read(unit), f"({self._read(range_)})" if range_ else "", flag]
        stated = " ".join(one for one in after if one)
        gap = "\n" if "\n" in value or len(value) > 60 else "\t"
        return f"{name}{gap}{stated}" if name and stated else stated

    def remark(self) -> str:
        return self._values(3)
