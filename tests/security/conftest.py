"""One evidence pack for all tests that read it: `edgescribe audit network`, as an auditor types it, run once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from once import once

TEST_BASE = "smollm2-135m-instruct"


@dataclass(frozen=True)
class Pack:
    """A finished run: the folder it wrote, what it printed, its exit code, the evidence."""

    folder: Path
    printed: str
    code: int
    evidence: dict[str, Any]


@pytest.fixture(scope="session")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A verified bundle of the 135M, built once and kept in the user's cache."""
    from export.bundles import make_onnx_bundle  # here: most of a second, and few of these tests need it

    return once(tmp_path_factory, "unsigned-bundle", lambda folder: make_onnx_bundle(TEST_BASE, out=folder)[0].folder)


@pytest.fixture(scope="session")
def pack(small_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """The evidence of this checkout on this machine."""
    return once(tmp_path_factory, "audit", partial(_gather, small_bundle))


def _gather(small_bundle: Path, folder: Path) -> Pack:
    home, out = folder / "home", folder / "pack"
    command = [sys.executable, "-m", "edge.cli", "audit", "network", "--out", str(out), "--bundle", str(small_bundle)]
    done = subprocess.run(
        [*command, "--no-strace"],
        env={**os.environ, "EDGESCRIBE_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        timeout=600,
        check=False,
    )
    text = (out / "evidence.json").read_text(encoding="utf-8") if (out / "evidence.json").exists() else "{}"
    return Pack(out, done.stdout, done.returncode, json.loads(text))
