"""Note templates that can be chosen on this machine: shipped ones, and the clinic's own in the data folder."""

from __future__ import annotations

from pathlib import Path

from edge import paths
from edge.contract import template_files
from edge.contract import templates as contract
from edge.contract.note import Section
from edge.contract.templates import SectionSpec, Template
from edge.errors import UsageError


def own_folder() -> Path:
    """Where a clinic's own templates lie."""
    return paths.data_dir() / "templates"


def names() -> list[str]:
    """Templates that can be chosen: shipped ones, the clinic's own without a fault, then single sections."""
    return [one.name for one in template_files.listed(own_folder()) if one.problem is None]


def is_shipped(name: str) -> bool:
    """Whether a template comes with the program."""
    return name not in template_files.own_names(own_folder())


def get(name: str) -> Template:
    """A template by name. Raises UsageError."""
    return contract.get(name, own_folder())


def get_or_visit(name: str) -> Template:
    """A template by name; the visit note where it is gone or can't be used any more."""
    try:
        return get(name)
    except UsageError:
        return get("visit")


def blank(chosen: Template) -> tuple[Section, ...]:
    """The empty sections of a template."""
    return tuple(Section(spec.title.upper(), "", spec.key) for spec in chosen.sections)


def section_spec(key: str, heading: str, template_name: str) -> SectionSpec:
    """The instruction that writes a kept section: its template's, or one made of its heading where there is none.

    A note that an older program wrote on the command line has no keys: the only heading of a template's section tells
    which one it is.
    """
    try:
        known = get(template_name).sections
    except UsageError:  # a template of the clinic that is gone: the heading serves
        known = ()
    for spec in known:
        if spec.key == key or (spec.headings or (spec.title.upper(),)) == (heading,):
            return spec
    wanted = heading.strip().capitalize() or "Note"
    return SectionSpec(key, wanted, f"Write only the section {wanted!r} of the visit note, without its heading.")
