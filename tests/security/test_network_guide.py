"""The audit guide's own commands do what it says they do; they are taken from its text."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from edge.audit import attempts, report

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "audit-guide.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", GUIDE, re.S)
NEEDED = ("unshare", "find", "sed", "sha256sum", "openssl", "bash")


def block(piece: str) -> str:
    """Return the one block of the guide that holds a piece of text."""
    found = [text for text in BLOCKS if piece in text]
    assert len(found) == 1, piece
    return found[0]


def shell(script: str, cwd: Path, stdin: str = "") -> str:
    names = f'PY={sys.executable}\nSITE=$("$PY" -I -c \'import sysconfig; print(sysconfig.get_path("platlib"))\')\n'
    done = subprocess.run(
        ["bash", "-c", names + script], cwd=cwd, input=stdin, capture_output=True, text=True, timeout=600, check=False
    )
    return done.stdout + done.stderr


def test_the_guide_has_its_parts_and_plain_linux_has_its_tools() -> None:
    assert len(BLOCKS) >= 9
    assert [int(n) for n in re.findall(r"^## (\d+)\.", GUIDE, re.M)] == list(range(1, 11))
    assert all(shutil.which(tool) for tool in NEEDED)


def test_the_shell_under_the_seal(tmp_path: Path) -> None:
    own = tmp_path / "own"
    script = (
        block("os.execv")
        .replace("/tmp/audit-own", str(own))
        .replace("from edge", f'sys.path.append("{ROOT}")\nfrom edge')
    )
    tries = "\n".join(
        [
            "curl -m 3 http://127.0.0.1/ || echo CURL $?",
            "echo x > /dev/tcp/127.0.0.1/22",
            "echo x > /dev/udp/127.0.0.1/53",
            "unshare -rn true || echo UNSHARE $?",
            f"touch {tmp_path}/outside || echo TOUCH $?",
            f"touch {own}/inside && echo INSIDE",
            "grep -E 'Seccomp:|NoNewPrivs' /proc/self/status",
        ]
    )
    said = shell(script, tmp_path, stdin=tries + "\n")
    assert "Refused by the kernel" in said
    assert said.count("Operation not permitted") >= 2
    for piece in ("CURL", "UNSHARE", "TOUCH", "INSIDE", "Seccomp:\t2", "NoNewPrivs:\t1"):
        assert piece in said, said
    assert not (tmp_path / "outside").exists()


def test_the_counters_of_a_namespace_start_at_zero_and_can_move(tmp_path: Path) -> None:
    quiet = shell("unshare -rn sh -c 'cat /proc/net/snmp /proc/net/dev'", tmp_path)
    assert "OutNoRoutes" in quiet
    moved = shell("unshare -rn bash -c 'echo x > /dev/udp/192.0.2.1/9; grep ^Ip: /proc/net/snmp'", tmp_path)
    lines = [line.split() for line in moved.splitlines() if line.startswith("Ip:")]
    at = lines[0].index("OutNoRoutes")
    assert lines[1][at] == "1"
    first = [line.split() for line in quiet.splitlines() if line.startswith("Ip:")]
    assert first[1][at] == "0"


def test_the_hash_of_the_program(tmp_path: Path) -> None:
    from edge.audit import inventory

    line = next(text for text in block("find edge tui").splitlines() if text.startswith("find edge"))
    assert shell(line, ROOT).split()[0] == inventory.listing_digest(inventory.program_files(ROOT))


def test_the_pack_is_checked_as_the_report_says() -> None:
    for command in report.CHECK:
        assert command in GUIDE


def test_the_guide_has_both_rules_for_the_windows_firewall() -> None:
    rules = [line for line in GUIDE.splitlines() if line.startswith("New-NetFirewallRule")]
    assert [re.findall(r"-Direction (\w+) -Action (\w+)", rule) for rule in rules] == [
        [("Outbound", "Block")],
        [("Inbound", "Block")],
    ]
    assert all('-Program "C:\\edgescribe\\python.exe"' in rule for rule in rules)


def test_the_numbers_in_the_guide_are_the_real_ones() -> None:
    assert f"tries {len(attempts.ATTEMPTS) + 2} ways out and all {len(attempts.FAMILIES)} socket families" in GUIDE


def test_the_scan_finds_a_planted_address(tmp_path: Path) -> None:
    line = next(text for text in block("applicationinsights").splitlines() if "applicationinsights" in text)
    (tmp_path / "lib.so").write_bytes(b"\x7fELF https://mobile.events.data.microsoft.com\0")
    assert shell(line.replace('"$SITE"', str(tmp_path)), tmp_path).strip().endswith("lib.so")
    (tmp_path / "lib.so").write_bytes(b"\x7fELF nothing\0")
    assert shell(line.replace('"$SITE"', str(tmp_path)), tmp_path).strip() == ""
