"""Import of a classification: ICD-10-CM's tabular XML (CDC/NCHS), or ClaML (ISO 13120; ICD-10-GM, WHO).

Foreign XML is read by defusedxml: no entities, no external files. Raises CatalogueError for anything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from edge.errors import CatalogueError

MAX_BYTES = 200_000_000  # the largest edition in use, ClaML of a national version, has about 30 MB
_NOTES = {
    "inclusionTerm": "inclusion",
    "includes": "includes",
    "excludes1": "excludes1",
    "excludes2": "excludes2",
    "codeFirst": "code_first",
    "useAdditionalCode": "use_additional",
    "codeAlso": "code_also",
}
_RUBRICS = {
    "inclusion": "inclusion",
    "exclusion": "excludes1",
    "coding-hint": "use_additional",
    "definition": "includes",
    "text": "includes",
}


@dataclass
class TabularEntry:
    """One entry of an edition as it is imported. notes: kind -> texts. seventh: character -> meaning.

    extended: made from an entry above and a seventh character, so its words are already indexed there.
    """

    code: str
    description: str
    parent: str
    level: int
    leaf: bool = True
    notes: dict[str, list[str]] = field(default_factory=dict)
    seventh: dict[str, str] = field(default_factory=dict)
    extended: bool = False


def read_edition(raw: bytes) -> tuple[str, list[TabularEntry]]:
    """(edition, entries in order) of a file in either format. Raises CatalogueError."""
    if len(raw) > MAX_BYTES:
        raise CatalogueError("The file of codes is too large.", f"{len(raw):,} bytes; at most {MAX_BYTES:,}.")
    try:
        root = fromstring(raw, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    except (ParseError, DefusedXmlException, ValueError, RecursionError):
        raise CatalogueError(
            "The file of codes is not XML that may be read.", "", "Give ClaML or tabular XML."
        ) from None
    if root.tag == "ICD10CM.tabular":
        return f"ICD-10-CM {_text(root.find('version'))}".strip(), list(_tabular(root))
    if root.tag == "ClaML":
        title = root.find("Title")
        name = (title.get("name") or _text(title)) if title is not None else ""
        version = title.get("version") or "" if title is not None else ""
        return f"{name} {version}".strip() or "unnamed edition", list(_claml(root))
    raise CatalogueError(
        "The file holds no list of codes.", f"Its top is {str(root.tag)[:40]!r}.", "Give ClaML or tabular XML."
    )


def _text(node: Any) -> str:
    return " ".join("".join(node.itertext()).split()) if node is not None else ""


def _tabular(root: Any) -> Iterator[TabularEntry]:
    for chapter in root.iter("chapter"):
        name = f"Chapter {_text(chapter.find('name'))}"
        yield TabularEntry(name, _text(chapter.find("desc")), "", 0, leaf=False)
        for section in chapter.iter("section"):
            block = _block(str(section.get("id") or ""))
            yield TabularEntry(block, _text(section.find("desc")), name, 1, leaf=False)
            for diagnosis in section.findall("diag"):
                yield from _diagnosis(diagnosis, block, 2, {})


def _block(name: str) -> str:
    """A block of one category ("B20") is written as a range: the category has that name."""
    return name if "-" in name else f"{name}-{name}"


def _diagnosis(node: Any, parent: str, level: int, inherited: dict[str, str]) -> Iterator[TabularEntry]:
    entry = TabularEntry(_text(node.find("name")), _text(node.find("desc")), parent, level)
    for tag, kind in _NOTES.items():
        texts = [_text(note) for group in node.findall(tag) for note in group.findall("note")]
        if texts:
            entry.notes[kind] = texts
    own = {e.get("char") or "": _text(e) for d in node.findall("sevenChrDef") for e in d.findall("extension")}
    entry.seventh = {char: text for char, text in own.items() if len(char) == 1}
    seventh = entry.seventh or inherited
    below = node.findall("diag")
    extend = not below and bool(seventh) and len(entry.code.replace(".", "")) < 7
    entry.leaf = not below and not extend
    yield entry
    for child in below:
        yield from _diagnosis(child, entry.code, level + 1, seventh)
    if extend:
        yield from _extended(entry, seventh)


def _extended(entry: TabularEntry, seventh: dict[str, str]) -> Iterator[TabularEntry]:
    """The codes that may be reported: X fills up to the seventh place (ICD-10-CM guidelines, I.A.4 and I.A.5)."""
    stem = entry.code if "." in entry.code else f"{entry.code}."
    stem = stem.ljust(7, "X")
    fatal = stem.startswith("S06.") and stem[6] in "78"  # the category's note: only A goes with these sixth characters
    for char, meaning in seventh.items():
        if fatal and char != "A":
            continue
        yield TabularEntry(
            f"{stem}{char}", f"{entry.description}, {meaning}", entry.code, entry.level + 1, extended=True
        )


def _claml(root: Any) -> Iterator[TabularEntry]:
    classes = {str(c.get("code")): c for c in root.iter("Class") if c.get("code")}
    levels: dict[str, int] = {}

    def level(code: str) -> int:
        path: list[str] = []
        while code not in levels and code not in path:  # a cycle in a foreign file must end too
            path.append(code)
            above = classes[code].find("SuperClass") if code in classes else None
            if above is None or str(above.get("code")) not in classes:
                levels[code] = 0
                break
            code = str(above.get("code"))
        for step in reversed(path):
            above = classes[step].find("SuperClass")
            known = levels.get(str(above.get("code")), -1) if above is not None else -1
            levels.setdefault(step, known + 1)
        return levels[path[0]] if path else levels[code]

    for code, node in classes.items():
        above = node.find("SuperClass")
        parent = str(above.get("code")) if above is not None else ""
        entry = TabularEntry(code, "", parent, level(code), leaf=node.find("SubClass") is None)
        for rubric in node.findall("Rubric"):
            kind, text = rubric.get("kind") or "", _text(rubric.find("Label"))
            if kind == "preferred" and not entry.description:
                entry.description = text
            elif kind in _RUBRICS and text:
                entry.notes.setdefault(_RUBRICS[kind], []).append(text)
        entry.leaf = entry.leaf and node.get("kind", "category") == "category"
        yield entry
