"""Text of office files: DOCX (ECMA-376), ODT (OASIS OpenDocument 1.3), RTF (Microsoft's specification 1.9.1).

A DOCX or ODT is a ZIP: only its one text part is unpacked, up to a bound, and its XML is read as a stream without
entities. What is struck out by tracked changes is no text.
"""

from __future__ import annotations

import codecs
import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from typing import Protocol
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from edge.clinical.words import words as listed
from edge.errors import InputError
from edge.reading.scan import Checkpoint, go_on, steps

MAX_UNPACKED = 40_000_000  # bytes of the text part; a thousand pages have about 20 MB
_MEMBERS = 20_000
_PIECE = 65_536  # bytes given to the XML parser at once
_DEPTH = 1_000  # groups within groups of an RTF file
_SPACES = 200  # of one <text:s>
_DOCX = "word/document.xml"
_ODT = "content.xml"
_RTF_TOKEN = re.compile(
    r"\\([A-Za-z]{1,32})(-?\d{1,10})? ?|\\'([0-9A-Fa-f]{2})|\\([^A-Za-z'])|([{}])|([^\\{}\r\n]{1,10000})|[\r\n]",
    re.DOTALL,
)
_RTF_HIDDEN = listed(
    "fonttbl colortbl stylesheet info pict object header headerl headerr headerf footer footerl footerr footerf "
    "footnote generator listtable listoverridetable rsidtbl themedata colorschememapping datastore latentstyles "
    "xmlnstbl fldinst bkmkstart bkmkend annotation atnid atnauthor deleted "
)
_RTF_TEXT = {"par": "\n", "line": "\n", "sect": "\n", "page": "\n", "row": "\n", "tab": "\t", "cell": "\t"} | {
    "emdash": "—", "endash": "–", "bullet": "•", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”",
}  # fmt: skip


def office_text(raw: bytes, name: str, checkpoint: Checkpoint = go_on) -> tuple[str, str]:
    """("docx" or "odt", text of a ZIP that holds one). Raises InputError for another or a damaged file."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as file:
            names = file.namelist()
            kind = "docx" if _DOCX in names else "odt" if _ODT in names else ""
            if not kind or len(names) > _MEMBERS:
                raise InputError(
                    f"{name} is a ZIP file, and neither a DOCX nor an ODT text.",
                    "",
                    "Unpack it, or save the document as DOCX, ODT, PDF or plain text.",
                )
            member = _DOCX if kind == "docx" else _ODT
            if file.getinfo(member).flag_bits & 1:
                raise InputError(f"{name} is locked with a password.", "", "Save it without one.")
            with file.open(member) as part:
                body = part.read(MAX_UNPACKED + 1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, RuntimeError, ValueError):
        raise InputError(f"{name} is a damaged Office file.", "", "Save it again, or as plain text.") from None
    if len(body) > MAX_UNPACKED:
        raise InputError(f"{name} unpacks to more than {MAX_UNPACKED:,} bytes.", "", "Split it.")
    handler = _Docx(checkpoint) if kind == "docx" else _Odt(checkpoint)
    read_xml(body, handler, name)
    return kind, handler.text()


class Elements(Protocol):
    """What takes the elements of an XML file one by one; tag: the name without its namespace."""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None: ...
    def end(self, tag: str) -> None: ...
    def data(self, text: str) -> None: ...


class _Target:
    """Hands elements on without their namespaces; keeps no tree."""

    def __init__(self, elements: Elements) -> None:
        self._elements = elements
        self.data = elements.data

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._elements.start(_local(tag), {_local(name): value for name, value in attributes.items()})

    def end(self, tag: str) -> None:
        self._elements.end(_local(tag))

    def close(self) -> None:
        """Nothing is left to do."""


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def read_xml(body: bytes, elements: Elements, name: str) -> None:
    """Read foreign XML as a stream of elements. Raises InputError for damage, a DTD, entities or external files."""
    parser = DefusedXMLParser(target=_Target(elements), forbid_dtd=True)
    try:
        for start in range(0, len(body), _PIECE):
            parser.feed(body[start : start + _PIECE])
        parser.close()
    except DefusedXmlException:
        raise InputError(f"{name} holds XML entities or a DTD.", "They can be used to attack a reader.", "") from None
    except (ParseError, ValueError):
        raise InputError(f"{name} holds damaged XML.", "", "Save it again, or as plain text.") from None


class _Paragraphs:
    """Gathers text; a subclass says what its elements are. hidden: depth inside what is no text."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._step = steps(checkpoint)
        self._parts: list[str] = []
        self._hidden = 0
        self._cell = 0

    def text(self) -> str:
        """Lines of the paragraphs, a table's row on one."""
        return "".join(self._parts)

    def put(self, text: str) -> None:
        if not self._hidden:
            self._parts.append(text)

    def end_paragraph(self) -> None:
        self.put(" " if self._cell else "\n")


