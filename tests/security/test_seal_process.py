"""A really sealed process: what is refused, what still works, what its children inherit. Each test is a child."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from edge.audit.stage import python_command

ROOT = Path(__file__).resolve().parents[2]
SEAL = """
import json, os, sys
sys.path.append({root!r})
from pathlib import Path
from edge.seal import SealPolicy, enforce
own = Path({own!r})
status = enforce(SealPolicy(write_dirs=(own,){more}))
assert status.level == "kernel", status
"""


def sealed(own: Path, code: str, more: str = "", **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run code in a new sealed process whose own folder is `own`."""
    text = SEAL.format(root=str(ROOT), own=str(own), more=more) + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-I", "-c", text],
        **{"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": 600, **options},
    )


def said(done: subprocess.CompletedProcess[bytes]) -> Any:
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_writes_are_limited_to_the_own_folders(tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    other.mkdir()
    (other / "there").write_text("old", encoding="ascii")
    code = f"""
    other = Path({str(other)!r})
    def refused(action):
        try:
            action()
        except PermissionError:
            return True
        return False
    (own / "a").write_text("x"); (own / "sub").mkdir()
    os.rename(own / "a", own / "sub" / "b"); (own / "sub" / "b").unlink()
    print(json.dumps([
        refused(lambda: (other / "new").write_text("x")),
        refused(lambda: (other / "there").write_text("x")),
        refused(lambda: (other / "there").unlink()),
        refused(lambda: (other / "folder").mkdir()),
        refused(lambda: os.truncate(other / "there", 0)),
        refused(lambda: os.rename(other / "there", own / "mine")),
        refused(lambda: os.symlink("/etc/passwd", own / "link")),
        refused(lambda: os.mkfifo(own / "pipe")),
        refused(lambda: open("/dev/shm/edgescribe-test", "w")),
        refused(lambda: open("/dev/zero", "w")),
        (other / "there").read_text() == "old",
        open("/dev/null", "w") is not None,
    ]))
    """
    assert said(sealed(own, code)) == [True] * 12
    assert sorted(p.name for p in other.iterdir()) == ["there"]


def test_reads_can_be_limited_too(tmp_path: Path) -> None:
    own, readable, hidden = tmp_path / "own", tmp_path / "in", tmp_path / "hidden"
    for folder in (readable, hidden):
        folder.mkdir()
        (folder / "f").write_text("x", encoding="ascii")
    code = f"""
    def reads(path):
        try:
            return Path(path).read_text() == "x"
        except PermissionError:
            return False
    (own / "f").write_text("x")
    import decimal, sqlite3
    print(json.dumps([reads(own / "f"), reads({str(readable / "f")!r}), reads({str(hidden / "f")!r})]))
    """
    assert said(sealed(own, code, more=f", read_dirs=(Path({str(readable)!r}),)")) == [True, True, False]


def test_children_inherit_the_seal_and_cannot_drop_it(tmp_path: Path) -> None:
    code = """
    import subprocess
    child = "import socket, sys\\ntry: socket.socket(); print('open')\\nexcept PermissionError: print('refused')\\n"
    child += "print([l.split()[1] for l in open('/proc/self/status') if l.startswith(('Seccomp:', 'NoNewPrivs:'))])"
    done = subprocess.run([sys.executable, "-I", "-c", child], capture_output=True, text=True)
    print(json.dumps(done.stdout.split("\\n")[:2]))
    """
    assert said(sealed(tmp_path, code)) == ["refused", "['1', '2']"]


def test_an_event_loop_threads_and_children_work(tmp_path: Path) -> None:
    code = """
    import asyncio, threading
    async def main():
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(lambda: None)
        value = await loop.run_in_executor(None, lambda: 7)
        child = await asyncio.create_subprocess_exec("/bin/echo", "hello", stdout=asyncio.subprocess.PIPE)
        output, _ = await child.communicate()
        return value, output.decode().strip()
    threads = [threading.Thread(target=lambda: None) for _ in range(8)]
    [t.start() for t in threads]; [t.join() for t in threads]
    print(json.dumps(asyncio.run(main())))
    """
    assert said(sealed(tmp_path, code)) == [7, "hello"]


def test_the_vault_library_works_with_wal_and_full_text_search(tmp_path: Path) -> None:
    code = """
    from sqlcipher3 import dbapi2
    db = dbapi2.connect(str(own / "v.db"), isolation_level=None)
    db.execute("PRAGMA key='k'")
    mode = db.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    db.execute("CREATE VIRTUAL TABLE t USING fts5(x)")
    db.executemany("INSERT INTO t VALUES (?)", [(f"note {n} pain",) for n in range(200)])
    print(json.dumps([mode, db.execute("SELECT count(*) FROM t WHERE t MATCH 'pain'").fetchone()[0]]))
    """
    assert said(sealed(tmp_path / "own", code)) == ["wal", 200]


def test_key_derivation_works(tmp_path: Path) -> None:
    code = """
    from argon2.low_level import Type, hash_secret_raw
    key = hash_secret_raw(b"p" * 12, b"s" * 16, 1, 65536, 4, 32, Type.ID)
    print(json.dumps(len(key)))
    """
    assert said(sealed(tmp_path, code)) == 32


def test_inherited_descriptors_are_closed(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    try:
        done = sealed(tmp_path, "print(json.dumps(sorted(os.listdir('/proc/self/fd'))))", pass_fds=(reading, writing))
        open_fds = said(done)
        assert str(reading) not in open_fds
        assert str(writing) not in open_fds
        assert len(open_fds) == 4  # three streams, and the listing itself
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
def test_a_stream_that_is_a_socket_is_refused(tmp_path: Path, stream: str) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        done = sealed(tmp_path, "os._exit(0)", **{"capture_output": False, stream: theirs, "timeout": 600})
        assert done.returncode != 0
        if stream != "stderr":
            other = sealed(tmp_path, "", stdin=theirs)
            assert b"could carry text to a network" in other.stderr


def test_a_strange_device_as_a_stream_is_refused(tmp_path: Path) -> None:
    code = """
    import stat
    from edge.seal import descriptors
    class Odd:
        st_mode, st_rdev = stat.S_IFCHR | 0o666, os.makedev(10, 200)  # /dev/net/tun
    descriptors.os.fstat = lambda fd: Odd
    print(json.dumps(descriptors.refused_streams()))
    """
    assert said(sealed(tmp_path, code)) == [
        f"The standard {name} is a device that is not a terminal." for name in ("input", "output", "error")
    ]


def test_closed_streams_are_filled_with_null(tmp_path: Path) -> None:
    code = "Path(own / 'fds').write_text(' '.join(os.readlink(f'/proc/self/fd/{n}') for n in range(3)))"
    text = SEAL.format(root=str(ROOT), own=str(tmp_path / "own"), more="") + code
    subprocess.run(["sh", "-c", 'exec "$0" -I -c "$1" <&- >&- 2>&-', sys.executable, text], check=True, timeout=600)
    assert (tmp_path / "own" / "fds").read_text(encoding="ascii") == "/dev/null /dev/null /dev/null"


def test_no_core_file_and_no_dump_and_not_undone(tmp_path: Path) -> None:
    code = """
    import ctypes, resource
    libc = ctypes.CDLL(None, use_errno=True)
    print(json.dumps([
        list(resource.getrlimit(resource.RLIMIT_CORE)), libc.prctl(3, 0, 0, 0, 0),
        libc.prctl(4, 1, 0, 0, 0), libc.prctl(3, 0, 0, 0, 0),
    ]))
    """
    assert said(sealed(tmp_path, code)) == [[0, 0], 0, -1, 0]


def test_killed_in_mid_work_it_leaves_no_core(tmp_path: Path) -> None:
    done = sealed(tmp_path, "os.chdir(own); os.abort()", cwd=tmp_path)
    assert done.returncode == -6
    assert list(tmp_path.iterdir()) == []


def test_signals_stay_inside(tmp_path: Path) -> None:
    code = f"""
    import signal
    try:
        os.kill({os.getpid()}, signal.SIGCONT)
        outside = "sent"
    except PermissionError:
        outside = "refused"
    pid = os.fork()
    if pid == 0:
        signal.pause()
    os.kill(pid, signal.SIGKILL)
    print(json.dumps([outside, os.waitpid(pid, 0)[1]]))
    """
    version = said(sealed(tmp_path, "print(json.dumps(status.mechanisms[1]))"))
    expected = "refused" if int(version.split()[1]) >= 6 else "sent"
    assert said(sealed(tmp_path, code)) == [expected, 9]


def test_every_listed_call_is_refused_by_the_running_kernel(tmp_path: Path) -> None:
    code = """
    import ctypes
    from edge.seal import seccomp, syscalls
    libc = ctypes.CDLL(None, use_errno=True)
    column = seccomp.machine().column
    answers = {}
    for name, pair in syscalls.REFUSED.items():
        if pair[column] is not None:
            ctypes.set_errno(0)
            result = libc.syscall(ctypes.c_long(pair[column]), *[ctypes.c_long(-1)] * 6)
            answers[name] = [result, ctypes.get_errno()]
    print(json.dumps(answers))
    """
    answers = said(sealed(tmp_path, code))
    assert len(answers) >= 71
    assert {tuple(a) for a in answers.values()} == {(-1, 1)}


def test_a_call_younger_than_the_filter_does_not_exist(tmp_path: Path) -> None:
    code = """
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    found = []
    for number in (468, 470, 500):
        libc.syscall(ctypes.c_long(number), 0, 0, 0)
        found.append(ctypes.get_errno())
    print(json.dumps(found))
    """
    assert said(sealed(tmp_path, code)) == [38, 38, 38]


def test_importing_the_seal_loads_neither_ctypes_nor_sockets() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.append({str(ROOT)!r}); import edge.seal, json; "
         "print(json.dumps([m for m in ('ctypes', 'socket', 'ssl', 'subprocess', 'asyncio') if m in sys.modules]))"],
        capture_output=True,
        timeout=600,
    )  # fmt: skip
    assert said(done) == []


def test_network_clients_cannot_be_imported(tmp_path: Path) -> None:
    code = """
    import importlib
    from edge.seal import imports
    found = []
    for name in sorted(imports.CLIENTS):
        try:
            importlib.import_module(name)
            found.append(name)
        except ModuleNotFoundError:
            pass
    print(json.dumps([len(imports.CLIENTS), found, sorted(imports.CLIENTS & sys.modules.keys())]))
    """
    assert said(sealed(tmp_path, code)) == [37, [], []]


def test_the_stage_gives_up_by_name_where_namespaces_are_forbidden(tmp_path: Path) -> None:
    own = tmp_path / "own"
    code = """
    from edge.errors import SealError
    from edge.audit import stage
    try:
        stage.enter()
    except SealError as why:
        print(json.dumps(why.what))
    """
    assert "could not be made" in said(sealed(own, code))
    assert python_command("a:b", {})[1] == "-I"
