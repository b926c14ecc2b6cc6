"""Gathers the network evidence and writes the pack. Started by `edgescribe audit network`; opens no vault of the user.

The process that runs this is not sealed, because it must make namespaces and show what happens without the seal. All
that acts does so in child processes, in network namespaces without a way out.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.audit import inventory, kernel_log, report, signing, stage, verdict
from edge.errors import SealError

FORMAT = "edgescribe-network-evidence/1"
_TIMEOUT = 3600

AuditSay = Callable[[str], None]


@dataclass(frozen=True)
class AuditRequest:
    """What to examine: the program's verbs, the bundle to run, folders of samples, signing key and result."""

    verbs: tuple[tuple[str, ...], ...]
    bundle: Path
    samples: Path
    key_folder: Path
    out: Path
    strace: bool = True


def gather(request: AuditRequest, say: AuditSay) -> dict[str, Any]:
    """Run everything and write the pack into request.out; return the evidence. Raises SealError if it cannot run.

    The evidence's "verdict" says whether every line held.
    """
    made = datetime.now(UTC).isoformat(timespec="seconds")
    request.out.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(request.out.iterdir()):
        raise SealError("The folder for the evidence is not empty.", str(request.out), "Name another with --out.")
    say("Attempts to get out, without the seal and with it")
    with tempfile.TemporaryDirectory(prefix="edgescribe-audit-") as folder:
        attempts = _child("edge.audit.stage:main", {"folder": folder})
    say("A synthetic session, watched; beside it, what the kernel's log says of refused calls")
    with tempfile.TemporaryDirectory(prefix="edgescribe-audit-") as folder, ThreadPoolExecutor(1) as beside:
        log = beside.submit(kernel_log.watch, Path(folder) / "log")
        session = _child("edge.audit.session:main", _session_request(request, folder))
        logged = {**asdict(log.result()), "missing": list(log.result().missing)}
    say("Hashes of program, packages, libraries and bundle")
    evidence: dict[str, Any] = {
        "format": FORMAT,
        "made": made,
        "machine": inventory.machine(),
        "attempts": attempts,
        "session": session,
        "kernel_log": logged,
        **_inventory(request, made),
    }
    evidence["verdict"] = [asdict(line) for line in verdict.judge(evidence)]
    key = signing.load_or_make(request.key_folder)
    evidence["signing_key_sha256"] = signing.fingerprint(key)
    _write(request.out, evidence)
    signing.sign_folder(request.out, key)
    return evidence


def _session_request(request: AuditRequest, folder: str) -> dict[str, object]:
    return {
        "folder": folder,
        "logs": str(request.out.resolve()),
        "samples": str(request.samples),
        "bundle": str(request.bundle.resolve()),
        "verbs": [list(verb) for verb in request.verbs],
        "strace": request.strace,
    }


def _child(entry: str, argument: dict[str, object]) -> Any:
    done = subprocess.run(
        stage.python_command(entry, argument),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode != 0:
        raise SealError(
            "The evidence could not be gathered.",
            f"The part {entry} ended with {done.returncode}; its own words are above.",
            "It needs a network namespace of its own: run it as root, or allow user namespaces.",
        )
    return json.loads(done.stdout)


def _inventory(request: AuditRequest, made: str) -> dict[str, Any]:
    root = inventory.program_root()
    files = inventory.program_files(root)
    dists = inventory.needed()
    packages = [inventory.examine(dist) for dist in dists]
    libraries = [inventory.scan(name, path) for name, path in inventory.shared_objects(dists)]
    bundles = [inventory.bundle(request.bundle)]
    return {
        "program": {"root": str(root), "files": files, "listing_sha256": inventory.listing_digest(files)},
        "packages": [asdict(p) for p in packages],
        "shared_objects": [asdict(s) for s in libraries],
        "collectors_looked_for": list(inventory.COLLECTORS),
        "bundles": [asdict(b) for b in bundles],
        "sbom": inventory.sbom(packages, files, bundles, made),
    }


def _write(out: Path, evidence: dict[str, Any]) -> None:
    sbom = evidence.pop("sbom")
    (out / "sbom.cdx.json").write_text(json.dumps(sbom, indent=2) + "\n", encoding="utf-8")
    (out / "evidence.json").write_text(json.dumps(evidence, indent=2) + "\n", encoding="utf-8")
    (out / "evidence.txt").write_text(report.text(evidence), encoding="utf-8")
