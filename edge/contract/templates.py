"""Note templates as data: which sections a note has, their headings, and the instruction for each.

Shipped templates lie beside this file; a clinic's own are TOML files of the same shape. `section:KEY` selects one
section of the MTS-Dialog set (Ben Abacha et al., EACL 2023) as a template of its own.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from edge import foreign
from edge.contract.template_check import MAX_CHARACTERS, problem
from edge.errors import UsageError
from edge.text import one_line, sanitise

_SECTION_SET = "mts"
Contradicted = Literal["", "again", "out", "shown"]


@dataclass(frozen=True)
class SectionSpec:
    """One generated part. headings: what its text may be divided by (empty: the title is the heading). contradicted:
    what is done, before a clinician sees it, with a statement that the conversation contradicts: it is written "again"
    once from its own turns, left "out", or "shown" as it is; empty: what the form of the note does.
    """

    key: str
    title: str
    instruction: str
    headings: tuple[str, ...] = ()
    max_tokens: int = 512
    contradicted: Contradicted = ""


@dataclass(frozen=True)
class Template:
    """A note template: sections in the order in which they are written and shown."""

    name: str
    title: str
    sections: tuple[SectionSpec, ...]


def _section(raw: dict[str, Any]) -> SectionSpec:
    headings = tuple(one_line(heading) for heading in raw.get("headings", ()))
    instruction = sanitise(raw["instruction"]).strip()
    most = int(raw.get("max_tokens", 512))
    contradicted: Contradicted = raw.get("contradicted", "")
    return SectionSpec(one_line(raw["key"]), one_line(raw["title"]), instruction, headings, most, contradicted)


def parse_template(text: str, where: str) -> Template:
    """Read a template from TOML text. where names the source in errors; raises UsageError with the line at fault."""
    found = problem(text)
    if found is not None:
        raise UsageError(f"{where}, line {found.line}: {found.sentence()}", "", "Correct the template.")
    raw = tomllib.loads(text)
    name = one_line(str(raw.get("name") or Path(where).stem))
    return Template(name, one_line(str(raw.get("title") or name)), tuple(_section(s) for s in raw["sections"]))


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


def may_be_own(name: str) -> bool:
    """Whether a clinic's own template may be called so: letters, digits, "-" and "_", and no shipped one's name."""
    return name.replace("-", "").replace("_", "").isalnum() and len(name) <= 60 and name not in shipped()


def read_own(name: str, folder: Path) -> str:
    """Text of a clinic's own template. Raises UsageError if it can't be read or is longer than any template."""
    try:
        return sanitise(foreign.read(folder / f"{name}.toml", 4 * MAX_CHARACTERS).decode("utf-8"))
    except (OSError, foreign.Refused, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error).capitalize()
        why = "It is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else why
        raise UsageError(f"The template {name}.toml can't be read.", f"{why}.", "Correct or remove it.") from None


def get(name: str, folder: Path | None = None) -> Template:
    """Return a template by name: shipped, `section:KEY`, or NAME.toml in folder. Raises UsageError."""
    if name.startswith("section:"):
        key = name.removeprefix("section:")
        for spec in shipped()[_SECTION_SET].sections:
            if spec.key.casefold() == key.casefold():
                return Template(f"section:{spec.key}", spec.title, (spec,))
    elif name in shipped() and name != _SECTION_SET:
        return shipped()[name]
    elif folder is not None and may_be_own(name) and (folder / f"{name}.toml").is_file():
        # Its file's name is what it is called by, whatever stands in the file.
        return replace(parse_template(read_own(name, folder), f"{name}.toml"), name=name)
    raise UsageError(
        f"There is no template {name!r}.",
        f"Known: {', '.join(n for n in names() if not n.startswith('section:'))}, "
        f"and section:KEY with KEY one of {', '.join(section_keys())}.",
    )
