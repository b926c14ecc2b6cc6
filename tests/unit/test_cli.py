"""What the command line promises before any model: help, imports, exit codes, documented verbs."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from edge import cli

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    "onnxruntime",
    "onnxruntime_genai",
    "torch",
    "textual",
    "numpy",
    "pydantic",
    "sqlcipher3",
    "transformers",
    "socket",
)


def test_help_loads_nothing_heavy_and_is_quick() -> None:
    program = (
        "import sys, json\nsys.argv = ['edgescribe', '--help']\nfrom edge.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\nprint(json.dumps(sorted(sys.modules)))"
    )
    best = float("inf")
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)  # processor time: a busy machine does not count
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    modules = set(json.loads(done.stdout.splitlines()[-1]))
    assert "usage: edgescribe" in done.stdout
    assert not modules & set(HEAVY)
    assert best < 0.3


def test_every_verb_is_in_help() -> None:
    shown = cli.build_parser().format_help()
    assert len(cli.VERBS) >= 7
    assert [verb for verb in cli.VERBS if verb not in shown] == []


@pytest.mark.parametrize("words", [["nope"], ["note"], ["extract", "a", "--format", "xml"], ["records"]])
def test_wrong_usage_exits_with_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(words)
    assert caught.value.code == 2


def test_without_a_terminal_and_a_verb_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    assert "usage: edgescribe" in capsys.readouterr().out
