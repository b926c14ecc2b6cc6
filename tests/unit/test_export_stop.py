"""A build that is stopped leaves no builder running and no half folder, whoever stops it and how."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT

from edge import command
from edge.errors import BundleError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

# A build with a builder that has written half of its work, says so, and waits.
_BUILDER = """
import os, pathlib, signal, sys
out = pathlib.Path(sys.argv[sys.argv.index("-o") + 1])
out.mkdir(parents=True)
(out / "model.onnx").write_bytes(b"half")
signal.signal(signal.SIGINT, signal.SIG_IGN)
ready = pathlib.Path(__file__).with_name("ready")
ready.with_suffix(".new").write_text(str(os.getpid()))
ready.with_suffix(".new").rename(ready)
while True:
    signal.pause()
"""
_BUILD = """
import argparse, signal, sys, types
from pathlib import Path
work = Path(sys.argv[1])
sys.path.insert(0, {root!r})
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.modules["onnxruntime_genai"] = types.SimpleNamespace(__file__=str(work / "og" / "__init__.py"))
from edge.command import run_verb
from export import catalog, to_onnx
from export.options import OnnxOptions
to_onnx.hf_folder = lambda *_, **__: work / "hf"
base = catalog.get("smollm2-135m-instruct")
run = lambda args: to_onnx.build(base, OnnxOptions.of("int4", "rtn_mixed"), cache=work / "cache")
raise SystemExit(run_verb(argparse.Namespace(run=run)))
"""


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("it never came")


def runs(pid: int) -> bool:
    """False for a process that is gone, or dead and not yet collected by its new parent."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_no_builder_and_no_half_folder_stay(tmp_path: Path, number: int, code: int) -> None:
    models = tmp_path / "og" / "models"
    (models / "builders").mkdir(parents=True)
    (models / "builder.py").write_text(_BUILDER)
    (models / "builders" / "base.py").write_text("class Model:\n    to_int4 = None\n")
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "config.json").write_text('{"hidden_size": 64}')
    script = tmp_path / "build.py"
    script.write_text(_BUILD.format(root=str(ROOT)))
    build = subprocess.Popen([sys.executable, str(script), str(tmp_path)], stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: (models / "ready").exists() or build.poll() is not None)
        assert build.poll() is None, build.communicate()[1]
        builder = int((models / "ready").read_text())
        assert runs(builder)
        build.send_signal(number)
        said = build.communicate()[1]
    finally:
        build.kill()
    assert build.returncode == code
    wait_for(lambda: not runs(builder))
    if number != signal.SIGKILL:  # nobody is left to clean up after that one
        assert "Stopped." in said
        assert [path.name for path in (tmp_path / "cache" / "bundles").iterdir() if path.is_dir()] == []


def test_the_first_signal_unwinds_and_later_ones_cannot_cut_that_short() -> None:
    cleaned = []

    def work(_: object) -> int:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
            cleaned.append(True)
        return 0

    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    assert command.run_verb(argparse.Namespace(run=work)) == 143
    assert cleaned == [True]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_what_was_told_to_ignore_a_signal_goes_on_ignoring_it() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:

        def work(_: object) -> int:
            os.kill(os.getpid(), signal.SIGTERM)
            return 7

        assert command.run_verb(argparse.Namespace(run=work)) == 7
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_named_error_is_said_and_has_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    def work(_: object) -> int:
        raise BundleError("No.", "Because.", "Try.")

    assert command.run_verb(argparse.Namespace(run=work)) == BundleError.exit_code
    assert capsys.readouterr().err == "Model bundle: No. Because. Try.\n"


def test_a_name_in_an_error_does_not_reach_the_terminal_as_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    def work(_: object) -> int:
        raise BundleError("\x1b[2Jnotes\u202e.csv\udcff can't be read.")

    assert command.run_verb(argparse.Namespace(run=work)) == BundleError.exit_code
    said = capsys.readouterr().err
    assert said.endswith("can't be read.\n")
    assert not set("\x1b\u202e\udcff") & set(said)
