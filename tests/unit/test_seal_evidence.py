"""Evidence must be able to say no: spoilt facts, altered files, strace logs with a connection in them."""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from edge.audit import inventory, network, report, session, signing, tracelog, verdict, watch
from edge.errors import SealError
from edge.verbs import audit

LOG = """100 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = -1 EPERM (Operation not permitted)
100 io_uring_setup(1, NULL)             = -1 EPERM (Operation not permitted)
100 socketpair(AF_UNIX, SOCK_STREAM, 0, [3, 4]) = 0
101 sendto(3, "x", 1, 0, NULL, 0 <unfinished ...>
100 recvfrom(4, "x", 1, 0, NULL, NULL)  = 1
101 <... sendto resumed>)               = 1
101 +++ exited with 0 +++
"""
ALLOWED = [
    '100 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3',
    '100 connect(3, {sa_family=AF_INET, sin_port=htons(443)}, 16) = 0',
    '100 socketpair(AF_UNIX, SOCK_DGRAM, 0, [3, 4]) = 0',
    '[pid   100] socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) = 7',
    "100 io_uring_setup(8, {flags=0}) = 5",
]  # fmt: skip


def test_a_quiet_strace_log() -> None:
    assert tracelog.read(LOG) == tracelog.Trace(calls=5, refused=2, private_pairs=1, allowed=())


@pytest.mark.parametrize("line", ALLOWED)
def test_a_call_that_succeeded_is_named(line: str) -> None:
    assert tracelog.read(LOG + line + "\n").allowed == (line,)


def test_an_interrupted_call_that_succeeded_is_named() -> None:
    log = "7 socket(AF_INET6, SOCK_DGRAM, 0 <unfinished ...>\n8 socketpair(AF_UNIX, SOCK_STREAM, 0, [3, 4]) = 0\n"
    assert tracelog.read(log + "7 <... socket resumed>) = 9\n").allowed == ("7 socket(AF_INET6, SOCK_DGRAM, 0 ) = 9",)


def test_traffic_without_a_pair_is_named() -> None:
    assert len(tracelog.read('9 sendto(0, "x", 1, 0, NULL, 0) = 1\n').allowed) == 1


def step(**changes: Any) -> dict[str, Any]:
    seen = {"sealed_samples": 5, "threads": 3, "unsealed_threads": 0, "mapped_unsealed": [], "mapped_sealed": ["x"]}
    trace = {"calls": 10, "refused": 9, "private_pairs": 1, "allowed": []}
    good = {"name": "s", "exit_code": 0, "rise": {}, "sockets_left": 0, "seen": seen, "trace": trace}
    for key, value in changes.items():
        good[key] = {**good[key], **value} if isinstance(good[key], dict) and isinstance(value, dict) else value
    return good


def answers(*done: dict[str, Any], control: int = 1) -> list[str]:
    return [line.answer for line in verdict._session({"done": done, "counters_count": {"Ip.OutNoRoutes": control}})]


def test_the_session_holds_and_each_fault_is_seen() -> None:
    not_run = {"name": "n", "exit_code": None, "why": "there is no saved record to run it on"}
    assert answers(step(), not_run) == ["holds"] * 4
    facts = next(verdict._session({"done": [step(), not_run], "counters_count": {"Ip.OutNoRoutes": 1}})).facts
    assert facts == "1 steps ran; not run: n (there is no saved record to run it on)"
    no = "DOES NOT HOLD"
    assert answers(step(exit_code=6))[0] == no
    assert answers(not_run)[0] == no
    assert answers(step(rise={"Udp.OutDatagrams": 1}))[1] == no
    assert answers(step(sockets_left=1))[1] == no
    assert answers(step(), control=0)[1] == no  # counters that never move prove nothing
    assert answers(step(seen={"mapped_unsealed": ["onnxruntime"]}))[2] == no
    assert answers(step(seen={"unsealed_threads": 1}))[2] == no
    assert answers(step(seen={"sealed_samples": 0}))[2] == no
    assert answers(step(trace={"allowed": ["connect(...) = 0"]}))[3] == no
    assert answers(step(trace=None))[3] == "not examined"


