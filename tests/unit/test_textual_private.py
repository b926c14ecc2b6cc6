"""Textual's private names: each is there, or the test says what breaks; none is used, or taken, anywhere else."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from functools import cache
from pathlib import Path

import pytest
from conftest import ROOT

from tui.terminal.textual_private import NAMES

FILES = [path for path in sorted((ROOT / "tui").rglob("*.py")) if path.name != "textual_private.py"]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name.rpartition(".")[2])
def test_textual_has_the_name(name: str) -> None:
    module, _, path = name.partition(":")
    owner, _, attribute = path.rpartition(".")
    where = importlib.import_module(module)
    holder = getattr(where, owner) if owner else where
    source = Path(where.__file__ or "").read_text(encoding="utf-8")
    if module == "textual.widgets":
        source = Path(importlib.import_module(holder.__module__).__file__ or "").read_text(encoding="utf-8")
    assert hasattr(holder, attribute) or f"self.{attribute}" in source, f"{name} is gone: {NAMES[name]}"


def private_names(owner: type) -> set[str]:
    """Private names of the classes of Textual that a class of ours is made of, those of their instances included."""
    found = [_private_of(one) for one in owner.__mro__ if one.__module__.startswith("textual")]
    return {name for own in found for name in own if not name.startswith("__")}


@cache
def _private_of(one: type) -> set[str]:
    """Of one class, read once: Textual's sources are long, and all of ours are made of the same few."""
    text = inspect.getsource(one)
    return {name for name in vars(one) if name.startswith("_")} | {*re.findall(r"self\.(_[a-z]\w*)", text)}


def test_no_other_module_uses_or_takes_a_private_name() -> None:
    assert len(FILES) > 40
    found, classes = [], 0
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        found += [f"{path.name}: {m}" for m in modules if m.startswith("textual._")]
        module = importlib.import_module(
            ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        )
        for node in [n for n in tree.body if isinstance(n, ast.ClassDef)]:
            taken = private_names(getattr(module, node.name))
            classes += bool(taken)
            own = [n for n in ast.walk(node) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)]
            found += [f"{path.name}: {n.attr}" for n in own if n.value.id in ("self", "super") and n.attr in taken]
            functions = [n.name for n in node.body if isinstance(n, ast.FunctionDef)]
            found += [f"{path.name}: def {name}" for name in functions if name in taken]
    assert classes > 30
    assert not found, found
