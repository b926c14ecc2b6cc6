"""After a crash: no patient words in what is printed. (The terminal: tests/functional/test_tui_launcher.py.)"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edge.seal import crash

ROOT = Path(__file__).resolve().parents[2]
CANARY = "Mrs Quicksilver has a secret"
HEAD = f"import sys; sys.path.append({str(ROOT)!r})\nfrom edge.seal import crash\ncrash.install()\nWORDS = {CANARY!r}\n"

FAULTS = {
    "message": f"raise ValueError({CANARY!r})",
    "key": f"{{}}[{CANARY!r}]",
    "decoder": f"import json; json.loads({CANARY!r})",
    "unicode": f"({CANARY!r} + chr(0xdc80)).encode()",
    "chained": f"try:\n    1/0\nexcept ZeroDivisionError as why:\n    raise RuntimeError({CANARY!r}) from why",
    "locals": f"def work(note):\n    return note.missing\nwork({CANARY!r})",
    "group": f"raise ExceptionGroup({CANARY!r}, [ValueError({CANARY!r})])",
    "thread": "import threading\ndef work():\n    raise ValueError(WORDS)\n"
    "t = threading.Thread(target=work, name=WORDS)\n"
    "t.start(); t.join(); sys.exit(1)",
    "destructor": "class A:\n    def __del__(self):\n        raise ValueError(WORDS)\na = A()\ndel a\nsys.exit(1)",
    "notes": f"e = ValueError('x')\ne.add_note({CANARY!r})\nraise e",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_prints_its_kind_and_place_and_no_words(fault: str) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", HEAD + FAULTS[fault]], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 1, done.stderr
    for word in ("Quicksilver", "secret"):
        assert word not in done.stderr + done.stdout
    assert "fault of its own" in done.stderr
    assert "Error" in done.stderr or "Group" in done.stderr


def test_without_the_hooks_the_words_would_be_printed() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", FAULTS["message"]], capture_output=True, text=True, timeout=600, check=False
    )
    assert CANARY in done.stderr


def test_our_own_errors_are_shown_as_written(capfd: pytest.CaptureFixture[str]) -> None:
    from edge.errors import SealError

    error = SealError("What happened.", "Why.", "What to do.")
    crash._print(SealError, error, None)
    assert capfd.readouterr().err == "What happened. Why. What to do.\n"
