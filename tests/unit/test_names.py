"""One word a thing: no public type has a name twice, and `tui` stays small enough to be read."""

from __future__ import annotations

import ast
from collections import defaultdict

from conftest import ROOT


def test_no_public_type_name_is_used_twice() -> None:
    files = [path for side in ("edge", "tui", "training", "export") for path in sorted((ROOT / side).rglob("*.py"))]
    assert len(files) > 300
    places = defaultdict(list)
    for path in files:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            name = node.name if isinstance(node, ast.ClassDef) else ""
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id  # an alias of a type begins with a capital and goes on with small letters
            if name[:1].isupper() and not name.isupper() and len(name) > 1:
                places[name].append(str(path.relative_to(ROOT)))
    twice = {name: where for name, where in places.items() if len(where) > 1}
    assert not twice


def test_the_app_has_few_modules_beside_screens_and_widgets() -> None:
    modules = sorted(path.name for path in (ROOT / "tui").glob("*.py"))
    assert len(modules) <= 14, modules
