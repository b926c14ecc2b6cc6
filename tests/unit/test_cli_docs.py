"""docs/cli.md names every verb, every option and every exit code of the program as it is."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from edge import cli, errors
from export import cli as export

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


def _verbs(parser: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[tuple[str, set[str]]]:
    """(verb, its options) of every verb that does something; those without help are the program's own."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            shown = {choice.dest for choice in action._choices_actions}
            for name, sub in action.choices.items():
                if name in shown:
                    yield from _verbs(sub, (*words, name))
            return
    options = {option for action in parser._actions for option in action.option_strings if option.startswith("--")}
    yield " ".join(words), options - {"--help"}


def test_no_verb_and_no_option_is_missing() -> None:
    found = [*_verbs(cli.build_parser()), *_verbs(export.parser())]
    assert len(found) >= 50
    assert [verb for verb, _ in found if not re.search(rf"`{verb}\b", GUIDE)] == []
    named = set(re.findall(r"--[a-z][a-z0-9-]+", GUIDE))
    assert sorted((verb, o) for verb, options in found for o in options - named if not o.startswith("--no-sy")) == []


def test_it_names_nothing_that_is_not_there() -> None:
    found = [*_verbs(cli.build_parser()), *_verbs(export.parser())]
    options = {option for _, own in found for option in own} | {"--version", "--unsealed", "--help"}
    assert set(re.findall(r"--[a-z][a-z0-9-]+", GUIDE)) - options == set()
    groups = {verb.split()[0] for verb, _ in found if " " in verb}
    written = set(re.findall(rf"`((?:{'|'.join(groups)})(?: [a-z-]+)+)", GUIDE))
    assert len(written) >= 35
    assert written - {verb for verb, _ in found} == set()


def test_every_exit_code_is_told() -> None:
    codes = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")}
    told = {int(code) for row in re.findall(r"(?m)^\| ([0-9, ]+) \|", GUIDE) for code in row.split(",")}
    assert len(codes) >= 10
    assert codes <= told
