"""The product's work in front of the auditor: a synthetic visit, from opening a vault to exporting a note.

Runs in a stage without even a loopback interface. Each step is the real program, a new sealed process; it is watched
through /proc, by the stage's counters, and by strace where that is installed. Which steps can run is read from the
program's own parser; a step whose verb does not exist is reported as not run.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

from edge.audit import stage, tracelog, watch
from edge.seal import environment

_TIMEOUT = 1800
_SAMPLE_EVERY = 0.04
# In a step's command line: the id of the saved record that holds a note, and of the one that holds fields.
_NOTE, _FIELDS = "{note}", "{fields}"
_KINDS = {"note": _NOTE, "extraction": _FIELDS}


@dataclass(frozen=True)
class Step:
    """A step of the session: what it is, the verb it needs, its whole command line after the program's name."""

    name: str
    verb: tuple[str, ...]
    argv: tuple[str, ...]


@dataclass(frozen=True)
class StepDone:
    """What became of a step. exit_code is None if it was not run; why then says so.

    rise: counters of the namespace that rose. trace: what strace saw, None without it.
    """

    name: str
    command: str
    exit_code: int | None
    why: str = ""
    seconds: float = 0.0
    rise: dict[str, int] | None = None
    sockets_left: int = 0
    seen: dict[str, object] | None = None
    trace: dict[str, object] | None = None


@dataclass(frozen=True)
class AuditedSession:
    """The whole session. counters_count: what one deliberate datagram raised, to show that the counters can rise.

    not_exercised: verbs of the program that no step uses.
    """

    how: str
    done: tuple[StepDone, ...]
    counters_count: dict[str, int]
    strace: str
    not_exercised: tuple[str, ...]


def steps(visit: Path, report: Path, bundle: str, out: Path) -> tuple[Step, ...]:
    """Return the steps in order. `{note}` and `{fields}` stand for the ids of the records that the session saved."""
    model = ("--bundle", bundle)
    unsigned = (*model, "--allow-unsigned")  # this laptop's trusted keys are not part of the session
    return (
        Step("make the vault", ("vault", "create"), ("vault", "create")),
        Step("write a note and save it", ("note",), ("note", str(visit), *unsigned, "--template", "soap", "--save")),
        Step("extract the fields of a report", ("extract",), ("extract", str(report), *unsigned, "--save", "--json")),
        Step("unlock and list", ("records", "list"), ("records", "list", "--json")),
        Step("show a record", ("records", "show"), ("records", "show", _NOTE)),
        Step("name a speaker", ("records", "speaker"), ("records", "speaker", _NOTE, "--turn", "1", "--as", "Guest")),
        Step("write a section anew", ("records", "rewrite"), ("records", "rewrite", _NOTE, "1", *unsigned)),
        Step("add a fact", ("records", "field"), ("records", "field", _FIELDS, "diagnosis", "--add", "knee pain")),
        Step("suggest codes", ("code",), ("code", str(visit))),
        Step("search", ("records", "search"), ("records", "search", "pain")),
        Step("sign", ("records", "sign"), ("records", "sign", _NOTE, "--yes")),
        Step("export the note", ("records", "export"), ("records", "export", _NOTE, "--out", str(out))),
        Step("export everything", ("vault", "export"), ("vault", "export", "--plain", str(out / "records.jsonl"))),
        Step("back up the vault", ("vault", "backup"), ("vault", "backup", str(out))),
        Step("verify the vault", ("vault", "verify"), ("vault", "verify")),
        Step("verify the audit log", ("audit", "log", "verify"), ("audit", "log", "verify")),
        Step("sign the head of the audit log", ("audit", "head"), ("audit", "head")),
        Step("delete a record", ("records", "delete"), ("records", "delete", _FIELDS, "--yes")),
        Step("verify the bundle", ("bundle", "verify"), ("bundle", "verify", bundle)),
        Step("examine the machine", ("doctor",), ("doctor", *model)),
    )