def files(**changes: Any) -> list[str]:
    good: dict[str, Any] = {
        "packages": [{"name": "p", "files": 3, "altered": []}],
        "shared_objects": [{"path": "x.so", "collectors": []}],
        "collectors_looked_for": ["c"],
        "bundles": [{"name": "b", "files": {"f": "0"}, "wrong": []}],
    }
    return [line.answer for line in verdict._files(good | changes)]


def test_altered_files_are_seen() -> None:
    assert files() == ["holds"] * 3
    assert files(packages=[{"name": "p", "files": 3, "altered": ["p/x.py"]}])[0] == "DOES NOT HOLD"
    assert files(packages=[])[0] == "DOES NOT HOLD"
    assert files(shared_objects=[{"path": "x.so", "collectors": ["sentry.io"]}])[1] == "DOES NOT HOLD"
    assert files(shared_objects=[])[1] == "DOES NOT HOLD"
    assert files(bundles=[{"name": "b", "files": {"f": "0"}, "wrong": ["f"]}])[2] == "DOES NOT HOLD"


@pytest.mark.parametrize("encoding", ["ascii", "utf-16-le"])
def test_a_planted_collector_is_found(tmp_path: Path, encoding: str) -> None:
    library = tmp_path / "lib.so.1.2"
    library.write_bytes(b"\x7fELF" + "https://mobile.events.data.microsoft.com/x".encode(encoding) + bytes(50))
    assert "mobile.events.data.microsoft" in inventory.scan("lib.so", library).collectors
    library.write_bytes(b"\x7fELF nothing of the kind")
    assert inventory.scan("lib.so", library).collectors == ()


def test_an_altered_package_file_is_found(tmp_path: Path) -> None:
    info = tmp_path / "thing-1.0.dist-info"
    info.mkdir()
    (tmp_path / "thing.py").write_text("x = 1\n", encoding="ascii")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: thing\nVersion: 1.0\nLicense: MIT\n", encoding="ascii")
    digest = "sha256=VOJSIE7LLIL8-ZCPfyo8H3JPfp0J3NtoMGvZPKnhcw0"
    (info / "RECORD").write_text(f"thing.py,{digest},6\nthing-1.0.dist-info/RECORD,,\n", encoding="ascii")
    assert inventory.examine(metadata.PathDistribution(info)).altered == ("thing.py",)
    import base64

    right = base64.urlsafe_b64encode(hashlib.sha256(b"x = 1\n").digest()).rstrip(b"=").decode()
    (info / "RECORD").write_text(f"thing.py,sha256={right},6\nthing-1.0.dist-info/RECORD,,\n", encoding="ascii")
    found = inventory.examine(metadata.PathDistribution(info))
    assert (found.altered, found.files, found.licence) == ((), 1, "MIT")
    (tmp_path / "thing.py").unlink()
    assert inventory.examine(metadata.PathDistribution(info)).altered == ("thing.py",)


def test_the_listing_is_what_sha256sum_prints() -> None:
    root = inventory.program_root()
    found = inventory.program_files(root)
    assert len(found) > 60
    assert "edge/seal/seccomp.py" in found
    command = "find edge tui -type f ! -path '*/__pycache__/*' | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum"
    by_hand = subprocess.run(["sh", "-c", command], cwd=root, capture_output=True, text=True, check=True).stdout
    assert by_hand.split()[0] == inventory.listing_digest(found)


