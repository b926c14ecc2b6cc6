"""Refused and logged: the kernel's own log has a line about each kind of refused call, and none without the flag.

Where the log cannot be read (not root, auditing off) one test still shows that the kernel took the request to log.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from once import once

from edge.audit import kernel_log, verdict
from edge.audit.kernel_log import CALLS, Refusals
from edge.audit.stage import python_command

ROOT = Path(__file__).resolve().parents[2]
QUIET = f"""
import sys
sys.path.append({str(ROOT)!r})
from edge.seal import seccomp
from edge.audit import kernel_log
seccomp._FLAG_LOG = 0
kernel_log.main()
"""
FLAGS = f"""
import json, sys
sys.path.append({str(ROOT)!r})
from edge.seal import linux, seccomp
libc, asked = linux.load_libc(), []
class Heard:
    def syscall(self, number, operation, flags, program):
        answer = libc.syscall(number, operation, flags, program)
        asked.append([flags & 2, answer])
        return answer
libc.prctl(38, 1, 0, 0, 0)
print(json.dumps([seccomp.install(Heard(), seccomp.machine()) > 0, asked]))
"""


@dataclass(frozen=True)
class Seen:
    """What the log said of a sealed process, and of one whose filter was loaded without the flag."""

    logged: Refusals
    quiet_answers: list[str]
    quiet_lines: Counter[str]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return once(tmp_path_factory, "kernel-log", look)


def look(folder: Path) -> Seen:
    comm = kernel_log.new_name()
    log = None if kernel_log.why_unreadable() else kernel_log.Log()
    request = json.dumps({"comm": comm, "folder": str(folder)})
    done = subprocess.run(
        [sys.executable, "-I", "-c", QUIET, request],
        input="\n".join(list(CALLS) * 5) + "\n",
        stdout=subprocess.PIPE,
        text=True,
        timeout=600,
        check=True,
    )
    # The quiet process has had its turn before the other is waited for: its lines would stand in the log by then.
    logged = kernel_log.watch(folder)
    lines = log.refusals(comm) if log else Counter[str]()
    if log:
        log.close()
    return Seen(logged, done.stdout.split(), lines)


def test_each_kind_of_refused_call_is_in_the_kernels_log(seen: Seen) -> None:
    if seen.logged.why_not:
        warnings.warn(f"not looked up: {seen.logged.why_not} Shown instead: the kernel took the flag.", stacklevel=1)
        return
    assert set(seen.logged.made) == set(CALLS)
    assert seen.logged.missing == ()
    assert all(seen.logged.lines[name] >= 1 for name in CALLS)


def test_the_guides_command_shows_the_lines(seen: Seen) -> None:
    guide = (ROOT / "docs" / "audit-guide.md").read_text(encoding="utf-8")
    command = next(line for line in guide.splitlines() if line.startswith("dmesg | grep type=1326"))
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=600, check=False)
    # The newest ten lines: whose they are, other programs on this machine have a say in.
    assert seen.logged.why_not or re.search(r"type=1326 .* comm=.* syscall=\d+ .* code=0x[0-9a-f]+", done.stdout)


def test_without_the_flag_the_same_refusals_leave_no_line(seen: Seen) -> None:
    assert seen.quiet_answers == ["EPERM"] * (5 * len(CALLS))
    assert not seen.quiet_lines


def test_the_kernel_takes_the_filter_with_the_request_to_log() -> None:
    done = subprocess.run([sys.executable, "-I", "-c", FLAGS], capture_output=True, text=True, timeout=600, check=True)
    assert json.loads(done.stdout) == [True, [[2, 0]]]  # at the first try, with SECCOMP_FILTER_FLAG_LOG


def test_a_line_is_read_as_the_kernel_and_the_audit_daemon_write_it(monkeypatch: pytest.MonkeyPatch) -> None:
    number = kernel_log.number("connect")
    rest = f'uid=0 pid=7 comm="es1" exe="/usr/bin/python3" sig=0 arch=c000003e syscall={number} compat=0 ip=0x7f code='
    lines = [
        f"5,1,2,-;audit: type=1326 audit(1.2:3): {rest}0x50001\n",
        f"type=SECCOMP msg=audit(1.2:3): {rest}0x50001",
        f"5,1,2,-;audit: type=1326 audit(1.2:3): {rest}0x80000000",  # killed, not refused
        f"5,1,2,-;audit: type=1326 audit(1.2:3): {rest.replace('es1', 'other')}0x50001",
        f"5,1,2,-;audit: type=1300 audit(1.2:3): {rest}0x50001",
    ]
    monkeypatch.setattr(kernel_log.Log, "__init__", lambda self: None)
    monkeypatch.setattr(kernel_log.Log, "new_lines", lambda self: iter(lines))
    assert kernel_log.Log().refusals("es1") == {"connect": 2}


def test_where_the_log_is_closed_the_reason_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_log, "KERNEL", tmp_path / "none")
    assert "cannot be read" in kernel_log.watch(tmp_path).why_not
    silent = tmp_path / "actions"
    silent.write_text("kill_process log\n", encoding="ascii")
    monkeypatch.setattr(kernel_log, "_ACTIONS", silent)
    assert "told not to log refusals" in kernel_log.watch(tmp_path).why_not


def test_a_process_that_could_not_be_sealed_has_shown_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_log, "why_unreadable", lambda: "")
    monkeypatch.setattr(kernel_log.Log, "__init__", lambda self: None)
    monkeypatch.setattr(kernel_log.Log, "new_lines", lambda self: iter(()))
    monkeypatch.setattr(kernel_log.Log, "close", lambda self: None)
    monkeypatch.setattr(kernel_log, "python_command", lambda *_: [sys.executable, "-c", "pass"])
    found = kernel_log.watch(tmp_path)
    assert (found.made, found.lines) == ((), {})
    assert verdict._log({"why_not": "", "made": [], "lines": {}, "missing": []}).answer == "DOES NOT HOLD"


def test_the_judge_wants_a_line_of_each_call() -> None:
    good = {"why_not": "", "made": ["socket", "bpf"], "lines": {"socket": 3, "bpf": 1}, "missing": []}
    assert verdict._log(good).answer == "holds"
    assert "4 lines" in verdict._log(good).facts
    assert verdict._log({**good, "missing": ["bpf"]}).answer == "DOES NOT HOLD"
    assert verdict._log({**good, "made": [], "lines": {}}).answer == "DOES NOT HOLD"
    unread = verdict._log({"why_not": "It is closed.", "made": [], "lines": {}, "missing": []})
    assert (unread.answer, unread.facts) == ("not examined", "It is closed.")
    assert Refusals("", ("a", "b"), {"a": 1}).missing == ("b",)


def test_the_watched_process_needs_no_right_and_writes_nothing(tmp_path: Path) -> None:
    command = python_command("edge.audit.kernel_log:main", {"comm": kernel_log.new_name(), "folder": str(tmp_path)})
    done = subprocess.run(command, input=b"", capture_output=True, timeout=600, check=True)
    assert (done.stdout, list(tmp_path.iterdir())) == (b"", [])