def not_exercised(planned: Sequence[Step], verbs: set[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the program's verbs that no step of the session uses, this one apart."""
    used = {step.verb for step in planned} | {("audit", "network")}
    return tuple(sorted(" ".join(v) for v in verbs if v not in used))


def run(request: dict[str, object]) -> AuditedSession:
    """Run the session in this process's own stage (the caller has entered it)."""
    folder = Path(str(request["folder"]))
    home, out = folder / "home", folder / "out"
    for each in (home, out):
        each.mkdir(mode=0o700)
    passphrase = folder / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text(secrets.token_urlsafe(24) + "\n", encoding="ascii")
    environ = environment.clean(os.environ) | {
        "EDGESCRIBE_HOME": str(home),
        "EDGESCRIBE_PASSPHRASE_FILE": str(passphrase),
    }
    samples = Path(str(request["samples"]))
    planned = steps(samples / "visit.txt", samples / "report.txt", str(request["bundle"]), out)
    verbs = {tuple(v) for v in cast(list[list[str]], request["verbs"])}
    strace = (shutil.which("strace") or "") if request.get("strace", True) else ""
    logs = Path(str(request["logs"]))
    done: list[StepDone] = []
    records: dict[str, str] = {}
    for number, step in enumerate(planned):
        wanted = [word for word in step.argv if word in _KINDS.values()]
        if any(word not in records for word in wanted):
            done.append(StepDone(step.name, shown(step.argv), None, "there is no saved record to run it on"))
        else:
            argv = tuple(records.get(word, word) for word in step.argv)
            print(f"  {step.name}", file=sys.stderr, flush=True)
            result, output = observe(replace(step, argv=argv), environ, strace, logs / f"strace-{number:02d}.log")
            done.append(result)
            if step.verb == ("records", "list"):
                records = _saved(output)
    return AuditedSession(
        str(request["how"]), tuple(done), stage.counters_count(), strace, not_exercised(planned, verbs)
    )


def _saved(listing: str) -> dict[str, str]:
    """Return the ids of the saved records by placeholder, from `records list --json`."""
    found = [json.loads(line) for line in listing.splitlines() if line.startswith("{")]
    return {_KINDS[kind]: str(one["id"]) for one in found for kind in one["kinds"] if kind in _KINDS}


def shown(argv: Sequence[str]) -> str:
    """Return a command line as a person would type it, without this machine's folders."""
    return "edgescribe " + " ".join(Path(word).name if os.path.isabs(word) else word for word in argv)


def observe(step: Step, environ: dict[str, str], strace: str, log: Path) -> tuple[StepDone, str]:
    """Run one step and watch it; return what was seen and its standard output."""
    command = environment.boot_command(step.argv)
    if strace:
        command = [strace, "-f", "-qq", "-o", str(log), "-e", f"trace={tracelog.TRACED}", *command]
    seen = watch.Seen()
    before, began = stage.counters(), time.monotonic()
    with subprocess.Popen(
        command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        while True:
            watch.sample(process.pid, seen)
            try:
                output, errors = process.communicate(timeout=_SAMPLE_EVERY)
                break
            except subprocess.TimeoutExpired:
                if time.monotonic() - began > _TIMEOUT:
                    process.kill()
    seconds = time.monotonic() - began
    rise = {k: v for k, v in stage.difference(before, stage.counters()).items() if v}
    trace = asdict(tracelog.read(log.read_text(encoding="utf-8", errors="replace"))) if strace else None
    words = errors.decode("utf-8", "replace").strip().splitlines()
    why = words[0] if process.returncode and words else ""
    facts: dict[str, object] = {k: sorted(v) if isinstance(v, set) else v for k, v in vars(seen).items()}
    left = sum(stage.open_sockets().values())
    done = StepDone(step.name, shown(step.argv), process.returncode, why, round(seconds, 2), rise, left, facts, trace)
    return done, output.decode("utf-8", "replace")


def main() -> None:
    """Child process: enter a stage, run the session, write it as one JSON object to standard output."""
    request = json.loads(sys.argv[1])
    request["how"] = stage.enter(request.get("as_root", True))
    print(json.dumps(asdict(run(request))))
