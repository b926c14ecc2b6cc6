"""Every command of the audit guide is run, and shows what the text says; what can't be run here is listed with why.

A shell gets the guide's own lines. `edgescribe` is the program itself; a note is written by the small test model, which
no key signed, so a wrapper adds --bundle and --allow-unsigned, as an auditor's own configuration would.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.security.test_network_guide import BLOCKS, block

ROOT = Path(__file__).resolve().parents[2]
NOT_RUN = {  # beginning of a line -> why
    "nft add": "needs a firewall tool and a user that runs nothing else",
    "tcpdump": "needs an otherwise quiet machine",
    "cat /proc/sys/kernel/seccomp/actions_logged": "tests/security/test_seal_log reads the kernel's log",
    "dmesg": "tests/security/test_seal_log reads the kernel's log",
    '"$PY" -I -m pip download': "another machine's, with a package mirror",
}


class Shell:
    """A folder with visit.txt, and bash with the guide's three names."""

    def __init__(self, folder: Path, bundle: Path) -> None:
        self.folder, self.ran = folder, set[str]()
        (folder / "bin").mkdir()
        (folder / "home").mkdir()
        (folder / "visit.txt").write_text("Doctor: What is it?\nPatient: My left knee hurts since Monday. xylocanary\n")
        wrapper = folder / "bin" / "edgescribe"
        wrapper.write_text(
            f"#!{sys.executable}\nimport os, sys\nwords = sys.argv[1:]\n"
            f"words += ['--bundle', {str(bundle)!r}, '--allow-unsigned'] if words[0] == 'note' else []\n"
            f"os.chdir(os.getcwd())\nos.environ['PYTHONPATH'] = {str(ROOT)!r}\n"
            "os.execv(sys.executable, [sys.executable, '-m', 'edge', *words])\n"
        )
        wrapper.chmod(0o755)
        self.environ = {
            **os.environ,
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder),
            "EDGESCRIBE_HOME": str(folder / "home" / "data"),
        }

    def run(self, script: str, stdin: str = "") -> str:
        """Output and errors of a script in which the names of the guide are set."""
        names = block("ES=$(command")
        self.ran |= lines(names) | lines(script) | lines(stdin)
        done = subprocess.run(
            ["bash", "-c", names + script], cwd=self.folder, env=self.environ, input=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900, check=False,
        )  # fmt: skip
        return done.stdout


def lines(script: str) -> set[str]:
    """The commands of a script, without comments."""
    return {bare for line in script.splitlines() if (bare := re.sub(r"\s+#.*", "", line).strip())}


