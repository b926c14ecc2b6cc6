"""docs/training.md keeps to the program: its commands parse, its paths exist, no verb or option is missing."""

import argparse
import re
import shlex
from pathlib import Path

import pytest

from training import verbs

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")


def _parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    top = argparse.ArgumentParser()
    sub = top.add_subparsers(dest="verb", required=True)
    verbs.add_parsers(sub)
    return top, sub.choices


def _commands() -> list[str]:
    """What stands in blocks, its lines joined, and in the text between backticks."""
    joined = re.sub(r"\\\n\s+", "", GUIDE)
    blocks = [line.split("#")[0].strip() for line in joined.splitlines() if line.startswith("    ")]
    found = [*blocks, *re.findall(r"`([^`\n]+)`", re.sub(r"\n\s*", " ", joined))]
    return [line for line in found if line.startswith("edgescribe-training ")]


def test_its_commands_are_taken(capsys: pytest.CaptureFixture[str]) -> None:
    parser, _ = _parsers()
    commands = _commands()
    assert len(commands) >= 8
    for command in commands:
        try:
            parser.parse_args(shlex.split(command)[1:])
        except SystemExit:
            pytest.fail(f"{command}: {capsys.readouterr().err}")


def test_its_paths_are_there_from_the_projects_root() -> None:
    pages = [page for page in (ROOT / "docs").rglob("*.md") if page.name != "lab-log.md"]
    assert len(pages) > 20
    for page in [*pages, ROOT / "README.md"]:
        for before, path in re.findall(r"([\w/.-]*)\bconfigs/([\w*/.-]*\.toml)", page.read_text(encoding="utf-8")):
            assert before == "training/", f"{page.name}: {before}configs/{path}"
            assert list((ROOT / "training" / "configs").glob(path)), f"{page.name}: {path}"


def test_no_verb_and_no_option_is_missing() -> None:
    _, choices = _parsers()
    assert len(choices) >= 8
    options = {(verb, o) for verb, p in choices.items() for a in p._actions for o in a.option_strings if o[:2] == "--"}
    assert len(options) > 40
    assert [verb for verb in choices if not re.search(rf"`{verb}\b|edgescribe-training {verb}\b", GUIDE)] == []
    named = set(re.findall(r"--[a-z][a-z0-9-]+", GUIDE))
    assert sorted((verb, o) for verb, o in options if o not in {*named, "--help"}) == []
