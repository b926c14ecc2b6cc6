"""The wheel: it holds the program's files, installs by the lock into an empty environment, and writes a note there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from export import cli

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("edge", "tui", "training", "export")
pytestmark = [pytest.mark.model, pytest.mark.long]


def _run(*command: object, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in command], env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: a build leaves folders behind where it runs."""
    folder = tmp_path_factory.mktemp("source")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copyfile(ROOT / name, folder / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    _run(*pip, "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", folder / "out", folder)
    (made,) = (folder / "out").iterdir()
    return made


def test_it_holds_every_file_of_the_packages(wheel: Path) -> None:
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    files = [path for name in PACKAGES for path in (ROOT / name).rglob("*") if path.is_file()]
    expected = {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}
    assert len(expected) > 300
    assert packed == expected
    assert {
        "export/catalog.toml",
        "export/calibration.jsonl",
        "edge/samples/visit.txt",
        "edge/samples/report.txt",
    } <= packed


def test_an_empty_environment_becomes_a_laptop_that_writes(wheel: Path, bundle_135m: Path, tmp_path: Path) -> None:
    venv, home = tmp_path / "venv", tmp_path / "home"
    _run(sys.executable, "-m", "venv", venv)
    pip = [venv / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
    _run(*pip, "install", "-q", "--no-deps", "--require-hashes", "-r", ROOT / "locks" / "laptop.txt")
    _run(*pip, "install", "-q", "--no-deps", wheel)
    _run(*pip, "check")
    here = {"EDGESCRIBE_HOME": str(home), "PYTHONPATH": ""}
    edgescribe = venv / "bin" / "edgescribe"
    (tmp_path / "secret").write_text("four unlikely words together\n", encoding="utf-8")
    shutil.copytree(bundle_135m, tmp_path / "small")
    secret, scribe = ["--passphrase-file", str(tmp_path / "secret")], tmp_path / "scribe.tar"
    assert cli.main(["keygen", "it", "--out", str(tmp_path), *secret]) == 0
    key = ["--key", str(tmp_path / "it.key"), *secret]
    assert cli.main(["sign", str(tmp_path / "small"), *key, "--accept", "a test", "--tar", str(scribe)]) == 0
    _run(edgescribe, "bundle", "install", scribe, "--trust", tmp_path / "it.pub", **here)
    assert "smollm2-135m-instruct" in _run(edgescribe, "bundle", "list", **here)
    shown = _run(edgescribe, "demo", "--bundle", "smollm2-135m-instruct", **here)
    assert "Sample visit" in shown.splitlines()[-1]
    code = "import importlib.util as u; print(u.find_spec('torch'), u.find_spec('transformers'))"
    assert _run(venv / "bin" / "python", "-c", code).split() == ["None", "None"]
