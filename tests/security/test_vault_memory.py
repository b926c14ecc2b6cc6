"""Keys in memory: not for the same user's other programs, not in a core dump, gone once the vault is closed."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from alone import alone
from vaulting import WORDS, Child, new_vault, note, passphrase

from edge.store import unlock
from edge.store.secret import SecretBytes, _lock_memory
from edge.store.vault import Vault

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
LOCKED = """
import ctypes, sys
from pathlib import Path
from edge.store.secret import read_passphrase_file
from edge.store.vault import Vault
with read_passphrase_file(sys.argv[2]) as passphrase:
    vault = Vault.open(Path(sys.argv[1]), passphrase)
vault.encounters.get(vault.encounters.list()[0].id)
if sys.argv[3] == "closed":
    vault.close()
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # let the parent look, as only this test may
print("ready", flush=True)
sys.stdin.readline()
"""


TYPED = """
import asyncio, ctypes, sys
from pathlib import Path
from textual.app import App
from edge.store.secret import Passphrase
from edge.store.vault import Vault
from tui.widgets.safe import SafeInput, SecretInput, wipe
secret = sys.argv[2] == "secret"
class One(App):
    def compose(self):
        yield SecretInput() if secret else SafeInput(password=True)
async def main():
    app = One()
    async with app.run_test() as pilot:
        for code in sys.argv[3].split(","):
            await pilot.press("space" if chr(int(code)) == " " else chr(int(code)))
        field = app.query_one(SafeInput)
        typed = field.take() if secret else bytearray(field.value.encode())
        with Passphrase(typed) as passphrase:
            wipe(typed)
            vault = Vault.open(Path(sys.argv[1]), passphrase)
        ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # let the parent look, as only this test may
        print("ready", flush=True)
        sys.stdin.readline()
asyncio.run(main())
"""


def memory_of(pid: int) -> list[bytes]:
    """All writable memory of a process."""
    regions = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            start, end, rights = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()
            if "w" in rights and "[v" not in line:
                memory.seek(int(start, 16))
                try:
                    regions.append(memory.read(int(end, 16) - int(start, 16)))
                except OSError:
                    continue
    return regions


def copies(pid: int, needles: dict[str, bytes]) -> dict[str, int]:
    regions = memory_of(pid)
    assert sum(map(len, regions)) > 1_000_000
    return {name: sum(region.count(needle) for region in regions) for name, needle in needles.items()}


@pytest.mark.parametrize("state", ["open", "closed"])
def test_what_is_in_the_memory_of_an_open_and_of_a_closed_vault(state: str, tmp_path: Path) -> None:
    """The open one is the control: its key is found by the same search."""
    with new_vault(tmp_path) as vault:
        note(vault)
    words = tmp_path / "words"
    words.write_text(WORDS)
    unlocked = unlock.unlock(vault.paths, passphrase())
    with unlock.master_key(unlocked.header, passphrase()) as master:
        key = bytes(unlocked.keys.database.view()[:32])
        needles = {
            "database key": key,
            "database key in hex": key.hex().encode(),
            "audit key": bytes(unlocked.keys.audit.view()),
            "backup key": bytes(unlocked.keys.backup.view()),
            "master key": bytes(master.view()),
            "passphrase": WORDS.encode(),
        }
    command = [sys.executable, "-c", LOCKED, str(vault.paths.database), str(words), state]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        found = copies(process.pid, needles)
        process.communicate(b"\n")
    if state == "open":
        assert found["database key"] > 0
        assert {name for name, times in found.items() if times} <= {"database key", "database key in hex", "backup key"}
    else:
        assert found == dict.fromkeys(needles, 0)


@pytest.mark.parametrize("kind", ["secret", "plain"])
def test_what_was_typed_into_the_app_s_field_is_not_in_memory(kind: str, tmp_path: Path) -> None:
    """The plain field is the control: the framework's strings are found by the same search."""
    new_vault(tmp_path).close()
    codes = ",".join(str(ord(character)) for character in WORDS)
    command = [sys.executable, "-c", TYPED, str(tmp_path / "records.vault"), kind, codes]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout.readline() == b"ready\n"
        found = copies(process.pid, {"whole": WORDS.encode(), "half": WORDS[: len(WORDS) // 2].encode()})
        process.communicate(b"\n")
    if kind == "secret":
        assert found == {"whole": 0, "half": 0}
    else:
        assert found["half"] > 0


@alone
def test_another_program_of_the_same_user_cannot_read_or_trace_it(tmp_path: Path) -> None:
    """Where the tests run as root, both programs become nobody first: root may always."""
    new_vault(tmp_path).close()
    for path in (tmp_path, *tmp_path.rglob("*")):
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)
    for folder in (tmp_path, *tmp_path.parents):
        if os.geteuid() == 0 and folder.stat().st_uid == 0 and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)

    def become_nobody() -> None:
        if os.geteuid() == 0:
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)

    def unlocked(report) -> None:
        become_nobody()
        with Vault.open(tmp_path / "records.vault", passphrase()):
            report(b".")
            signal.pause()

    target = Child(unlocked)
    assert target.first_byte() == b"."

    def attacker(report) -> None:
        become_nobody()
        for name in ("mem", "maps", "environ"):
            try:
                with open(f"/proc/{target.pid}/{name}", "rb") as file:
                    file.read(1)
                report(f"read {name}\n".encode())
            except PermissionError:
                report(b"refused\n")
        attached = ctypes.CDLL(None, use_errno=True).ptrace(16, target.pid, 0, 0)  # PTRACE_ATTACH
        report(b"traced\n" if attached == 0 else b"refused\n")

    other = Child(attacker)
    other.wait()
    answers = other.rest()
    target.kill()
    assert answers == b"refused\n" * 4


@alone
def test_sigabrt_leaves_no_core(tmp_path: Path) -> None:
    new_vault(tmp_path).close()
    before = set(tmp_path.iterdir())

    def work(report) -> None:
        faulthandler.disable()
        os.chdir(tmp_path)
        resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
        with Vault.open(tmp_path / "records.vault", passphrase()):
            report(f"{ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)} {resource.getrlimit(resource.RLIMIT_CORE)[0]}".encode())
            os.abort()

    child = Child(work)
    status = child.wait()
    assert os.WTERMSIG(status) == 6
    assert not os.WCOREDUMP(status)
    assert child.rest() == b"0 0"
    new = {path.name for path in set(tmp_path.iterdir()) - before}
    assert not any("core" in name for name in new), new


def test_key_memory_is_locked_where_the_system_allows() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if soft == 0:
        assert _lock_memory(bytearray(32)) in (True, False)
        return
    assert SecretBytes.random(32).locked
    with open("/proc/self/status") as status:
        locked = next(int(line.split()[1]) for line in status if line.startswith("VmLck:"))
    assert locked >= 4