class _Docx(_Paragraphs):
    _HIDDEN = frozenset({"del", "moveFrom", "Fallback", "delText", "instrText", "tabs"})

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint)
        self._in_text = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._step()
        if tag in self._HIDDEN:
            self._hidden += 1
        elif tag == "t":
            self._in_text += 1
        elif tag == "tc":
            self._cell += 1
        elif tag in ("tab", "ptab"):
            self.put("\t")
        elif tag in ("br", "cr"):
            self.put("\n")
        elif tag in ("noBreakHyphen", "softHyphen"):
            self.put("-" if tag == "noBreakHyphen" else "")

    def end(self, tag: str) -> None:
        if tag in self._HIDDEN:
            self._hidden -= 1
        elif tag == "t":
            self._in_text -= 1
        elif tag == "tc":
            self._cell -= 1
            self.put("\t")
        elif tag == "tr":
            self.put("\n")
        elif tag == "p":
            self.end_paragraph()

    def data(self, text: str) -> None:
        if self._in_text:
            self.put(text)


class _Odt(_Paragraphs):
    _HIDDEN = frozenset({"tracked-changes", "annotation", "note", "script", "meta", "styles", "automatic-styles"})

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint)
        self._in_paragraph = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._step()
        if tag in self._HIDDEN:
            self._hidden += 1
        elif tag in ("p", "h"):
            self._in_paragraph += 1
        elif tag == "table-cell":
            self._cell += 1
        elif tag == "tab":
            self.put("\t")
        elif tag == "line-break":
            self.put("\n")
        elif tag == "s":
            count = attributes.get("c", "1")
            self.put(" " * min(int(count) if count.isdecimal() and len(count) < 6 else 1, _SPACES))

    def end(self, tag: str) -> None:
        if tag in self._HIDDEN:
            self._hidden -= 1
        elif tag in ("p", "h"):
            self._in_paragraph -= 1
            self.end_paragraph()
        elif tag == "table-cell":
            self._cell -= 1
            self.put("\t")
        elif tag == "table-row":
            self.put("\n")

    def data(self, text: str) -> None:
        if self._in_paragraph:
            self.put(text)


def rtf_text(raw: bytes, name: str, checkpoint: Checkpoint = go_on) -> str:
    """Text of an RTF file. Raises InputError if it has none."""
    text = _Rtf(raw.decode("latin-1")).read(checkpoint)
    if not text.strip():
        raise InputError(f"{name} is an RTF file without text.", "", "Save it as plain text.")
    return text


class _Rtf:
    """One pass over an RTF file. hidden: inside a group that is no text; skip: characters that stand for a \\u."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._parts: list[str] = []
        self._bytes = bytearray()  # of \\'hh, which may be one character together
        self._codec = "cp1252"
        self._hidden = self._starred = False
        self._unicode_skip, self._skip = 1, 0
        self._groups: list[tuple[bool, int]] = []

    def read(self, checkpoint: Checkpoint) -> str:
        step, at = steps(checkpoint), 0
        while at < len(self._source):
            step()
            found = _RTF_TOKEN.match(self._source, at)
            if found is None:
                at += 1
                continue
            at = found.end()
            word, number, byte, sign, brace, run = found.groups()
            if byte is None:
                self._flush()
            if byte is not None:
                self._byte(int(byte, 16))
            elif brace is not None:
                self._brace(brace)
            elif word is not None:
                at += self._word(word, int(number) if number else None)
            elif sign is not None:
                self._sign(sign)
            elif run is not None:
                self._run(run)
        self._flush()
        text = "".join(self._parts)
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # two \\u may be one character

    def _flush(self) -> None:
        if self._bytes:
            self._parts.append(self._bytes.decode(self._codec, "replace"))
            self._bytes.clear()

    def _byte(self, value: int) -> None:
        if self._skip:
            self._skip -= 1
        elif not self._hidden:
            self._bytes.append(value)

    def _brace(self, brace: str) -> None:
        self._skip, self._starred = 0, False
        if brace == "{":
            self._groups.append((self._hidden, self._unicode_skip))
            if len(self._groups) > _DEPTH:
                raise InputError("This RTF file is nested too deeply.", "", "Save it again, or as plain text.")
        else:
            self._hidden, self._unicode_skip = self._groups.pop() if self._groups else (False, 1)

    def _word(self, word: str, value: int | None) -> int:
        """Obey a control word; returns how many bytes after it are data."""
        starred, self._starred = self._starred, False
        if word == "ansicpg" and value is not None:
            self._codec = _codec(value)
        elif word in _RTF_HIDDEN or starred:
            self._hidden = True
        elif word == "uc" and value is not None:
            self._unicode_skip = min(max(value, 0), 8)
        elif word == "bin" and value is not None:
            return max(0, value)
        elif word == "u" and value is not None:
            if not self._hidden:
                self._parts.append(chr(value % 0x10000))
            self._skip = self._unicode_skip
        elif word in _RTF_TEXT and not self._hidden:
            self._parts.append(_RTF_TEXT[word])
        return 0

    def _sign(self, sign: str) -> None:
        self._starred = sign == "*"
        if not self._hidden and sign in "\\{}~_-\n\r":
            self._parts.append({"~": " ", "_": "-", "-": "", "\r": "\n"}.get(sign, sign))

    def _run(self, run: str) -> None:
        if not self._hidden:
            taken = min(self._skip, len(run))
            self._skip -= taken
            self._parts.append(run[taken:])


def _codec(page: int) -> str:
    try:
        return codecs.lookup(f"cp{page}").name
    except LookupError:
        return "cp1252"
