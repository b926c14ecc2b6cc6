"""`edgescribe audit network` from end to end: the whole product at work in a namespace, and no packet from it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge.audit import kernel_log, report, session, stage
from tests.security.conftest import Pack

pytestmark = [pytest.mark.model, pytest.mark.long]
MUST_RUN = {
    "make the vault", "write a note and save it", "extract the fields of a report", "unlock and list", "show a record",
    "name a speaker", "write a section anew", "add a fact", "search", "sign",
    "export the note", "export everything", "back up the vault", "verify the vault",
    "verify the audit log", "delete a record", "verify the bundle", "examine the machine",
}  # fmt: skip


def ran(pack: Pack) -> dict[str, Any]:
    return {d["name"]: d for d in pack.evidence["session"]["done"] if d["exit_code"] is not None}


def test_every_finding_holds(pack: Pack) -> None:
    findings = {line["claim"]: line["answer"] for line in pack.evidence["verdict"]}
    assert len(findings) == 12
    assert findings.pop("strace saw no network call that succeeded.") == "not examined"
    if why := kernel_log.why_unreadable():
        assert findings.pop("Refused calls are in the kernel's own log.") == "not examined"
        assert why in pack.printed
    assert set(findings.values()) == {"holds"}, findings
    assert pack.code == 0
    assert pack.printed.count("[holds]") == len(findings)


def test_the_kernels_lines_are_counted_in_the_pack(pack: Pack) -> None:
    found = pack.evidence["kernel_log"]
    text = (pack.folder / "evidence.txt").read_text(encoding="utf-8")
    if found["why_not"]:
        assert found["why_not"] in " ".join(text.split())
    else:
        assert set(found["lines"]) == set(kernel_log.CALLS)
        assert f"{sum(found['lines'].values())} lines of one sealed process" in text


def test_every_step_whose_verb_exists_ran_and_ended_well(pack: Pack) -> None:
    assert set(ran(pack)) >= MUST_RUN
    assert {name: d["exit_code"] for name, d in ran(pack).items() if d["exit_code"]} == {}
    for done in pack.evidence["session"]["done"]:
        assert done["exit_code"] is not None


def test_no_step_moved_a_counter_or_left_a_socket(pack: Pack) -> None:
    for name, done in ran(pack).items():
        assert done["rise"] == {}, name
        assert done["sockets_left"] == 0, name
    assert pack.evidence["session"]["counters_count"] == {"Ip.OutNoRoutes": 1}


def test_runtime_and_vault_are_loaded_under_the_seal_only(pack: Pack) -> None:
    for name, done in ran(pack).items():
        seen = done["seen"]
        assert seen["sealed_samples"] > 0, name
        assert seen["unsealed_threads"] == 0, name
        assert seen["mapped_unsealed"] == [], name
        assert (seen["status"]["Seccomp"], seen["status"]["NoNewPrivs"]) == ("2", "1"), name
    note = ran(pack)["write a note and save it"]["seen"]
    anew = ran(pack)["write a section anew"]["seen"]
    for seen in (note, anew):
        assert set(seen["mapped_sealed"]) >= {"onnxruntime", "sqlcipher3", "tokenizers"}


def test_the_pack_is_whole_and_signed(pack: Pack) -> None:
    names = {p.name for p in pack.folder.iterdir()}
    signed = {"evidence.json", "evidence.txt", "sbom.cdx.json", "signing-key.pem"}
    assert names == signed | {"SHA256SUMS", "SHA256SUMS.sig"}
    for command in report.CHECK:
        done = subprocess.run(["sh", "-c", command], cwd=pack.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stderr)
    assert done.stdout.split()[0] == pack.evidence["signing_key_sha256"]
    assert pack.evidence["signing_key_sha256"] in pack.printed


def test_the_text_says_what_was_not_run(pack: Pack) -> None:
    text = (pack.folder / "evidence.txt").read_text(encoding="utf-8")
    for done in pack.evidence["session"]["done"]:
        assert done["name"] in text
        assert done["exit_code"] is not None or f"not run   {done['name']}" in text
    for verb in pack.evidence["session"]["not_exercised"]:
        assert verb in text
    assert "DOES NOT HOLD" not in text


def test_the_pack_holds_no_words_of_the_visit_and_no_passphrase(pack: Pack) -> None:
    visit = (Path(session.__file__).parents[1] / "samples" / "visit.txt").read_text(encoding="utf-8")
    sentences = [line.split(":", 1)[-1].strip() for line in visit.splitlines() if len(line) > 40]
    assert len(sentences) > 5
    for path in pack.folder.iterdir():
        content = path.read_bytes().decode("utf-8", "replace")
        assert not [s for s in sentences if s in content], path.name


def test_the_bill_of_materials_is_complete(pack: Pack) -> None:
    bill = json.loads((pack.folder / "sbom.cdx.json").read_text(encoding="utf-8"))
    names = {c["name"] for c in bill["components"]}
    assert {p["name"] for p in pack.evidence["packages"][1:]} <= names
    assert any(c["type"] == "machine-learning-model" for c in bill["components"])


WATCH = """
import json, os, sys
sys.path.append({root!r})
from pathlib import Path
from edge.seal import environment
from edge.audit import session, stage
stage.enter()
step = session.Step("examine the machine", ("doctor",), ("doctor", "--json"))
environ = environment.clean(os.environ) | {{"EDGESCRIBE_HOME": {home!r}}}
done, output = session.observe(step, environ, {strace!r}, Path({log!r}))
print(json.dumps([done.exit_code, done.rise, done.trace, json.loads(output)[0]]))
"""


def test_a_step_under_strace_shows_only_refusals(tmp_path: Path) -> None:
    strace = shutil.which("strace") or ""
    code = WATCH.format(
        root=str(Path(stage.__file__).resolve().parents[2]),
        home=str(tmp_path),
        strace=strace,
        log=str(tmp_path / "log"),
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    _, rise, trace, sealed = json.loads(done.stdout)
    assert rise == {}
    assert sealed["state"] == "ok"
    assert "Refused by the kernel" in sealed["says"]
    if strace:  # the counters above are the evidence everywhere; strace adds to it where it is
        assert trace["allowed"] == []
        assert trace["refused"] >= 8
