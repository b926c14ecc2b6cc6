"""Names for people of what has a key: templates."""

from __future__ import annotations

from edge.workbench import template


def titled(name: str) -> str:
    """A template's title, and its name where that says more."""
    title = template(name).title
    return title if name == title else f"{title}   ({name})"