def test_the_bundle_is_held_against_its_manifest(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    manifest = {"files": [{"path": "w", "sha256": digest}, {"path": "gone", "sha256": digest}]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="ascii")
    assert inventory.bundle(tmp_path).wrong == ("gone",)
    (tmp_path / "w").write_bytes(b"weightz")
    assert inventory.bundle(tmp_path).wrong == ("w", "gone")


def test_the_bill_of_materials_names_every_package() -> None:
    packages = [inventory.examine(dist) for dist in inventory.needed()[:3]]
    bill: Any = inventory.sbom(packages, {"edge/x.py": "0" * 64}, [], "2026-01-01T00:00:00+00:00")
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    assert bill["metadata"]["component"]["name"] == "edgescribe"
    assert [c["name"] for c in bill["components"]] == [p.name for p in packages[1:]]
    assert all(c["purl"].startswith("pkg:pypi/") and c["version"] for c in bill["components"])
    assert bill["dependencies"][0]["dependsOn"] == [c["bom-ref"] for c in bill["components"]]


def test_what_the_program_needs_is_found_from_its_metadata() -> None:
    names = {d.metadata["Name"].lower() for d in inventory.needed()}
    wanted = {"edgescribe", "onnxruntime", "onnxruntime-genai", "tokenizers", "textual", "sqlcipher3", "argon2-cffi"}
    assert names >= wanted
    assert not names & {"torch", "transformers", "pytest", "mlx"}


def test_the_signature_is_checked_by_openssl(tmp_path: Path) -> None:
    key = signing.load_or_make(tmp_path / "home")
    again = signing.load_or_make(tmp_path / "home")
    assert signing.fingerprint(key) == signing.fingerprint(again)
    assert (tmp_path / "home" / signing.KEY_FILE).stat().st_mode & 0o777 == 0o600
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "evidence.txt").write_text("it holds\n", encoding="ascii")
    signing.sign_folder(pack, key)
    key.public_key().verify((pack / "SHA256SUMS.sig").read_bytes(), (pack / "SHA256SUMS").read_bytes())
    subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=pack, check=True, capture_output=True)
    for command in report.CHECK:
        done = subprocess.run(["sh", "-c", command], cwd=pack, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stderr)
    assert done.stdout.split()[0] == signing.fingerprint(key)
    (pack / "evidence.txt").write_text("it does not\n", encoding="ascii")
    assert subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=pack, capture_output=True, check=False).returncode


def test_a_spoilt_signing_key_is_an_error(tmp_path: Path) -> None:
    (tmp_path / signing.KEY_FILE).write_text("not a key", encoding="ascii")
    with pytest.raises(SealError, match="signs evidence packs"):
        signing.load_or_make(tmp_path)


def test_a_pack_never_mixes_with_other_files(tmp_path: Path) -> None:
    (tmp_path / "old").touch()
    request = network.AuditRequest((), tmp_path, tmp_path, tmp_path, tmp_path)
    with pytest.raises(SealError, match="not empty"):
        network.gather(request, print)


def test_a_part_that_fails_is_an_error_with_advice() -> None:
    with pytest.raises(SealError, match="could not be gathered") as caught:
        network._child("edge.audit.stage:main", {})
    assert "namespace" in caught.value.hint


def test_the_verbs_come_from_the_parser() -> None:
    parser = argparse.ArgumentParser()
    sub = parser.add_subparsers()
    sub.add_parser("note")
    inner = sub.add_parser("records").add_subparsers()
    inner.add_parser("list")
    inner.add_parser("show")
    assert audit.verbs_of(parser) == {("note",), ("records", "list"), ("records", "show")}


def test_a_verb_that_no_step_uses_is_named() -> None:
    planned = session.steps(Path("v"), Path("r"), "b", Path("o"))
    assert session.not_exercised(planned, {("note",), ("sing",), ("audit", "network")}) == ("sing",)
    wanted = {"make the vault", "unlock and list", "suggest codes", "search", "sign", "export the note"}
    assert wanted <= {s.name for s in planned}


def test_a_process_is_looked_at_through_proc() -> None:
    child = subprocess.Popen(["sleep", "600"])
    try:
        import os

        # The child is a copy of this process until it has started its program.
        while watch.fields(Path(f"/proc/{child.pid}/status"))["Name"] != "sleep":
            os.sched_yield()
        assert child.pid in watch.descendants(os.getpid())
        assert watch.fields(Path(f"/proc/{child.pid}/status"))["Name"] == "sleep"
        seen = watch.Seen()
        watch.sample(os.getpid(), seen)
        assert seen.samples == 0  # nothing of the product runs here
    finally:
        child.kill()
        child.wait()
