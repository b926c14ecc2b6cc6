"""Docs that can't drift: every decision record has a number and a status, every module says what it is for."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from training.config import Config

ROOT = Path(__file__).resolve().parents[2]


def test_decision_records() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert len(records) >= 4
    numbers = [int(r.name[:4]) for r in records]
    assert len(set(numbers)) == len(numbers)
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert re.match(rf"# {int(record.name[:4])}\. ", text), record.name
        assert "Status: " in text
        assert len(text.splitlines()) <= 80, f"{record.name} is more than a page"


def test_functions_stay_small() -> None:
    import ast

    files = [f for p in ("edge", "training", "export", "tui") for f in (ROOT / p).rglob("*.py")]
    assert len(files) > 200
    for file in files:
        text = file.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 50, f"{file}: {node.name}"
        assert file.name != "utils.py"


def test_every_module_says_what_it_is_for() -> None:
    import ast

    files = [f for p in ("edge", "training", "export", "tui", "tests") for f in (ROOT / p).rglob("*.py")]
    assert len(files) > 300
    assert [str(f) for f in files if not ast.get_docstring(ast.parse(f.read_text(encoding="utf-8")))] == []


def test_the_training_guide_names_every_key_of_a_configuration() -> None:
    guide = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    keys = [f"{part.name}.{key.name}" for part in fields(Config) for key in fields(getattr(Config(), part.name))]
    assert len(keys) > 30
    assert [key for key in keys if f"`{key}`" not in guide] == []
    assert set(re.findall(r"`((?:base|lora|data|batch|optimiser|run)\.\w+)`", guide)) == set(keys)


def test_the_files_that_newcomers_are_sent_to_are_there() -> None:
    for page, least in (("README.md", 5), ("CONTRIBUTING.md", 25)):
        text = (ROOT / page).read_text(encoding="utf-8")
        tops = "edge|tui|training|export|tests|docs|models|locks"
        named = set(re.findall(rf"(?:`|\]\()((?:{tops})/[\w./-]*\w)", text))
        assert len(named) >= least, page
        assert [path for path in sorted(named) if not (ROOT / path).exists()] == [], page


def test_the_front_page_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
