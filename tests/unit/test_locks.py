"""locks/*.txt hold every dependency of pyproject.toml at a version that fits, with hashes and without an index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = {"laptop": (), "all": ("training", "export", "dev")}


def _locked(name: str) -> dict[str, list[str]]:
    text = (ROOT / "locks" / f"{name}.txt").read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for block in re.split(r"(?m)^(?=[a-z0-9])", text)[1:]:
        package, _, version = block.split(" ", 1)[0].partition("==")
        assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", block)) == block.count("--hash") >= 1, package
        found.setdefault(package, []).append(version)
    return found


@pytest.mark.parametrize(("name", "least"), [("laptop", 30), ("all", 100)])
def test_every_dependency_is_locked_at_a_version_that_fits(name: str, least: int) -> None:
    lines = [*PROJECT["dependencies"], *(x for extra in LOCKS[name] for x in PROJECT["optional-dependencies"][extra])]
    locked = _locked(name)
    assert len(locked) >= least
    assert not {"torch", "keyring"} & set(locked)
    for requirement in map(Requirement, lines):
        if requirement.name != "torch":
            versions = locked[canonicalize_name(requirement.name)]
            assert [v for v in versions if not requirement.specifier.contains(v)] == [], requirement
    assert "://" not in (ROOT / "locks" / f"{name}.txt").read_text(encoding="utf-8")


def test_laptops_get_the_versions_that_were_tested() -> None:
    laptop, whole = _locked("laptop"), _locked("all")
    assert {package: versions for package, versions in laptop.items() if whole[package] != versions} == {}
