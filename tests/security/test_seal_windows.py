"""The guard, what it can't stop, and the firewall rule: `pytest -m windows tests/security/test_seal_windows.py`.

Run by a person on Windows. The guard lets loopback be (the event loop's own pair). The attempts go to loopback all the
same, with that allowance taken away: no test sends anything elsewhere. Left out on other systems (tests/conftest.py).
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.seal.environment import boot_command

pytestmark = pytest.mark.windows

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "audit-guide.md").read_text(encoding="utf-8")
RULES = [line for line in GUIDE.splitlines() if line.startswith("New-NetFirewallRule")]
BEFORE = """
import asyncio, ctypes, json, os, socket, struct, subprocess, sys
sys.path.append({root!r})
from pathlib import Path
port = {port}
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
def bound():
    socket.socket().bind(("127.0.0.1", 0))
def lookup():
    socket.getaddrinfo("localhost", port)
def program():
    subprocess.run([sys.executable, "-I", "-c", "0"], check=True)
"""
GUARD = """
from edge.seal import windows
from edge.seal.policy import SealPolicy
status = windows.seal(SealPolicy(write_dirs=()))
"""
STRICT = "windows._LOOPBACK = frozenset()\n"


@pytest.fixture
def port() -> Iterator[int]:
    """A listener on this machine."""
    with socket.socket() as tcp:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen(16)
        yield int(tcp.getsockname()[1])


def run(port: int, setup: str, code: str) -> Any:
    """Run code in a new interpreter; returns the JSON that it printed."""
    text = BEFORE.format(root=str(ROOT), port=port) + setup + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-I", "-c", text], stdin=subprocess.DEVNULL, capture_output=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.mark.parametrize(("setup", "expected"), [("", "through"), (GUARD + STRICT, "refused")])
def test_attempts_from_python(port: int, setup: str, expected: str) -> None:
    code = "print(json.dumps([answer(f) for f in (tcp, udp, bound, lookup, program)]))"
    assert run(port, setup, code) == [expected] * 5


def test_the_event_loops_pair_works_under_the_guard(port: int) -> None:
    code = """
    async def main():
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(lambda: None)
        return await loop.run_in_executor(None, lambda: 7)
    print(json.dumps(asyncio.run(main())))
    """
    assert run(port, GUARD, code) == 7


def test_native_code_gets_past_the_guard_and_so_the_status_claims_no_more(port: int) -> None:
    code = """
    address = struct.pack("=H", 2) + struct.pack("!H", port) + bytes([127, 0, 0, 1]) + bytes(8)
    library = ctypes.WinDLL("ws2_32") if sys.platform == "win32" else ctypes.CDLL(None)
    if sys.platform == "win32":
        library.WSAStartup(0x202, ctypes.create_string_buffer(512))
        library.socket.restype = ctypes.c_size_t
        made = ctypes.c_size_t(library.socket(2, 1, 0))
    else:
        made = library.socket(2, 1, 0)
    print(json.dumps([library.connect(made, address, 16), status.level, status.line()]))
    """
    connected, level, line = run(port, GUARD + STRICT, code)
    assert connected == 0
    assert level == "partial"
    assert "not kernel-enforced" in line


@pytest.mark.skipif(sys.platform != "win32", reason="elsewhere the program is sealed by the kernel")
def test_the_program_itself_says_that_it_is_not_kernel_enforced(tmp_path: Path) -> None:
    done = subprocess.run(
        boot_command(["doctor", "--json"]),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert "not kernel-enforced" in json.loads(done.stdout)[0]["says"]
    assert "not kernel-enforced" in done.stderr


@pytest.mark.skipif(sys.platform != "win32", reason="needs the Windows firewall")
@pytest.mark.parametrize("rule", RULES)
def test_windows_understands_the_documented_rule(rule: str) -> None:
    """Tried without making it (-WhatIf)."""
    powershell = shutil.which("powershell") or "powershell"
    command = rule.replace("C:\\edgescribe\\python.exe", sys.executable) + " -WhatIf"
    done = subprocess.run(
        [powershell, "-NoProfile", "-Command", command], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "edgescribe: no network" in done.stdout
