"""An index that is built while the machine fails: killed at any entry, or with a full disk."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge.terminology.index import STALE, open_edition

ENTRIES = "".join(f"<diag><name>A{n:02}</name><desc>Disease number {n} of many</desc></diag>" for n in range(100))
RAW = (
    '<?xml version="1.0"?><ICD10CM.tabular><version>2099</version><chapter><name>1</name><desc>All (A00-A99)</desc>'
    f'<section id="A00-A99"><desc>All (A00-A99)</desc>{ENTRIES}</section></chapter></ICD10CM.tabular>'
)
KILLED = """
import os, signal, sys
from pathlib import Path
from edge.terminology import index
from edge.terminology.tabular import read_edition
edition, entries = read_edition(Path(sys.argv[1]).read_bytes())
def some():
    for number, entry in enumerate(entries):
        if number == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
        yield entry
index.build(Path(sys.argv[2]) / "x.db", edition, "0", some())
"""
FULL = """
import resource, signal, sys
from pathlib import Path
from edge.errors import CatalogueError
from edge.terminology.index import open_edition
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    open_edition(Path(sys.argv[1]), Path(sys.argv[2]))
except CatalogueError as error:
    print(error.what)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "codes.xml"
    file.write_text(RAW)
    return file


def child(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False
    )


def whole(source: Path, folder: Path) -> None:
    catalogue = open_edition(source, folder)
    assert catalogue.count() == (102, 100)
    assert [hit.code.code for hit in catalogue.search("number 42", 1)] == ["A42"]
    catalogue.close()


@pytest.mark.parametrize("at", [0, 1, 50, 101])
def test_a_killed_build_leaves_nothing_that_is_opened(at: int, source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    assert child(KILLED, source, folder, at).returncode == -9
    assert not list(folder.glob("*.db"))
    whole(source, folder)


@pytest.mark.parametrize("room", [0, 4096, 20_000])
def test_a_full_disk_is_named_and_leaves_nothing(room: int, source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    found = child(FULL, source, folder, room)
    assert found.stdout.strip() == "The index of codes cannot be built.", found.stderr[-500:]
    assert list(folder.iterdir()) == []
    whole(source, folder)


def test_what_a_kill_left_is_removed_once_it_is_old(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    folder.mkdir()
    old, new = folder / ".x.db.1", folder / ".x.db.2"
    for part in (old, new):
        part.write_text("half")
    os.utime(old, (time.time() - STALE - 60,) * 2)
    whole(source, folder)
    assert not old.exists()
    assert new.exists()