@pytest.fixture(scope="module")
def shell(small_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(tmp_path_factory.mktemp("guide"), small_bundle)


def part(shell: Shell, piece: str) -> str:
    """A block of the guide with its own folders in place of the ones it names."""
    return block(piece).replace("/tmp/audit-own", str(shell.folder / "own"))


def the_names(shell: Shell) -> None:
    said = shell.run('echo "$ES|$PY"; ls "$SITE"')
    assert f"{shell.folder}/bin/edgescribe|{sys.executable}" in said
    assert {"onnxruntime", "onnxruntime_genai", "sqlcipher3", "textual"} <= set(said.split())


def a_running_process_is_sealed(shell: Shell) -> None:
    """Part 1, and what part 5 says of its descriptors."""
    begin, *looks = block("edgescribe note visit.txt &").splitlines()
    shell.ran |= lines("\n".join((begin, *looks)))
    wait = "until grep -qE 'onnxruntime' /proc/$PID/maps 2>/dev/null; do kill -0 $PID || exit; sleep 0.05; done"
    maps = block("onnxruntime|sqlcipher3")
    files = next(line for line in block("ss -tunap").splitlines() if line.startswith("ss "))
    said = shell.run(f"{begin} \n{looks[0]}\n{wait}\n" + "\n".join(looks[1:]) + f"\n{maps}\n{files}\nwait\n")
    assert "Seccomp:\t2" in said
    assert "NoNewPrivs:\t1" in said
    assert re.findall(r"^ +\d+ Seccomp:\t(\d)$", said, re.M) == ["2"]
    assert "onnxruntime" in said
    assert "socket:[" not in said
    assert "tcp" not in said


def nothing_is_tried_and_the_counter_can_move(shell: Shell) -> None:
    """Part 2."""
    said = shell.run(block("edgescribe note visit.txt > note.txt"))
    assert (shell.folder / "note.txt").read_text().strip()
    rows = [line.split() for line in said.splitlines() if line.startswith(("Ip:", "Tcp:", "Udp:"))]
    counted = {
        name: int(value)
        for head, row in zip(rows[::2], rows[1::2], strict=True)
        for name, value in zip(head[1:], row[1:], strict=True)
    }
    assert [counted[name] for name in ("OutRequests", "OutNoRoutes", "ActiveOpens", "OutDatagrams")] == [0, 0, 0, 0]
    assert [row.split()[1:] for row in said.splitlines() if row.strip().startswith("lo:")] == [["0"] * 16]
    assert not re.findall(r"^ +\d+: [0-9A-F]{8}:", said, re.M)
    moved = [line.split() for line in shell.run(block("192.0.2.1/9")).splitlines() if line.startswith("Ip:")]
    assert dict(zip(*moved, strict=True))["OutNoRoutes"] == "1"


def what_happens_if_it_tries(shell: Shell) -> None:
    """Part 3: under the seal; each line says what its comment says."""
    start = part(shell, "os.execv").replace("from edge", f'sys.path.append("{ROOT}")\nfrom edge')
    tries = part(shell, "curl -m 3")
    shell.ran |= lines(block("os.execv")) | lines(block("curl -m 3"))
    marked = "".join(f"echo '== {shlex.quote(line)[1:40]}'\n{line}\n" for line in tries.splitlines())
    pieces = shell.run(start, stdin="exec 2>&1\n" + marked).split("== ")
    assert "Refused by the kernel" in pieces[0]
    found = dict(zip(tries.splitlines(), pieces[1:], strict=True))
    for line, output in found.items():
        for words in re.findall(r"Couldn't connect|Operation not permitted|Permission denied", line.partition("#")[2]):
            assert words in output, (line, output)
        if "succeed" in line or "works" in line:
            assert output.count("\n") == 1, (line, output)  # nothing but the mark
    assert (shell.folder / "own" / "inside").is_file()
    assert not (shell.folder / "home" / "outside-new").exists()
    assert (shell.folder / "visit.txt").read_text().endswith("xylocanary\n")
    assert (shell.folder / "visit.txt").stat().st_mode & 0o777 == 0o640
    families = (
        'for f in $(seq 0 45); do python3 -c "import socket; socket.socket($f, 1)" 2>&1 | tail -1; done | sort -u'
    )
    assert shell.run(start, stdin=f"{families}\n").strip().endswith("Operation not permitted")


def what_the_kernel_sees(shell: Shell) -> None:
    """Part 4."""
    said = shell.run(block("strace -f -qq"))
    calls = (shell.folder / "calls.txt").read_text()
    assert calls.count("EPERM") >= 8
    left = [line for line in said.splitlines() if re.match(r"\d+ +\w+\(", line)]
    assert all("socketpair(AF_UNIX, SOCK_STREAM" in line or "resumed" in line for line in left), left


def what_compiled_libraries_could_do(shell: Shell) -> None:
    """Part 6: the folder is the one with the packages, and the search finds what they hold."""
    search = block("applicationinsights")
    if (Path(shell.run('echo "$SITE"').strip()) / "torch").exists():  # tools for training: "another matter"
        search = search.replace('find "$SITE" ', 'find "$SITE"/onnxruntime* "$SITE"/sqlcipher3* "$SITE"/cryptography* ')
    shell.ran |= lines(block("applicationinsights"))
    count, *rest = shell.run(search).splitlines()
    assert int(count) >= 4
    assert not [line for line in rest if "not found" in line or "No such file" in line]
    named = [line for line in rest if line.endswith((".so", ".so.1")) or ".so." in line]
    assert any("onnxruntime" in line or "cryptography" in line for line in named)
    assert any(re.match(r"onnxruntime +1\.28\.0", line) for line in rest)
    assert any(re.match(r"onnxruntime-genai +0\.14\.1", line) for line in rest)


def it_is_the_program_that_it_says(shell: Shell) -> None:
    """Part 7."""
    cd, digest, *_ = block("find edge tui").splitlines()
    shell.ran |= lines(block("find edge tui"))
    said = shell.run(f"export PYTHONPATH={ROOT}\n{cd.replace(' -I -c', ' -c')}\n{digest}")
    assert re.fullmatch(r"[0-9a-f]{64}  -", said.strip())


def it_keeps_no_words(shell: Shell) -> None:
    """Part 8, in this test's own folders; and no core file after a fault."""
    search, fault = block("xylocanary").splitlines()[:2]
    shell.ran |= lines(block("xylocanary"))
    places = re.search(r"~ .* 2>", search)[0]
    here = search.replace(places, f"{shell.folder} 2>")
    assert shell.run(here).split() == [str(shell.folder / "visit.txt")] or "note.txt" in shell.run(here)
    begin = block("edgescribe note visit.txt &").splitlines()[0]
    wait = "until grep -q Seccomp:.2 /proc/$PID/status; do sleep 0.05; done; sleep 1"
    shell.run(f"{begin} \nPID=$!\n{wait}\n{fault}\nwait")
    assert not [path for path in shell.folder.rglob("core*") if path.is_file()]


PARTS = (
    the_names,
    a_running_process_is_sealed,
    nothing_is_tried_and_the_counter_can_move,
    what_happens_if_it_tries,
    what_the_kernel_sees,
    what_compiled_libraries_could_do,
    it_is_the_program_that_it_says,
    it_keeps_no_words,
)


def test_every_command_of_the_guide(shell: Shell) -> None:
    """The parts in the guide's order, in one test: what they ran is known then, whatever workers there are.

    Part 9 is test_network_audit's.
    """
    for one in PARTS:
        one(shell)
    wanted = {line for text in BLOCKS if "audit network" not in text for line in lines(text)}
    missing = {line for line in wanted - shell.ran if not line.startswith(tuple(NOT_RUN))}
    assert missing == set()
    assert all(any(line.startswith(begin) for line in wanted) for begin in NOT_RUN)
