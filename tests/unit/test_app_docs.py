"""docs/app.md names only commands that there are, and every screen that it links to."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from edge.cli import build_parser

ROOT = Path(__file__).resolve().parents[2]


def verbs(parser: argparse.ArgumentParser, before: str = "edgescribe") -> set[str]:
    """Every verb and sub-verb of the command line, as it is typed."""
    found = {before}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                found |= verbs(sub, f"{before} {name}")
    return found


def test_every_command_named_in_the_apps_page_exists() -> None:
    known = verbs(build_parser())
    named = re.findall(r"`(edgescribe(?: [a-z][a-z-]*)+)", (ROOT / "docs" / "app.md").read_text(encoding="utf-8"))
    assert len(named) > 20
    for command in named:
        words = command.split()
        assert " ".join(words[:2]) in known, command
        if len([one for one in known if one.startswith(" ".join(words[:2]) + " ")]):
            assert " ".join(words[:3]) in known, command


def test_every_picture_is_shown_and_every_shown_one_is_there() -> None:
    folder = ROOT / "docs" / "screens"
    shown = set(re.findall(r"\]\((\w+\.png)\)", (folder / "README.md").read_text(encoding="utf-8")))
    assert len(shown) > 15
    assert shown == {file.name for file in folder.glob("*.png")}


def test_the_table_of_keys_is_true() -> None:
    from tui import actions

    text = (ROOT / "docs" / "app.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"(?m)^\| `([^`]+)` \| ([^|]+) \|[^|]*\|$", text.split("### Keys of an encounter")[1].split("\n## ")[0]
    )
    known = {(action.key, action.title) for action in actions.of("encounter")}
    assert len(rows) == len(set(rows)) >= 23
    assert {(key, title.strip()) for key, title in rows} <= known
