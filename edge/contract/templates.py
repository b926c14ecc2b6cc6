"""Note templates as data: which sections a note has, their headings, and the instruction for each.

Shipped templates lie beside this file; a clinic's own are TOML files of the same shape. `section:KEY` selects one
section of the MTS-Dialog set (Ben Abacha et al., EACL 2023) as a template of its own.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from edge.errors import UsageError

_SECTION_SET = "mts"
_SECTION_KEYS = {"key": str, "title": str, "instruction": str, "headings": list, "max_tokens": int}


@dataclass(frozen=True)
class SectionSpec:
    """One generated part. headings: what its text may be divided by (empty: the title is the heading)."""

    key: str
    title: str
    instruction: str
    headings: tuple[str, ...] = ()
    max_tokens: int = 512


@dataclass(frozen=True)
class Template:
    """A note template: sections in the order in which they are written and shown."""

    name: str
    title: str
    sections: tuple[SectionSpec, ...]


def _section(raw: dict[str, Any], where: str) -> SectionSpec:
    for key, value in raw.items():
        kind = _SECTION_KEYS.get(key)
        if kind is None or not isinstance(value, kind):
            raise UsageError(
                f"{where}: section entry {key!r} is not understood.",
                f"A section has {', '.join(_SECTION_KEYS)}.",
                "Correct the template file.",
            )
    missing = [key for key in ("key", "title", "instruction") if not str(raw.get(key, "")).strip()]
    if missing:
        raise UsageError(f"{where}: a section lacks {', '.join(missing)}.", "", "Add it to the template file.")
    limit = int(raw.get("max_tokens", 512))
    if not 1 <= limit <= 8192:
        raise UsageError(f"{where}: max_tokens is {limit}.", "It must lie between 1 and 8192.")
    headings = tuple(str(h) for h in raw.get("headings", ()))
    return SectionSpec(raw["key"], raw["title"], raw["instruction"].strip(), headings, limit)


def parse_template(text: str, where: str) -> Template:
    """Read a template from TOML text. where names the source in errors; raises UsageError."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where}: not valid TOML.", str(error), "Correct the template file.") from None
    sections = raw.get("sections")
    if not isinstance(sections, list) or not sections or not all(isinstance(s, dict) for s in sections):
        raise UsageError(f"{where}: no [[sections]].", "A template needs at least one section.")
    specs = tuple(_section(s, where) for s in sections)
    if len({s.key for s in specs}) != len(specs):
        raise UsageError(f"{where}: two sections have the same key.")
    name = str(raw.get("name") or Path(where).stem)
    return Template(name, str(raw.get("title") or name), specs)


@cache
def shipped() -> dict[str, Template]:
    """All shipped templates by name, the section set included."""
    found = {}
    for entry in resources.files("edge.contract").joinpath("note_templates").iterdir():
        if entry.name.endswith(".toml"):
            template = parse_template(entry.read_text(encoding="utf-8"), entry.name)
            found[template.name] = template
    return found


def section_keys() -> tuple[str, ...]:
    """Keys usable as `section:KEY` (the 20 MTS-Dialog headers)."""
    return tuple(s.key for s in shipped()[_SECTION_SET].sections)


def names() -> list[str]:
    """Every name that get() accepts without a file."""
    whole = sorted(name for name in shipped() if name != _SECTION_SET)
    return whole + [f"section:{key}" for key in section_keys()]


def get(name: str, folder: Path | None = None) -> Template:
    """Return a template by name: shipped, `section:KEY`, or NAME.toml in folder. Raises UsageError."""
    if name.startswith("section:"):
        key = name.removeprefix("section:")
        for spec in shipped()[_SECTION_SET].sections:
            if spec.key.casefold() == key.casefold():
                return Template(f"section:{spec.key}", spec.title, (spec,))
    elif name in shipped() and name != _SECTION_SET:
        return shipped()[name]
    elif (
        folder is not None and name.replace("-", "").replace("_", "").isalnum() and (folder / f"{name}.toml").is_file()
    ):
        return parse_template((folder / f"{name}.toml").read_text(encoding="utf-8"), f"{name}.toml")
    raise UsageError(
        f"There is no template {name!r}.",
        f"Known: {', '.join(n for n in names() if not n.startswith('section:'))}, "
        f"and section:KEY with KEY one of {', '.join(section_keys())}.",
    )
