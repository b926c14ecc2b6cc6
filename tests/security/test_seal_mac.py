"""The sandbox for real, on a Mac, by a person there: `pytest -m mac tests/security/test_seal_mac.py`.

Each test is a child. Every refusal has its control: without the seal the same attempt goes through, to a listener on
this machine. Left out elsewhere; tests/unit/test_seal_platforms.py has the fakes that run everywhere.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.seal.environment import boot_command

pytestmark = pytest.mark.mac

ROOT = Path(__file__).resolve().parents[2]
BEFORE = """
import json, os, socket, subprocess, sys, threading
sys.path.append({root!r})
from pathlib import Path
own, port, path = Path({own!r}), {port}, {path!r}
def answer(action):
    try:
        action()
    except PermissionError:
        return "refused"
    except OSError as fault:
        return type(fault).__name__
    return "through"
def tcp():
    socket.create_connection(("127.0.0.1", port), 5).close()
def udp():
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port))
def local():
    socket.socket(socket.AF_UNIX).connect(path)
go, early = threading.Event(), []
def wait():
    go.wait()
    early.append(answer(tcp))
"""
SEAL = """
from edge.seal import SealPolicy, enforce
status = enforce(SealPolicy(write_dirs=(own,)))
"""


class Here:
    """Listeners on this machine, and children that try to reach them, sealed or not."""

    def __init__(self, folder: Path, port: int, path: str) -> None:
        self.folder, self.port, self.path = folder, port, path

    def run(self, code: str, sealed: bool = True, before: str = "") -> Any:
        """Run code in a new interpreter; returns the JSON that it printed."""
        head = BEFORE.format(root=str(ROOT), own=str(self.folder / "own"), port=self.port, path=self.path)
        text = head + textwrap.dedent(before) + (SEAL if sealed else "") + textwrap.dedent(code)
        done = subprocess.run(
            [sys.executable, "-I", "-c", text], stdin=subprocess.DEVNULL, capture_output=True, timeout=600, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    # The name of a local socket has 104 bytes at most: not below pytest's own long folder.
    with tempfile.TemporaryDirectory(prefix="es") as short, socket.socket() as tcp, socket.socket(socket.AF_UNIX) as at:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen(16)
        at.bind(f"{short}/s")
        at.listen(16)
        yield Here(tmp_path, tcp.getsockname()[1], f"{short}/s")


def test_the_system_enforces_it_and_the_status_says_so(here: Here) -> None:
    level, line = here.run("print(json.dumps([status.level, status.line()]))")
    assert level == "kernel"
    assert "macOS sandbox" in line


@pytest.mark.parametrize(("sealed", "expected"), [(False, "through"), (True, "refused")])
def test_sockets(here: Here, sealed: bool, expected: str) -> None:
    code = "print(json.dumps([answer(tcp), answer(udp), answer(local)]))"
    assert here.run(code, sealed) == [expected] * 3


def test_no_name_server_is_asked(here: Here) -> None:
    code = """
    def lookup():
        try:
            socket.getaddrinfo("name-lookup.edgescribe-audit.example", 443)
        except socket.gaierror:
            raise PermissionError from None
    print(json.dumps(answer(lookup)))
    """
    assert here.run(code) == "refused"


@pytest.mark.parametrize(("sealed", "expected"), [(False, ["through", 0]), (True, ["refused", 1])])
def test_no_new_program_starts(here: Here, sealed: bool, expected: list[Any]) -> None:
    code = """
    start = answer(lambda: subprocess.run(["/bin/echo", "x"], stdout=subprocess.DEVNULL))
    pid = os.fork()
    if pid == 0:
        try:
            os.execv("/usr/bin/true", ["true"])
        finally:
            os._exit(1)
    print(json.dumps([start, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])]))
    """
    assert here.run(code, sealed) == expected


@pytest.mark.parametrize(("sealed", "expected"), [(False, "through"), (True, "refused")])
def test_a_thread_from_before_the_seal(here: Here, sealed: bool, expected: str) -> None:
    before = "thread = threading.Thread(target=wait)\nthread.start()\n"
    assert here.run("go.set(); thread.join(); print(json.dumps(early))", sealed, before) == [expected]


@pytest.mark.parametrize(("sealed", "expected"), [(False, 0), (True, 1)])
def test_a_child_inherits_it(here: Here, sealed: bool, expected: int) -> None:
    code = """
    pid = os.fork()
    if pid == 0:
        os._exit(0 if answer(tcp) == "through" else 1)
    print(json.dumps(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))
    """
    assert here.run(code, sealed) == expected


def test_an_inherited_connection_is_closed(here: Here) -> None:
    code = "print(json.dumps(answer(lambda: os.write(kept.fileno(), b'x'))))"
    before = "kept = socket.create_connection(('127.0.0.1', port), 5)\n"
    assert here.run(code, sealed=False, before=before) == "through"
    assert here.run(code, before=before) == "OSError"  # EBADF


def test_writes_stay_in_the_own_folder(here: Here, tmp_path: Path) -> None:
    code = f"""
    outside = Path({str(tmp_path / "outside")!r})
    print(json.dumps([answer(lambda: (own / "a").write_text("x")), answer(lambda: outside.write_text("x"))]))
    """
    assert here.run(code) == ["through", "refused"]
    assert not (tmp_path / "outside").exists()


def test_it_leaves_no_core_file(here: Here) -> None:
    assert here.run("import resource; print(json.dumps(resource.getrlimit(resource.RLIMIT_CORE)))") == [0, 0]


def test_the_vault_library_and_an_event_loop_work(here: Here) -> None:
    code = """
    import asyncio
    from sqlcipher3 import dbapi2
    db = dbapi2.connect(str(own / "v.db"), isolation_level=None)
    db.execute("PRAGMA key='k'")
    mode = db.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    async def main():
        return await asyncio.get_running_loop().run_in_executor(None, lambda: 7)
    print(json.dumps([mode, asyncio.run(main())]))
    """
    assert here.run(code) == ["wal", 7]


def test_the_program_itself_says_that_the_system_refuses(tmp_path: Path) -> None:
    done = subprocess.run(
        boot_command(["doctor", "--json"]),
        env={"EDGESCRIBE_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert json.loads(done.stdout)[0]["state"] == "ok", done.stderr
