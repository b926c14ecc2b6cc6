"""What an error says on a full disk is held against what is in the files afterwards, for every deed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.security.full_disk import DEEDS, FREE

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """On a tmpfs of 8 MB in a mount namespace of its own."""
    mount = tmp_path_factory.mktemp("small")
    unshare = shutil.which("unshare")
    assert unshare, "util-linux is part of a plain Linux"
    shell = 'mount -t tmpfs -o size=8m tmpfs "$1" && PYTHONPATH="$4:$4/tests" exec "$2" "$3" "$1"'
    script = Path(__file__).with_name("full_disk.py")
    done = subprocess.run(
        [unshare, "--user", "--map-root-user", "--mount", "sh", "-c", shell, "sh",
         str(mount), sys.executable, str(script), str(ROOT)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_deed_was_tried_and_failed_somewhere(runs: list[dict[str, object]]) -> None:
    assert len(runs) == len(DEEDS) * len(FREE) >= 140
    failed = {run["deed"] for run in runs if run["said"]}
    worked = {run["deed"] for run in runs if not run["said"]}
    assert len(failed) >= len(DEEDS) - 2, set(DEEDS) - failed
    assert worked == set(DEEDS)


def test_what_is_said_is_what_is_there(runs: list[dict[str, object]]) -> None:
    false = []
    for run in runs:
        said, changed = run["said"], run["changed"]
        if said and changed:
            false.append(run)  # every refusal leaves all as it was, whether it says so or not
        elif not said and not changed and not run["may_look_alike"] and run["deed"] != "recovery key":
            false.append(run)
    assert false == [], "\n".join(map(str, false))
