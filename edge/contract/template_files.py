"""A clinic's own templates in the data folder: which there are, their text, saving (whole or not at all), deleting.

Shipped templates are read-only; their text can be taken to begin an own one with.
"""

from __future__ import annotations

import contextlib
import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge import disk
from edge.contract import templates
from edge.contract.template_check import Problem, problem
from edge.contract.templates import Template
from edge.errors import InputError, UsageError
from edge.paths import device_name

MAX_TEMPLATES = 200


@dataclass(frozen=True)
class Listed:
    """One template for a list. sections: how many. problem: why an own one can't be used, or None."""

    name: str
    title: str
    sections: int
    own: bool
    problem: Problem | None = None


def own_names(folder: Path) -> list[str]:
    """Names of the templates in folder, in order."""
    with contextlib.suppress(OSError):
        found = sorted(p.stem for p in folder.iterdir() if p.suffix == ".toml" and templates.may_be_own(p.stem))
        return found[:MAX_TEMPLATES]
    return []


def listed(folder: Path) -> list[Listed]:
    """Every template: shipped notes, the clinic's own, shipped single sections."""
    shipped = [_line(templates.get(name), own=False) for name in templates.names()]
    single = [one for one in shipped if one.name.startswith("section:")]
    return [
        *(one for one in shipped if one not in single),
        *(_own(name, folder) for name in own_names(folder)),
        *single,
    ]


def _line(template: Template, own: bool) -> Listed:
    return Listed(template.name, template.title, len(template.sections), own)


def _own(name: str, folder: Path) -> Listed:
    try:
        return judged(name, templates.read_own(name, folder))
    except UsageError as error:
        return Listed(name, name, 0, True, Problem(1, "toml", {"why": error.why.rstrip(".")}))


def judged(name: str, text: str) -> Listed:
    """An own template of this text, whether it is in a file or not."""
    if (found := problem(text)) is not None:
        return Listed(name, name, 0, True, found)
    template = templates.parse_template(text, f"{name}.toml")
    return Listed(name, template.title, len(template.sections), True)


def text_of(name: str, folder: Path) -> str:
    """A template's TOML text: an own one's as it stands, a shipped one's written out. Raises UsageError."""
    if name in own_names(folder):
        return templates.read_own(name, folder)
    return as_toml(templates.get(name))


def as_toml(template: Template) -> str:
    """A template as TOML text, without its name: the file's name is that."""
    lines = [f"title = {_quoted(template.title)}"]
    for spec in template.sections:
        lines += ["", "[[sections]]", f"key = {_quoted(spec.key)}", f"title = {_quoted(spec.title)}"]
        if spec.headings:
            lines.append(f"headings = [{', '.join(map(_quoted, spec.headings))}]")
        if spec.contradicted:
            lines.append(f"contradicted = {_quoted(spec.contradicted)}")
        lines += [f"max_tokens = {spec.max_tokens}", f"instruction = {_quoted(spec.instruction)}"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a JSON string is a TOML string, but for DEL, which no text here has


def name_for(title: str, folder: Path, taken: Iterable[str] = ()) -> str:
    """A free name made of a title: "Knee, left" is "knee-left", then "knee-left-2". Raises UsageError for none.

    taken: names that are in no file yet and not free all the same.
    """
    plain = unicodedata.normalize("NFKD", title.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40]
    if not stem:
        raise UsageError("A template's name needs a letter or digit.")
    used = {*own_names(folder), *templates.shipped(), *taken}
    names = (stem if n == 1 else f"{stem}-{n}" for n in range(1, 1000))
    return next(name for name in names if name not in used and not device_name(name))


def save(name: str, text: str, folder: Path) -> Path:
    """Keep an own template, whole or not at all. Raises UsageError (name or text is wrong), InputError (the disk)."""
    if not templates.may_be_own(name) or device_name(name):
        why = "Letters, digits, - and _; no built-in one's name, and none that Windows keeps for a device (con, com1)."
        raise UsageError(f"A template can't be called {name!r}.", why)
    templates.parse_template(text, f"{name}.toml")
    target = folder / f"{name}.toml"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        disk.write(target, text.encode())
    except OSError as error:
        raise InputError("The template could not be saved.", f"{error.strerror}.", "Check the data folder.") from None
    return target


def delete(name: str, folder: Path) -> None:
    """Remove an own template. Raises UsageError if there is none, InputError for the disk."""
    if name not in own_names(folder):
        raise UsageError(f"There is no template of your own called {name!r}.")
    try:
        (folder / f"{name}.toml").unlink()
    except OSError as error:
        raise InputError("The template could not be deleted.", f"{error.strerror}.") from None
