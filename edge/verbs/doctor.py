"""`edgescribe doctor`: what works on this machine and what does not, in plain words. Changes nothing."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edge import paths
from edge.errors import BundleError, EdgescribeError

if TYPE_CHECKING:
    from edge.seal import SealStatus

_SAFE_ORT = ("1.28.", "0.14.")  # releases that carry no collector address (docs/adr/0002)


@dataclass(frozen=True)
class Finding:
    """One line of the report: state is "ok", "warn" or "bad"."""

    state: str
    about: str
    says: str
    advice: str = ""


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = sub.add_parser(
        "doctor",
        help="say what works on this machine and what does not",
        description="Check this machine for everything edgescribe needs. Exit code 0 if a note can be written, else 1.",
    )
    parser.add_argument("--json", action="store_true", help="findings as JSON on standard output")
    parser.add_argument(
        "--bundle", metavar="B", help="look at this bundle (name or folder) instead of all installed ones"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    findings = [_sealed(args.seal), *examine(args.bundle)]
    if args.json:
        print(json.dumps([asdict(f) for f in findings], ensure_ascii=False, indent=2))
    else:
        signs = {"ok": "works  ", "warn": "look at", "bad": "MISSING"}
        for f in findings:
            print(f"{signs[f.state]}  {f.about}: {f.says}" + (f"\n         → {f.advice}" if f.advice else ""))
    return 1 if any(f.state == "bad" for f in findings) else 0


def examine(bundle: str | None = None) -> Iterator[Finding]:
    """Every check in turn; a check that breaks is itself a finding."""
    for check in (_python, _processor, _memory, _runtime, _cipher):
        yield from _guarded(check)
    yield from _guarded(partial(_bundles, bundle))
    for check in (_writer, _vault, _disk, _terminal):
        yield from _guarded(check)


def _guarded(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    about = (check.func if isinstance(check, partial) else check).__name__.strip("_").capitalize()
    try:
        yield from check()
    except EdgescribeError as error:
        yield Finding("bad", about, error.what, error.hint)
    except (ImportError, OSError) as error:
        yield Finding("bad", about, f"{type(error).__name__}: {error}", "Install edgescribe again.")


def _python() -> Iterator[Finding]:
    yield Finding("ok", "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def _processor() -> Iterator[Finding]:
    cores = os.cpu_count() or 1
    info = Path("/proc/cpuinfo")
    flags = info.read_text(encoding="utf-8").split() if info.is_file() else []
    best = next((name for name in ("avx512_vnni", "avx_vnni", "avx512f", "avx2", "asimddp") if name in flags), "")
    if flags and not best:
        yield Finding("warn", "Processor", f"{cores} cores, no AVX2", "It will work, slowly.")
    else:
        yield Finding("ok", "Processor", f"{cores} cores{', ' + best if best else ''}")


def _memory() -> Iterator[Finding]:
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        words = meminfo.read_text(encoding="utf-8").split()
        free = int(words[words.index("MemAvailable:") + 1]) / 1e6
        state = "ok" if free >= 2 else "warn"
        advice = "" if free >= 2 else "Close other programs: a 0.5B model needs about 1.5 GB, a 1.5B about 2.5 GB."
        yield Finding(state, "Memory", f"{free:.1f} GB free", advice)


def _runtime() -> Iterator[Finding]:
    from importlib.metadata import version

    ort, genai = version("onnxruntime"), version("onnxruntime-genai")
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime_genai  # noqa: F401 - that it loads is the check

    quiet = ort.startswith(_SAFE_ORT[0]) and genai.startswith(_SAFE_ORT[1])
    yield Finding(
        "ok" if quiet else "warn",
        "Model runtime",
        f"onnxruntime {ort}, onnxruntime-genai {genai}",
        "" if quiet else "Not the tested pair; releases from 1.29 and 0.15 on report home by default.",
    )


def _cipher() -> Iterator[Finding]:
    from sqlcipher3 import dbapi2

    with_cipher = dbapi2.connect(":memory:").execute("PRAGMA cipher_version").fetchone()
    if with_cipher:
        yield Finding("ok", "Encryption", f"SQLCipher {with_cipher[0]}")
    else:
        yield Finding("bad", "Encryption", "this build of SQLite cannot encrypt", "Install the package sqlcipher3.")


def _sealed(status: SealStatus) -> Finding:
    return Finding("ok" if status.level == "kernel" else "warn", "Network seal", status.line())


def _bundles(named: str | None) -> Iterator[Finding]:
    from edge.contract.bundle import find_bundle, list_bundles, signed_by, verify_bundle

    if named is None:
        found = [(b.manifest, signed_by(b.folder)) for b in list_bundles(paths.bundle_dirs())]
    else:
        verified = verify_bundle(find_bundle(named, paths.bundle_dirs()))
        found = [(verified.manifest, verified.signed_by)]
    tagger = _tagger()
    if not found and tagger.state == "ok":
        yield Finding("warn", "Model bundle", "no language model: notes are made from facts, no section is rewritten")
    elif not found:
        yield Finding("bad", "Model bundle", "none installed", "`make demo`, or `edgescribe bundle install FILE.tar`.")
    yield from (one for one in (tagger, _judge()) if one.says)
    for m, signer in found:
        size = sum(f.size for f in m.files) / 1e6
        advice = [] if m.purpose == "clinical" else ["A test model: not fit for patients."]
        advice += [] if signer else ["It runs with --allow-unsigned only: see `edgescribe bundle trust`."]
        yield Finding(
            "warn" if advice else "ok",
            "Model bundle",
            f"{m.name} ({m.base.parameters / 1e6:.0f} M parameters, {m.precision}, {size:.0f} MB, "
            f"{'signed by ' + signer if signer else 'UNSIGNED'})",
            " ".join(advice),
        )


def _tagger() -> Finding:
    """The tagger that finds facts, if one is installed; says is "" where there is none."""
    from edge.encounters.checking import facts_folder

    return _small("Tagger", facts_folder(), "finds facts and fields")


def _judge() -> Finding:
    """The judge that the checks ask, if one is installed; says is "" where there is none."""
    from edge.encounters.checking import judge_folder

    return _small("Judge", judge_folder(), "a second vote on denials when a note is checked")


def _small(about: str, folder: Path | None, does: str) -> Finding:
    """A tagger bundle in a folder and what it does, or why it is not used."""
    from edge.contract.bundle import verify_bundle

    if folder is None:
        return Finding("warn", about, "")
    try:
        bundle = verify_bundle(folder, require_signature=True)
    except BundleError as error:
        return Finding("warn", about, f"{folder.name} is not used: {error.what}", error.hint)
    return Finding("ok", about, f"{bundle.manifest.name}: {does}, signed by {bundle.signed_by}")


def _writer() -> Iterator[Finding]:
    """What this machine can carry, and which installed model writes when none is named."""
    from edge.contract import choice
    from edge.contract.bundle import list_bundles
    from edge.encounters import writing

    memory = choice.memory_bytes()
    yield Finding("ok", "This laptop", writing.carries())
    from_facts = _tagger().state == "ok"
    if from_facts:
        yield Finding("ok", "Notes", "made from facts that were found, without a language model, in about a second")
    about = "Rewrites sections" if from_facts else "Writes notes"
    installed = list_bundles(paths.bundle_dirs())
    if not installed:
        return
    try:
        best = choice.choose(installed, memory)
    except BundleError as error:
        yield Finding("warn", about, f"none unasked: {error.what} {error.why}", error.hint)
        return
    yield Finding("ok", about, f"{best.found.folder.name}, {best.why}")


def _vault() -> Iterator[Finding]:
    vault = paths.default_vault()
    if not vault.exists():
        yield Finding("ok", "Vault", "none yet; the first --save makes one")
        return
    loose = sys.platform != "win32" and vault.stat().st_mode & 0o077
    yield Finding(
        "warn" if loose else "ok",
        "Vault",
        f"{vault.stat().st_size / 1e6:.1f} MB" + (", readable by other users of this machine" if loose else ""),
        f"chmod 600 {vault}" if loose else "",
    )


def _disk() -> Iterator[Finding]:
    folder = paths.data_dir()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    yield Finding("ok" if free > 1 else "warn", "Disk", f"{free:.1f} GB free", "" if free > 1 else "Free some space.")


def _terminal() -> Iterator[Finding]:
    size = shutil.get_terminal_size()
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    yield Finding(
        "ok" if utf8 else "warn",
        "Terminal",
        f"{size.columns}x{size.lines}, {sys.stdout.encoding}",
        "" if utf8 else "Set LANG to a UTF-8 locale.",
    )
