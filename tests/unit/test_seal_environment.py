"""Which variables survive, and the second start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import SealError
from edge.seal import environment

HOSTILE = [
    "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME", "PYTHONINSPECT",
    "TEXTUAL_SCREENSHOT", "TEXTUAL_LOG", "TEXTUAL", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "no_proxy", "HF_HOME",
    "HF_ENDPOINT", "HUGGINGFACE_HUB_CACHE", "ORT_LOGGING_LEVEL", "GCONV_PATH", "GLIBC_TUNABLES", "MALLOC_CHECK_",
    "RES_OPTIONS", "HOSTALIASES", "LOCALDOMAIN", "SSLKEYLOGFILE", "OPENSSL_CONF", "BASH_ENV", "DYLD_INSERT_LIBRARIES",
    "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "SSH_AUTH_SOCK", "DISPLAY",
]  # fmt: skip


def test_hostile_variables_do_not_survive() -> None:
    left = environment.clean(dict.fromkeys(HOSTILE, "x"))
    assert left == {"ORT_DISABLE_TELEMETRY": "1"}


@given(st.dictionaries(st.text(st.characters(codec="ascii", exclude_characters="=\0"), min_size=1), st.text()))
def test_only_named_variables_survive(environ: dict[str, str]) -> None:
    for name in environment.clean(environ):
        assert name in environment.KEPT or name.startswith(("EDGESCRIBE_", "LC_")) or name == "ORT_DISABLE_TELEMETRY"


def test_what_a_terminal_program_needs_survives() -> None:
    wanted = {
        "HOME": "/h",
        "PATH": "/bin",
        "TERM": "xterm",
        "LANG": "de_DE.UTF-8",
        "LC_ALL": "C",
        "EDGESCRIBE_HOME": "/e",
    }
    assert environment.clean(wanted).items() >= wanted.items()


def test_the_collector_switch_wins_over_the_caller() -> None:
    assert environment.clean({"ORT_DISABLE_TELEMETRY": "0"})["ORT_DISABLE_TELEMETRY"] == "1"


def test_a_second_start_that_is_not_clean_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESCRIBE_CLEAN_START", "1")
    monkeypatch.setenv("LD_PRELOAD", "evil.so")
    with pytest.raises(SealError, match="clean environment"):
        environment.reexec_clean([])


def test_no_interpreter_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGESCRIBE_CLEAN_START", raising=False)
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(SealError, match="clean environment"):
        environment.reexec_clean([])


PROBE = """
import json, os, sys
sys.path.append({root!r})
from edge.seal import environment
environment.boot_command = lambda argv: [sys.executable, "-I", "-S", {script!r}, *argv]
environment.reexec_clean()
print(json.dumps([sys.argv[1:], dict(os.environ), sys.flags.isolated, os.getpid(), os.getcwd(), sys.stdin.read()]))
"""


def test_the_second_start_keeps_arguments_streams_and_place(tmp_path: Path) -> None:
    root = str(Path(environment.__file__).resolve().parents[2])
    script = tmp_path / "probe.py"
    script.write_text(PROBE.format(root=root, script=str(script)), encoding="utf-8")
    hostile = dict.fromkeys(HOSTILE, "x") | {"PYTHONHOME": "", "LD_AUDIT": "", "GLIBC_TUNABLES": "", "LD_PRELOAD": ""}
    arguments = ["note", "-", "--title", "two words", "ümlaut", ""]
    process = subprocess.Popen(
        [sys.executable, str(script), *arguments],
        env={**os.environ, **hostile, "EDGESCRIBE_HOME": "/e", "TERM": "dumb"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=tmp_path,
    )
    output, _ = process.communicate(b"the document", timeout=600)
    argv, environ, isolated, pid, folder, document = json.loads(output)
    assert argv == arguments
    assert isolated == 1
    assert pid == process.pid
    assert Path(folder) == tmp_path
    assert document == "the document"
    assert environ["EDGESCRIBE_HOME"] == "/e"
    assert environ["ORT_DISABLE_TELEMETRY"] == "1"
    assert "EDGESCRIBE_CLEAN_START" not in environ
    assert not set(HOSTILE) & set(environ)
